"""The HTTPS calls that make a PC the agent of a shop: `pair` once, `rotate` while tokens expire.

Both save what they were given before they return. A token goes nowhere but to the hub: redirects
are not followed, and without TLS only this machine is spoken to (`SAK_AGENT_PLAIN_HUB` lifts that).
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final, Literal, TypeVar
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2
import msgspec
import structlog
from socksio import SOCKSError

from agent.backoff import retry_after_s
from agent.clock import Clock
from agent.database import JournalFullError
from agent.journal import Identity, Journal
from agent.settings import PREFIX, Settings, is_loopback
from protocol.messages import Instant, Software

T = TypeVar("T")

log = structlog.get_logger(__name__)

SOFTWARE: Final = Software(name="sak-agent", version=version("sak-hybrid"))
USER_AGENT: Final = f"{SOFTWARE.name}/{SOFTWARE.version}"
_ROTATE_RETRY_MAX_S = 60.0
_ROTATE_PAUSE_S = 1.0  # before the next try with a hub whose tokens are born old
CLOCK_OFF_MS: Final = 30_000  # a Date header has whole seconds, a slow network some more
_SLEEP_MAX_S = 3600.0  # a PC that was suspended looks at its clock again


class PairingError(Exception):
    """A call failed; the message is one sentence for the user, with the remedy."""


_UNREACHABLE: Final = (
    httpx2.HTTPError,
    httpx2.InvalidURL,
    OSError,
    SOCKSError,  # what listens at the proxy's address speaks something else
    ValueError,  # this and groups come from hosts and ports that are none
    ExceptionGroup,
)
# Where the system's proxy is looked for: the order of RFC 6455 §4.1, for calls and socket alike.
_PROXIES_TLS: Final = ("wss", "socks", "https", "all")
_PROXIES_PLAIN: Final = ("ws", "socks", "https", "http", "all")


Trace = Callable[[httpx2.Request], Awaitable[None]]


class Device(msgspec.Struct, frozen=True):
    """The PC, as the operator shall see it."""

    name: str
    os: str
    version: str


class Paired(msgspec.Struct, frozen=True):
    """The hub's answer to a good code."""

    agent_id: str
    tenant_id: str
    token: str
    socket_url: str
    expires_at: Instant | None = None


class Former(msgspec.Struct, frozen=True):
    """The agent that worked here up to a moment, and whose journal is gone."""

    hub_url: str
    tenant_id: str
    until_ms: int


class _Issued(msgspec.Struct, frozen=True):
    token: str
    expires_at: Instant | None = None


class _PairCall(msgspec.Struct, frozen=True):
    code: str
    device: Device


async def pair(
    hub_url: str,
    code: str,
    *,
    device: Device,
    settings: Settings,
    journal: Journal,
    clock: Clock,
    former: Former | None = None,
) -> Paired:
    """Redeem a pairing code at the hub and become that agent; for the `former`'s shop, go on there.

    Raises:
        PairingError: nothing was changed.
    """
    base = hub_url.rstrip("/")
    check_address(base, "http", settings)
    body = msgspec.json.encode(_PairCall(code, device))
    response = await request(base, "POST", "/agent/pair", settings, body=body)
    if response.status_code != HTTPStatus.CREATED:
        raise PairingError(_why_not_paired(response, base, clock))
    paired = _decoded(response, Paired, base)
    check_socket(base, paired.socket_url, settings)
    await journal.save_identity(
        hub_url=base,
        socket_url=paired.socket_url,
        agent_id=paired.agent_id,
        tenant_id=paired.tenant_id,
        token=paired.token,
        token_expires_ms=_ms(paired.expires_at),
        since_ms=_since_ms(_hub_ms(response, clock), base, paired, former),
    )
    return paired


def _since_ms(hub_ms: int | None, base: str, paired: Paired, former: Former | None) -> int | None:
    """From when on messages are told: what came while the shop had no agent is told, too."""
    if former is None or (former.hub_url, former.tenant_id) != (base, paired.tenant_id):
        return hub_ms
    return former.until_ms if hub_ms is None else min(hub_ms, former.until_ms)


