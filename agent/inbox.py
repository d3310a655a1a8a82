"""The down log inside the journal's transactions: the hub's orders, from receipt to result.

Every function runs on the journal's thread inside one transaction with what it causes.
"""

import sqlite3
from typing import Any, Final
from uuid import UUID

import msgspec

from agent import begun, outbox
from agent.database import JournalError, Tx
from protocol import codec
from protocol.ids import whatsapp_key
from protocol.messages import (
    Command,
    CommandResult,
    Event,
    MessageSend,
    MessageStatus,
    QuarantinedEvent,
    SendState,
)

QUEUED = "queued"
QUARANTINED = "quarantined"
PROGRESS: Final = {"sent": 1, "delivered": 2, "read": 3}
"""How far a send has come; what ended without being sent stands at 0 and may still be overtaken."""

Result = MessageStatus | CommandResult


class Accepted(msgspec.Struct, frozen=True):
    """What became of an event of the hub: `first` is False for one that is known already."""

    first: bool


class Send(msgspec.Struct, frozen=True):
    """A `message.send` that is not at its end. `ts_ms` is the hub's stamp, UTC."""

    event_id: UUID
    key: str
    order: MessageSend
    state: str
    attempts: int
    ts_ms: int


class Job(msgspec.Struct, frozen=True):
    """A `command` that is not at its end."""

    event_id: UUID
    order: Command
    state: str


def accept(tx: Tx, event: Event | QuarantinedEvent, now_ms: int) -> Accepted:
    """Keep an event with the position that it brings; a known one only tells its result again."""
    if not tx.run("facts_down_advance", seq=event.seq, id=str(event.id)):
        raise JournalError(
            f"The event {event.seq} of the hub does not follow the journal's position."
        )
    known = tx.one("inbox_by_id", id=str(event.id))
    if known is not None:
        if known["result"] is not None:
            name = _result_type(known["type"])
            outbox.enqueue(tx, name, known["result"], now_ms)
        return Accepted(first=False)
    _insert(tx, event, now_ms)
    return Accepted(first=True)


def _insert(tx: Tx, event: Event | QuarantinedEvent, now_ms: int) -> None:
    sound = isinstance(event, Event)
    send = sound and event.type == MessageSend.TYPE
    tx.run(
        "inbox_insert",
        id=str(event.id),
        type=event.type,
        ts_ms=event.ts.ms,
        wa_key=whatsapp_key(event.id) if send else None,
        data=codec.encode_data(event.data) if isinstance(event, Event) else event.raw,
        state=QUEUED if sound else QUARANTINED,
        now_ms=now_ms,
        ended_ms=None if sound else now_ms,
    )


def sends(tx: Tx, limit: int) -> list[Send]:
    """The messages to send, in the order of their arrival."""
    return [_send(row) for row in tx.all("inbox_open", type=MessageSend.TYPE, limit=limit)]


def jobs(tx: Tx, limit: int) -> list[Job]:
    """The commands to run, in the order of their arrival."""
    rows = tx.all("inbox_open", type=Command.TYPE, limit=limit)
    return [Job(UUID(row["id"]), _order(row), row["state"]) for row in rows]


def _send(row: sqlite3.Row) -> Send:
    return Send(
        event_id=UUID(row["id"]),
        key=row["wa_key"],
        order=_order(row),
        state=row["state"],
        attempts=row["attempts"],
        ts_ms=row["ts_ms"],
    )


def _order(row: sqlite3.Row) -> Any:
    return codec.decode_data(row["type"], row["data"])


def mark(
    tx: Tx, event_id: UUID, state: str, attempts: int | None, now_ms: int, *, begins: bool
) -> bool:
    """Keep an order's state; False when it is at its end. `begins`: the first word in its chat."""
    if begins:
        begun.begin(tx, event_id, now_ms)
    row = {"id": str(event_id), "attempts": attempts}
    return tx.run("inbox_mark", **row, state=state, now_ms=now_ms) == 1


def finish(tx: Tx, event_id: UUID, result: Result, now_ms: int) -> bool:
    """Keep an order's result and tell the hub; False when the order has come as far already."""
    row = tx.one("inbox_by_id", id=str(event_id))
    if row is None:
        raise KeyError(event_id)
    if row["ended_ms"] is not None and not _is_ahead(row, result):
        return False
    data = codec.encode_data(result)
    outbox.enqueue(tx, result.TYPE, data, now_ms)
    tx.run("inbox_end", id=str(event_id), state=result.state, result=data, now_ms=now_ms)
    return True


def note_ack(tx: Tx, key: str, state: SendState, now_ms: int) -> bool:
    """Take what WhatsApp says of one of our keys; it ends a send whose outcome was still open."""
    row = tx.one("inbox_by_key", wa_key=key)
    if row is None:
        return False
    event_id = UUID(row["id"])
    return finish(tx, event_id, MessageStatus(ref=event_id, wa_id=key, state=state), now_ms)


def _is_ahead(row: sqlite3.Row, result: Result) -> bool:
    """Whether the result is news for an order that has one: a send only moves forward."""
    return PROGRESS.get(result.state, 0) > PROGRESS.get(row["state"], 0)


def _result_type(order_type: str) -> str:
    return MessageStatus.TYPE if order_type == MessageSend.TYPE else CommandResult.TYPE
