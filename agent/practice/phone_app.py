"""The practice phone's web application: two pages, the page's socket and the JSON API.

Only requests to 127.0.0.1 or localhost are served, and no other site's page may call in.
"""

from importlib.resources import files
from typing import Final

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from agent.practice.api import Api
from agent.practice.attachments import attachment_routes
from agent.practice.exchange import Exchange
from agent.practice.owner_api import owner_routes
from agent.practice.wire import PageLink

_PACKAGE: Final = files("agent.practice")
_FILES: Final = {
    "/": ("phone.html", "text/html"),
    "/phone.css": ("phone.css", "text/css"),
    "/phone_chat.css": ("phone_chat.css", "text/css"),
    "/phone.js": ("phone.js", "text/javascript"),
    "/phone_files.js": ("phone_files.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    "/web": ("standin.html", "text/html"),
    "/standin.css": ("standin.css", "text/css"),
}
# Shorter than WhatsApp's own, and as strict where it matters to the driver: no inline script, no
# eval, nothing from elsewhere.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_HEADERS: Final = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}
_HOSTS: Final = ("127.0.0.1", "localhost")


def build_app(exchange: Exchange) -> ASGIApp:
    """The application over one running network."""
    routes: list[Route | WebSocketRoute] = [_file_route(path) for path in _FILES]
    routes += [_script_route(path.name) for path in (_PACKAGE / "standin").iterdir()]
    routes += Api(exchange).routes()
    routes += attachment_routes(exchange)
    routes += owner_routes(exchange)

    async def wire(socket: WebSocket) -> None:
        await PageLink(socket, exchange).run()

    routes.append(WebSocketRoute("/wire", wire))
    return _LocalOnly(Starlette(routes=routes))


class _LocalOnly:
    """Refuses foreign hosts (DNS rebinding) and foreign origins (a web page calling in)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        local = host.rpartition(":")[0] in _HOSTS or host in _HOSTS
        if local and (origin is None or origin == f"http://{host}"):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).close(1008)
        else:
            refusal = PlainTextResponse("The practice phone serves this computer only.\n", 403)
            await refusal(scope, receive, send)


def _file_route(path: str) -> Route:
    name, media_type = _FILES[path]
    return _static(path, (_PACKAGE / name).read_bytes(), media_type)


def _script_route(name: str) -> Route:
    return _static(
        f"/standin/{name}", (_PACKAGE / "standin" / name).read_bytes(), "text/javascript"
    )


def _static(path: str, content: bytes, media_type: str) -> Route:
    async def serve(_request: Request) -> Response:
        return Response(content, headers=_HEADERS, media_type=media_type)

    return Route(path, serve)