def _hub_ms(response: httpx2.Response, clock: Clock) -> int | None:
    """What time it is for the hub, unless this PC's clock may say it more exactly."""
    try:
        said = parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return None
    hub_ms = int(said.timestamp() * 1000)
    return hub_ms if abs(hub_ms - clock.now_ms()) > CLOCK_OFF_MS else None


async def rotate(identity: Identity, settings: Settings, journal: Journal) -> None:
    """Get a new token and keep it; the old one lives until the new one is first used.

    Raises:
        PairingError: the old token stays in use.
    """
    base, token = identity.hub_url, identity.token
    response = await request(base, "POST", "/agent/token", settings, token=token)
    if response.status_code != HTTPStatus.CREATED:
        raise PairingError(
            f"The hub answered {response.status_code} instead of a new token: "
            "if this goes on, pair this PC again."
        )
    issued = _decoded(response, _Issued, base)
    await journal.save_token(identity.agent_id, issued.token, _ms(issued.expires_at))


async def keep_token_fresh(settings: Settings, journal: Journal) -> None:
    """Rotate the token at half its life, again and again; for ever when it never expires."""
    rotated = False
    while True:
        identity = await journal.identity()
        if identity is None or identity.token_expires_ms is None:
            await asyncio.sleep(_SLEEP_MAX_S)
            continue
        left_s = (identity.token_expires_ms - journal.hub_now_ms()) / 1000
        due_s = left_s - (identity.token_expires_ms - identity.token_since_ms) / 2000
        if due_s > 0 or rotated:
            await asyncio.sleep(min(due_s, _SLEEP_MAX_S) if due_s > 0 else _ROTATE_PAUSE_S)
            rotated = False
            continue
        try:
            await rotate(identity, settings, journal)
            rotated = True
            log.info("token rotated")
        except (PairingError, JournalFullError) as error:
            log.warning("token not rotated", reason=str(error))
            await asyncio.sleep(min(_ROTATE_RETRY_MAX_S, max(1.0, left_s / 4)))


def check_address(url: str, scheme: Literal["http", "ws"], settings: Settings) -> None:
    """Accept an address that a token may be sent to.

    Raises:
        PairingError: it is none, or has no TLS where that is needed.
    """
    parts = _split(url)
    if parts is None or parts.scheme not in (scheme, f"{scheme}s"):
        shown = "This" if "@" in url else repr(url)  # what stands before @ may be a password
        raise PairingError(
            f"{shown} is no address of a hub: give one like {scheme}s://hub.example."
        )
    if parts.scheme == scheme and not (is_loopback(parts.hostname) or settings.plain_hub):
        raise PairingError(
            f"{url!r} has no TLS, so the token could be read on the way: give a {scheme}s:// "
            f"address, or set {PREFIX}PLAIN_HUB=true in a network that you trust."
        )


