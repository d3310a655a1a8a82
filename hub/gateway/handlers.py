"""What a connection's traffic does to the database: one transaction for all that gathered.

An event's effect, its id and its position are committed together; what is to follow (waking the
worker, reporting a fault) is returned and happens after the commit.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from hub.conversation import intake
from hub.conversation.intake import AgentRef, Intake
from hub.gateway.admission import Link, describe
from hub.gateway.presence import Beat, Ended
from hub.gateway.roster import Due, Roster
from hub.store import outbound
from hub.store.policy import TenantPolicy
from hub.store.tx import Tx
from protocol.messages import (
    AgentStatus,
    CommandResult,
    Error,
    Event,
    MessageReceived,
    MessageStatus,
    QuarantinedEvent,
)

NAME_CHARS_MAX: Final = 200


class FencedError(Exception):
    """A later connection speaks for the agent: what this one brings has no effect any more."""


class Batch(msgspec.Struct, frozen=True):
    """What a connection gathered since its last transaction.

    `status` is the newest heartbeat's, `acked` the newest acknowledgement of our log; the last
    frame came at `seen_ms`.
    """

    events: tuple[Event | QuarantinedEvent, ...]
    status: AgentStatus | None
    acked: int | None
    seen_ms: int


class Outcome(msgspec.Struct, frozen=True):
    """What is to follow once the batch is on disk: events up to `newest` are to be acknowledged."""

    newest: int | None
    intakes: tuple[Intake, ...]
    faults: tuple[Error, ...]


def record(
    tx: Tx,
    roster: Roster,
    link: Link,
    batch: Batch,
    now: int,
    defaults: TenantPolicy,
    *,
    begins: bool = False,
) -> Outcome:
    """Take custody of a batch; `begins`: there is room to answer what is due at once.

    Raises:
        FencedError: the link no longer has the agent's word; nothing was written.
    """
    _fence(tx, link, batch)
    if batch.status is not None:
        row = tx.one("presence.current", agent_id=link.agent_id, generation=link.generation)
        if row is not None:
            roster.move(tx, row, Beat(batch.status), now)
    if batch.acked is not None:
        outbound.mark_acked(tx, link.tenant_id, link.agent_id, link.down_epoch, batch.acked)
    if batch.events:
        _advance(tx, link, batch.events, now)
    intakes: list[Intake] = []
    faults: list[Error] = []
    for event in batch.events:
        if not _is_new(tx, link, event, now):
            continue
        if isinstance(event, QuarantinedEvent):
            faults.append(_quarantine(tx, link, event, now))
        elif (taken := _apply(tx, link, event, now, defaults, begins=begins)) is not None:
            intakes.append(taken)
    newest = batch.events[-1].seq if batch.events else None
    return Outcome(newest, tuple(intakes), tuple(faults))


def leave(
    tx: Tx, roster: Roster, link: Link, code: int, acked: int | None, seen_ms: int, now: int
) -> Due | None:
    """Note that a connection ended with `code`; nothing if a later one has the agent's word."""
    row = tx.one("presence.current", agent_id=link.agent_id, generation=link.generation)
    if row is None:
        return None
    if acked is not None:
        outbound.mark_acked(tx, link.tenant_id, link.agent_id, link.down_epoch, acked)
    tx.run("presence.leave", agent_id=link.agent_id, generation=link.generation, seen_ms=seen_ms)
    return roster.due(link.agent_id, roster.move(tx, row, Ended(code), now))


def _fence(tx: Tx, link: Link, batch: Batch) -> None:
    """Note the sign of life, which only the connection with the agent's word can give."""
    if batch.status is not None:
        heard = describe(tx, link.agent_id, link.generation, batch.status, batch.seen_ms)
    else:
        who = {"agent_id": link.agent_id, "generation": link.generation}
        heard = tx.run("presence.see", **who, seen_ms=batch.seen_ms) == 1
    if not heard:
        raise FencedError


def _advance(tx: Tx, link: Link, events: Sequence[Event | QuarantinedEvent], now: int) -> None:
    """Move the position over events that follow each other without a gap, as a session's do."""
    moved = tx.run(
        "logs.up_advance",
        tenant_id=link.tenant_id,
        agent_id=link.agent_id,
        epoch=link.up_epoch,
        first=events[0].seq,
        seq=events[-1].seq,
        last_id=str(events[-1].id),
        now_ms=now,
    )
    if moved != 1:
        raise FencedError


def _is_new(tx: Tx, link: Link, event: Event | QuarantinedEvent, now: int) -> bool:
    """Note the event's id; False when the agent sent it before, in this epoch or an earlier one."""
    added = tx.run(
        "logs.up_event_add",
        tenant_id=link.tenant_id,
        agent_id=link.agent_id,
        event_id=str(event.id),
        type=_clip(event.type),
        now_ms=now,
    )
    return added == 1


def _quarantine(tx: Tx, link: Link, event: QuarantinedEvent, now: int) -> Error:
    tx.run(
        "logs.quarantine_add",
        tenant_id=link.tenant_id,
        agent_id=link.agent_id,
        event_id=str(event.id),
        type=_clip(event.type),
        code=event.code,
        reason=_clip(event.reason),
        frame=event.raw,
        now_ms=now,
    )
    return Error(code=event.code, message=_clip(event.reason), retryable=False, ref=event.id)


def _clip(text: str) -> str:
    """What a peer named, as it can be stored and sent: short, lone surrogates as their escapes."""
    return text[:NAME_CHARS_MAX].encode("utf-8", "backslashreplace").decode()


def _apply(
    tx: Tx, link: Link, event: Event, now: int, defaults: TenantPolicy, *, begins: bool
) -> Intake | None:
    agent = AgentRef(link.tenant_id, link.agent_id)
    match event.data:
        case MessageReceived() as message:
            return intake.take_message(tx, agent, message, now, defaults, begins=begins)
        case MessageStatus() as status:
            intake.take_status(tx, agent, status, now)
        case CommandResult() as result:
            _take_result(tx, link, result, now)
        case _:
            raise TypeError(f"{event.type} is no event of an agent's")  # the session quarantines it
    return None


def _take_result(tx: Tx, link: Link, result: CommandResult, now: int) -> None:
    tx.run(
        "logs.command_result_add",
        tenant_id=link.tenant_id,
        agent_id=link.agent_id,
        ref=str(result.ref),
        state=result.state,
        data=None if result.data is None else _json(result.data),
        error=None if result.error is None else _json(result.error),
        now_ms=now,
    )
    outbound.record_result(tx, link.tenant_id, link.agent_id, result.ref, result.state)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
