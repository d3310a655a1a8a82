"""The `down` log: places without gaps, ids once, new epochs and retention."""

import sqlite3
from collections.abc import Iterator
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.store import outbound
from hub.store.schema import bring_up_to_date
from hub.store.tx import Tx, load_queries
from protocol.errors import LocalProtocolError
from protocol.log import OwnLog, resume
from protocol.messages import Command, HeldPosition, MessageSend

TENANT, AGENT = "t1", "a1"
NOW = 1_800_000_000_000
DAY = outbound.DAY_MS


def fresh() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    bring_up_to_date(connection)
    return connection


@pytest.fixture
def tx() -> Iterator[Tx]:
    connection = fresh()
    yield Tx(connection, load_queries())
    connection.close()


def send(text: str = "hello") -> MessageSend:
    return MessageSend(account="+919800000009", chat="919800000001@c.us", text=text)


def enqueue(tx: Tx, number: int, now_ms: int = NOW, agent_id: str = AGENT) -> int | None:
    outbound.open_log(tx, TENANT, agent_id, "F1")
    order = outbound.enqueue_down(tx, TENANT, agent_id, UUID(int=number), send(str(number)), now_ms)
    return None if order.row is None else order.row.seq


def acked(tx: Tx, seq: int, epoch: str = "F1") -> bool:
    return outbound.mark_acked(tx, TENANT, AGENT, epoch, seq)


def numbers(tx: Tx, seq: int = 0) -> list[tuple[int, int]]:
    return [(row.seq, row.id.int) for row in outbound.after(tx, TENANT, AGENT, seq, 100)]


def test_orders_stand_in_a_row(tx: Tx) -> None:
    """Orders get 1, 2, 3 in the agent's own log, with what was given kept as it goes out."""
    assert [enqueue(tx, number) for number in (7, 8, 9)] == [1, 2, 3]
    assert enqueue(tx, 7, agent_id="a2") == 1
    assert outbound.open_log(tx, TENANT, AGENT) == OwnLog("F1", 3, 0, 1)
    (row,) = outbound.after(tx, TENANT, AGENT, 1, 1)
    assert (row.id, row.seq, row.ts.ms, row.type) == (UUID(int=8), 2, NOW, "message.send")
    assert row.data == '{"account":"+919800000009","chat":"919800000001@c.us","text":"8"}'
    assert outbound.id_at(tx, TENANT, AGENT, 3) == UUID(int=9)
    assert outbound.id_at(tx, TENANT, AGENT, 4) is None


def test_an_id_is_added_once(tx: Tx) -> None:
    """Enqueueing the same id again changes nothing."""
    assert (enqueue(tx, 7), enqueue(tx, 8), enqueue(tx, 7)) == (1, 2, None)
    assert numbers(tx) == [(1, 7), (2, 8)]


def test_the_first_order_begins_the_log(tx: Tx) -> None:
    """An agent that never connected has orders waiting, in a log under a random epoch."""
    command = Command(name="audit", args={})
    order = outbound.enqueue_down(tx, TENANT, AGENT, UUID(int=1), command, NOW)
    own = outbound.open_log(tx, TENANT, AGENT)
    assert (own.head, len(own.epoch)) == (1, 32)
    assert (order.agent_id, order.epoch) == (AGENT, own.epoch)
    assert [order.row] == outbound.after(tx, TENANT, AGENT, 0, 10)


def test_what_fits_no_frame_is_refused(tx: Tx) -> None:
    """An order that could never be sent is refused when it is enqueued, and takes no place."""
    with pytest.raises(LocalProtocolError):
        outbound.enqueue_down(tx, TENANT, AGENT, UUID(int=1), send("x" * 300_000), NOW)
    assert enqueue(tx, 2) == 1


