from pathlib import Path
from uuid import uuid4

import pytest

from agent.journal import Journal, LogsChangedError
from protocol.errors import LocalProtocolError
from protocol.messages import (
    TEXT_MAX_CHARS,
    Command,
    CommandResult,
    HeldPosition,
    MessageReceived,
    Position,
    Sender,
)
from tests.agent.journaled import all_rows, connect, pair, unsent
from tests.agent.stage import CHAT, NOW_MS, event, order, received, welcome
from tests.fakes import FakeClock

# --- who we are ----------------------------------------------------------------------------------


async def test_identity_survives_reopening(path: Path, clock: FakeClock) -> None:
    """Paired once, the agent knows who it is after a restart."""
    journal = await Journal.open(path, clock)
    assert await journal.identity() is None
    await pair(journal)
    await journal.close()
    journal = await Journal.open(path, clock)
    identity = await journal.identity()
    await journal.close()
    assert identity is not None
    assert (identity.agent_id, identity.paired_ms) == ("a1", NOW_MS)


async def test_connection_numbers_rise_across_restarts(path: Path, clock: FakeClock) -> None:
    """`conn_no` is durable, so that the hub can tell the newer of two connections."""
    numbers = []
    for _ in range(3):
        journal = await Journal.open(path, clock)
        numbers.append(await journal.next_conn_no())
        await journal.close()
    assert numbers == [1, 2, 3]


async def test_a_rotated_token_does_not_overwrite_a_new_pairing(journal: Journal) -> None:
    """A rotation that ends after the PC was paired anew changes nothing."""
    await pair(journal)
    await journal.save_token("a1", "sak_a_second", NOW_MS + 5)
    await pair(journal, agent_id="a2")
    await journal.save_token("a1", "sak_a_third", None)
    identity = await journal.identity()
    assert identity is not None
    assert identity.token == "sak_a_invented"


async def test_pairing_again_with_the_same_shop_keeps_the_queue(
    journal: Journal, clock: FakeClock
) -> None:
    """After a revoked token the messages of the meantime still reach the hub, under a new epoch."""
    await pair(journal)
    await journal.record_inbound(received("A1"))
    epoch = (await journal.own_log()).epoch
    clock.advance(3600)
    await pair(journal, agent_id="a2")
    own, identity = await journal.own_log(), await journal.identity()
    assert own.epoch != epoch
    assert own.head == 1
    assert identity is not None
    assert identity.paired_ms == NOW_MS


async def test_pairing_with_another_shop_drops_everything_of_the_former(journal: Journal) -> None:
    """What one shop's customers wrote never reaches another shop's hub."""
    await pair(journal)
    await connect(journal)
    await journal.record_inbound(received("A1"))
    await journal.accept(event(1, order()))
    await pair(journal, tenant_id="t2", agent_id="a2")
    assert (await journal.own_log()).head == 0
    assert await journal.down_position() == HeldPosition(seq=0)
    assert await journal.pending_sends() == []
    assert await journal.watermark_ms() is None
    assert await journal.record_inbound(received("A1"))


async def test_a_connection_older_than_a_new_pairing_writes_nothing(journal: Journal) -> None:
    """An ack for the old log must not mark rows of the new one."""
    await pair(journal)
    await journal.record_inbound(received("A1"))
    await connect(journal)
    await pair(journal, agent_id="a2")
    with pytest.raises(LogsChangedError):
        await journal.acknowledge_up(1)
    with pytest.raises(LogsChangedError):
        await journal.accept(event(1, order()))
    with pytest.raises(LogsChangedError):
        await journal.unsent(0, 10)
    assert (await journal.facts()).outbox == 1


# --- the up log ----------------------------------------------------------------------------------


