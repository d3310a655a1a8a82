"""Searches for what WhatsApp was told while nobody listened, and for what it did not tell us.

One is due whenever WhatsApp is ready again (start, reload, reconnect), when the computer woke up or
its clock was set, soon after one that failed, and every so often. Each begins before the newest
message of the last whole one and records what the journal does not know by its natural key.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

import structlog

from agent.clock import Clock
from agent.database import JournalError
from agent.drivers.driver import Driver, DriverStatus
from agent.journal import Journal
from agent.jumps import TICK_S, Reading, Searching, jump_s, pause_s
from agent.settings import Settings
from protocol.messages import Instant, MessageReceived, Sweep

log = structlog.get_logger(__name__)

_NONE: Final = Searching()


class Sweeps:
    """Sees to it that all chats are searched in time. `last` is the last whole search.

    `record` keeps a message and says whether it was new; `searched` raises the watermark. Both
    return when it is on disk. `ended` hears of the end of every search, whole or not; `jumped` of
    a clock that was set and of a computer that woke up.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        journal: Journal,
        driver: Driver,
        clock: Clock,
        record: Callable[[MessageReceived], Awaitable[bool]],
        searched: Callable[[], Awaitable[None]],
        ended: Callable[[], None],
        jumped: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._driver = driver
        self._clock = clock
        self._record = record
        self._searched = searched
        self._ended = ended
        self._jumped = jumped
        self._searching = _NONE
        self._due = asyncio.Event()
        self._was_ready = False
        self.last: Sweep | None = None

    def driver_changed(self, status: DriverStatus) -> None:
        """Search when WhatsApp has become ready."""
        is_ready = status.whatsapp == "ready"
        if is_ready and not self._was_ready:
            self._due.set()
        self._was_ready = is_ready

    async def run(self) -> NoReturn:
        """Work until cancelled; only an unusable journal ends it."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._search_when_due(), name="sweeps-search")
            tasks.create_task(self._watch_clocks(), name="sweeps-clocks")
        raise AssertionError("it runs until it is cancelled")

    async def _watch_clocks(self) -> None:
        before = self._reading()
        while True:
            await asyncio.sleep(TICK_S)
            after = self._reading()
            self.note_tick(before, after)
            before = after

    def note_tick(self, before: Reading, after: Reading) -> None:
        """Search twice when the computer slept: now, and when the page has caught up."""
        if jumped_s := jump_s(before, after):
            log.info("the computer slept, or its clock was set", seconds=round(jumped_s))
            self._searching = Searching(settles=True)
            self._due.set()
            self._jumped()

    def _reading(self) -> Reading:
        return Reading(self._clock.now_ms(), self._clock.monotonic())

    async def _search_when_due(self) -> None:
        while True:
            await self._rest()
            self._due.clear()
            if self._driver.status.whatsapp == "ready":
                await self._search_safely()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(pause_s(self._searching, self._settings.sweep_every_s)):
                await self._due.wait()
        except TimeoutError:
            if not self._searching.failures:
                self._searching = _NONE

    async def _search_safely(self) -> None:
        failures = self._searching.failures
        try:
            await self._search()
        except JournalError:
            raise
        except Exception:
            log.exception("the search for missed messages failed")
            self._searching = Searching(failures + 1, self._searching.settles)
        else:
            self._searching = Searching(0, self._searching.settles)
        finally:
            self._ended()

    async def _search(self) -> None:
        """Record what arrived while nobody listened, from before the last one's newest message."""
        since_ms = await self._since_ms()
        chats, found = set(), 0
        async for message in self._driver.sweep(since_ms):
            chats.add(message.chat)
            found += await self._record(message)
        await self._searched()
        self.last = Sweep(at=Instant(self._clock.now_ms()), chats=len(chats), found=found)
        log.info("searched for missed messages", chats=len(chats), found=found)

    async def _since_ms(self) -> int:
        identity = await self._journal.identity()
        paired_ms = self._clock.now_ms() if identity is None else identity.paired_ms
        searched_ms = await self._journal.watermark_ms() or paired_ms
        return max(searched_ms - int(self._settings.sweep_overlap_s * 1000), paired_ms)
