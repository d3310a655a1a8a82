"""Discount rules in the database: the one source of discounts, and how often each was used."""

from decimal import Decimal

import msgspec
import pytest

from hub.commerce import carts, discount_store
from hub.commerce.discounts import DiscountRule
from hub.commerce.effects import AskCancel, CancelOrder, Outdated, SetCart
from hub.commerce.errors import BadValueError
from tests.hub.commerce.counter import ANN, BEN, OTHER_SHOP, SHOP, Counter, product


@pytest.fixture
def counter() -> Counter:
    """A shop with tea at 100.00, delivered for 60.00 below 2,000.00."""
    counter = Counter()
    counter.sells(product("TEA", 10_000, stock=Decimal(500), tax_pct=Decimal(0)))
    return counter


def names(counter: Counter, coupon: str, alias: object = ANN) -> None:
    before = counter.cart(alias)  # type: ignore[arg-type] # one of the two aliases
    after = carts.with_coupon(before, coupon)
    counter.turn(SetCart(before, after), alias=alias)  # type: ignore[arg-type]


def test_a_rule_reads_back_as_it_was_made(counter: Counter) -> None:
    """All conditions come back; a coupon is kept in capitals; another shop has no such rule."""
    rule = counter.gives(
        name="Tuesday tea",
        pct=Decimal("7.5"),
        max_amount=5_000,
        coupon=" tea7 ",
        uses_max=3,
        min_value=1_000,
        skus=("TEA",),
        weekdays=(1,),
        hours=(9, 17),
        stackable=True,
    )
    (stored,) = discount_store.all_rules(counter.tx, SHOP)
    assert stored.rule == msgspec.structs.replace(rule, coupon="TEA7")
    assert (stored.active, stored.created_at) == (True, counter.now)
    assert discount_store.rules(counter.tx, OTHER_SHOP) == ()


def test_names_and_coupons_are_unique_in_a_shop(counter: Counter) -> None:
    """A second rule of the name or coupon is refused; another shop may have both."""
    counter.gives(name="Ten", amount=1_000, coupon="TEN")
    for fields in ({"name": "Ten"}, {"name": "Other", "coupon": "ten"}):
        with pytest.raises(BadValueError, match="already"):
            counter.gives(amount=1, **fields)
    counter.gives(OTHER_SHOP, name="Ten", amount=1_000, coupon="TEN")


def test_a_rule_out_of_use_gives_nothing(counter: Counter) -> None:
    """It is kept, known by no coupon, and can be put into use again."""
    counter.gives(name="Ten", amount=1_000, coupon="TEN")
    assert discount_store.knows_coupon(counter.tx, SHOP, " ten ")
    assert discount_store.set_active(counter.tx, SHOP, "Ten", active=False)
    assert not discount_store.knows_coupon(counter.tx, SHOP, "TEN")
    assert discount_store.rules(counter.tx, SHOP) == ()
    assert len(discount_store.all_rules(counter.tx, SHOP)) == 1
    assert not discount_store.set_active(counter.tx, SHOP, "None such", active=True)
    assert not discount_store.knows_coupon(counter.tx, OTHER_SHOP, "TEN")


def test_a_confirmed_order_uses_a_rule_and_a_cancelled_one_does_not(counter: Counter) -> None:
    """What limits a coupon are the orders that had it."""
    counter.gives(name="Ten", amount=1_000, coupon="TEN", uses_max=1)
    counter.adds("TEA", 2)
    names(counter, "TEN")
    assert counter.shows().bill.total == 25_000  # 200.00 - 10.00 + 60.00
    order = counter.says_yes()
    assert counter.cart() == carts.Cart()  # the coupon went with the cart

    def uses() -> int:
        return discount_store.rules(counter.tx, SHOP)[0].uses

    assert uses() == 1
    counter.adds("TEA", 2)
    names(counter, "TEN")
    assert counter.prepares().bill.discount == 0
    counter.turn(AskCancel(order.order_no))
    counter.turn(CancelOrder(order.order_no))
    assert uses() == 0
    assert counter.prepares().bill.discount == 1_000


def test_the_last_use_of_a_coupon_is_one_customers(counter: Counter) -> None:
    """Two were shown the discount; who says yes second is shown the new total."""
    counter.gives(name="Ten", amount=1_000, coupon="TEN", uses_max=1)
    for alias in (ANN, BEN):
        counter.adds("TEA", 2, alias)
        names(counter, "TEN", alias)
        assert counter.shows(alias=alias).bill.total == 25_000
    assert counter.says_yes(alias=BEN).total == 25_000
    with pytest.raises(Outdated, match="draft_changed"):
        counter.says_yes(alias=ANN)
    assert counter.shows(alias=ANN).bill.total == 26_000


def test_rules_ask_who_orders_and_when(counter: Counter) -> None:
    """The first order, the hours and weekdays of the shop's own time zone."""
    counter.gives(name="Welcome", pct=Decimal(10), first_order=True, stackable=True)
    counter.adds("TEA", 1)
    assert counter.prepares().bill.discount == 1_000
    counter.shows()
    order = counter.says_yes()
    counter.adds("TEA", 1)
    assert counter.prepares().bill.discount == 0
    counter.turn(AskCancel(order.order_no))
    counter.turn(CancelOrder(order.order_no))
    assert counter.prepares().bill.discount == 1_000
    # 2027-01-15 08:00 UTC is Friday, 13:30 in Kolkata.
    counter.gives(name="Lunch", amount=300, weekdays=(4,), hours=(13, 14), stackable=True)
    assert counter.prepares().bill.discount == 1_300
    counter.clock.advance(1_800)
    assert counter.prepares().bill.discount == 1_000


def test_only_its_own_customer_has_a_rule(counter: Counter) -> None:
    """A rule that names a customer is nobody else's."""
    me = counter.customer().customer_id
    counter.gives(name="Ann's", amount=500, customers=(me,))
    for alias in (ANN, BEN):
        counter.adds("TEA", 1, alias)
    assert counter.prepares().bill.discount == 500
    assert counter.prepares(alias=BEN).bill.discount == 0


def test_a_rule_that_is_none_is_not_made() -> None:
    """Neither a percentage nor an amount, or both, is no discount."""
    for both in ({}, {"pct": Decimal(5), "amount": 5}):
        with pytest.raises(ValueError, match="either"):
            DiscountRule(rule_id="r", name="n", **both)  # type: ignore[arg-type]
