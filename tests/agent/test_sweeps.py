"""When all chats are searched again: ready, woken up, after a failure; and from where."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent import jumps
from agent.drivers.driver import DriverStatus
from agent.journal import FILE_NAME, Journal
from agent.jumps import TICK_S, Reading
from agent.settings import Settings
from agent.sweeps import Sweeps
from protocol.messages import MessageReceived
from tests.agent.desk import Phone, open_paired
from tests.agent.stage import ACCOUNT, NOW_MS, received
from tests.fakes import FakeClock

READY = DriverStatus("ready", ACCOUNT)
DAY_MS = 86_400_000


class SearchedPhone(Phone):
    """A WhatsApp that counts how often it is searched, and fails as often as it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.searched: list[int] = []
        self.failures = 0
        self.news = asyncio.Condition()

    async def sweep(self, since_ms: int) -> AsyncIterator[MessageReceived]:
        async with self.news:
            self.searched.append(since_ms)
            self.news.notify_all()
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the page is gone for a moment")
        async for message in super().sweep(since_ms):
            yield message

    async def searches(self, number: int) -> None:
        """Wait until it was searched so often."""
        async with self.news:
            await self.news.wait_for(lambda: len(self.searched) >= number)


class Office:
    """A journal, a phone, and the searches between them, without a usual rhythm."""

    def __init__(self, journal: Journal, clock: FakeClock) -> None:
        self.journal, self.clock, self.phone = journal, clock, SearchedPhone()
        self.sweeps = Sweeps(
            settings=Settings(sweep_every_s=0, sweep_overlap_s=0),
            journal=journal,
            driver=self.phone,
            clock=clock,
            record=journal.record_inbound,
            searched=journal.note_searched,
            ended=self._note_end,
            jumped=self._note_jump,
        )
        self.ended: asyncio.Queue[None] = asyncio.Queue()
        self.jumps = 0

    def _note_end(self) -> None:
        self.ended.put_nowait(None)

    def _note_jump(self) -> None:
        self.jumps += 1

    def sleeps(self, seconds: float) -> None:
        """The computer sleeps; its monotonic clock stands still."""
        before = Reading(self.clock.now_ms(), self.clock.monotonic())
        self.clock.advance(TICK_S)
        self.clock.set_wall(self.clock.now_ms() + round(seconds * 1000))
        after = Reading(self.clock.now_ms(), self.clock.monotonic())
        self.sweeps.note_tick(before, after)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            task = group.create_task(self.sweeps.run())
            yield
            task.cancel()


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    clock = FakeClock(NOW_MS)
    journal = await open_paired(tmp_path / FILE_NAME, clock, Journal)
    yield Office(journal, clock)
    await journal.close()


async def test_each_time_whatsapp_gets_ready_all_chats_are_searched(office: Office) -> None:
    """Start, reload and reconnect; a status that stays ready is no reason."""
    async with office.at_work():
        office.sweeps.driver_changed(READY)
        await office.phone.searches(1)
        office.sweeps.driver_changed(READY)
        office.sweeps.driver_changed(DriverStatus("offline", ACCOUNT))
        office.sweeps.driver_changed(READY)
        await office.phone.searches(2)
    assert len(office.phone.searched) == 2


@pytest.mark.parametrize("seconds", [31, 8 * 3600, -31, -DAY_MS / 1000])
async def test_a_computer_that_woke_up_searches_now_and_once_more(
    office: Office, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """Its page may need a while to fetch what it missed; a clock that is set counts as well."""
    monkeypatch.setattr(jumps, "SETTLE_S", 0.02)
    async with office.at_work():
        office.sleeps(seconds)
        await office.phone.searches(2)
    assert (len(office.phone.searched), office.jumps) == (2, 1)


async def test_a_nap_too_short_to_miss_anything_is_none(office: Office) -> None:
    """Nothing is searched for a computer that had much to do."""
    async with office.at_work():
        office.sleeps(29)
        office.sleeps(0)
        office.sweeps.driver_changed(READY)
        await office.phone.searches(1)
    assert (len(office.phone.searched), office.jumps) == (1, 0)


async def test_whatsapp_that_is_not_ready_is_not_searched(office: Office) -> None:
    """What a computer missed while it slept is searched for as soon as WhatsApp is ready."""
    office.phone.status = DriverStatus("offline", ACCOUNT)
    async with office.at_work():
        office.sleeps(600)
        await asyncio.sleep(0)
        office.phone.status = READY
        office.sweeps.driver_changed(READY)
        await office.phone.searches(1)
    assert len(office.phone.searched) == 1


async def test_a_search_that_failed_is_soon_made_again_and_looks_as_far_back(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where no rhythm is set, and although a newer message was recorded meanwhile."""
    monkeypatch.setattr(jumps, "RETRIES_S", (0.01, 0.02))
    office.phone.failures = 3
    office.phone.history = [received("A1", NOW_MS + 1, live=False)]
    async with office.at_work():
        office.sweeps.driver_changed(READY)
        await office.phone.searches(2)
        await office.journal.record_inbound(received("LIVE", NOW_MS + 5_000))
        for _ in range(4):
            await office.ended.get()
    assert office.phone.searched == [NOW_MS] * 4
    assert office.sweeps.last is not None
    assert (office.sweeps.last.chats, office.sweeps.last.found) == (1, 1)


async def test_a_search_begins_where_the_last_whole_one_ended(office: Office) -> None:
    """Not at what was told live, which says nothing of what was not."""
    office.clock.advance(60)
    office.phone.history = [received("A1", NOW_MS + 7_000, live=False)]
    async with office.at_work():
        office.sweeps.driver_changed(READY)
        await office.ended.get()
        office.sleeps(600)
        await office.phone.searches(2)
    assert office.phone.searched == [NOW_MS, NOW_MS + 7_000]
