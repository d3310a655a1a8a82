"""`sak-hub audit`: what a shop's phone shows, against what the hub has stored."""

from typing import Any, Final
from zoneinfo import ZoneInfo

import click
import msgspec

from hub.cli import find
from hub.cli.audit_asking import Asker, Refusal, Told
from hub.cli.audit_sheet import Finding, Healed, facts_of, lines_of
from hub.cli.command import Session, answer, json_option, with_store
from hub.conversation import audit_reading
from hub.conversation.audit import Calendar, Comparison, begins_ms, compare
from hub.conversation.audit_reading import Account
from hub.store import serving
from hub.store.tx import Row, Tx
from protocol.audit import Shown

DAYS_MAX: Final = 31
WAIT_MAX_S: Final = 3600
HERE: Final = ("online", "degraded")
NOT_SERVED: Final = "No hub is running here, so nobody can ask the agent."
NO_AGENT: Final = "No agent holds this number. See 'sak-hub agent list'."
NOT_HERE: Final = "The agent is {status}. Start it, or look at 'sak-agent doctor' on that PC."
OTHER_NUMBER: Final = "The agent's phone now has another number, so it does not show this one."
WRONG: Final = 1


class Shop(msgspec.Struct, frozen=True):
    """Whose audit, of what period."""

    tenant: Row
    agents: list[Row]
    accounts: set[str]
    calendar: Calendar
    is_served: bool
    wait_s: float

    @property
    def tenant_id(self) -> str:
        """The shop's id."""
        tenant_id: str = self.tenant["tenant_id"]
        return tenant_id


class Answer(msgspec.Struct, frozen=True):
    """What an agent told, or `why` it did not."""

    agent: Row
    told: Told | None
    why: str | None = None


@click.command()
@click.argument("shop")
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, DAYS_MAX))
@click.option(
    "--wait",
    "wait_s",
    default=120,
    show_default=True,
    type=click.IntRange(1, WAIT_MAX_S),
    help="Seconds that an agent has to answer; long periods with many chats take longer.",
)
@json_option
def audit(shop: str, days: int, wait_s: int, as_json: bool) -> int:
    """Compare the phone of SHOP (id or name) with what the hub has stored.

    Each day of the shop's calendar says what the phone shows, what is stored, what was answered and
    what waits for you. What the hub lacks is named, and its agent told to tell it again. Ends with
    1 when something is missing after that. docs/audit.md explains the words.
    """

    async def work(session: Session) -> tuple[Shop, list[Finding]]:
        this = await _look(session, shop, days, wait_s)
        answers = [await _ask(session, this, agent) for agent in this.agents]
        accounts = {it.told.account for it in answers if it.told is not None} | this.accounts
        return this, [await _find(session, this, it, answers) for it in sorted(accounts)]

    this, findings = with_store(work)
    facts: dict[str, Any] = facts_of(this.tenant, this.calendar, findings)
    answer(facts, lines_of(this.tenant, findings), as_json=as_json)
    return WRONG if any(finding.is_wrong for finding in findings) else 0


async def _look(session: Session, ref: str, days: int, wait_s: float) -> Shop:
    now_ms, is_served = session.clock.now_ms(), serving.is_served(session.store.path)

    def look(tx: Tx) -> Shop:
        tenant = find.tenant(tx, ref)
        where = {"tenant_id": tenant["tenant_id"]}
        agents = [row for row in tx.all("agents.of_tenant", **where) if row["status"] != "blocked"]
        named = {row["account"] for row in agents if row["account"] is not None}
        accounts = named | {row["account"] for row in tx.all("audit.accounts", **where)}
        zone = ZoneInfo(tenant["timezone"])
        calendar = Calendar(zone, begins_ms(zone, now_ms, days), now_ms)
        return Shop(tenant, agents, accounts, calendar, is_served, wait_s)

    return await session.store.read(look)


async def _ask(session: Session, shop: Shop, agent: Row) -> Answer:
    """What an agent's phone shows, or why it cannot be asked."""
    if not shop.is_served:
        return Answer(agent, None, NOT_SERVED)
    if agent["status"] not in HERE:
        return Answer(agent, None, NOT_HERE.format(status=agent["status"]))
    try:
        return Answer(agent, await _asker(session, shop, agent).shown(shop.calendar.since_ms))
    except Refusal as refusal:
        return Answer(agent, None, str(refusal))


def _asker(session: Session, shop: Shop, agent: Row) -> Asker:
    return Asker(session, shop.tenant_id, agent["agent_id"], shop.wait_s)


async def _find(session: Session, shop: Shop, account: str, answers: list[Answer]) -> Finding:
    """Compare one number, and have what is missing told again."""
    chosen = answer_of(account, answers)
    told = None if chosen is None else chosen.told
    shown = None if told is None else told.shown
    since_ms = shop.calendar.since_ms if told is None else told.since_ms
    compared = await session.store.read(lambda tx: _compare(tx, shop, account, since_ms, shown))
    healed = None
    if compared.missing and chosen is not None:
        healed = await _heal(session, shop, chosen.agent, account, compared.missing)
    return Finding(
        account=account,
        agent_id=None if chosen is None else chosen.agent["agent_id"],
        why=NO_AGENT if chosen is None else chosen.why,
        since_ms=since_ms,
        found=0 if told is None else told.found,
        compared=compared,
        healed=healed,
    )


def answer_of(account: str, answers: list[Answer]) -> Answer | None:
    """The answer for a number: of who has its phone, else of who had it, or may have it."""
    for one in answers:
        if one.told is not None and one.told.account == account:
            return one
    for one in answers:
        if one.told is None and one.agent["account"] in (account, None):
            return one
    had = (one for one in answers if one.agent["account"] == account)
    return next((Answer(one.agent, None, OTHER_NUMBER) for one in had), None)


def _compare(
    tx: Tx, shop: Shop, account: str, since_ms: int, shown: tuple[Shown, ...] | None
) -> Comparison:
    of = Account(shop.tenant_id, account, since_ms, shop.calendar.until_ms)
    calendar = msgspec.structs.replace(shop.calendar, since_ms=since_ms)
    gone = audit_reading.erased(tx, of, shown or ())
    return compare(shown, audit_reading.stored(tx, of, shown), gone, calendar)


async def _heal(
    session: Session, shop: Shop, agent: Row, account: str, missing: tuple[Shown, ...]
) -> Healed:
    """Have messages told again, and see which of them are there then."""
    why = None
    try:
        await _asker(session, shop, agent).tell_again(account, missing)
    except Refusal as refusal:
        why = str(refusal)
    since_ms = missing[0].sent_at.ms
    after = await session.store.read(lambda tx: _compare(tx, shop, account, since_ms, missing))
    return Healed(why, after.missing)
