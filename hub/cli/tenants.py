"""`sak-hub tenant`: shops and their rules."""

import secrets
from typing import Any, Final

import click
import msgspec

from hub.assistant.allowance import Allowance
from hub.cli import find, tenant_values
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
from hub.cli.samples import add_samples
from hub.cli.tenant_spending import allowed, asked, spending
from hub.commerce import model_wishes, price_settings, shop_profile, shop_settings
from hub.commerce.catalog_fields import Money
from hub.commerce.errors import BadValueError
from hub.commerce.shipping import NoShipping
from hub.store import policy
from hub.store.tx import Row, Tx

KEYS: Final = (*tenant_values.COLUMNS, *shop_settings.KEYS)
PARTS: Final = ("settings", "shop", "pricing", "model")
"""Where the rules stand that are no columns of their own."""


@click.group()
def tenant() -> None:
    """Shops: add, list, show, set their rules."""


@tenant.command()
@click.argument("name")
@click.option(
    "--mode", type=click.Choice(tenant_values.MODES), default="suggest", show_default=True
)
@click.option("--currency", default="INR", show_default=True, help="ISO 4217 code of its prices.")
@click.option("--locale", default="en_IN", show_default=True, help="How amounts are written.")
@click.option("--timezone", default="Asia/Kolkata", show_default=True)
@json_option
def add(name: str, mode: str, currency: str, locale: str, timezone: str, as_json: bool) -> None:
    """Add the shop NAME. With --mode auto it answers everyone by itself."""
    row = {
        "tenant_id": tenant_values.ID_PREFIX + secrets.token_hex(8),
        "name": tenant_values.name(name),
        "mode": mode,
        "contact_policy": "everyone" if mode == "auto" else "chosen",
        **tenant_values.currency(currency),
        "locale": tenant_values.locale(locale),
        # The default is not looked up: a machine without time zone data can still be tried out.
        "timezone": timezone if timezone == "Asia/Kolkata" else tenant_values.timezone(timezone),
    }

    async def work(session: Session) -> None:
        await session.store.write(lambda tx: _insert(tx, row, session.clock.now_ms()))

    with_store(work)
    answer(row, [_added(row), f"Next: sak-hub agent invite {row['tenant_id']}"], as_json=as_json)


def _insert(tx: Tx, row: dict[str, Any], now_ms: int) -> None:
    _check_free(tx, row["name"])
    tx.run("tenants.insert", **row, created_at=now_ms)


def _check_free(tx: Tx, name: str) -> None:
    if tx.one("tenants.named", ref=name) is not None:
        raise Failure("name_taken", f"There is a tenant {name} already. Choose another name.")


def _added(row: dict[str, Any]) -> str:
    who = {"everyone": "everyone", "chosen": "chosen contacts only"}[row["contact_policy"]]
    return f"Added {row['name']} as {row['tenant_id']}: mode {row['mode']}, for {who}."


@tenant.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Show all shops with their rules."""

    async def work(session: Session) -> list[Row]:
        return await session.store.all("tenants.all")

    facts = [_facts(row) for row in with_store(work)]
    heads = ("tenant_id", "name", "mode", "contact_policy", "currency", "products")
    lines = table(heads, [[fact[head] for head in heads] for fact in facts])
    answer({"tenants": facts}, lines if facts else ["No tenants yet."], as_json=as_json)


@tenant.command()
@click.argument("tenant")
@json_option
def show(tenant: str, as_json: bool) -> None:
    """Show the shop TENANT with every rule that can be set."""

    async def work(session: Session) -> tuple[dict[str, Any], Allowance]:
        row = await session.store.read(lambda tx: find.tenant(tx, tenant))
        return _facts(row), allowed(row, session.settings)

    facts, has = with_store(work)
    plain = {name: value for name, value in facts.items() if name not in PARTS}
    plain["answers"] = asked(has)
    pairs = [pair for part in (plain, *(facts[name] for name in PARTS)) for pair in part.items()]
    shown = [(key, _text(value)) for key, value in pairs]
    facts |= {"answers": has.mode, "model_missing": has.missing}
    answer(facts, table(("", ""), shown)[1:], as_json=as_json)


def _facts(row: Row) -> dict[str, Any]:
    """A shop's columns and, each in a part of its own, its rules, profile, prices and model."""
    facts = dict(row)
    facts["created_at"] = moment(row["created_at"])
    stored = row["settings"]
    facts["settings"] = msgspec.to_builtins(policy.load(stored))
    facts["shop"] = msgspec.to_builtins(shop_profile.load(stored))
    price_policy = price_settings.load(stored, row["currency"], row["exponent"])
    facts["pricing"] = price_settings.shown(price_policy)
    facts["model"] = model_wishes.shown(model_wishes.load(stored))
    return facts