def test_another_tenants_agent_is_out_of_reach(tx: Tx) -> None:
    """Nobody enqueues to, reads or acknowledges for an agent of another tenant."""
    enqueue(tx, 1)
    with pytest.raises(LookupError):
        outbound.enqueue_down(tx, "t2", AGENT, UUID(int=2), send(), NOW)
    assert outbound.after(tx, "t2", AGENT, 0, 10) == []
    assert not outbound.mark_acked(tx, "t2", AGENT, "F1", 1)
    assert not outbound.record_result(tx, "t2", AGENT, UUID(int=1), "sent")


def test_an_acknowledgement_counts_once_and_for_its_epoch(tx: Tx) -> None:
    """Repeated, older, impossible and foreign acknowledgements are no news."""
    for number in (1, 2, 3):
        enqueue(tx, number)
    assert [acked(tx, seq) for seq in (2, 2, 1, 4, 3)] == [True, False, False, False, True]
    outbound.renumber(tx, TENANT, AGENT, "F2")
    assert not acked(tx, 3, epoch="F1")
    assert outbound.open_log(tx, TENANT, AGENT) == OwnLog("F2", 3, 0, 1)


def test_a_new_epoch_holds_what_has_no_result(tx: Tx) -> None:
    """Finished orders leave, the others stand from 1 in their order; ids and content stay."""
    for number in (5, 4, 3, 2):
        enqueue(tx, number, now_ms=NOW - number)
    acked(tx, 2)
    assert outbound.record_result(tx, TENANT, AGENT, UUID(int=4), "sent")
    assert outbound.renumber(tx, TENANT, AGENT, "F2") == OwnLog("F2", 3, 0, 1)
    assert numbers(tx) == [(1, 5), (2, 3), (3, 2)]
    assert enqueue(tx, 4) is None  # known, finished, in no log
    assert enqueue(tx, 9) == 4
    assert outbound.renumber(tx, TENANT, "a9", "F1") == OwnLog("F1", 0, 0, 1)


def test_retention_takes_from_the_start_and_leaves_the_proof(tx: Tx) -> None:
    """After a week acknowledged orders leave the log, but the last one still proves a position."""
    for number in (1, 2, 3, 4):
        enqueue(tx, number, now_ms=NOW - 9 * DAY)
    outbound.record_result(tx, TENANT, AGENT, UUID(int=2), "sent")
    acked(tx, 3)
    assert outbound.prune(tx, NOW - 8 * DAY) == 0  # from here on the week counts
    assert (outbound.prune(tx, NOW), outbound.prune(tx, NOW)) == (2, 0)
    own = outbound.open_log(tx, TENANT, AGENT)
    assert own == OwnLog("F1", 4, 3, 3)
    held = HeldPosition(epoch="F1", seq=3, last_id=UUID(int=3))
    assert resume(own, held, outbound.id_at(tx, TENANT, AGENT, 3)) == 3
    assert resume(own, HeldPosition(epoch="F1", seq=0), None) is None
    outbound.renumber(tx, TENANT, AGENT, "F2")
    assert numbers(tx) == [(1, 1), (2, 3), (3, 4)]  # 1 never had a result
    assert enqueue(tx, 2) is None  # its content is gone, its id is not


def test_ids_are_forgotten_at_last(tx: Tx) -> None:
    """After more than a year the ids of finished orders and of taken events go too."""
    enqueue(tx, 1, now_ms=NOW - 500 * DAY)
    enqueue(tx, 2, now_ms=NOW - 500 * DAY)
    acked(tx, 2)
    outbound.prune(tx, NOW - 499 * DAY)
    outbound.record_result(tx, TENANT, AGENT, UUID(int=1), "sent")
    event = {"tenant_id": TENANT, "agent_id": AGENT, "event_id": "e"}
    tx.run("logs.up_event_add", **event, type="x", now_ms=NOW - 500 * DAY)
    outbound.prune(tx, NOW)
    assert tx.one("logs.up_event_known", **event) is None
    assert enqueue(tx, 1) == 3


