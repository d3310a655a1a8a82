"""The files that orders of the hub name: brought here, kept while they are needed, then removed.

Whatever is brought survives a restart under its hash; what failed for good is remembered only until
the order that named it has ended.
"""

import asyncio
from collections.abc import Callable
from typing import Final, NoReturn

import structlog

from agent.files import DiskError, FileDiffersError, Files, FileTooLargeError
from agent.journal import Journal
from agent.sender import File
from agent.transfer import FileUnknownError, HubMedia, TryAgainError, pause_s
from protocol.messages import SentMedia

log = structlog.get_logger(__name__)

_AT_ONCE: Final = 4
_TRY_S: Final = 300.0  # for one file as a whole: 16 MiB over half a megabit
_DIFFERENT_MAX: Final = 3  # what came over a broken line may come whole the next time
_TRIES_MAX: Final = 10  # while the hub is in reach: minutes
_FULL_DISK_S: Final = 5.0


class Downloads:
    """Keeps what the hub wants sent in `files`. `online`: whether the hub is in reach."""

    def __init__(
        self,
        *,
        files: Files,
        hub: HubMedia,
        journal: Journal,
        online: Callable[[], bool],
        roll: Callable[[], float],
    ) -> None:
        self._hub = hub
        self._journal = journal
        self._files = files
        self._online = online
        self._roll = roll
        self._refused: dict[str, File] = {}
        self._coming: set[str] = set()
        self._wanted: asyncio.Queue[str] = asyncio.Queue()  # each hash once: what is `_coming`
        self._slots = asyncio.Semaphore(_AT_ONCE)

    @property
    def files(self) -> Files:
        """Where the files lie."""
        return self._files

    def state_of(self, media: SentMedia | None) -> File:
        """Where the file of an order is."""
        if media is None:
            return File.NONE
        if media.sha256 in self._coming:
            return File.COMING
        if (refused := self._refused.get(media.sha256)) is not None:
            return refused
        return File.HERE if self._files.holds(media.sha256) else File.WANTED

    def fetch(self, sha256: str) -> None:
        """Have a file brought; returns at once."""
        if sha256 not in self._coming:
            self._coming.add(sha256)
            self._wanted.put_nowait(sha256)

    def forget(self, sha256: str) -> None:
        """An order that named the file has ended: the next one may have better luck."""
        self._refused.pop(sha256, None)

    async def run(self) -> NoReturn:
        """Bring what is asked for, until cancelled."""
        await asyncio.to_thread(self._files.remove_unfinished)
        async with asyncio.TaskGroup() as group:
            while True:
                sha256 = await self._wanted.get()
                group.create_task(self._bring(sha256), name="download")
        raise AssertionError("it runs until it is cancelled")

    async def prune(self) -> None:
        """Remove the files of orders that have ended.

        Not beside `state_of` and the use of its answer: only the dispatcher calls it.
        """
        # Looked at first: what comes here during the question is not judged.
        try:
            names = await asyncio.to_thread(self._files.names)
        except DiskError as error:
            log.warning("files are not removed", reason=str(error))
            return
        needed = await self._journal.files_to_send()
        await asyncio.to_thread(self._files.remove, names - needed)

    async def _bring(self, sha256: str) -> None:
        try:
            async with self._slots:
                refused = await self._try_on(sha256)
            if refused is not None:
                self._refused[sha256] = refused
        finally:
            self._coming.discard(sha256)
            self._journal.inbox_grew.set()

    async def _try_on(self, sha256: str) -> File | None:
        """Try until the file is here (None), or never will be."""
        tries = different = round_no = 0
        while True:
            error: TryAgainError | None = None
            try:
                async with asyncio.timeout(_TRY_S):
                    await self._hub.download(sha256, self._files)
                return None
            except FileUnknownError:
                return File.UNKNOWN
            except FileTooLargeError:
                return File.TOO_LARGE
            except FileDiffersError:
                different += 1
                if different == _DIFFERENT_MAX:
                    return File.DIFFERENT
            except DiskError as full:
                log.warning("a file waits for the disk", reason=str(full))
                await asyncio.sleep(_FULL_DISK_S)
                continue
            except TimeoutError:
                tries += self._online()
            except TryAgainError as later:
                error = later
                tries += self._online()
                log.info("a file could not be fetched", reason=str(later))
            if tries == _TRIES_MAX:
                return File.UNAVAILABLE
            round_no += 1
            longest_s = self._hub.settings.backoff_max_s
            await asyncio.sleep(pause_s(round_no, error, longest_s, self._roll()))
