"""What WhatsApp shows against the journal: for the hub's commands, the panel and the terminal."""

import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.audit import Day, NotReadyError, by_day, compare, first_ms, local_day
from agent.drivers.driver import DriverStatus
from agent.journal import DAY_MS, FILE_NAME, Journal
from protocol import codec
from protocol.audit import AuditData, Shown, SweepData, read
from protocol.messages import Command, CommandResult, Instant, MessageReceived
from tests.agent.desk import OTHER_CHAT, Desk, open_paired, outcome_of, to_chat
from tests.agent.stage import ACCOUNT, CHAT, NOW_MS, received
from tests.fakes import FakeClock


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = FakeClock(NOW_MS)
    journal = await open_paired(tmp_path / FILE_NAME, clock, Journal)
    yield Desk(journal, clock)
    await journal.close()


async def told(desk: Desk, name: str, **args: Any) -> CommandResult:
    """The result of one command."""
    await desk.give(Command(name=name, args=args))
    before = len(await results(desk))
    async with desk.at_work():
        result = (await desk.told(before + 1))[-1]
    assert isinstance(result, CommandResult)
    return result


async def results(desk: Desk) -> list[Any]:
    return [row for row in await desk.journal.unsent(0, 1000) if row.type != MessageReceived.TYPE]


async def reported(desk: Desk) -> list[tuple[UUID, str]]:
    """Event and WhatsApp ids of the messages in the up log, in its order."""
    found = []
    for row in await desk.journal.unsent(0, 1000):
        data = codec.decode_data(row.type, row.data)
        if isinstance(data, MessageReceived):
            found.append((row.id, data.wa_id))
    return found


async def test_an_audit_tells_what_whatsapp_shows_behind_what_was_missed(desk: Desk) -> None:
    """Own messages apart, changes not at all; the event of a missed one stands before the list."""
    old = received("old", NOW_MS)
    desk.clock.advance(2 * DAY_MS / 1000)
    now_ms = NOW_MS + 2 * DAY_MS
    known, mine = received("known", now_ms - 2), received("mine", now_ms - 1, from_me=True)
    await desk.journal.record_inbound(known)
    await desk.journal.acknowledge_up(1)
    like = received("known/like", now_ms, kind="reaction")
    desk.phone.history = [old, known, mine, received("gap", now_ms), like]
    result = await told(desk, "audit")
    content = read(AuditData, result.data)
    assert (content.account, content.found, content.next) == (ACCOUNT, 3, None)
    assert [(one.wa_id, one.from_me, one.arriving) for one in content.messages] == [
        ("known", False, False),
        ("mine", True, True),
        ("gap", False, True),
    ]
    *before, last = await desk.journal.unsent(0, 1000)
    assert {row.type for row in before} == {"message.received"}
    assert last.type == "command.result"
    since = read(AuditData, (await told(desk, "audit", since=str(Instant(NOW_MS)))).data)
    assert since.messages[0].wa_id == "old"


async def test_an_audit_begins_with_the_pairing(desk: Desk) -> None:
    """A shop that was paired a moment ago is not asked for its day before."""
    desk.phone.history = [received("private", NOW_MS - 1)]
    content = read(AuditData, (await told(desk, "audit")).data)
    assert (content.since.ms, content.found, content.messages) == (NOW_MS, 0, ())


async def test_a_sweep_tells_again_what_the_hub_lost_and_nothing_else(desk: Desk) -> None:
    """Under a new id and only what the hub had taken; gaps are filled on the way."""
    for wa_id in ("lost", "kept", "on its way"):
        await desk.journal.record_inbound(received(wa_id))
    await desk.journal.acknowledge_up(2)
    desk.phone.history = [received(it) for it in ("lost", "kept", "on its way", "gap")]
    keys = [{"chat": CHAT, "wa_id": wa_id} for wa_id in ("lost", "on its way", "nowhere")]
    result = await told(desk, "sweep", since=str(Instant(NOW_MS)), account=ACCOUNT, again=keys)
    assert read(SweepData, result.data) == SweepData(chats=1, found=2, again=1)
    ids, names = zip(*await reported(desk), strict=True)
    assert names == ("lost", "kept", "on its way", "lost", "gap")
    assert len(set(ids)) == 5
    elsewhere = await told(desk, "sweep", account="+919800000008", again=keys)
    assert read(SweepData, elsewhere.data).again == 0
    other = await told(desk, "sweep", again=[{"chat": OTHER_CHAT, "wa_id": "kept"}])
    assert read(SweepData, other.data).found == 0


