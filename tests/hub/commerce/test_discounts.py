"""Discount rules: who gets which, how they join, and that none is taken twice."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.commerce.discounts import DiscountRule, Item, Occasion, discounts, spread

pytestmark = pytest.mark.core

TUESDAY = Occasion(
    at_ms=1_000, weekday=1, hour=11, customer_id="cus_1", tier="gold", coupons=(" diwali10 ",)
)
ITEMS = (Item("TEA", "Tea", Decimal(4), 60_000), Item("NAIL", "Nails", Decimal("2.5"), 40_000))
TEN = DiscountRule(rule_id="ten", name="Ten", pct=Decimal(10))


def rule(**fields: object) -> DiscountRule:
    return msgspec.structs.replace(TEN, **fields)


def off(*rules: DiscountRule, occasion: Occasion | None = TUESDAY) -> list[int]:
    return [taken.amount for taken in discounts(rules, occasion, ITEMS).rules]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"coupon": "DIWALI10"},
        {"coupon": "Diwali10", "uses_max": 5, "uses": 4},
        {"min_value": 100_000},
        {"min_qty": Decimal("6.5"), "max_qty": Decimal("6.5")},
        {"tiers": ("silver", "gold")},
        {"customers": ("cus_1",)},
        {"starts_at": 1_000, "ends_at": 1_001},
        {"weekdays": (0, 1)},
        {"hours": (11, 12)},
        {"hours": (11, 2)},
        {"hours": (22, 12)},
    ],
)
def test_a_rule_that_fits(fields: dict[str, object]) -> None:
    """Each condition that is met leaves the rule its 10 % of the whole order."""
    assert off(rule(**fields)) == [10_000]


@pytest.mark.parametrize(
    "fields",
    [
        {"coupon": "HOLI"},
        {"coupon": "DIWALI10", "uses_max": 5, "uses": 5},
        {"min_value": 100_001},
        {"min_qty": Decimal("6.501")},
        {"max_qty": Decimal(6)},
        {"tiers": ("silver",)},
        {"customers": ("cus_2",)},
        {"skus": ("RICE",)},
        {"categories": ("Oil",)},
        {"starts_at": 1_001},
        {"ends_at": 1_000},
        {"weekdays": (0, 6)},
        {"hours": (12, 24)},
        {"hours": (9, 11)},
        {"hours": (22, 2)},
        {"first_order": True},
        {"skus": ("TEA",), "min_value": 60_001},
        {"categories": ("Nails",), "min_qty": Decimal(3)},
    ],
)
def test_a_rule_that_does_not_fit(fields: dict[str, object]) -> None:
    """Each condition that is not met takes the rule away."""
    assert off(rule(**fields)) == []


def test_a_first_order() -> None:
    """A rule for first orders is for them alone."""
    first = msgspec.structs.replace(TUESDAY, first_order=True)
    assert off(rule(first_order=True), occasion=first) == [10_000]


@pytest.mark.parametrize(
    "fields",
    [
        {"coupon": "DIWALI10"},
        {"tiers": ("gold",)},
        {"customers": ("cus_1",)},
        {"starts_at": 0},
        {"ends_at": 2_000},
        {"weekdays": (1,)},
        {"hours": (0, 24)},
        {"first_order": True},
    ],
)
def test_nothing_is_assumed_of_an_unknown_occasion(fields: dict[str, object]) -> None:
    """Without customer and moment only rules that ask for neither count."""
    assert off(rule(**fields), occasion=None) == []
    assert off(TEN, occasion=None) == [10_000]


def test_products_and_categories() -> None:
    """A rule that names some takes its percentage of those alone, and only off them."""
    taken = discounts((rule(skus=("TEA",)),), TUESDAY, ITEMS)
    assert ([part.amount for part in taken.rules], taken.shares) == ([6_000], (6_000, 0))
    both = discounts((rule(skus=("TEA",), categories=("Nails",)),), TUESDAY, ITEMS)
    assert both.shares == (6_000, 4_000)


def test_amounts_and_caps() -> None:
    """A fixed amount is never more than the goods; a percentage never more than its cap."""
    fixed = DiscountRule(rule_id="f", name="Fixed", amount=7_500)
    assert off(fixed) == [7_500]
    assert off(msgspec.structs.replace(fixed, amount=999_999)) == [100_000]
    assert off(rule(max_amount=2_500)) == [2_500]
    assert discounts((fixed,), TUESDAY, ()).rules == ()


def test_rules_that_stack_follow_one_another() -> None:
    """10 % of all, then 5 % of what that leaves, then a fixed amount: each on the remainder."""
    five = rule(rule_id="five", pct=Decimal(5), stackable=True)
    fixed = DiscountRule(rule_id="f", name="Fixed", amount=500, stackable=True)
    assert off(rule(stackable=True), five, fixed) == [10_000, 4_500, 500]


def test_one_that_does_not_stack_leaves_the_best_alone() -> None:
    """As soon as one does not stack, the single best counts; the first among equals."""
    five = rule(rule_id="five", pct=Decimal(5))
    assert off(rule(stackable=True), five) == [10_000]
    fixed = DiscountRule(rule_id="f", name="Fixed", amount=10_000)
    assert discounts((fixed, TEN), TUESDAY, ITEMS).rules[0].rule_id == "f"


def test_a_rule_that_comes_to_nothing_is_not_named() -> None:
    """Less than half a minor unit is no discount."""
    tiny = rule(pct=Decimal("0.0001"))
    assert discounts((tiny,), TUESDAY, (Item("A", "", Decimal(1), 10),)).rules == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"pct": None},
        {"amount": 5},
        {"pct": Decimal(0)},
        {"pct": Decimal("100.1")},
        {"pct": None, "amount": 0},
        {"max_amount": -1},
        {"weekdays": (7,)},
        {"hours": (9, 25)},
    ],
)
def test_rules_that_cannot_be(fields: dict[str, object]) -> None:
    """Neither code nor a stored rule may say something without sense."""
    with pytest.raises(ValueError, match=r"a discount|a weekday|an hour"):
        rule(**fields)
    stored = msgspec.to_builtins(TEN) | msgspec.to_builtins(fields)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(stored, DiscountRule)


def test_what_rounding_leaves_goes_to_the_largest_remainders() -> None:
    """Of equal ones the first has it."""
    assert spread(5, [3, 3, 4]) == [2, 1, 2]
    assert spread(2, [1, 1, 1]) == [1, 1, 0]
    assert spread(10, [30, 30, 40]) == [3, 3, 4]


@given(weights=st.lists(st.integers(0, 10**9), min_size=1, max_size=30), data=st.data())
def test_a_discount_is_spread_to_the_last_unit(weights: list[int], data: st.DataObject) -> None:
    """The parts sum to the amount and none is above its weight."""
    amount = data.draw(st.integers(0, sum(weights)))
    if sum(weights):
        parts = spread(amount, weights)
        assert sum(parts) == amount
        assert all(0 <= part <= weight for part, weight in zip(parts, weights, strict=True))
