"""The up log inside the journal's transactions: what this agent tells the hub, until it has it.

Every function runs on the journal's thread inside the transaction of the fact that caused it.
"""

from typing import Any
from uuid import UUID, uuid4

import msgspec

from agent.database import Tx
from protocol import codec
from protocol.errors import LocalProtocolError
from protocol.log import OwnLog, resume
from protocol.messages import TEXT_MAX_CHARS, Instant, MessageReceived, Position

NAME_MAX_CHARS = 1024  # of any string but the text; only what is broken is longer


def enqueue(tx: Tx, name: str, data: str, now_ms: int) -> None:
    """Append an event of this type under a new id."""
    append(tx, uuid4(), name, data, now_ms)


def append(tx: Tx, event_id: UUID, name: str, data: str, now_ms: int) -> None:
    """Append an event; its seq is the next of the epoch."""
    seq = tx.only("facts_up_next")["up_head"]
    tx.run("outbox_insert", seq=seq, id=str(event_id), type=name, data=data, now_ms=now_ms)


def own_log(tx: Tx) -> OwnLog:
    """What this agent knows of its log."""
    facts, oldest = tx.only("facts"), tx.only("outbox_oldest")["seq"]
    head = facts["up_head"]
    return OwnLog(facts["up_epoch"], head, facts["up_acked"], oldest or head + 1)


def after(tx: Tx, seq: int, limit: int) -> list[codec.LogRow]:
    """The events that follow `seq`, in order."""
    rows = tx.all("outbox_after", seq=seq, limit=limit)
    return [
        codec.LogRow(UUID(row["id"]), row["seq"], Instant(row["ts_ms"]), row["type"], row["data"])
        for row in rows
    ]


def acknowledge(tx: Tx, seq: int, now_ms: int, hub_ms: int) -> None:
    """Note that the hub has every event up to `seq`; `hub_ms` is now by the hub's clock."""
    tx.run("seen_told", seq=seq, hub_ms=hub_ms)
    tx.run("outbox_acked", seq=seq, now_ms=now_ms)
    tx.run("facts_up_acked", seq=seq)


def go_on(tx: Tx, held: Position, now_ms: int, hub_ms: int) -> bool:
    """Continue after the hub's position; False when only a new epoch can heal the difference."""
    row = tx.one("outbox_id", seq=held.seq)
    seq = resume(own_log(tx), held, UUID(row["id"]) if row is not None else None)
    if seq is None:
        return False
    acknowledge(tx, seq, now_ms, hub_ms)
    tx.run("outbox_unacked", seq=seq)
    return True


def begin_epoch(tx: Tx) -> None:
    """Queue every event that is kept once more, numbered from 1 under a new epoch."""
    tx.run("outbox_renumber")
    tx.run("outbox_positive")
    tx.run("facts_up_begin", epoch=uuid4().hex)


def storable(message: MessageReceived) -> tuple[MessageReceived, str]:
    """The message as the wire can carry it, and its JSON: text is cut, bad characters replaced."""
    if message.text is not None and len(message.text) > TEXT_MAX_CHARS:
        message = msgspec.structs.replace(message, text=message.text[:TEXT_MAX_CHARS])
    try:
        return message, codec.encode_data(message)
    except LocalProtocolError:
        message = msgspec.structs.replace(
            _cleaned(message), text=None if message.text is None else _sound(message.text)
        )
    while True:  # JSON's escapes can make six bytes of one: halve the text until it fits
        try:
            return message, codec.encode_data(message)
        except LocalProtocolError:
            if not message.text:  # never so: what is left has a bound
                raise
            message = msgspec.structs.replace(message, text=message.text[: len(message.text) // 2])


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return _sound(value[:NAME_MAX_CHARS])
    if isinstance(value, msgspec.Struct):
        fields = value.__struct_fields__
        return type(value)(**{name: _cleaned(getattr(value, name)) for name in fields})
    return value


def _sound(text: str) -> str:
    """The text with U+FFFD where it held NUL or half of a surrogate pair."""
    return (
        text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )
