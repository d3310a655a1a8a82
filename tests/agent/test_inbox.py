import sqlite3
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from agent.database import (
    JournalError,
)
from agent.journal import DAY_MS, Counts, Journal
from protocol import codec
from protocol.ids import whatsapp_key
from protocol.messages import (
    Command,
    CommandResult,
    HeldPosition,
    MessageStatus,
    Position,
    QuarantinedEvent,
    SendState,
)
from tests.agent.journaled import connect, unsent
from tests.agent.stage import ACCOUNT, CHAT, NOW_MS, event, order, received, welcome
from tests.fakes import FakeClock

# --- the down log --------------------------------------------------------------------------------


async def test_an_order_and_its_position_are_kept_together(path: Path, clock: FakeClock) -> None:
    """C06: killed right after the commit, the reopened journal has the order, once."""
    journal = await Journal.open(path, clock)
    await connect(journal)
    first = event(1, order("good day"))
    assert (await journal.accept(first)).first
    await journal.close()
    journal = await Journal.open(path, clock)
    (send,) = await journal.pending_sends()
    held = await journal.down_position()
    await journal.close()
    assert (send.event_id, send.key) == (first.id, whatsapp_key(first.id))
    assert (send.order.text, send.state, send.attempts) == ("good day", "queued", 0)
    assert held == HeldPosition(epoch="F1", seq=1, last_id=first.id)


async def test_an_event_out_of_order_is_not_stored(journal: Journal) -> None:
    """The position is the journal's own guard, whatever the session says."""
    await connect(journal)
    with pytest.raises(JournalError, match="does not follow"):
        await journal.accept(event(2, order()))
    assert await journal.pending_sends() == []


async def test_a_known_order_in_work_has_no_second_effect(journal: Journal) -> None:
    """A new epoch repeats an order that is still in work: its position counts, nothing else."""
    await connect(journal)
    first = event(1, order())
    await journal.accept(first)
    await journal.mark(first.id, "sending", attempts=1)
    await connect(journal, down_epoch="F2")
    assert await journal.down_position() == HeldPosition(epoch="F2", seq=0)
    assert not (await journal.accept(event(1, first.data, first.id))).first
    (send,) = await journal.pending_sends()
    assert (send.state, send.attempts) == ("sending", 1)
    assert (await journal.own_log()).head == 0


async def test_a_repeated_order_that_is_done_tells_its_result_again(journal: Journal) -> None:
    """C10: no effect, and the last known result goes up once more under a new id."""
    await connect(journal)
    first = event(1, order())
    await journal.accept(first)
    await journal.finish(first.id, MessageStatus(ref=first.id, state="sent", wa_id="K"))
    await journal.note_ack(whatsapp_key(first.id), "read")
    await connect(journal, down_epoch="F2")
    assert not (await journal.accept(event(1, first.data, first.id))).first
    rows = await journal.unsent(0, 10)
    assert len({row.id for row in rows}) == 3
    assert [codec.decode_data(row.type, row.data).state for row in rows] == [  # type: ignore[attr-defined]
        "sent",
        "read",
        "read",
    ]
    assert await journal.pending_sends() == []


async def test_a_quarantined_event_is_kept_and_reported_once(journal: Journal) -> None:
    """C15: it takes its place in the log and never its turn in the work."""
    await connect(journal)
    bad = QuarantinedEvent("novelty", uuid4(), 1, event(1, order()).ts, "unknown_type", "?", "{}")
    assert (await journal.accept(bad)).first
    assert await journal.pending_sends() == []
    assert await journal.pending_jobs() == []
    assert (await journal.facts()).inbox == 0
    await connect(journal, down_epoch="F2")
    assert not (await journal.accept(bad)).first
    assert (await journal.own_log()).head == 0


async def test_the_same_down_epoch_keeps_the_position(journal: Journal) -> None:
    """A reconnect to the same log goes on where it stood."""
    await connect(journal)
    await journal.accept(event(1, order()))
    await connect(journal)
    assert (await journal.down_position()).seq == 1


# --- orders in work ------------------------------------------------------------------------------


async def accepted(journal: Journal) -> UUID:
    await connect(journal, held=0, down_epoch=uuid4().hex)
    one = event(1, order())
    await journal.accept(one)
    return one.id


async def test_a_result_and_its_report_are_one(journal: Journal) -> None:
    """The order ends and the status stands in the up log, or neither."""
    event_id = await accepted(journal)
    assert await journal.finish(event_id, MessageStatus(ref=event_id, state="sent"))
    assert await journal.pending_sends() == []
    assert await unsent(journal) == [MessageStatus(ref=event_id, state="sent")]
    with pytest.raises(KeyError):
        await journal.finish(uuid4(), MessageStatus(ref=event_id, state="sent"))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (["sent", "delivered", "read"], ["sent", "delivered", "read"]),
        (["sent", "read", "delivered", "sent"], ["sent", "read"]),
        (["unknown", "delivered"], ["unknown", "delivered"]),
        (["delivered", "unknown"], ["delivered"]),
        (["expired", "failed"], ["expired"]),
    ],
)
async def test_a_status_only_moves_forward(
    journal: Journal, told: list[SendState], expected: list[SendState]
) -> None:
    """Late and repeated acknowledgements of WhatsApp never take a status back."""
    event_id = await accepted(journal)
    for state in told:
        await journal.finish(event_id, MessageStatus(ref=event_id, state=state))
    assert [s.state for s in await unsent(journal) if isinstance(s, MessageStatus)] == expected


