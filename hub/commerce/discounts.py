"""CORE: what an order costs less, and why: the shop's rules, applied once to a whole order.

A rule that names products or categories looks at those lines alone: its minimum value, its
quantities and its percentage are theirs.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from hub.commerce.rounding import HUNDRED, Rounding, minor

HOURS: Final = range(25)
WEEKDAYS: Final = range(7)


class DiscountRule(msgspec.Struct, frozen=True, kw_only=True):
    """A shop's rule: `pct` of what it is about, at most `max_amount`, or the fixed `amount`.

    Empty conditions ask nothing. Amounts are minor units, moments milliseconds UTC, their ends
    exclusive; `weekdays` count from Monday 0; `hours` are local, (22, 2) passes midnight.
    """

    rule_id: str
    name: str
    pct: Decimal | None = None
    amount: int | None = None
    max_amount: int | None = None
    coupon: str | None = None
    uses_max: int | None = None
    uses: int = 0
    min_value: int = 0
    min_qty: Decimal | None = None
    max_qty: Decimal | None = None
    tiers: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    skus: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    starts_at: int | None = None
    ends_at: int | None = None
    weekdays: tuple[int, ...] = ()
    hours: tuple[int, int] | None = None
    first_order: bool = False
    stackable: bool = False

    def __post_init__(self) -> None:
        """ValueError for a rule that takes nothing, takes more than all, or asks the impossible."""
        if (self.pct is None) == (self.amount is None):
            raise ValueError("a discount is either a percentage or an amount")
        if self.pct is not None and not 0 < self.pct <= HUNDRED:
            raise ValueError("a discount's percentage is above 0 and at most 100")
        if any(limit is not None and limit <= 0 for limit in (self.amount, self.max_amount)):
            raise ValueError("a discount's amount is above 0")
        if any(day not in WEEKDAYS for day in self.weekdays):
            raise ValueError("a weekday is 0, Monday, to 6, Sunday")
        if any(hour not in HOURS for hour in self.hours or ()):
            raise ValueError("an hour is 0 to 24")


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """Who orders and when; `weekday` and `hour` are the shop's, for the core knows no zone."""

    at_ms: int
    weekday: int
    hour: int
    customer_id: str | None = None
    tier: str | None = None
    first_order: bool = False
    coupons: tuple[str, ...] = ()


class Discounted(msgspec.Struct, frozen=True):
    """One rule's effect on an order, in minor units above 0."""

    rule_id: str
    name: str
    amount: int


class Item(msgspec.Struct, frozen=True):
    """What a rule sees of a line; `amount` is its price after the slab."""

    sku: str
    category: str
    quantity: Decimal
    amount: int


class Discounts(msgspec.Struct, frozen=True):
    """What was taken off: by each rule, and of each item. Both come to the same sum."""

    rules: tuple[Discounted, ...]
    shares: tuple[int, ...]


def discounts(
    rules: Sequence[DiscountRule],
    occasion: Occasion | None,
    items: Sequence[Item],
    rounding: Rounding = "half_up",
) -> Discounts:
    """What the rules take off an order, each of them at most once.

    If any that fits does not stack, the best single one counts, the first given among equals; else
    all that fit, in the order given, each on what the former left. Nothing falls below zero.
    """
    left = [item.amount for item in items]
    fitting = [rule for rule in _once(rules) if _fits(rule, occasion, items)]
    if not all(rule.stackable for rule in fitting):
        fitting = [_best(fitting, items, rounding)]
    applied = []
    for rule in fitting:
        base = _left_of(rule, items, left)
        if amount := _taken(rule, base, rounding):
            left = [kept - part for kept, part in zip(left, spread(amount, base), strict=True)]
            applied.append(Discounted(rule.rule_id, rule.name, amount))
    shares = (item.amount - kept for item, kept in zip(items, left, strict=True))
    return Discounts(tuple(applied), tuple(shares))


def spread(amount: int, weights: Sequence[int]) -> list[int]:
    """`amount` in parts as the weights have it, exact in sum, none above its weight.

    `amount` is at most the sum of the weights. What rounding leaves goes to the largest remainders,
    the first of equals.
    """
    total = sum(weights)
    parts = [amount * weight // total for weight in weights]
    remainders = sorted(range(len(weights)), key=lambda at: -(amount * weights[at] % total))
    for at in remainders[: amount - sum(parts)]:
        parts[at] += 1
    return parts


def _once(rules: Sequence[DiscountRule]) -> Iterable[DiscountRule]:
    first: dict[str, DiscountRule] = {}
    for rule in rules:
        first.setdefault(rule.rule_id, rule)
    return first.values()


def _fits(rule: DiscountRule, occasion: Occasion | None, items: Sequence[Item]) -> bool:
    """Whether everything that the rule asks for is so."""
    about = [item for item in items if _is_about(rule, item)]
    quantity = sum((item.quantity for item in about), Decimal(0))
    return (
        bool(about)
        and sum(item.amount for item in about) >= rule.min_value
        and (rule.min_qty is None or quantity >= rule.min_qty)
        and (rule.max_qty is None or quantity <= rule.max_qty)
        and (rule.uses_max is None or rule.uses < rule.uses_max)
        and _suits(rule, occasion)
    )


def _suits(rule: DiscountRule, occasion: Occasion | None) -> bool:
    """Whether customer and moment are the rule's; of an unknown occasion nothing is assumed."""
    if occasion is None:
        asked = (rule.coupon, rule.tiers, rule.customers, rule.weekdays, rule.hours)
        dated = rule.starts_at is not None or rule.ends_at is not None
        return not (any(asked) or dated or rule.first_order)
    coupons = {coupon.strip().upper() for coupon in occasion.coupons}
    return (
        (rule.coupon is None or rule.coupon.upper() in coupons)
        and (not rule.tiers or occasion.tier in rule.tiers)
        and (not rule.customers or occasion.customer_id in rule.customers)
        and (occasion.first_order or not rule.first_order)
        and _is_time(rule, occasion)
    )


def _is_time(rule: DiscountRule, occasion: Occasion) -> bool:
    begun = rule.starts_at is None or rule.starts_at <= occasion.at_ms
    ended = rule.ends_at is not None and rule.ends_at <= occasion.at_ms
    if not begun or ended or (rule.weekdays and occasion.weekday not in rule.weekdays):
        return False
    start, end = rule.hours or (0, 24)
    if start <= end:
        return start <= occasion.hour < end
    return occasion.hour >= start or occasion.hour < end


def _best(rules: Sequence[DiscountRule], items: Sequence[Item], rounding: Rounding) -> DiscountRule:
    amounts = [item.amount for item in items]
    return max(rules, key=lambda rule: _taken(rule, _left_of(rule, items, amounts), rounding))


def _is_about(rule: DiscountRule, item: Item) -> bool:
    everything = not rule.skus and not rule.categories
    return everything or item.sku in rule.skus or item.category in rule.categories


def _left_of(rule: DiscountRule, items: Sequence[Item], left: Sequence[int]) -> list[int]:
    """What is left of the items that the rule is about; 0 for the others."""
    pairs = zip(items, left, strict=True)
    return [kept if _is_about(rule, item) else 0 for item, kept in pairs]


def _taken(rule: DiscountRule, base: Sequence[int], rounding: Rounding) -> int:
    whole = sum(base)
    if rule.amount is not None:
        return min(rule.amount, whole)
    taken = minor(whole * (rule.pct or Decimal(0)) / HUNDRED, rounding)
    return min(taken, whole if rule.max_amount is None else rule.max_amount)
