"""`sak-hub discount`: what the shop takes off its customers' orders."""

import secrets
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import click
import msgspec

from hub.cli import find
from hub.cli.command import Failure, answer, changed, json_option, looked, moment, printable, table
from hub.cli.discount_values import WEEKDAYS, rule_of
from hub.commerce import discount_store
from hub.commerce.discount_store import StoredRule
from hub.commerce.discounts import DiscountRule
from hub.commerce.money import format_money
from hub.store.tx import Row, Tx

ID_PREFIX: Final = "dis_"
RULES_MAX: Final = 1_000
"""Of a shop, those out of use included: each quote looks at all that are in use."""


@click.group()
def discount() -> None:
    """Discount rules: add, list, remove, restore.

    If any rule that fits an order does not stack, the best single one counts; else all that fit,
    one after the other, in the order in which they were added.
    """


@discount.command()
@click.argument("tenant")
@click.argument("name")
@click.option("--percent", "pct", help="What is taken off, in percent.")
@click.option("--amount", help="What is taken off, as an amount.")
@click.option("--max-amount", help="The most that the percentage may come to.")
@click.option("--coupon", help="Only for customers who name this code.")
@click.option("--uses-max", help="Only for so many orders in all.")
@click.option("--min-value", help="Only from this value of goods on.")
@click.option("--min-qty", help="Only from so many units on.")
@click.option("--max-qty", help="Only up to so many units.")
@click.option("--tier", "tiers", multiple=True, help="Only for customers of this tier.")
@click.option("--customer", "customers", multiple=True, help="Only for this customer.")
@click.option("--sku", "skus", multiple=True, help="Only on this product.")
@click.option("--category", "categories", multiple=True, help="Only on products of this category.")
@click.option("--starts", "starts_at", help="First day or minute, like 2026-03-10 or ...T18:30.")
@click.option("--ends", "ends_at", help="Last day, or the minute from which it is over.")
@click.option("--weekday", "weekdays", multiple=True, type=click.Choice(WEEKDAYS))
@click.option("--hours", help="Only within these hours, like 9-17 or 22-2.")
@click.option("--first-order", is_flag=True, help="Only on a customer's first order.")
@click.option("--stackable", is_flag=True, help="Beside others that stack.")
@json_option
def add(tenant: str, name: str, as_json: bool, **typed: Any) -> None:
    """Put the rule NAME into use in the shop TENANT. Customers read its name on their bill.

    Options that may be given several times ask for any of their values. Times are the shop's own.
    """

    def change(tx: Tx, now_ms: int) -> tuple[Row, StoredRule]:
        shop = find.tenant(tx, tenant)
        rule_id = ID_PREFIX + secrets.token_hex(8)
        rule = rule_of(tx, shop, rule_id, name, typed)
        _check_free(discount_store.all_rules(tx, shop["tenant_id"]), rule)
        discount_store.add(tx, shop["tenant_id"], rule, now_ms)
        return shop, StoredRule(rule, active=True, created_at=now_ms)

    shop, stored = changed(change)
    line = f"Added {printable(stored.rule.name)}: {_takes(stored.rule, shop)}."
    asked = ", ".join(_asked(stored.rule, shop))
    answer(_facts(stored), [line, *([f"Only: {asked}"] if asked else [])], as_json=as_json)


def _check_free(stored: list[StoredRule], new: DiscountRule) -> None:
    """Failure when the shop has, or had, a rule of this name or coupon."""
    if len(stored) >= RULES_MAX:
        raise Failure("too_many_rules", f"A shop keeps at most {RULES_MAX} discount rules.")
    for kind, mine in (("name", new.name), ("coupon", new.coupon)):
        twin = next((one for one in stored if mine and getattr(one.rule, kind) == mine), None)
        if twin is not None:
            name = printable(twin.rule.name)
            back = "" if twin.active else ", or put it back with 'sak-hub discount restore'"
            raise Failure(
                f"{kind}_taken",
                f"The rule {name} has the {kind} {printable(mine)} already. "
                f"Choose another {kind}{back}.",
            )