async def test_an_acknowledgement_ends_a_send_in_doubt(journal: Journal) -> None:
    """WhatsApp's tick proves that the message went out, whatever the sender still believes."""
    event_id = await accepted(journal)
    await journal.mark(event_id, "sending", attempts=1)
    assert await journal.note_ack(whatsapp_key(event_id), "delivered")
    assert await journal.pending_sends() == []
    assert not await journal.finish(event_id, MessageStatus(ref=event_id, state="unknown"))
    assert not await journal.note_ack("3EB0FOREIGN", "read")


async def test_our_own_echo_is_no_message_of_the_owner(journal: Journal) -> None:
    """What went out under one of our keys comes back from the page and is not reported."""
    event_id = await accepted(journal)
    key = whatsapp_key(event_id)
    assert not await journal.record_inbound(received(key, from_me=True))
    assert await journal.record_inbound(received("OTHER", from_me=True))


async def test_commands_wait_in_their_own_line(journal: Journal) -> None:
    """A command found running after a restart can be told from one that never began."""
    await connect(journal)
    command = event(1, Command(name="pause", args={}))
    await journal.accept(command)
    await journal.mark(command.id, "running")
    (job,) = await journal.pending_jobs()
    assert (job.order.name, job.state) == ("pause", "running")
    await journal.finish(command.id, CommandResult(ref=command.id, state="unknown"))
    assert await journal.pending_jobs() == []
    assert not await journal.finish(command.id, CommandResult(ref=command.id, state="done"))


async def test_the_owner_counts_from_when_the_hub_could_know(
    journal: Journal, clock: FakeClock
) -> None:
    """A reply that the hub gave before it heard of the owner's message must be held back."""
    assert await journal.owner_wrote_ms(ACCOUNT, CHAT) is None
    await connect(journal)
    await journal.record_inbound(received("O1", NOW_MS - 60_000, from_me=True))
    clock.advance(5)
    assert await journal.owner_wrote_ms(ACCOUNT, CHAT) == NOW_MS + 5000
    await journal.acknowledge_up(1)
    clock.advance(5)
    assert await journal.owner_wrote_ms(ACCOUNT, CHAT) == NOW_MS + 5000
    await journal.new_up_epoch()
    assert await journal.owner_wrote_ms(ACCOUNT, CHAT) == NOW_MS + 5000
    assert await journal.owner_wrote_ms(ACCOUNT, "919800000002@c.us") is None


async def test_the_hubs_clock_rules_on_the_owners_time(journal: Journal) -> None:
    """A PC whose clock is an hour slow does not believe that replies come from the future."""
    own = await journal.own_log()
    await journal.record_inbound(received("O1", NOW_MS, from_me=True))
    await journal.reconcile(welcome(Position(epoch=own.epoch, seq=0), hub_ms=NOW_MS + 3_600_000))
    assert await journal.owner_wrote_ms(ACCOUNT, CHAT) == NOW_MS + 3_600_000


async def test_pause_survives_a_restart(path: Path, clock: FakeClock) -> None:
    """A paused shop stays paused."""
    journal = await Journal.open(path, clock)
    await journal.set_paused(True)
    await journal.close()
    journal = await Journal.open(path, clock)
    assert await journal.paused()
    await journal.close()


async def test_old_content_goes_and_ids_stay(journal: Journal, clock: FakeClock) -> None:
    """A week after its end an order's text is gone; its id still recognises a repetition."""
    event_id = await accepted(journal)
    await journal.finish(event_id, MessageStatus(ref=event_id, state="sent"))
    clock.advance(8 * 86_400)
    await journal.prune()
    with sqlite3.connect(journal._database.path) as connection:
        assert connection.execute("SELECT data FROM inbox").fetchone() == ("",)
    await connect(journal, down_epoch="F9")
    assert not (await journal.accept(event(1, order(), event_id))).first
    clock.advance(90 * DAY_MS / 1000)
    await journal.prune()
    assert await journal.record_inbound(received(whatsapp_key(event_id), from_me=True))


async def test_an_order_at_its_end_cannot_be_marked(journal: Journal) -> None:
    """An acknowledgement between a look-up and a resend stops the resend."""
    event_id = await accepted(journal)
    assert await journal.mark(event_id, "sending", attempts=1)
    await journal.note_ack(whatsapp_key(event_id), "sent")
    assert not await journal.mark(event_id, "sending", attempts=2)


async def test_an_audit_counts_what_came_and_what_became_of_it(
    journal: Journal, clock: FakeClock
) -> None:
    """Customers' and the owner's messages by their time, sends by their end."""
    await journal.record_inbound(received("OLD", NOW_MS - 5000))
    await journal.record_inbound(received("A1", NOW_MS))
    await journal.record_inbound(received("O1", NOW_MS, from_me=True))
    states: list[SendState] = ["read", "sent", "failed", "unknown", "expired"]
    for state in states:
        event_id = await accepted(journal)
        await journal.finish(event_id, MessageStatus(ref=event_id, state=state))
    assert await journal.counts(NOW_MS) == Counts(1, 1, 2, 1, 1, 1)
    assert await journal.counts(NOW_MS + 1) == Counts(0, 0, 0, 0, 0, 0)


async def test_waiters_are_woken(journal: Journal) -> None:
    """The link learns of new events and the dispatcher of new orders without asking around."""
    await journal.record_inbound(received("A1"))
    assert journal.outbox_grew.is_set()
    event_id = await accepted(journal)
    assert journal.inbox_grew.is_set()
    journal.outbox_grew.clear()
    await journal.finish(event_id, MessageStatus(ref=event_id, state="sent"))
    assert journal.outbox_grew.is_set()