async def test_a_message_is_recorded_once(journal: Journal) -> None:
    """The natural key makes a second telling harmless, in a group per sender."""
    assert await journal.record_inbound(received("A1"))
    assert not await journal.record_inbound(received("A1", live=False))
    for member in ("x@c.us", "y@c.us"):
        message = received("A1", sender=Sender(id=member), chat="123-456@g.us")
        assert await journal.record_inbound(message)
    assert (await journal.facts()).outbox == 3


async def test_the_watermark_rises_with_whole_searches_only(
    journal: Journal, clock: FakeClock
) -> None:
    """To the newest message recorded; a message's clock set wrong does not lift it above now."""
    await journal.note_searched()
    assert await journal.watermark_ms() is None
    await journal.record_inbound(received("A1", NOW_MS - 500))
    await journal.record_inbound(received("A2", NOW_MS - 9000))
    assert await journal.watermark_ms() is None
    await journal.note_searched()
    assert await journal.watermark_ms() == NOW_MS - 500
    await journal.record_inbound(received("A3", NOW_MS + 99_999, from_me=True))
    await journal.note_searched()
    assert await journal.watermark_ms() == clock.now_ms()
    assert (await journal.facts()).last_inbound_ms == NOW_MS - 500


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x" * (TEXT_MAX_CHARS + 1), "x" * TEXT_MAX_CHARS),
        ("a\0b\ud800c", "a\ufffdb\ufffdc"),
        ("\x01" * TEXT_MAX_CHARS, "\x01" * (TEXT_MAX_CHARS // 2)),
        ("\0" + "y" * 10, "\ufffd" + "y" * 10),
    ],
    ids=["long", "not storable", "six bytes each", "NUL"],
)
async def test_what_the_wire_cannot_carry_is_mended(
    journal: Journal, text: str, expected: str
) -> None:
    """A customer's message is cut or mended, never lost and never stuck in the log."""
    await connect(journal)
    assert await journal.record_inbound(received("A1", text=text))
    (data,) = await unsent(journal)
    assert isinstance(data, MessageReceived)
    assert data.text == expected


async def test_a_broken_name_is_mended_too(journal: Journal) -> None:
    """A name with half of a surrogate pair does not cost the message."""
    await connect(journal)
    sender = Sender(id=CHAT, name="Asha\ud83d" + "z" * 2000)
    assert await journal.record_inbound(received("A1", sender=sender))
    (data,) = await unsent(journal)
    assert isinstance(data, MessageReceived)
    assert data.sender.name is not None
    assert data.sender.name.startswith("Asha\ufffdz")


async def test_a_message_too_large_without_its_text_is_mended(journal: Journal) -> None:
    """Nothing sane is that large; what a page may report by mistake cannot block the log."""
    await connect(journal)
    assert await journal.record_inbound(received("A1", chat="9" * 300_000, text="hello"))
    (row,) = await journal.unsent(0, 10)
    assert len(row.data) < 2000


async def test_an_event_that_could_never_be_sent_is_refused(journal: Journal) -> None:
    """What this program makes itself is a defect when it is too large: refused when enqueued."""
    await pair(journal)
    await connect(journal)
    command = event(1, Command(name="audit", args={}))
    await journal.accept(command)
    with pytest.raises(LocalProtocolError):
        await journal.finish(
            command.id, CommandResult(ref=command.id, state="done", data="x" * 300_000)
        )
    assert (await journal.own_log()).head == 0


async def test_acknowledged_events_are_not_sent_again(journal: Journal) -> None:
    """An ack is cumulative; what follows it remains."""
    for number in range(3):
        await journal.record_inbound(received(f"A{number}"))
    await connect(journal)
    await journal.acknowledge_up(2)
    assert (await journal.facts()).outbox == 1
    assert [row.seq for row in await journal.unsent(2, 10)] == [3]
    assert [row.seq for row in await journal.unsent(0, 2)] == [1, 2]


