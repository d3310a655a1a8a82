"""Who may speak with the panel: a browser on this PC that was given the secret, and nobody else.

Each check answers one attack: the Host header a foreign name that resolves to this PC (DNS
rebinding), the Origin header another site's form or script, the cookie everything else on this PC.
"""

import hashlib
import hmac
from collections.abc import Mapping
from importlib.resources import files
from typing import Final
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOSTS: Final = ("127.0.0.1", "localhost")
COOKIE_DAYS: Final = 90
_METHODS: Final = ("GET", "HEAD", "POST")
_OPEN: Final = ("/panel.css", "/icon.svg")  # what the page without a key is made of
_DAY_S: Final = 86_400
HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Guard:
    """The application behind its checks; every answer carries `HEADERS`."""

    def __init__(self, app: ASGIApp, port: int, key: str) -> None:
        self._app = app
        self._hosts = tuple(f"{name}:{port}" for name in HOSTS)
        self._key = key
        # Browsers send a cookie to every port: the name keeps two agents apart, the hash the key.
        self._cookie = f"sak_panel_{port}"
        self._pass = hashlib.sha256(f"panel {port} {key}".encode()).hexdigest()
        self._locked = (files("agent.panel") / "locked.html").read_bytes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        app = self._refusal(scope) or self._entry(scope) or self._app
        await app(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer to whom is not let in at all."""
        headers, method = Headers(scope=scope), scope["method"]
        host = headers.get("host", "")
        if host not in self._hosts:
            return PlainTextResponse("This page serves this computer only.\n", 403)
        if method not in _METHODS:
            return PlainTextResponse("No such thing.\n", 405)
        origin = headers.get("origin")
        if origin is None and method != "POST":
            return None
        if origin != f"http://{host}":
            return PlainTextResponse("Another site's page may not do this.\n", 403)
        return None

    def _entry(self, scope: Scope) -> Response | None:
        """The answer to whom comes with a key or without a pass."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("key")
        if scope["path"] == "/" and given is not None and _same(given[0], self._key):
            return self._welcome()
        if scope["path"] in _OPEN or _same(self._pass_of(scope), self._pass):
            return None
        return HTMLResponse(self._locked, 401)

    def _welcome(self) -> Response:
        """Give the pass, and take the key out of the address."""
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            self._cookie,
            self._pass,
            max_age=COOKIE_DAYS * _DAY_S,
            httponly=True,
            samesite="strict",
        )
        return answer

    def _pass_of(self, scope: Scope) -> str:
        return cookie_parser(Headers(scope=scope).get("cookie", "")).get(self._cookie, "")


def _same(given: str, right: str) -> bool:
    """Equal, in a time that tells nothing."""
    return hmac.compare_digest(given.encode(), right.encode())
