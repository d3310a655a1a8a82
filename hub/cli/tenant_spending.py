"""`sak-hub tenant spending`: what a shop used of the model, and what its limits leave."""

from decimal import Decimal
from typing import Any, Final

import click

from hub.assistant import allowance, purse
from hub.assistant.allowance import Allowance
from hub.assistant.budget import MICROS, Account, Limit, Scope, Spent, accounts_of
from hub.cli import find
from hub.cli.command import Session, answer, json_option, printable, table, with_store
from hub.commerce import model_wishes
from hub.settings import Settings
from hub.store.tx import Row, Tx

NAMES: Final[dict[Scope, str]] = {"tenant_day": "today", "tenant_month": "this month"}
HEADS: Final = ("", "tokens", "limit", "left", "cost", "limit", "left", "not asked")


def allowed(row: Row, settings: Settings) -> Allowance:
    """What the shop of this row has of the hub's model."""
    return allowance.of_shop(allowance.of_hub(settings), model_wishes.load(row["settings"]))


def asked(has: Allowance) -> str:
    """In which mode a shop is answered, in words; and why without a model, if the hub has none."""
    if has.missing is None:
        return has.mode
    return (
        f"{has.mode}: with the settings found here the hub asks no model. For that, {has.missing}"
    )


@click.command()
@click.argument("tenant")
@json_option
def spending(tenant: str, as_json: bool) -> None:
    """Show what the shop TENANT used of the model today and this month, and what is left.

    The days are the shop's own. Costs are in the currency of the provider's bill. What a call
    under way may use counts as used until it ends.
    """

    async def work(session: Session) -> tuple[dict[str, Any], Allowance]:
        now_ms = session.clock.now_ms()
        return await session.store.read(lambda tx: _spent(tx, tenant, session.settings, now_ms))

    facts, has = with_store(work)
    answer(facts, _lines(facts, has), as_json=as_json)


def _spent(tx: Tx, ref: str, settings: Settings, now_ms: int) -> tuple[dict[str, Any], Allowance]:
    row = find.tenant(tx, ref)
    has = allowed(row, settings)
    accounts = accounts_of(row["tenant_id"], "", row["timezone"], now_ms)
    facts: dict[str, Any] = {
        "tenant_id": row["tenant_id"],
        "name": row["name"],
        "timezone": row["timezone"],
        "answers": has.mode,
        "model_missing": has.missing,
        "tenant_day": _of(tx, accounts["tenant_day"], has.limits.tenant_day),
        "tenant_month": _of(tx, accounts["tenant_month"], has.limits.tenant_month),
        "customer_day": _of_customers(tx, accounts["customer_day"], has.limits.customer_day),
    }
    return facts, has


def _of(tx: Tx, account: Account, limit: Limit) -> dict[str, Any]:
    used = purse.spent(tx, account)
    return {
        "period": account.period,
        **_beside(used, limit),
        "cost": _cost(used.micros),
        "cost_max": _cost(limit.micros),
        "cost_left": _cost(_left(limit.micros, used.micros)),
        "not_asked": purse.refused(tx, account),
    }


def _of_customers(tx: Tx, account: Account, limit: Limit) -> dict[str, Any]:
    """How it stands with the one who used most."""
    row = tx.one("spending.customers", tenant_id=account.tenant_id, period=account.period)
    if row is None:
        raise LookupError("an aggregate is always one row")
    return {
        "period": account.period,
        **_beside(Spent(row["tokens"]), limit),
        "customers": row["customers"],
        "customers_stopped": row["stopped"],
    }


def _beside(used: Spent, limit: Limit) -> dict[str, int | None]:
    left = _left(limit.tokens, used.tokens)
    return {"tokens": used.tokens, "tokens_max": limit.tokens, "tokens_left": left}


def _left(limit: int | None, used: int) -> int | None:
    return None if limit is None else max(0, limit - used)


def _cost(micros: int | None) -> str | None:
    return None if micros is None else f"{Decimal(micros) / MICROS:f}"


def _lines(facts: dict[str, Any], has: Allowance) -> list[str]:
    rows = []
    for scope, name in NAMES.items():
        told = facts[scope]
        costs = (told["cost"], told["cost_max"], told["cost_left"])
        rows.append((f"{name}, {told['period']}", *_tokens(told), *costs, told["not_asked"]))
    most = facts["customer_day"]
    rows.append(("the customer who used most today", *_tokens(most), "", "", "", ""))
    head = f"{printable(facts['name'])} ({facts['timezone']}), answers {asked(has)}"
    stopped = f"Customers who reached their limit today: {most['customers_stopped']}"
    return [head, *table(HEADS, rows), stopped]


def _tokens(told: dict[str, Any]) -> tuple[str | None, ...]:
    counts = (told["tokens"], told["tokens_max"], told["tokens_left"])
    return tuple(None if count is None else f"{count:,}" for count in counts)