def test_positions_advance_without_a_gap(tx: Tx) -> None:
    """The `up` position takes what begins at the very next seq; each epoch begins at 1."""

    def advance(epoch: str, seq: int, first: int | None = None) -> int:
        where = {"tenant_id": TENANT, "agent_id": AGENT, "epoch": epoch}
        last = {"seq": seq, "last_id": f"e{seq}"}
        return tx.run("logs.up_advance", **where, **last, first=first or seq, now_ms=NOW)

    assert [advance("E1", seq) for seq in (2, 1, 1, 3, 2)] == [0, 1, 0, 0, 1]
    assert [advance("E1", 9, first) for first in (2, 4, 3)] == [0, 0, 1]
    assert advance("E2", 1) == 1
    row = tx.one("logs.up_position", tenant_id=TENANT, agent_id=AGENT, epoch="E1")
    assert row is not None
    assert (row["seq"], row["last_id"]) == (9, "e9")


def test_a_command_result_is_replaced_by_a_later_word(tx: Tx) -> None:
    """The newest result of a command stands; quarantined events are listed, newest first."""
    where = {"tenant_id": TENANT, "agent_id": AGENT}
    for state in ("unknown", "done"):
        told = {"ref": "c1", "state": state, "data": None, "error": None, "now_ms": NOW}
        tx.run("logs.command_result_add", **where, **told)
    row = tx.one("logs.command_result", **where, ref="c1")
    assert row is not None
    assert row["state"] == "done"
    for number in ("e1", "e2"):
        told = {"event_id": number, "type": "x", "code": "unknown_type", "reason": "r"}
        tx.run("logs.quarantine_add", **where, **told, frame="{}", now_ms=NOW)
    listed = tx.all("logs.quarantine_list", tenant_id=TENANT, limit=5)
    assert [row["event_id"] for row in listed] == ["e2", "e1"]


def test_of_what_is_quarantined_the_newest_stays(tx: Tx) -> None:
    """An agent that sends nothing else fills no disk, and pushes no other agent's out."""
    fault = {"tenant_id": TENANT, "code": "unknown_type", "reason": "r", "frame": "{}", "type": "x"}
    tx.run("logs.quarantine_add", **fault, agent_id="a2", event_id="other", now_ms=NOW)
    kept = outbound.QUARANTINED_MAX
    for number in range(kept + 2):
        tx.run("logs.quarantine_add", **fault, agent_id=AGENT, event_id=str(number), now_ms=NOW)
    outbound.prune(tx, NOW)
    ids = [row["event_id"] for row in tx.all("logs.quarantine_list", tenant_id=TENANT, limit=9999)]
    assert ids == [*(str(number) for number in range(kept + 1, 1, -1)), "other"]


STEPS = st.lists(
    st.sampled_from(["enqueue", "ack", "result", "epoch", "week", "prune"]), max_size=40
)


@given(STEPS, st.randoms(use_true_random=False))
def test_the_log_never_has_a_gap(steps: list[str], random: Random) -> None:
    """Whatever happens to a log, what stands in it is a row of places that ends at its head."""
    connection = fresh()
    tx = Tx(connection, load_queries())
    now, added, epochs = NOW, 0, 1
    for step in steps:
        own = outbound.open_log(tx, TENANT, AGENT, "F1")
        if step == "enqueue":
            added += 1
            enqueue(tx, added, now)
        elif step == "ack" and own.head:
            acked(tx, random.randint(1, own.head), own.epoch)
        elif step == "result" and added:
            event_id = UUID(int=random.randint(1, added))
            outbound.record_result(tx, TENANT, AGENT, event_id, "sent")
        elif step == "epoch":
            epochs += 1
            outbound.renumber(tx, TENANT, AGENT, f"F{epochs}")
        elif step == "week":
            now += 8 * DAY
        elif step == "prune":
            outbound.prune(tx, now)
        own = outbound.open_log(tx, TENANT, AGENT)
        places = [seq for seq, _ in numbers(tx)]
        assert places == list(range(own.oldest_kept, own.head + 1))
        assert own.acked == 0 or outbound.id_at(tx, TENANT, AGENT, own.acked) is not None
        assert all(row.data for row in outbound.after(tx, TENANT, AGENT, 0, 100))
    connection.close()
