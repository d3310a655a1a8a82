"""A connection whose journal has no room: what cannot be kept comes again."""

import asyncio
from pathlib import Path

import pytest

from agent.clock import Clock, SystemClock
from agent.database import Database, JournalFullError
from agent.inbox import Accepted
from agent.journal import FILE_NAME, Journal
from protocol.messages import Event, QuarantinedEvent
from tests.agent.linked import SETTINGS, Stage, pair
from tests.agent.scripted_hub import scripted_hub
from tests.agent.stage import order


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again soon."""
    monkeypatch.setattr("agent.connection.FULL_DISK_S", 0.05)
    monkeypatch.setattr("agent.connection.FULL_PAUSE_S", 0.1)


@pytest.mark.usefixtures("hasty")
async def test_a_full_disk_asks_for_a_pause_and_loses_nothing(stage: Stage) -> None:
    """Nothing is acknowledged that is not kept, beats go on; with room again all comes in order."""
    database = stage.journal._database._connection
    async with stage.running():
        await stage.online()
        pages = database.execute("PRAGMA page_count").fetchone()[0]
        database.execute(f"PRAGMA max_page_count = {pages}")
        for n in range(10):
            await stage.hub.order(order(f"{n}" + "x" * 9000))
        await stage.hub.until(lambda: stage.hub.pauses >= 2)
        beats = len(stage.hub.beats)
        await stage.hub.until(lambda: len(stage.hub.beats) > beats + 2)
        assert stage.hub.down_acked < 10
        database.execute("PRAGMA max_page_count = 1000000")
        await stage.hub.until(lambda: stage.hub.down_acked == 10)
        assert (len(stage.hub.hellos), stage.hub.closes) == (1, [])
    sends = await stage.journal.pending_sends()
    assert [str(send.order.text)[0] for send in sends] == [str(n) for n in range(10)]


class FullJournal(Journal):
    """A journal that has no room for its first order, when the test says so."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database, clock)
        self.reached, self.gate = asyncio.Event(), asyncio.Event()

    async def accept(self, event: Event | QuarantinedEvent) -> Accepted:
        if not self.gate.is_set():
            self.reached.set()
            await self.gate.wait()
            raise JournalFullError("The disk is full: free some space.")
        return await super().accept(event)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("closed", [True, False])
async def test_what_comes_behind_an_order_without_room_keeps_its_place(
    tmp_path: Path, closed: bool
) -> None:
    """Later orders wait behind it; if the hub closes meanwhile, the next connection brings all."""
    journal = await FullJournal.open(tmp_path / FILE_NAME, SystemClock())
    async with scripted_hub() as hub:
        await pair(journal, hub.url)
        stage = Stage(hub, journal, SETTINGS)
        async with stage.running():
            await stage.online()
            await hub.order(order("one"))
            await journal.reached.wait()
            await hub.order(order("two"))
            await (await hub.peer.socket.ping())  # the agent's reader has it
            if closed:
                await hub.close(1012)
            journal.gate.set()
            await hub.until(lambda: len(hub.hellos) == 1 + closed and hub.down_acked == 2)
    assert [send.order.text for send in await journal.pending_sends()] == ["one", "two"]
    await journal.close()
