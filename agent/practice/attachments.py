"""Files in the practice phone: the customers', and what the shop's page sends and fetches.

POST /api/chats/{chat}/files?name=&author=&caption=&seconds=   the file as body -> {key}
GET  /api/chats/{chat}/messages/{key}/file                     for the people who look at the phone
POST /media                                                    the shop's page: -> {sha256, size}
GET  /media/{sha256}                                           the same, back

Whoever names a file's type may lie. So a browser is never let guess, only pictures and PDFs are
shown, and everything else, HTML and SVG above all, is offered as a download.
"""

import asyncio
import re
from typing import Final
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from agent.files import FILE_MAX_BYTES, FileTooLargeError
from agent.practice.api import Handler, guarded
from agent.practice.exchange import Exchange
from agent.practice.network import OWNER, Attachment

_PICTURES: Final = frozenset({"image/gif", "image/jpeg", "image/png", "image/webp"})
_SHOWN: Final = _PICTURES | {"application/pdf"}
_UNKNOWN: Final = "application/octet-stream"
_MIME: Final = re.compile(r"[a-z]+/[a-z0-9.+-]{1,80}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_NAME_MAX: Final = 200
# A PDF is shown by a part of the browser that a sandbox would switch off.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
_POLICY_PDF: Final = "frame-ancestors 'none'"


class _About(msgspec.Struct, frozen=True):
    """What the address says of a customer's file."""

    name: str | None = None
    author: str | None = None
    caption: str = ""
    seconds: float | None = None


class Attachments:
    """The handlers, over one running network."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def write(self, request: Request) -> Response:
        """A customer sends a file."""
        chat = self._exchange.network.chats[request.path_params["chat"]]
        about = msgspec.convert(dict(request.query_params), _About, strict=False)
        author = about.author or chat.members[0]
        if author not in (*chat.members, OWNER):
            raise KeyError(author)
        sha256, size = await self._store(request)
        name = about.name and _last_part(about.name)
        media = Attachment(sha256, _mime(request), size, name, about.seconds)
        key = self._exchange.write(chat.id, author, about.caption, media=media)
        return JSONResponse({"key": key})

    async def show(self, request: Request) -> Response:
        """A message's file, as safe as it can be shown."""
        chat, key = request.path_params["chat"], request.path_params["key"]
        media = self._exchange.network.chats[chat].messages[key].media
        if media is None or not self._exchange.files.holds(media.sha256):
            raise KeyError("file")
        kind = media.mime.partition(";")[0].strip().lower()
        way = "inline" if kind in _SHOWN else "attachment"
        name = quote(media.name or media.sha256[:12], safe="")
        headers = {
            "content-disposition": f"{way}; filename*=utf-8''{name}",
            "x-content-type-options": "nosniff",
            "content-security-policy": _POLICY_PDF if kind == "application/pdf" else _POLICY,
            "referrer-policy": "no-referrer",
            "cache-control": "private, max-age=31536000, immutable",
        }
        media_type = kind if kind in _SHOWN else _UNKNOWN
        path = self._exchange.files.path(media.sha256)
        return FileResponse(path, media_type=media_type, headers=headers)

    async def upload(self, request: Request) -> Response:
        """The shop's page hands a file over."""
        if refusal := self._offline():
            return refusal
        sha256, size = await self._store(request)
        return JSONResponse({"sha256": sha256, "size": size})

    async def download(self, request: Request) -> Response:
        """The shop's page fetches a file."""
        if refusal := self._offline():
            return refusal
        sha256, files = request.path_params["sha256"], self._exchange.files
        is_there = _SHA256.fullmatch(sha256) and files.holds(sha256)
        if not is_there or self._exchange.faults.lose_files:
            raise KeyError("file")
        headers = {"content-disposition": "attachment", "x-content-type-options": "nosniff"}
        return FileResponse(files.path(sha256), media_type=_UNKNOWN, headers=headers)

    def _offline(self) -> Response | None:
        if self._exchange.faults.offline:
            return JSONResponse({"error": "There is no network."}, 503)
        return None

    async def _store(self, request: Request) -> tuple[str, int]:
        try:
            with self._exchange.files.draft() as draft:
                async for piece in request.stream():
                    await asyncio.to_thread(draft.write, piece)
                return await asyncio.to_thread(draft.keep), draft.size
        except FileTooLargeError:
            limit = f"a file may have {FILE_MAX_BYTES} bytes at most"
            raise msgspec.ValidationError(limit) from None


def attachment_routes(exchange: Exchange) -> list[Route]:
    """Every call of the module's table."""
    calls = Attachments(exchange)
    table: dict[tuple[str, str], Handler] = {
        ("POST", "/api/chats/{chat}/files"): calls.write,
        ("GET", "/api/chats/{chat}/messages/{key}/file"): calls.show,
        ("POST", "/media"): calls.upload,
        ("GET", "/media/{sha256}"): calls.download,
    }
    return [
        Route(path, guarded(handler), methods=[method]) for (method, path), handler in table.items()
    ]


def _mime(request: Request) -> str:
    named = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return named if _MIME.fullmatch(named) else _UNKNOWN


def _last_part(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2][:_NAME_MAX]
