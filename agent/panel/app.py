"""The panel's application: one page, what it asks for, and the buttons that do something.

GET  /            the page
GET  /api/state   view.View
GET  /api/log     [log_lines.LogLine]
POST /api/pause   {paused} -> {paused}
POST /api/link    driver.LinkWish -> {}; 409 {error} when it cannot be linked so
POST /api/mend    {what} -> {mended}; `Mendable` of the driver
POST /api/calm    {kind} -> {}; a person has seen to it
POST /api/audit   {days?} -> audit.Audit; 409 {error}; as long as WhatsApp needs, one at a time
POST /api/check   -> [doctor.Check]; takes some seconds, one at a time
"""

import asyncio
from importlib.resources import files
from typing import Annotated, Any, Final, TypeVar

import msgspec
import structlog
from msgspec import Meta
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent import audit
from agent.attention import Kind
from agent.database import JournalError
from agent.doctor import Check, examine
from agent.drivers.driver import Linkable, LinkRefusedError, LinkWish, Mendable
from agent.panel.aside import in_thread
from agent.panel.log_lines import last_lines
from agent.panel.offer import offer_route
from agent.panel.view import Mend, Sources, look

T = TypeVar("T")

log = structlog.get_logger(__name__)

_PACKAGE: Final = files("agent.panel")
_FILES: Final = {
    "/": ("panel.html", "text/html"),
    "/panel.css": ("panel.css", "text/css"),
    "/parts.css": ("parts.css", "text/css"),
    "/panel.js": ("panel.js", "text/javascript"),
    "/parts.js": ("parts.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
_BODY_MAX_BYTES: Final = 1024
_BROKE: Final = "WhatsApp could not be read to the end: try again in some minutes."
_encode: Final = msgspec.json.Encoder().encode


class _Pause(msgspec.Struct):
    paused: bool


class _Mend(msgspec.Struct):
    what: Mend


class _Calm(msgspec.Struct):
    kind: Kind


class _Period(msgspec.Struct):
    days: Annotated[int, Meta(ge=1, le=audit.DAYS_MAX)] = audit.DAYS


class _BadBodyError(Exception):
    """The page did not send this."""


def build_app(sources: Sources) -> Starlette:
    """The application; whoever serves it puts the guard before it."""
    routes = [_static(path, name, media_type) for path, (name, media_type) in _FILES.items()]
    app = Starlette(routes=[*routes, *Api(sources).routes(), offer_route(sources.driver)])
    app.add_exception_handler(JournalError, _no_journal)
    app.add_exception_handler(_BadBodyError, _bad_body)
    return app


class Api:
    """The calls of the page."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._one_audit, self._one_check = asyncio.Lock(), asyncio.Lock()

    def routes(self) -> list[Route]:
        """Every call of the module's table."""
        return [
            Route("/api/state", self._state),
            Route("/api/log", self._log),
            Route("/api/pause", self._pause, methods=["POST"]),
            Route("/api/link", self._link, methods=["POST"]),
            Route("/api/mend", self._mend, methods=["POST"]),
            Route("/api/calm", self._calm, methods=["POST"]),
            Route("/api/audit", self._audit, methods=["POST"]),
            Route("/api/check", self._check, methods=["POST"]),
        ]

    async def _state(self, _request: Request) -> Response:
        return _json(await look(self._sources))

    async def _log(self, _request: Request) -> Response:
        data_dir = self._sources.settings.data_dir
        return _json(await asyncio.to_thread(last_lines, data_dir))

    async def _pause(self, request: Request) -> Response:
        wish = await _body(request, _Pause)
        await self._sources.journal.set_paused(wish.paused)
        log.info("paused" if wish.paused else "resumed", by="panel")
        return _json({"paused": wish.paused})

    async def _link(self, request: Request) -> Response:
        wish, driver = await _body(request, LinkWish), self._sources.driver
        if not isinstance(driver, Linkable):
            return _json({"error": "This agent drives no phone that can be linked."}, 409)
        try:
            driver.begin_link(wish)
        except LinkRefusedError as error:
            return _json({"error": str(error)}, 409)
        log.info("asked to link", by="panel", with_window=wish.window)
        return _json({})

    async def _mend(self, request: Request) -> Response:
        wish, driver = await _body(request, _Mend), self._sources.driver
        if not isinstance(driver, Mendable):
            return _json({"mended": False})
        log.info("asked to mend", what=wish.what, by="panel")
        if wish.what == "begin_anew":
            driver.begin_anew()
            return _json({"mended": True})
        try:
            await driver.take_over()
        except Exception:  # a driver's page may break in any way; its state goes on telling
            log.exception("WhatsApp could not be taken over")
            return _json({"mended": False})
        return _json({"mended": True})

    async def _calm(self, request: Request) -> Response:
        self._sources.bell.calm((await _body(request, _Calm)).kind)
        return _json({})

    async def _audit(self, request: Request) -> Response:
        sources, wish = self._sources, await _body(request, _Period)
        try:
            async with self._one_audit:
                return _json(
                    await audit.compare(sources.journal, sources.driver, sources.clock, wish.days)
                )
        except audit.NotReadyError as error:
            return _json({"error": str(error)}, 409)
        except JournalError:
            raise
        except Exception:  # a driver's page may break in any way; its state goes on telling
            log.exception("the audit broke")
            return _json({"error": _BROKE}, 409)

    async def _check(self, _request: Request) -> Response:
        async with self._one_check:
            return _json(await in_thread(self._examine))

    def _examine(self) -> list[Check]:
        return list(examine(self._sources.settings, self._sources.clock))


async def _body(request: Request, kind: type[T]) -> T:
    """What the page sent; _BadBodyError, also when it is longer than anything that it sends."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _BODY_MAX_BYTES:
            raise _BadBodyError("Too long.")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise _BadBodyError(str(error)) from error


def _json(what: Any, status: int = 200) -> Response:
    return Response(_encode(what), status, media_type="application/json")


def _no_journal(_request: Request, error: Exception) -> Response:
    """A journal that cannot be read is one sentence for the page; the daemon acts on it."""
    return _json({"error": str(error)}, 503)


def _bad_body(_request: Request, error: Exception) -> Response:
    return _json({"error": str(error)}, 400)


def _static(path: str, name: str, media_type: str) -> Route:
    content = (_PACKAGE / name).read_bytes()

    async def serve(_request: Request) -> Response:
        return Response(content, media_type=media_type)

    return Route(path, serve)