@discount.command("list")
@click.argument("tenant")
@json_option
def list_(tenant: str, as_json: bool) -> None:
    """Show the rules of the shop TENANT, those out of use too, in the order of their use."""

    def look(tx: Tx) -> tuple[Row, list[StoredRule]]:
        shop = find.tenant(tx, tenant)
        return shop, discount_store.all_rules(tx, shop["tenant_id"])

    shop, rules = looked(look)
    rows = [
        (
            stored.rule.name,
            "yes" if stored.active else "no",
            _takes(stored.rule, shop),
            ", ".join(_asked(stored.rule, shop)),
            "yes" if stored.rule.stackable else "no",
            stored.rule.uses,
        )
        for stored in rules
    ]
    lines = table(("name", "active", "takes", "only", "stacks", "uses"), rows)
    none = ["No discount rules yet."]
    answer({"discounts": [_facts(one) for one in rules]}, lines if rules else none, as_json=as_json)


@discount.command()
@click.argument("tenant")
@click.argument("name")
@json_option
def remove(tenant: str, name: str, as_json: bool) -> None:
    """Put the rule NAME of the shop TENANT out of use; orders that had it keep it."""
    _switch(tenant, name, active=False, as_json=as_json)


@discount.command()
@click.argument("tenant")
@click.argument("name")
@json_option
def restore(tenant: str, name: str, as_json: bool) -> None:
    """Put the rule NAME of the shop TENANT into use again."""
    _switch(tenant, name, active=True, as_json=as_json)


def _switch(tenant: str, name: str, *, active: bool, as_json: bool) -> None:
    def change(tx: Tx, _: int) -> dict[str, Any]:
        tenant_id = find.tenant(tx, tenant)["tenant_id"]
        if not discount_store.set_active(tx, tenant_id, name, active=active):
            raise Failure(
                "unknown_discount",
                f"There is no rule {printable(name)}. 'sak-hub discount list TENANT' shows all.",
            )
        rules = discount_store.all_rules(tx, tenant_id)
        return _facts(next(stored for stored in rules if stored.rule.name == name))

    facts = changed(change)
    word = "in use" if active else "out of use"
    answer(facts, [f"{printable(name)} is {word}."], as_json=as_json)


def _facts(stored: StoredRule) -> dict[str, Any]:
    rule = stored.rule
    facts: dict[str, Any] = msgspec.to_builtins(rule)
    times = {key: moment(facts[key]) for key in ("starts_at", "ends_at")}
    weekdays = [WEEKDAYS[day] for day in rule.weekdays]
    more = {"active": stored.active, "created_at": moment(stored.created_at)}
    return facts | times | {"weekdays": weekdays} | more


def _takes(rule: DiscountRule, shop: Row) -> str:
    if rule.amount is not None:
        return _money(rule.amount, shop)
    most = "" if rule.max_amount is None else f", at most {_money(rule.max_amount, shop)}"
    return f"{rule.pct:f}%{most}"


def _asked(rule: DiscountRule, shop: Row) -> Iterator[str]:
    """What an order must be to have the rule's discount."""
    yield from _limits(rule, shop)
    named = {
        "tier": rule.tiers,
        "customer": rule.customers,
        "product": rule.skus,
        "category": rule.categories,
    }
    yield from (f"{word} {' or '.join(names)}" for word, names in named.items() if names)
    yield from _times(rule, ZoneInfo(shop["timezone"]))
    if rule.first_order:
        yield "first order"


def _limits(rule: DiscountRule, shop: Row) -> Iterator[str]:
    if rule.coupon is not None:
        yield f"coupon {rule.coupon}"
    if rule.uses_max is not None:
        yield f"{rule.uses_max} orders in all"
    if rule.min_value:
        yield f"from {_money(rule.min_value, shop)}"
    if rule.min_qty is not None:
        yield f"from {rule.min_qty:f} units"
    if rule.max_qty is not None:
        yield f"up to {rule.max_qty:f} units"


def _times(rule: DiscountRule, zone: ZoneInfo) -> Iterator[str]:
    """As they were typed: in the shop's own time."""
    if rule.starts_at is not None:
        yield f"from {_local(rule.starts_at, zone)}"
    if rule.ends_at is not None:
        yield f"until {_local(rule.ends_at, zone)}"
    if rule.weekdays:
        yield " or ".join(WEEKDAYS[day] for day in rule.weekdays)
    if rule.hours is not None:
        yield f"hours {rule.hours[0]}-{rule.hours[1]}"


def _local(ms: int, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, zone):%Y-%m-%d %H:%M}"


def _money(amount: int, shop: Row) -> str:
    return format_money(amount, shop["currency"], shop["exponent"], shop["locale"])
