"""`sak-hub tenant`: shops and their rules."""

import secrets
from typing import Any, Final

import click
import msgspec

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
from hub.store import policy
from hub.store.tx import Row, Tx

KEYS: Final = (*tenant_values.COLUMNS, *policy.KEYS)


@click.group()
def tenant() -> None:
    """Shops: add, list, set their rules."""


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


def _facts(row: Row) -> dict[str, Any]:
    facts = dict(row)
    facts["created_at"] = moment(row["created_at"])
    facts["settings"] = msgspec.to_builtins(policy.load(row["settings"]))
    return facts


@tenant.command("set", context_settings={"ignore_unknown_options": True})
@click.argument("tenant")
@click.argument("key", metavar="KEY")
@click.argument("value")
@json_option
def set_(tenant: str, key: str, value: str, as_json: bool) -> None:
    """Set the rule KEY of the shop TENANT (id or name) to VALUE.

    KEY is name, mode, contact_policy, currency, exponent, locale, timezone; a time in seconds:
    debounce_s, debounce_max_s, fresh_s, stale_s, takeover_s; a text, which an empty VALUE switches
    off: greeting, disclosure, handover, late_apology; or phone numbers separated by commas:
    chosen, never.
    """
    if key not in KEYS:
        raise Failure("unknown_key", f"{printable(key)} cannot be set. KEY is: {', '.join(KEYS)}.")

    async def work(session: Session) -> dict[str, Any]:
        return await session.store.write(lambda tx: _change(tx, tenant, key, value))

    facts = with_store(work)
    value_now = facts["settings"].get(key, facts.get(key))
    shown = ", ".join(value_now) if isinstance(value_now, list | tuple) else value_now
    line = f"{printable(facts['name'])}: {key} is now {printable(shown)}"
    answer(facts, [line], as_json=as_json)


def _change(tx: Tx, ref: str, key: str, text: str) -> dict[str, Any]:
    row = find.tenant(tx, ref)
    changed = _columns(row, key, text)
    if changed.get("name", row["name"]) != row["name"]:
        _check_free(tx, changed["name"])
    if changed.get("exponent", row["exponent"]) != row["exponent"]:
        _check_no_prices(tx, row)
    kept = {name: row[name] for name in (*tenant_values.COLUMNS, "settings")}
    tx.run("tenants.update", tenant_id=row["tenant_id"], **(kept | changed))
    return _facts(find.tenant(tx, row["tenant_id"]))


def _columns(row: Row, key: str, text: str) -> dict[str, Any]:
    if key in tenant_values.COLUMNS:
        return tenant_values.columns(key, text)
    try:
        return {"settings": policy.change(row["settings"], key, text)}
    except policy.PolicyError as error:
        raise Failure("bad_value", f"{error}.") from None


def _check_no_prices(tx: Tx, row: Row) -> None:
    """Prices are whole minor units: with another exponent each would mean another amount."""
    count = tx.one("tenants.count_products", tenant_id=row["tenant_id"])
    if count is not None and count["products"]:
        raise Failure(
            "has_prices",
            f"{row['name']} has {count['products']} products priced with {row['exponent']} "
            "decimals, and each price would change. Add a new tenant for the other currency.",
        )
