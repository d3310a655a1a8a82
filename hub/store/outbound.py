"""The `down` log of each agent: orders in their places, and what the agent has of them.

Everything here is a part of somebody's transaction: an order is enqueued together with the fact
that caused it.
"""

from typing import Final
from uuid import UUID, uuid4

import msgspec

from hub.store.tx import Row, Tx
from protocol.codec import LogRow, encode_data
from protocol.log import OwnLog
from protocol.messages import EventData, Instant

DAY_MS: Final = 86_400_000
KEPT_MS: Final = 7 * DAY_MS  # acknowledged rows, for an agent restored from a backup (SPEC 4.12)
IDS_KEPT_MS: Final = 400 * DAY_MS  # their ids, against a repetition; a year and then some
QUARANTINED_MAX: Final = 1_000  # of an agent: the newest tell what is wrong, and no disk fills up


class Order(msgspec.Struct, frozen=True):
    """An order in the log of an agent: its row under the log's epoch, if it stands there anew."""

    agent_id: str
    epoch: str = ""
    row: LogRow | None = None


def enqueue_down(
    tx: Tx, tenant_id: str, agent_id: str, event_id: UUID, data: EventData, now_ms: int
) -> Order:
    """Append an order to an agent's log; one whose id is known is not added again.

    Raises:
        LocalProtocolError: the order does not fit into a frame.
        LookupError: the agent is another tenant's.
    """
    text = encode_data(data)
    log = tx.memory.get((tenant_id, agent_id), lambda: _tail(tx, tenant_id, agent_id))
    added = tx.run(
        "logs.down_add",
        tenant_id=tenant_id,
        agent_id=agent_id,
        event_id=str(event_id),
        seq=log.head + 1,
        type=data.TYPE,
        ts=now_ms,
        data=text,
    )
    if added == 0:
        return Order(agent_id)
    log.head += 1
    row = LogRow(event_id, log.head, Instant(now_ms), data.TYPE, text)
    return Order(agent_id, log.epoch, row)


class _Tail(msgspec.Struct):
    """Where an agent's log goes on, as the writer remembers it."""

    epoch: str
    head: int


def _tail(tx: Tx, tenant_id: str, agent_id: str) -> _Tail:
    own = open_log(tx, tenant_id, agent_id)
    if tx.one("logs.down_log", tenant_id=tenant_id, agent_id=agent_id) is None:
        raise LookupError(f"agent {agent_id} belongs to another tenant")
    return _Tail(own.epoch, own.head)


def open_log(tx: Tx, tenant_id: str, agent_id: str, epoch: str | None = None) -> OwnLog:
    """An agent's log, begun (under `epoch` or a random one) if it has none."""
    row = tx.one("logs.down_log", tenant_id=tenant_id, agent_id=agent_id)
    if row is None:
        epoch = epoch or uuid4().hex
        tx.run("logs.down_log_open", tenant_id=tenant_id, agent_id=agent_id, epoch=epoch)
        return OwnLog(epoch, 0, 0, 1)
    if row["newest"] is None:
        return OwnLog(row["epoch"], 0, row["acked"], 1)
    return OwnLog(row["epoch"], row["newest"], row["acked"], row["oldest"])


def id_at(tx: Tx, tenant_id: str, agent_id: str, seq: int) -> UUID | None:
    """The id of the order at `seq` of the present epoch."""
    row = tx.one("logs.down_id_at", tenant_id=tenant_id, agent_id=agent_id, seq=seq)
    return None if row is None else UUID(row["event_id"])


def after(tx: Tx, tenant_id: str, agent_id: str, seq: int, limit: int) -> list[LogRow]:
    """The orders that follow `seq`, in order."""
    rows = tx.all("logs.down_after", tenant_id=tenant_id, agent_id=agent_id, seq=seq, limit=limit)
    return [_log_row(row) for row in rows]


def _log_row(row: Row) -> LogRow:
    """A row of `logs.down_after` as the session sends it."""
    return LogRow(UUID(row["event_id"]), row["seq"], Instant(row["ts"]), row["type"], row["data"])


def mark_acked(tx: Tx, tenant_id: str, agent_id: str, epoch: str, seq: int) -> bool:
    """Note that the agent holds everything up to `seq`; False if that is no news in this epoch."""
    where = {"tenant_id": tenant_id, "agent_id": agent_id, "epoch": epoch, "seq": seq}
    return tx.run("logs.down_ack", **where) == 1


def record_result(tx: Tx, tenant_id: str, agent_id: str, event_id: UUID, state: str) -> bool:
    """Note what became of an order, which ends its requeueing; False if there is no such order."""
    where = {"tenant_id": tenant_id, "agent_id": agent_id, "event_id": str(event_id)}
    return tx.run("logs.down_result", **where, state=state) == 1


def renumber(tx: Tx, tenant_id: str, agent_id: str, new_epoch: str) -> OwnLog:
    """Begin a new epoch: orders without a result stand from 1 in their order, the others leave."""
    tx.memory.forget()
    agent = {"tenant_id": tenant_id, "agent_id": agent_id}
    unfinished = [row["event_id"] for row in tx.all("logs.down_unfinished", **agent)]
    tx.run("logs.down_clear_places", **agent)
    tx.many(
        "logs.down_give_place",
        [{**agent, "event_id": found, "seq": seq} for seq, found in enumerate(unfinished, 1)],
    )
    tx.run("logs.down_log_open", **agent, epoch=new_epoch)
    tx.run("logs.down_new_epoch", **agent, epoch=new_epoch)
    return OwnLog(new_epoch, len(unfinished), 0, 1)


def prune(tx: Tx, now_ms: int, *, kept_ms: int = KEPT_MS, ids_kept_ms: int = IDS_KEPT_MS) -> int:
    """Retention, for every agent: how many orders left the logs.

    Unacknowledged ones never do, nor does the newest, whose place is the log's head. The time of an
    acknowledgement is noted here, at the next housekeeping, rather than with every ack, which would
    write each order once more: rows are kept that much longer, never shorter.
    """
    tx.run("logs.down_stamp", now_ms=now_ms)
    tx.run("logs.down_stamped")
    left = tx.run("logs.down_prune_places", before_ms=now_ms - kept_ms)
    tx.run("logs.down_prune_data")
    tx.run("logs.down_prune_ids", before_ms=now_ms - ids_kept_ms)
    tx.run("logs.up_events_prune", before_ms=now_ms - ids_kept_ms)
    tx.run("logs.quarantine_prune", most=QUARANTINED_MAX)
    return left