def _split(url: str) -> SplitResult | None:
    """The parts of an address that names a host and has nothing to hide or to add."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # it is checked when it is read
    except ValueError:
        return None
    extras = parts.query or parts.fragment or parts.username is not None
    return parts if parts.hostname and not extras else None


def check_socket(hub_url: str, socket_url: str, settings: Settings) -> None:
    """Accept the socket's address that a hub named.

    Raises:
        PairingError: it is none, or less safe than the hub's own.
    """
    if hub_url.startswith("https:") and not socket_url.startswith("wss:"):
        raise PairingError(
            "The hub names a socket without TLS: set SAK_HUB_PUBLIC_URL there to its https:// "
            "address, then make a new code."
        )
    check_address(socket_url, "ws", settings)


def proxy_for(url: str, settings: Settings) -> str | None:
    """The proxy on the way to `url`, the settings' or the system's; None for none.

    One that speaks SOCKS 5 also looks the name up: behind it the PC itself often cannot.
    """
    if settings.proxy == "none" or is_loopback(urlsplit(url).hostname):
        return None
    proxy = settings.proxy or _systems_proxy(url)
    if proxy is not None and proxy.startswith("socks5://"):
        return proxy.replace("socks5", "socks5h", 1)
    return proxy


def _systems_proxy(url: str) -> str | None:
    parts, known = urlsplit(url), getproxies()
    if proxy_bypass(parts.netloc):
        return None
    kinds = _PROXIES_TLS if parts.scheme in ("https", "wss") else _PROXIES_PLAIN
    found = next(((kind, known[kind]) for kind in kinds if known.get(kind)), None)
    if found is None:
        return None
    kind, address = found
    scheme, mark, host = address.rpartition("://")
    if kind == "socks" and scheme in ("", "http", "socks"):  # so do systems write it down
        return f"socks5h://{host}"
    return address if mark else f"http://{host}"


async def request(
    base: str, method: str, path: str, settings: Settings, *, body: bytes = b"", token: str = ""
) -> httpx2.Response:
    """The hub's answer, whatever its status.

    Raises:
        PairingError: nobody answers there, or the way leads through an unusable proxy.
    """
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    async with calls(base, settings) as client:
        return await client.request(method, base + path, content=body, headers=headers)


@asynccontextmanager
async def calls(base: str, settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    """A client for calls to the hub; its connections end with the block.

    Raises:
        PairingError: nobody answers there, or the way leads through an unusable proxy.
    """
    opened: list[Any] = []  # httpcore does not close what fails while it greets a SOCKS proxy

    async def note(event: str, about: dict[str, Any]) -> None:
        if event.endswith("connect_tcp.complete"):
            opened.append(about["return_value"])

    async def trace(request: httpx2.Request) -> None:
        request.extensions["trace"] = note

    try:
        async with _client(base, settings, trace) as client:
            yield client
    except _UNREACHABLE as error:
        raise PairingError(_why_unreachable(error, base)) from error
    finally:
        for stream in opened:
            await stream.aclose()


def _why_unreachable(error: BaseException, base: str) -> str:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    match cause:
        case ssl.SSLCertVerificationError():
            return (
                f"The certificate of {base} is not trusted here ({cause.verify_message}): "
                "check the address and this PC's clock, or ask whoever runs the hub."
            )
        case ssl.SSLError():
            return f"{base} does not speak TLS: check its address and its port."
        case _:
            return (
                f"The hub {base} cannot be reached ({type(error).__name__}): "
                "check its address, the network and the proxy."
            )


def _client(base: str, settings: Settings, trace: Trace) -> httpx2.AsyncClient:
    trust = httpx2.create_ssl_context()  # SSL_CERT_FILE included
    try:
        return httpx2.AsyncClient(
            timeout=settings.open_timeout_s,
            proxy=proxy_for(base, settings),
            trust_env=False,
            verify=trust,
            headers={"User-Agent": USER_AGENT},
            event_hooks={"request": [trace]},
        )
    except (ValueError, httpx2.InvalidURL) as error:  # a kind that it does not know
        raise PairingError(
            "The proxy on the way to the hub cannot be used for pairing: set "
            f"{PREFIX}PROXY to http://host:port, to socks5://host:port, or to none."
        ) from error


def _decoded(response: httpx2.Response, kind: type[T], base: str) -> T:
    try:
        return msgspec.json.decode(response.content, type=kind, dec_hook=_read_hook)
    except msgspec.MsgspecError as error:
        raise PairingError(f"{base} does not answer like a hub: check its address.") from error


def _why_not_paired(response: httpx2.Response, base: str, clock: Clock) -> str:
    match response.status_code:
        case 404 if _is_about_the_code(response):
            return "The hub does not know this code: check it, or make a new one at the hub."
        case 410:
            return "This code was used already or is too old: make a new one at the hub."
        case 429:
            wait_s = retry_after_s(response.headers.get("Retry-After"), clock.now_ms()) or 60
            return f"Too many wrong codes came from here: try again in {wait_s:.0f} seconds."
        case 422:
            return "The hub did not understand the call: bring sak-agent to the hub's version."
        case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return f"{base} answered {status}: try again in a minute, or ask whoever runs the hub."
        case status:
            return f"{base} answered {status} instead of pairing: check the hub's address."


def _is_about_the_code(response: httpx2.Response) -> bool:
    """Whether a 404 is a hub's word on the code, not on an address that it does not have."""
    is_problem = "problem+json" in response.headers.get("Content-Type", "")
    return is_problem and b":not-found" not in response.content


def _read_hook(_kind: type, value: Any) -> Instant:
    return Instant.parse(value)


def _ms(instant: Instant | None) -> int | None:
    return None if instant is None else instant.ms