async def test_a_reply_of_ours_is_not_told_again_as_the_owners(desk: Desk) -> None:
    """Its echo would give the chat to the owner, who wrote nothing."""
    event_id = await desk.give(to_chat(CHAT, "answer"))
    async with desk.at_work():
        await desk.told(1)
    (row,) = await results(desk)
    key = codec.decode_data(row.type, row.data).wa_id  # type: ignore[attr-defined]
    desk.phone.history = [received(key, from_me=True)]
    result = await told(desk, "sweep", account=ACCOUNT, again=[{"chat": CHAT, "wa_id": key}])
    assert read(SweepData, result.data).found == 0, event_id
    assert await reported(desk) == []


async def test_without_whatsapp_or_with_bad_arguments_nothing_is_told(desk: Desk) -> None:
    """The hub learns which of both it is."""
    ends = [await told(desk, name, since="yesterday") for name in ("audit", "sweep")]
    ends.append(await told(desk, "sweep", again=[{"chat": CHAT}]))
    assert {outcome_of(end) for end in ends} == {("failed", "invalid_args")}
    desk.phone.status = DriverStatus("offline", ACCOUNT)
    ends = [await told(desk, name) for name in ("audit", "sweep")]
    assert {outcome_of(end) for end in ends} == {("failed", "not_ready")}
    with pytest.raises(NotReadyError):
        await compare(desk.journal, desk.phone, desk.clock)


async def test_the_panels_days(desk: Desk) -> None:
    """A reply that WhatsApp does not show counts as one; what the hub has not taken arrives."""
    desk.phone.history = [received("a"), received("b", chat=OTHER_CHAT)]
    await desk.journal.record_inbound(received("a"))
    await desk.journal.acknowledge_up(1)
    desk.clock.advance(1)
    await desk.give(to_chat(OTHER_CHAT, "answer"))
    async with desk.at_work():
        await desk.told(1)
    found = await compare(desk.journal, desk.phone, desk.clock, days=3)
    (day,) = found.days
    assert (found.since_ms, found.missed, day.day) == (NOW_MS, 1, local_day(NOW_MS))
    assert (day.seen, day.stored, day.arriving) == (2, 1, 1)
    assert (day.answered, day.waiting, day.own) == (1, 1, 0)


def test_days_begin_at_midnight_on_this_pc() -> None:
    """Today and the days before it, also over the end of a month."""
    first = time.localtime(first_ms(NOW_MS, 20) / 1000)
    assert (first.tm_hour, first.tm_min, first.tm_sec) == (0, 0, 0)
    assert local_day(first_ms(NOW_MS, 1)) == local_day(NOW_MS)
    assert local_day(first_ms(NOW_MS, 20)) == "2025-05-27"


MESSAGES = st.builds(
    Shown,
    chat=st.sampled_from(["A", "B"]),
    wa_id=st.uuids().map(str),
    sent_at=st.integers(0, 5 * DAY_MS).map(Instant),
    from_me=st.booleans(),
    arriving=st.booleans(),
)


@pytest.mark.hypothesis
@given(st.lists(MESSAGES), st.dictionaries(st.sampled_from("AB"), st.integers(0, 5 * DAY_MS)))
def test_the_figures_of_a_day_add_up(shown: list[Shown], sent_ms: dict[str, int]) -> None:
    """Every message counts once in each way of counting, on its own day."""
    days = by_day(shown, sent_ms, lambda ms: str(ms // DAY_MS))
    for day in days:
        assert day.seen == day.stored + day.arriving == day.answered + day.waiting
    counted = Counter({day.day: day.seen + day.own for day in days})
    assert counted == Counter(str(one.sent_at.ms // DAY_MS) for one in shown)
    assert sum(day.own for day in days) == sum(one.from_me for one in shown)
    assert list(days) == sorted(days, key=lambda day: day.day)
    assert all(day != Day(day.day) for day in days)
