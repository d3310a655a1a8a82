"""PUT and GET /agent/media/{sha256}: files by their content's hash, per tenant (SPEC §2)."""

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from hub.api.bodies import BodyTooLargeError, chunks
from hub.api.problems import problem
from hub.clock import Clock
from hub.gateway import tokens
from hub.gateway.tokens import AgentIdentity, Refused
from hub.store.database import Store
from hub.store.media import Incoming, Kept, MediaFiles

_NO_HASH: Final = "The address ends with the SHA-256 of the content: 64 digits of lower-case hex."
_DIFFERS: Final = "The content has another SHA-256 than the address says. Send it again, whole."
_NO_ROOM: Final = "The hub's disk took no more. Keep the file and send it again."
_UNKNOWN: Final = "The shop holds no file with this hash. Send it with PUT first."
_RETRY_S: Final = 60.0
_RAW: Final = {  # bytes for a program: whatever they say of themselves, no browser shows them
    "X-Content-Type-Options": "nosniff",
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private",
}
_CLOSE: Final = {"Connection": "close"}  # what is left of the body is not read


class MediaEndpoints:
    def __init__(self, store: Store, clock: Clock, files: MediaFiles, bytes_max: int) -> None:
        self._store = store
        self._clock = clock
        self._files = files
        self._bytes_max = bytes_max

    async def put(self, request: Request) -> Response:
        """201 new, 200 held already; 401, 403, 413 without reading on, 422 for another hash."""
        caller = await self._caller(request)
        if isinstance(caller, Refused):
            return problem(caller.status, caller.detail)
        incoming = self._files.receive(caller.tenant_id, request.path_params["sha256"])
        if incoming is None:
            return problem(422, _NO_HASH, code="hash-differs")
        try:
            return _answer(await self._take(request, incoming))
        except BodyTooLargeError:
            limit = f"A file may have {self._bytes_max} bytes at most."
            return problem(413, limit, code="too-large", headers=_CLOSE, bytes_max=self._bytes_max)
        except OSError:
            return problem(503, _NO_ROOM, code="no-room", retry_after_s=_RETRY_S, headers=_CLOSE)
        finally:
            await asyncio.to_thread(incoming.discard)

    async def get(self, request: Request) -> Response:
        """200 with the bytes; 401, 403, 404 for a hash that this tenant does not hold."""
        caller = await self._caller(request)
        if isinstance(caller, Refused):
            return problem(caller.status, caller.detail)
        digest = request.path_params["sha256"]
        path = await asyncio.to_thread(self._files.find, caller.tenant_id, digest)
        if path is None:
            return problem(404, _UNKNOWN, code="unknown-media")
        return FileResponse(path, media_type="application/octet-stream", headers=_RAW)

    async def _caller(self, request: Request) -> AgentIdentity | Refused:
        authorization = request.headers.get("authorization")
        return await tokens.authenticate(self._store, authorization, self._clock.now_ms())

    async def _take(self, request: Request, incoming: Incoming) -> Kept:
        async for chunk in chunks(request, self._bytes_max):
            await asyncio.to_thread(incoming.write, chunk)
        return await asyncio.to_thread(incoming.keep)


def _answer(kept: Kept) -> Response:
    if kept is Kept.DIFFERENT:
        return problem(422, _DIFFERS, code="hash-differs")
    return Response(status_code=201 if kept is Kept.NEW else 200)
