"""GET and PUT /agent/media/{sha256}: one try to bring a file from the hub, or to hand it one.

Each try ends: whoever calls bounds it as a whole, and silence on the line is bounded here.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

import httpx2
import msgspec

from agent.backoff import retry_after_s
from agent.clock import Clock
from agent.files import FILE_MAX_BYTES, Files, FileTooLargeError, pieces
from agent.journal import Journal
from agent.pairing import PairingError, calls
from agent.settings import Settings

_TAKEN: Final = {HTTPStatus.CREATED, HTTPStatus.OK}
_TOO_LARGE: Final = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
_NEVER: Final = {_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
_ASKED_MAX_S: Final = 300.0


class FileUnknownError(Exception):
    """The hub does not hold the file."""


class FileRefusedError(Exception):
    """The hub will never take this file."""


class TryAgainError(Exception):
    """It did not work this time; `after_s` is the pause that the hub asked for."""

    def __init__(self, reason: str, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.after_s = after_s


class HubMedia(msgspec.Struct, frozen=True):
    """The hub's files, as the agent of the moment may reach them."""

    journal: Journal
    settings: Settings
    clock: Clock

    async def download(self, sha256: str, files: Files) -> None:
        """Bring a file into `files`.

        Raises:
            FileUnknownError, FileTooLargeError, FileDiffersError: it cannot be had.
            TryAgainError, DiskError: it could not be had now.
        """
        async with self._call("GET", sha256) as response:
            self._check_download(response)
            with files.draft() as draft:
                async for piece in response.aiter_bytes():
                    await asyncio.to_thread(draft.write, piece)
                await asyncio.to_thread(draft.keep, sha256)

    async def upload(self, sha256: str, files: Files) -> None:
        """Hand the hub a file.

        Raises:
            FileRefusedError: it is not wanted.
            TryAgainError, DiskError: it could not be handed over now.
        """
        async with self._call("PUT", sha256, pieces(files.path(sha256))) as response:
            status = response.status_code
            if status in _NEVER:
                raise FileRefusedError(f"the hub answered {status}")
            if status not in _TAKEN:
                raise self._again(response)

    def _check_download(self, response: httpx2.Response) -> None:
        match response.status_code:
            case HTTPStatus.OK:
                if int(response.headers.get("Content-Length", 0)) > FILE_MAX_BYTES:
                    raise FileTooLargeError
            case HTTPStatus.NOT_FOUND if _is_a_hubs(response):
                raise FileUnknownError
            case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                raise FileTooLargeError
            case _:
                raise self._again(response)

    def _again(self, response: httpx2.Response) -> TryAgainError:
        after_s = retry_after_s(response.headers.get("Retry-After"), self.clock.now_ms())
        return TryAgainError(f"the hub answered {response.status_code}", after_s)

    @asynccontextmanager
    async def _call(
        self, method: str, sha256: str, content: AsyncIterator[bytes] | None = None
    ) -> AsyncIterator[httpx2.Response]:
        identity = await self.journal.identity()
        if identity is None:
            raise TryAgainError("this PC is not paired")
        base = identity.hub_url
        headers = {"Authorization": f"Bearer {identity.token}", "Accept-Encoding": "identity"}
        url = f"{base}/agent/media/{sha256}"
        try:
            async with (
                calls(base, self.settings) as client,
                client.stream(method, url, content=content, headers=headers) as response,
            ):
                yield response
        except PairingError as error:
            raise TryAgainError(str(error)) from error


def _is_a_hubs(response: httpx2.Response) -> bool:
    """Whether a 404 is a hub's word on the file, not a gateway's on the address."""
    return "problem+json" in response.headers.get("Content-Type", "")


def pause_s(tries: int, error: TryAgainError | None, longest_s: float, roll: float) -> float:
    """How long to wait after so many tries: what the hub asked for, else longer each time."""
    if error is not None and error.after_s:
        return min(error.after_s, _ASKED_MAX_S)
    return min(longest_s, 2.0 ** min(tries, 10)) * (0.5 + roll / 2)
