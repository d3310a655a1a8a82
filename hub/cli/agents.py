"""`sak-hub agent`: the programs on the shops' PCs, and who may connect."""

from typing import Any, Final

import click

from hub.cli import find
from hub.cli.command import (
    Failure,
    Session,
    answer,
    json_option,
    moment,
    printable,
    table,
    with_store,
)
from hub.gateway.pairing import Invitation, new_code, offer_in
from hub.gateway.presence import Limits, Revoked, Unblocked
from hub.gateway.roster import Roster
from hub.settings import Settings
from hub.store import serving
from hub.store.tx import Row, Tx

UNSERVED: Final = ("online", "degraded", "lost")
UNSERVED_STATUS: Final = "unknown"
"""What these say while no hub keeps the table: only a running hub hears heartbeats."""


@click.group()
def agent() -> None:
    """Agents: invite, list, revoke, unblock."""


@agent.command()
@click.argument("tenant")
@json_option
def invite(tenant: str, as_json: bool) -> None:
    """Make a pairing code for a PC of the shop TENANT (id or name). It works once."""

    async def work(session: Session) -> tuple[Invitation, Settings]:
        code, now_ms, ttl_s = new_code(), session.clock.now_ms(), session.settings.pairing_ttl_s

        def offer(tx: Tx) -> Invitation:
            return offer_in(tx, find.tenant(tx, tenant)["tenant_id"], code, now_ms, ttl_s)

        return await session.store.write(offer), session.settings

    invitation, settings = with_store(work)
    expires_at = moment(invitation.expires_at)
    lines = [
        f"Pairing code: {invitation.code}  (once, until {expires_at})",
        f"On the shop's PC: sak-agent pair {_address(settings)} {invitation.code}",
    ]
    if settings.public_url is None:
        lines.append("Set SAK_HUB_PUBLIC_URL to the address at which other PCs reach this hub.")
    answer({"code": invitation.code, "expires_at": expires_at}, lines, as_json=as_json)


def _address(settings: Settings) -> str:
    """Where a PC reaches the hub, as far as the settings tell."""
    if settings.public_url is not None:
        return settings.public_url
    local = settings.is_local and settings.tls_cert is None
    return f"http://{settings.host}:{settings.port}" if local else "URL"


@agent.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Show all agents and how they are."""

    async def work(session: Session) -> tuple[list[Row], bool]:
        return await session.store.all("agents.all"), serving.is_served(session.store.path)

    rows, is_served = with_store(work)
    facts = [_facts(row) for row in rows]
    stale = [] if is_served else [fact for fact in facts if fact["status"] in UNSERVED]
    for fact in stale:
        fact["status"] = UNSERVED_STATUS
    heads = ("agent_id", "tenant", "name", "status", "since", "last_seen", "whatsapp")
    lines = table(heads, [[fact[head] for head in heads] for fact in facts])
    if stale:
        lines.append("No hub is running here, so nobody knows how these agents are now.")
    answer({"agents": facts}, lines if facts else ["No agents yet."], as_json=as_json)


def _facts(row: Row) -> dict[str, Any]:
    facts = dict(row)
    for name in ("created_at", "revoked_at", "since", "last_seen", "blocked_until"):
        facts[name] = moment(row[name])
    return facts


@agent.command()
@click.argument("agent")
@json_option
def revoke(agent: str, as_json: bool) -> None:
    """Shut AGENT (id or unique name) out for good; a running hub closes its socket at once."""

    async def work(session: Session) -> Row:
        now_ms = session.clock.now_ms()
        return await session.store.write(lambda tx: _revoke(tx, agent, now_ms))

    row = with_store(work)
    line = f"Revoked {printable(row['name'])} ({row['agent_id']}). To come back it is paired anew."
    answer({"agent_id": row["agent_id"], "status": "blocked"}, [line], as_json=as_json)


def _revoke(tx: Tx, ref: str, now_ms: int) -> Row:
    row = find.agent(tx, ref)
    agent_id = row["agent_id"]
    tx.run("agents.revoke", agent_id=agent_id, now_ms=now_ms)
    tx.run("tokens.retire_all", agent_id=agent_id, now_ms=now_ms)
    standing = tx.one("presence.standing", agent_id=agent_id)
    if standing is not None:
        _ROSTER.move(tx, standing, Revoked(), now_ms)
        tx.run("presence.block_until", agent_id=agent_id, blocked_until=None)
    return row


@agent.command()
@click.argument("agent")
@json_option
def unblock(agent: str, as_json: bool) -> None:
    """Let AGENT (id or unique name) in again after two copies of it ran at once."""

    async def work(session: Session) -> Row:
        now_ms = session.clock.now_ms()
        return await session.store.write(lambda tx: _unblock(tx, agent, now_ms))

    row = with_store(work)
    line = f"{printable(row['agent_id'])} is {row['status']}. Run one copy of it only."
    answer({"agent_id": row["agent_id"], "status": row["status"]}, [line], as_json=as_json)


def _unblock(tx: Tx, ref: str, now_ms: int) -> Row:
    found = find.agent(tx, ref)
    agent_id = found["agent_id"]
    if found["revoked_at"] is not None:
        raise Failure(
            "revoked", f"{agent_id} was revoked, which is for good. Pair that PC again instead."
        )
    standing = tx.one("presence.standing", agent_id=agent_id)
    if standing is None:
        raise Failure("no_status", f"{agent_id} has no status yet, so nothing keeps it out.")
    _ROSTER.move(tx, standing, Unblocked(), now_ms)
    tx.run("presence.forget_takeovers", agent_id=agent_id, until=now_ms)
    after = tx.one("presence.standing", agent_id=agent_id)
    return standing if after is None else after


_ROSTER = Roster(Limits(started_at=0))  # neither step here depends on time
