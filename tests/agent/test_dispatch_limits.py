"""What keeps the agent from writing: the day's budget, a restricted number, chats of many."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.begun import chats_begun
from agent.drivers.driver import DriverStatus, Lookup, Outcome, SendOrder
from agent.journal import FILE_NAME, Journal
from protocol.ids import whatsapp_key
from tests.agent.desk import AT_ONCE, OTHER_CHAT, Desk, Phone, open_paired, outcome_of, to_chat
from tests.agent.stage import ACCOUNT, CHAT, NOW_MS, order, received
from tests.fakes import FakeClock

READY = DriverStatus("ready", ACCOUNT)
DAY_S = 86_400


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = FakeClock(NOW_MS)
    journal = await open_paired(tmp_path / FILE_NAME, clock, Journal)
    yield Desk(journal, clock)
    await journal.close()


def stranger(n: int) -> str:
    """The chat of somebody who has not written."""
    return f"9198000001{n:02}@c.us"


async def test_chats_beyond_the_days_budget_are_not_begun_and_somebody_is_told(desk: Desk) -> None:
    """The third of two fails with its code and rings; a second message to one begun is no begin."""
    desk.policy = replace(AT_ONCE, begun_max=2)
    for n in (1, 2, 3):
        await desk.give(to_chat(stranger(n), f"to {n}"))
    await desk.give(to_chat(stranger(1), "again to 1"))
    outcomes = [outcome_of(end) for end in await desk.finished(4)]
    assert sorted(outcomes, key=str) == [("failed", "started_budget"), *[("sent", None)] * 3]
    assert desk.phone.sent() == ["to 1", "to 2", "again to 1"]
    assert ("mark_read", stranger(3)) not in desk.phone.asked
    assert [one.kind for one in desk.bell.open] == ["budget"]


async def test_whoever_wrote_is_answered_whatever_the_budget(desk: Desk) -> None:
    """An answer begins nothing, and counts for nothing."""
    desk.policy = replace(AT_ONCE, begun_max=0)
    await desk.journal.record_inbound(received("A1", NOW_MS - 5))
    await desk.give(to_chat(CHAT, "an answer"))
    await desk.give(to_chat(OTHER_CHAT, "out of the blue"))
    assert sorted(outcome_of(end)[0] for end in await desk.finished(2)) == ["failed", "sent"]
    assert desk.phone.sent() == ["an answer"]


class KnowingPhone(Phone):
    """A WhatsApp that holds chats from before the journal began."""

    async def customer_wrote(self, account: str, chat: str) -> bool:
        self.asked.append(("customer_wrote", chat))
        if chat == stranger(9):
            raise RuntimeError("the page is gone for a moment")
        return account == ACCOUNT and chat == CHAT


async def test_a_new_journal_asks_whatsapp_who_wrote_before(desk: Desk) -> None:
    """A PC that was replaced answers whoever waits; what nobody can tell counts as begun by us."""
    desk.policy = replace(AT_ONCE, begun_max=1)
    desk.phone = KnowingPhone()
    await desk.give(to_chat(CHAT, "an answer"))
    await desk.give(to_chat(stranger(9), "who knows"))
    await desk.give(to_chat(OTHER_CHAT, "out of the blue"))
    outcomes = [outcome_of(end) for end in await desk.finished(3)]
    assert outcomes == [("sent", None), ("sent", None), ("failed", "started_budget")]
    assert desk.phone.sent() == ["an answer", "who knows"]


async def test_another_shops_begun_chats_do_not_count(desk: Desk) -> None:
    """Paired with another shop the journal forgets them with all else."""
    row = await desk.give(to_chat(stranger(1), "hello"))
    await desk.journal.mark(row, "sending", 1, begins=True)
    assert await begun(desk, OTHER_CHAT) == 1
    await desk.journal.save_identity(
        hub_url="https://other.example",
        socket_url="wss://other.example/agent",
        agent_id="a2",
        tenant_id="t2",
        token="sak_a_invented",
        token_expires_ms=None,
    )
    assert await begun(desk, OTHER_CHAT) == 0


async def begun(desk: Desk, chat: str) -> int | None:
    """How many chats count, when a message to this one would begin it."""
    now_ms = desk.clock.now_ms()
    return await desk.journal.look(lambda tx: chats_begun(tx, ACCOUNT, chat, now_ms))


async def test_a_chat_that_the_owner_alone_wrote_in_is_not_the_customers(desk: Desk) -> None:
    """Who wrote first is what counts, on whichever device."""
    desk.policy = replace(AT_ONCE, begun_max=0)
    await desk.journal.record_inbound(received("W1", NOW_MS - 5_000, from_me=True))
    await desk.give(order(), ts_ms=NOW_MS + 5_000)
    assert [outcome_of(end) for end in await desk.finished(1)] == [("failed", "started_budget")]


async def test_the_budget_outlives_a_restart_an_answer_and_not_a_day(tmp_path: Path) -> None:
    """It is counted from the journal; that the customer answered does not give it back."""
    clock, path = FakeClock(NOW_MS), tmp_path / FILE_NAME
    journal = await open_paired(path, clock, Journal)
    desk = Desk(journal, clock)
    desk.policy = replace(AT_ONCE, begun_max=1)
    await desk.give(to_chat(stranger(1), "first"))
    assert [outcome_of(end) for end in await desk.finished(1)] == [("sent", None)]
    clock.advance(60)
    await journal.record_inbound(received("A1", clock.now_ms(), chat=stranger(1)))
    await desk.give(to_chat(stranger(2), "second"))
    assert (await desk.finished(2))[-1].error is not None
    clock.advance(DAY_S - 120)
    await desk.give(to_chat(stranger(3), "third"))
    assert (await desk.finished(3))[-1].error is not None
    clock.advance(120)
    await desk.give(to_chat(stranger(4), "fourth"))
    assert outcome_of((await desk.finished(4))[-1]) == ("sent", None)
    assert desk.phone.sent() == ["first", "fourth"]
    await journal.close()


async def test_a_repeat_of_what_began_a_chat_is_no_second_begin(desk: Desk) -> None:
    """A message in doubt that WhatsApp never had goes again, although it filled the budget."""
    desk.policy = replace(AT_ONCE, begun_max=1)
    tries: list[str] = []

    async def send(one: SendOrder) -> Outcome:
        tries.append(one.text)
        return Outcome("unknown" if len(tries) == 1 else "sent")

    desk.phone.on_send = send
    await desk.give(to_chat(stranger(1), "hello"))
    assert [outcome_of(end) for end in await desk.finished(1)] == [("sent", None)]
    assert tries == ["hello", "hello"]


async def test_a_restricted_number_sends_nothing_and_goes_on_when_it_is_over(desk: Desk) -> None:
    """Orders stay queued; what is past its time when the restriction ends is not sent."""
    await desk.journal.record_inbound(received("A1", NOW_MS - 5))
    desk.phone.status = DriverStatus("restricted", ACCOUNT)
    await desk.give(order("still true", expires_ms=NOW_MS + 3_600_000))
    await desk.give(
        replace(to_chat(OTHER_CHAT, "too late"), expires_at=order("", NOW_MS).expires_at)
    )
    async with desk.at_work():
        (late,) = await desk.told(1)
        assert outcome_of(late) == ("expired", None)
        assert desk.phone.asked == []
        assert len(await desk.journal.pending_sends()) == 1
        desk.clock.advance(600)
        desk.phone_becomes(READY)
        assert outcome_of((await desk.told(2))[1]) == ("sent", None)
    assert desk.phone.sent() == ["still true"]


async def test_a_restriction_during_the_typing_stops_the_message(desk: Desk) -> None:
    """WhatsApp may say stop between typing and the hand-over; afterwards the message goes on."""
    desk.policy = replace(AT_ONCE, typing_max_s=30, typing_chars_per_s=1)

    async def typing(_chat: str, active: bool) -> None:
        if active:
            desk.clock.advance(31)
            desk.phone_becomes(DriverStatus("restricted", ACCOUNT))

    desk.phone.on_typing = typing
    await desk.give(order("hello", expires_ms=NOW_MS + 60_000))
    async with desk.at_work():
        other = await desk.give(to_chat("120363000000000001@g.us", "to all"))
        assert (await desk.told(1))[0].ref == other
        assert desk.phone.sent() == []
        desk.phone_becomes(READY)
        assert outcome_of((await desk.told(2))[1]) == ("sent", None)


@pytest.mark.parametrize("chat", ["120363000000000001@g.us", "status@broadcast", "1@newsletter"])
async def test_chats_of_many_are_neither_read_nor_written(desk: Desk, chat: str) -> None:
    """Group, status, channel: WhatsApp is not even asked."""
    await desk.give(to_chat(chat, "to all"))
    assert [outcome_of(end) for end in await desk.finished(1)] == [("failed", "not_one_to_one")]
    assert desk.phone.asked == []


async def test_somebody_is_told_of_a_message_that_nobody_can_account_for(desk: Desk) -> None:
    """`unknown` is never silent, and its key is never sent again."""

    async def look_up(_order: SendOrder) -> Lookup:
        return Lookup.PENDING

    desk.phone.on_look_up = look_up
    ref = await desk.give(order("hello"))
    await desk.journal.mark(ref, "sending", 1)
    assert [outcome_of(end) for end in await desk.finished(1)] == [("unknown", "unknown_outcome")]
    assert [one.kind for one in desk.bell.open] == ["unknown_send"]
    assert desk.phone.sent() == []
    assert await desk.journal.note_ack(whatsapp_key(ref), "delivered")
