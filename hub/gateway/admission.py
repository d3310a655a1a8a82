"""What a hello leads to: one transaction that rules on it and says where both logs go on."""

from typing import Final
from uuid import UUID

import msgspec

from hub.gateway.presence import Duplicate, Revoked, Welcomed
from hub.gateway.roster import Due, Roster
from hub.gateway.takeover import Bar, Claim, Live, Ruling, Takeover, Verdict, judge
from hub.gateway.tokens import AgentIdentity
from hub.store import outbound
from hub.store.tx import Row, Tx
from protocol.errors import CloseCode
from protocol.log import resume
from protocol.messages import AgentStatus, HeldPosition, Hello, Position, SendStart
from protocol.session import Closing

REFUSALS: Final = {
    Verdict.REFUSE: Closing(CloseCode.REPLACED, "another connection of this agent is in use"),
    Verdict.BLOCK: Closing(CloseCode.DUPLICATE_AGENT, "two instances of this agent are running"),
    Verdict.BLOCKED: Closing(CloseCode.DUPLICATE_AGENT, "two instances of this agent were running"),
    Verdict.REVOKED: Closing(CloseCode.REVOKED, "this agent was revoked"),
}


class Link(msgspec.Struct, frozen=True):
    """A connection that has an agent's word: every write of its own names the generation."""

    tenant_id: str
    agent_id: str
    generation: int
    up_epoch: str
    down_epoch: str


class Entry(msgspec.Struct, frozen=True):
    """Where an accepted connection begins: the positions for its welcome."""

    link: Link
    up: Position
    down: SendStart


class Admission(msgspec.Struct, frozen=True):
    """What was decided and written; `entry` only for a hello that was accepted."""

    verdict: Verdict
    entry: Entry | None = None
    due: Due | None = None


class Arrival(msgspec.Struct, frozen=True):
    """A hello at the moment of judging it. `connection_id` and `fresh_epoch` are new and random."""

    who: AgentIdentity
    hello: Hello
    connection_id: str
    fresh_epoch: str
    now: int
    window_ms: int


def admit(tx: Tx, roster: Roster, arrival: Arrival) -> Admission:
    """Rule on a hello and write what follows from the ruling.

    Raises:
        LookupError: the agent is not in the database any more.
    """
    agent_id = arrival.who.agent_id
    roster.tick(tx, agent_id, arrival.now)  # a block that is over is over
    row = tx.one("presence.standing", agent_id=agent_id)
    if row is None:
        raise LookupError(f"agent {agent_id} has no status")
    up = _position(tx, arrival)
    ruling = _rule(tx, arrival, row, new_epoch=up.seq == 0)
    _remember(tx, arrival, ruling)
    match ruling.verdict:
        case Verdict.ACCEPT | Verdict.REPLACE:
            return _enter(tx, roster, arrival, row, ruling.verdict, up)
        case Verdict.BLOCK:
            standing = roster.move(tx, row, Duplicate(), arrival.now, ruling.blocked_until)
            tx.run("presence.expel", agent_id=agent_id)
            return Admission(ruling.verdict, due=roster.due(agent_id, standing))
        case Verdict.BLOCKED:
            tx.run("presence.block_until", agent_id=agent_id, blocked_until=ruling.blocked_until)
        case Verdict.REVOKED:
            roster.move(tx, row, Revoked(), arrival.now)
        case Verdict.REFUSE:
            pass
    return Admission(ruling.verdict)


def _position(tx: Tx, arrival: Arrival) -> Position:
    """Where the agent's log of this epoch is committed to; 0 for an epoch without a record."""
    who, epoch = arrival.who, arrival.hello.up.epoch
    row = tx.one("logs.up_position", tenant_id=who.tenant_id, agent_id=who.agent_id, epoch=epoch)
    if row is None:
        return Position(epoch=epoch, seq=0)
    return Position(epoch=epoch, seq=row["seq"], last_id=UUID(row["last_id"]))


def _rule(tx: Tx, arrival: Arrival, row: Row, *, new_epoch: bool) -> Ruling:
    since = arrival.now - arrival.window_ms
    live = None
    if row["connection_id"] is not None:
        live = Live(UUID(row["instance_id"]), row["conn_no"])
    past = [
        Takeover(it["at"], UUID(it["winner"]), UUID(it["loser"]))
        for it in tx.all("presence.takeovers", agent_id=arrival.who.agent_id, since=since)
    ]
    bar = Bar(revoked=row["revoked_at"] is not None, blocked_until=row["blocked_until"])
    claim = Claim(arrival.hello.instance_id, arrival.hello.conn_no, new_epoch)
    return judge(claim, live, past, bar, arrival.now, arrival.window_ms)


def _remember(tx: Tx, arrival: Arrival, ruling: Ruling) -> None:
    if (record := ruling.record) is None:
        return
    agent_id = arrival.who.agent_id
    tx.run("presence.forget_takeovers", agent_id=agent_id, until=record.at - arrival.window_ms)
    tx.run(
        "presence.insert_takeover",
        tenant_id=arrival.who.tenant_id,
        agent_id=agent_id,
        at=record.at,
        winner=str(record.winner),
        loser=str(record.loser),
    )


def _enter(
    tx: Tx, roster: Roster, arrival: Arrival, row: Row, verdict: Verdict, up: Position
) -> Admission:
    who, hello = arrival.who, arrival.hello
    tx.run(
        "presence.enter",
        agent_id=who.agent_id,
        connection_id=arrival.connection_id,
        instance_id=str(hello.instance_id),
        conn_no=hello.conn_no,
    )
    generation = row["generation"] + 1
    describe(tx, who.agent_id, generation, hello.status, arrival.now)
    entered = tx.one("presence.current", agent_id=who.agent_id, generation=generation) or row
    roster.move(tx, entered, Welcomed(hello.status), arrival.now)
    down = _resume_down(tx, who, hello.down, arrival)
    link = Link(who.tenant_id, who.agent_id, generation, up.epoch, down.epoch)
    return Admission(verdict, Entry(link, up, down))


def describe(tx: Tx, agent_id: str, generation: int, status: AgentStatus, seen_ms: int) -> bool:
    """Note what an agent says of itself; False when its connection has lost the word."""
    return (
        tx.run(
            "presence.describe",
            agent_id=agent_id,
            generation=generation,
            seen_ms=seen_ms,
            whatsapp=status.whatsapp,
            account=status.account,
            paused=status.paused,
            outbox=status.outbox,
            inbox=status.inbox,
        )
        == 1
    )


def _resume_down(tx: Tx, who: AgentIdentity, held: HeldPosition, arrival: Arrival) -> SendStart:
    """Where our own log goes on for this agent; what it holds counts as acknowledged."""
    tenant_id, agent_id = who.tenant_id, who.agent_id
    own = outbound.open_log(tx, tenant_id, agent_id, arrival.fresh_epoch)
    id_at_held = outbound.id_at(tx, tenant_id, agent_id, held.seq)
    after = resume(own, held, id_at_held)
    if after is None:
        own = outbound.renumber(tx, tenant_id, agent_id, arrival.fresh_epoch)
        return SendStart(epoch=own.epoch, seq=0)
    outbound.mark_acked(tx, tenant_id, agent_id, own.epoch, after)
    return SendStart(epoch=own.epoch, seq=after)
