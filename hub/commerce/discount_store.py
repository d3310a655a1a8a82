"""A shop's discount rules in the database: the only source of discounts there is.

Name, coupon and uses stand in columns, which are what counts; the rest is the rule's JSON.
"""

import sqlite3

import msgspec

from hub.commerce.bills import Bill
from hub.commerce.discounts import DiscountRule
from hub.commerce.errors import BadValueError
from hub.store.tx import Row, Tx


class StoredRule(msgspec.Struct, frozen=True):
    """A rule as operators see it; one out of use is kept for the orders that had it."""

    rule: DiscountRule
    active: bool
    created_at: int


def rules(tx: Tx, tenant_id: str) -> tuple[DiscountRule, ...]:
    """The rules in use, as pricing takes them, in the order in which they were made."""
    return tuple(stored.rule for stored in all_rules(tx, tenant_id) if stored.active)


def all_rules(tx: Tx, tenant_id: str) -> list[StoredRule]:
    """Every rule that the shop ever made."""
    return [_stored(row) for row in tx.all("discounts.all", tenant_id=tenant_id)]


def add(tx: Tx, tenant_id: str, rule: DiscountRule, now_ms: int) -> None:
    """Put a new rule into use.

    Raises:
        BadValueError: its name or its coupon is another rule's.
    """
    coupon = None if rule.coupon is None else rule.coupon.strip().upper()
    try:
        tx.run(
            "discounts.insert",
            rule_id=rule.rule_id,
            tenant_id=tenant_id,
            name=rule.name,
            rule=msgspec.json.encode(rule).decode(),
            coupon=coupon,
            now_ms=now_ms,
        )
    except sqlite3.IntegrityError:
        problem = f"there is a rule {rule.name!r} or a coupon {coupon!r} already"
        raise BadValueError(problem, "choose another name or coupon") from None


def set_active(tx: Tx, tenant_id: str, name: str, *, active: bool) -> bool:
    """Put a rule out of use, or into it again; False when the shop has none of this name."""
    params = {"tenant_id": tenant_id, "name": name, "active": int(active)}
    return tx.run("discounts.set_active", **params) == 1


def knows_coupon(tx: Tx, tenant_id: str, coupon: str) -> bool:
    """Whether a rule in use asks for this coupon."""
    wanted = coupon.strip().upper()
    return any(rule.coupon == wanted for rule in rules(tx, tenant_id))


def count_uses(tx: Tx, tenant_id: str, bill: Bill, step: int) -> None:
    """Count a confirmed order more (`step` 1) or less (-1) for each rule that the bill has."""
    counted = (
        {"tenant_id": tenant_id, "rule_id": given.rule_id, "step": step} for given in bill.discounts
    )
    tx.many("discounts.count_use", counted)


def _stored(row: Row) -> StoredRule:
    rule = msgspec.json.decode(row["rule"], type=DiscountRule)
    columns = {key: row[key] for key in ("rule_id", "name", "coupon", "uses")}
    whole = msgspec.structs.replace(rule, **columns)
    return StoredRule(whole, bool(row["active"]), row["created_at"])
