"""A PC whose clock is a day off: the hub's and WhatsApp's clocks decide, and a person is told."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.clock import SystemClock
from agent.journal import Journal
from agent.link import Phase
from agent.panel.words import of_hub
from protocol.messages import Instant, MessageSend, Position, ReceivedMedia
from tests.agent.desk import Desk, open_paired
from tests.agent.linked import Stage
from tests.agent.stage import ACCOUNT, CHAT, NOW_MS, received, welcome
from tests.fakes import FakeClock

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
OFF = pytest.mark.parametrize("off_ms", [DAY_MS, -DAY_MS], ids=["ahead", "behind"])


@pytest.fixture
async def set_journal(path: Path, off_ms: int) -> AsyncIterator[Journal]:
    """The journal of a PC whose clock is off, on a connection to a hub whose clock is right."""
    journal = await open_paired(path, FakeClock(NOW_MS + off_ms), Journal)
    position = Position(epoch=(await journal.own_log()).epoch, seq=0)
    assert await journal.reconcile(welcome(position, hub_ms=NOW_MS))
    yield journal
    await journal.close()


@OFF
async def test_a_reply_expires_by_the_hubs_clock(set_journal: Journal) -> None:
    """One that has six hours left goes out, one whose time is up does not."""
    desk = Desk(set_journal, FakeClock(set_journal._clock.now_ms()))
    fresh, stale = (
        MessageSend(account=ACCOUNT, chat=CHAT, text=text, expires_at=Instant(NOW_MS + left_ms))
        for text, left_ms in (("fresh", 6 * HOUR_MS), ("stale", -1))
    )
    await desk.give(stale)
    await desk.give(fresh)
    results = await desk.finished(2)
    assert [result.state for result in results] == ["expired", "sent"]
    assert ("send", "stale") not in desk.phone.asked


@OFF
async def test_a_photo_of_now_is_fetched(set_journal: Journal) -> None:
    """WhatsApp's stamp is compared with the hub's time: it is no photo of yesterday."""
    photo = ReceivedMedia(mime="image/png", size=100)
    await set_journal.record_inbound(received("A1", NOW_MS, kind="media", media=photo))
    assert (await set_journal.facts()).arrivals == 1


@OFF
async def test_the_watermark_keeps_to_the_hubs_time(set_journal: Journal) -> None:
    """A search that follows begins neither a day too late nor two days too early."""
    await set_journal.record_inbound(received("A1", NOW_MS))
    await set_journal.note_searched()
    assert await set_journal.watermark_ms() == NOW_MS


class Off(SystemClock):
    """This computer's clock, a day off."""

    def __init__(self, off_ms: int) -> None:
        self._off_ms = off_ms

    def now_ms(self) -> int:
        return super().now_ms() + self._off_ms


@OFF
async def test_a_wrong_clock_is_said_as_soon_as_the_hub_is_there(stage: Stage, off_ms: int) -> None:
    """The agent works on; panel and log ask for the clock to be set."""
    stage.link._clock = Off(off_ms)
    async with stage.running():
        await stage.online()
        assert stage.link.status.phase is Phase.ONLINE
    (why,) = set(stage.reasons(Phase.ONLINE))
    assert "clock is wrong" in why
    assert why == of_hub(replace(stage.link.status, phase=Phase.ONLINE, reason=why)).advice


async def test_a_clock_that_was_set_is_compared_with_the_hubs_at_once(stage: Stage) -> None:
    """A new connection brings the hub's time; what is on its way is told once."""
    async with stage.running():
        await stage.online()
        await stage.told("A1")
        stage.link.renew()
        await stage.hub.until(lambda: len(stage.hub.hellos) == 2)
        await stage.told("A2")
        await stage.hub.until(lambda: stage.heard() == ["A1", "A2"])
    assert stage.hub.closes[0] == 1000