async def test_a_hub_that_lost_acknowledged_events_gets_them_again(journal: Journal) -> None:
    """C08: a welcome with an older position brings the acknowledged rows back, in order."""
    for number in range(3):
        await journal.record_inbound(received(f"A{number}"))
    await connect(journal)
    await journal.acknowledge_up(3)
    assert await connect(journal, held=1)
    assert (await journal.facts()).outbox == 2
    assert [row.seq for row in await journal.unsent(1, 10)] == [2, 3]


async def test_a_welcome_ahead_of_our_acks_counts_as_an_ack(journal: Journal) -> None:
    """The ack that was lost on the way comes with the next welcome."""
    for number in range(3):
        await journal.record_inbound(received(f"A{number}"))
    assert await connect(journal, held=2)
    assert (await journal.facts()).outbox == 1


@pytest.mark.parametrize("wrong", ["last_id", "beyond", "epoch"])
async def test_a_contradicted_position_needs_a_new_epoch(journal: Journal, wrong: str) -> None:
    """C09: another last_id, a seq beyond the head, another epoch: nothing changes until asked."""
    for number in range(3):
        await journal.record_inbound(received(f"A{number}"))
    own, rows = await journal.own_log(), await all_rows(journal)
    held = {
        "last_id": Position(epoch=own.epoch, seq=2, last_id=uuid4()),
        "beyond": Position(epoch=own.epoch, seq=9, last_id=rows[3]),
        "epoch": Position(epoch="another", seq=1, last_id=rows[1]),
    }[wrong]
    assert not await journal.reconcile(welcome(held))
    assert await journal.own_log() == own


async def test_a_new_epoch_queues_everything_that_is_kept(journal: Journal) -> None:
    """Rows keep id, time and data and get new numbers from 1, in the old order."""
    for number in range(4):
        await journal.record_inbound(received(f"A{number}"))
    await connect(journal)
    await journal.acknowledge_up(3)
    before = await journal.unsent(0, 10)
    epoch = (await journal.own_log()).epoch
    await journal.new_up_epoch()
    await connect(journal)
    after = await journal.unsent(0, 10)
    assert [(row.id, row.ts, row.data) for row in after] == [
        (row.id, row.ts, row.data) for row in before
    ]
    own = await journal.own_log()
    assert (own.epoch == epoch, own.head, own.acked, own.oldest_kept) == (False, 4, 0, 1)


async def test_pruning_keeps_the_row_that_proves_the_position(
    journal: Journal, clock: FakeClock
) -> None:
    """After a quiet week the hub's position is still recognised, without a new epoch."""
    for number in range(3):
        await journal.record_inbound(received(f"A{number}"))
    await connect(journal)
    await journal.acknowledge_up(3)
    held = Position(
        epoch=(await journal.own_log()).epoch, seq=3, last_id=(await all_rows(journal))[3]
    )
    clock.advance(8 * 86_400)
    await journal.prune()
    assert list(await all_rows(journal)) == [3]
    assert await journal.reconcile(welcome(held))


async def test_unacknowledged_events_are_never_pruned(journal: Journal, clock: FakeClock) -> None:
    """A hub that is away for a month loses nothing."""
    await journal.record_inbound(received("A1"))
    clock.advance(40 * 86_400)
    await journal.prune()
    assert (await journal.facts()).outbox == 1


async def test_natural_keys_outlive_a_long_pause(journal: Journal, clock: FakeClock) -> None:
    """A PC that was off for four months meets its last messages again and knows them."""
    await journal.record_inbound(received("A1"))
    clock.advance(120 * 86_400)
    await journal.prune()
    assert not await journal.record_inbound(received("A1"))
    await journal.record_inbound(received("A2", clock.now_ms()))
    clock.advance(100 * 86_400)
    await journal.record_inbound(received("A3", clock.now_ms()))
    await journal.prune()
    assert not await journal.record_inbound(received("A1"))
    await journal.note_searched()
    await journal.prune()
    assert await journal.record_inbound(received("A1"))
