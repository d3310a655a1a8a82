"""Customers' files: brought from WhatsApp, handed to the hub, and only then is the message told.

So `sha256` in a message always names bytes that the hub has. But no message waits for ever: each of
the two ways has its time, after which the message goes without the file. On the way to the hub that
time passes only while the hub is in reach; before, nothing could be told anyway.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Final, NoReturn, TypeVar
from uuid import UUID

import structlog
from msgspec.structs import replace

from agent.arrivals import Arrival
from agent.database import JournalFullError
from agent.drivers.driver import Driver, FileGoneError, FileNotNowError
from agent.files import DiskError, Files, FileTooLargeError
from agent.journal import Journal
from agent.transfer import FileRefusedError, HubMedia, TryAgainError, pause_s
from protocol.messages import MessageReceived, ReceivedMedia

T = TypeVar("T")

log = structlog.get_logger(__name__)

_AT_ONCE: Final = 4
_FULL_DISK_S: Final = 5.0


class Uploads:
    """Brings the files of messages to the hub. `online`: whether the hub is in reach."""

    def __init__(
        self,
        *,
        files: Files,
        hub: HubMedia,
        journal: Journal,
        driver: Driver,
        online: Callable[[], bool],
        roll: Callable[[], float],
    ) -> None:
        self._files = files
        self._hub = hub
        self._journal = journal
        self._driver = driver
        self._online = online
        self._roll = roll
        self._wait_s = hub.settings.media_wait_s
        self._busy: set[UUID] = set()
        self._in_hand: dict[UUID, str] = {}  # files that the journal may not know yet

    async def run(self) -> NoReturn:
        """Work until cancelled."""
        await asyncio.to_thread(self._files.remove_unfinished)
        await self._tidy()
        async with asyncio.TaskGroup() as group:
            while True:
                self._journal.arrivals_grew.clear()
                for arrival in await self._persist(self._journal.messages_wanting_files):
                    if arrival.event_id not in self._busy and len(self._busy) < _AT_ONCE:
                        self._busy.add(arrival.event_id)
                        group.create_task(self._bring(arrival), name="upload")
                await self._journal.arrivals_grew.wait()
        raise AssertionError("it runs until it is cancelled")

    async def _bring(self, arrival: Arrival) -> None:
        """Let one message go, with its file or without."""
        media = await self._with_file(arrival)
        log.info("message had a file", at_hub=media.sha256 is not None, gone=media.unavailable)
        await self._persist(lambda: self._journal.release(arrival, media))
        self._busy.discard(arrival.event_id)
        self._in_hand.pop(arrival.event_id, None)
        self._journal.arrivals_grew.set()
        await self._tidy()

    async def _with_file(self, arrival: Arrival) -> ReceivedMedia:
        """What the hub is to be told of the file, as soon as that is known."""
        media = arrival.message.media
        assert media is not None  # noqa: S101 - only such a message waits
        try:
            sha256 = arrival.sha256
            if sha256 is None or not self._files.holds(sha256):
                sha256 = await self._from_whatsapp(arrival)
            size = self._files.path(sha256).stat().st_size
            await self._to_hub(sha256)
        except FileGoneError:
            return replace(media, unavailable=True)
        except (FileTooLargeError, FileRefusedError, DiskError, TimeoutError, OSError) as error:
            why = str(error) or type(error).__name__
            log.warning("a message goes without its file", reason=why)
            return media
        return replace(media, sha256=sha256, size=size)

    async def _from_whatsapp(self, arrival: Arrival) -> str:
        """The hash of the file, which is here and known to the journal; TimeoutError."""
        tries = 0
        async with asyncio.timeout(self._wait_s):
            while True:
                try:
                    return await self._fetch(arrival)
                except FileNotNowError as error:
                    log.info("a file cannot be had from WhatsApp now", reason=str(error))
                except JournalFullError as error:
                    raise DiskError(str(error)) from error
                tries += 1
                await asyncio.sleep(pause_s(tries, None, _FULL_DISK_S, self._roll()))

    async def _fetch(self, arrival: Arrival) -> str:
        with self._files.draft() as draft:
            async with aclosing(self._pieces(arrival.message)) as pieces:
                async for piece in pieces:
                    await asyncio.to_thread(draft.write, piece)
            self._in_hand[arrival.event_id] = draft.sha256
            sha256 = await asyncio.to_thread(draft.keep)
        await self._journal.note_file(arrival, sha256)
        return sha256

    async def _pieces(self, message: MessageReceived) -> AsyncGenerator[bytes]:
        """What the driver gives; when it breaks, it may do better the next time."""
        try:
            async for piece in self._driver.fetch(message):
                yield piece
        except (FileGoneError, FileNotNowError, FileTooLargeError):
            raise
        except Exception as error:
            log.exception("driver failed", call="fetch")
            raise FileNotNowError("the driver failed") from error

    async def _to_hub(self, sha256: str) -> None:
        """Hand the file over; TimeoutError when its time is up."""
        clock = asyncio.get_running_loop().time
        left_s, tries = self._wait_s, 0
        while left_s > 0:
            began, error = clock(), None
            try:
                async with asyncio.timeout(left_s):
                    await self._hub.upload(sha256, self._files)
                return
            except TimeoutError:
                log.info("a file takes long on its way to the hub")
            except TryAgainError as later:
                error = later
                log.info("a file could not be handed over", reason=str(later))
            tries += 1
            longest_s = self._hub.settings.backoff_max_s
            await asyncio.sleep(min(left_s, pause_s(tries, error, longest_s, self._roll())))
            if self._online():
                left_s -= clock() - began
        raise TimeoutError("the hub did not take the file in time")

    async def _tidy(self) -> None:
        """Remove the files that no message waits for."""
        # Looked at first: what comes here during the question is not judged.
        try:
            names = await asyncio.to_thread(self._files.names)
        except DiskError as error:
            log.warning("files are not removed", reason=str(error))
            return
        told = await self._persist(self._journal.files_to_tell)
        needed = told | set(self._in_hand.values())
        await asyncio.to_thread(self._files.remove, names - needed)

    async def _persist(self, step: Callable[[], Awaitable[T]]) -> T:
        """Do it, waiting for room when the disk is full."""
        while True:
            try:
                return await step()
            except JournalFullError as error:
                log.error("a message with a file cannot be told", reason=str(error))
                await asyncio.sleep(_FULL_DISK_S)
