"""What a person, or the shop itself, has to say in a chat: kept in the store until it is sent.

A command of another process may `put` it; the hub's `OutgoingWorker` looks for it once a second.
"""

from enum import StrEnum
from typing import Any, Final, Literal

import msgspec

from hub.conversation import records
from hub.conversation.turns import ChatKey
from hub.store.tx import Row, Tx

Kind = Literal["operator", "suggestion", "order_update"]

LIFE_MS: Final = 24 * 3_600_000
"""What was written a day ago is not sent by itself any more: the talk has most likely gone on."""


class Outcome(StrEnum):
    """What became of a message that was to go out; of an order's news see `started.Silence` too."""

    ORDERED = "ordered"  # the agent's log has it; what became of it there is on its message's row
    CHANGED = "changed"  # the draft that was approved is not the one that waits
    OVERTAKEN = "overtaken"  # a price, the stock or the cart changed: another draft is made
    SUPERSEDED = "superseded"  # the order moved on before it was told
    TOO_OLD = "too_old"
    NO_CHAT = "no_chat"  # it was erased
    NO_AGENT = "no_agent"  # no living agent of the shop has this WhatsApp number
    FAILED = "failed"  # by a defect of ours; the hub's log has it


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One message that is to go out at `due_at` (ms UTC).

    `outgoing_id` is a UUID: the id of the `message.send` that will carry it, so that it goes out
    once. A suggestion without `text` is sent in its own words; `version` is the turn's whose draft
    was read.
    """

    outgoing_id: str
    key: ChatKey
    kind: Kind
    text: str | None
    turn_id: str | None = None
    version: int | None = None
    order_id: str | None = None
    due_at: int
    created_at: int


def put(tx: Tx, one: Outgoing) -> None:
    """Keep a message until it is sent; one whose id is known is not added again."""
    tx.run("outgoing.put", **_row(one))


def put_approved(tx: Tx, one: Outgoing) -> bool:
    """Keep a suggestion until it is sent; False when it is on its way already.

    One that was refused may be approved again: its id is that of the turn's one reply.
    """
    return tx.run("outgoing.put_approved", **_row(one)) == 1


def _row(one: Outgoing) -> dict[str, Any]:
    fields = msgspec.structs.asdict(one)
    return fields | records.where(fields.pop("key"))


def outcome_of(tx: Tx, outgoing_id: str) -> str | None:
    """What became of a message; None while it waits, or when it is unknown."""
    row = tx.one("outgoing.outcome", outgoing_id=outgoing_id)
    return None if row is None else row["outcome"]


class Due(msgspec.Struct, frozen=True):
    """A message whose time has come, and the living agent of its chat, if there is one."""

    one: Outgoing
    agent_id: str | None
    place: int  # in the order in which they were put


def due(tx: Tx, now_ms: int, after: tuple[int, int], limit: int) -> list[Due]:
    """What is to be sent by now, the longest due first, after a time and a place."""
    rows = tx.all("outgoing.due", now_ms=now_ms, due_at=after[0], place=after[1], limit=limit)
    return [Due(_outgoing(row), row["agent_id"], row["place"]) for row in rows]


def _outgoing(row: Row) -> Outgoing:
    return Outgoing(
        outgoing_id=row["outgoing_id"],
        key=ChatKey(row["tenant_id"], row["account"], row["chat"]),
        kind=row["kind"],
        text=row["text"],
        turn_id=row["turn_id"],
        version=row["version"],
        order_id=row["order_id"],
        due_at=row["due_at"],
        created_at=row["created_at"],
    )


def finish(tx: Tx, one: Outgoing, outcome: str, now_ms: int) -> bool:
    """Note what became of a message; False when that was noted before.

    Words that were ordered stand in `messages` from now on and not here.
    """
    ended = {"outgoing_id": one.outgoing_id, "outcome": outcome, "now_ms": now_ms}
    return tx.run("outgoing.finish", **ended) == 1


def put_off(tx: Tx, one: Outgoing, due_at: int) -> None:
    """Look at a message again at another time."""
    tx.run("outgoing.put_off", outgoing_id=one.outgoing_id, due_at=due_at)


def prune(tx: Tx, now_ms: int, kept_ms: int) -> int:
    """Forget what was ended long ago; how many there were."""
    return tx.run("outgoing.prune", before_ms=now_ms - kept_ms)