def _text(value: object) -> object:
    if isinstance(value, bool):
        return ("no", "yes")[value]
    return ", ".join(value) if isinstance(value, list | tuple) else value


@tenant.command("set", context_settings={"ignore_unknown_options": True})
@click.argument("tenant")
@click.argument("key", metavar="KEY")
@click.argument("value")
@json_option
def set_(tenant: str, key: str, value: str, as_json: bool) -> None:
    """Set the rule KEY of the shop TENANT (id or name) to VALUE.

    KEY is name, mode, contact_policy, currency, exponent, locale, timezone; or one of the
    conversation's, the shop's, the prices' or the model's rules, which docs/settings.md explains.
    An empty VALUE takes a rule back, or switches a text off.
    """
    if key not in KEYS:
        raise Failure("unknown_key", f"{printable(key)} cannot be set. KEY is: {', '.join(KEYS)}.")

    async def work(session: Session) -> tuple[dict[str, Any], Allowance]:
        row = await session.store.write(lambda tx: _change(tx, tenant, key, value))
        return _facts(row), allowed(row, session.settings)

    facts, has = with_store(work)
    known = facts | {name: value for part in PARTS for name, value in facts[part].items()}
    is_hubs = key in model_wishes.KEYS and known[key] is None
    now = "as the hub has it" if is_hubs else printable(_text(known[key]))
    lines = [f"{printable(facts['name'])}: {key} is now {now}"]
    if key in model_wishes.KEYS and has.missing is not None:
        lines.append(f"It is answered {asked(has)}")
    answer(facts, lines, as_json=as_json)


def _change(tx: Tx, ref: str, key: str, text: str) -> Row:
    row = find.tenant(tx, ref)
    changed = _columns(row, key, text)
    if changed.get("name", row["name"]) != row["name"]:
        _check_free(tx, changed["name"])
    if changed.get("exponent", row["exponent"]) != row["exponent"]:
        _check_no_amounts(tx, row)
    kept = {name: row[name] for name in (*tenant_values.COLUMNS, "settings")}
    tx.run("tenants.update", tenant_id=row["tenant_id"], **(kept | changed))
    return find.tenant(tx, row["tenant_id"])


def _columns(row: Row, key: str, text: str) -> dict[str, Any]:
    if key in tenant_values.COLUMNS:
        return tenant_values.columns(key, text)
    money = Money(row["currency"], row["exponent"])
    try:
        return {"settings": shop_settings.change(row["settings"], key, text, money)}
    except policy.PolicyError as error:
        raise Failure("bad_value", f"{error}.") from None
    except BadValueError as error:
        raise Failure("bad_value", f"{key}: {error}.") from None


def _check_no_amounts(tx: Tx, row: Row) -> None:
    """Amounts are stored in minor units: with other decimals each would be another one."""
    what = _amounts(tx, row)
    if what is not None:
        raise Failure(
            "has_prices",
            f"{row['name']} has {what} with {row['exponent']} decimals, and each amount would "
            "change. Add a new tenant for the other currency.",
        )


def _amounts(tx: Tx, row: Row) -> str | None:
    whose = {"tenant_id": row["tenant_id"]}
    count = tx.one("tenants.count_products", **whose)
    if count is not None and count["products"]:
        return f"{count['products']} products priced"
    price_policy = price_settings.load(row["settings"], row["currency"], row["exponent"])
    if not isinstance(price_policy.shipping, NoShipping):
        return "fees for shipping"
    return "discount rules" if tx.one("discounts.all", **whose) else None


tenant.add_command(add_samples)
tenant.add_command(spending)
