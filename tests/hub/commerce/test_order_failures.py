"""What went wrong at the counters before this one, as far as carts and orders can prevent it.

The numbers are those of the list of failures that this project answers.
"""

from decimal import Decimal

import pytest

from hub.commerce import carts, checkout, orders
from hub.commerce.carts import Cart
from hub.commerce.drafts import Wish
from hub.commerce.effects import Outdated, PlaceOrder, Remember, SetCart
from hub.commerce.products import Slab, units
from tests.hub.commerce.counter import ANN, BEN, OTHER_SHOP, PROFILE, SHOP, Counter, product

POLICY_A = {
    "line_rounding": "whole_up",
    "total_rounding": "whole_up",
    "tax": {"name": "GST", "basis": "order", "order_pct": "18", "on_shipping": True, "parts": 2},
    "shipping": {"type": "per_unit", "rate_below": 2_000, "rate_from": 1_500, "threshold": "15"},
}


@pytest.fixture
def counter() -> Counter:
    """A shop that sells by the carton under policy A."""
    counter = Counter()
    counter.settings({"pricing": POLICY_A, "shop": PROFILE})
    counter.sells(
        product("8x80", 250_500, unit="carton", pieces_per_unit=1_500),
        product("8x100", 234_360, unit="carton", pieces_per_unit=1_200),
        product("10x140", 257_440, unit="carton", pieces_per_unit=600),
    )
    return counter


def test_failure_01_cart_and_checkout_work(counter: Counter) -> None:
    """From an empty cart to an order and its cancellation, without any call that fails."""
    order = counter.buys("8x80", 10)
    assert (order.state, order.bill.goods) == ("confirmed", 2_505_000)


def test_failure_02_a_discount_is_applied_once(counter: Counter) -> None:
    """2 % of 25,050.00 are 501.00 in the cart, in the draft and in the order, never twice."""
    counter.gives(name="Two", pct=Decimal(2))
    counter.adds("8x80", 10)
    look = checkout.price(counter.tx, SHOP, counter.customer(), counter.cart(), None, counter.now)
    assert (look.quote.goods - look.quote.discount, look.quote.discount) == (2_454_900, 50_100)
    draft = counter.shows()
    order = counter.says_yes()
    for bill in (draft.bill, order.bill):
        assert [given.amount for given in bill.discounts] == [50_100]
        assert bill.total == look.quote.total
    assert order.bill.total == 2_920_400  # (24,549 + 10 x 20) x 1.18 = 29,203.82, raised


def test_failure_05_a_flood_of_yes_is_one_order(counter: Counter) -> None:
    """Eighteen times the same answer after a reconnect: one order, and the stock taken once."""
    counter.change("8x80", stock_milli=100_000)
    counter.adds("8x80", 4)
    draft = counter.shows()
    assert {counter.says_yes(draft).order_no for _ in range(18)} == {"A-1001"}
    assert len(counter.orders()) == 1
    assert counter.stock("8x80") == 96


def test_failure_07_an_order_is_told_to_its_own_customer_only(counter: Counter) -> None:
    """Cart, draft and order hang on the customer's id, which nobody else's alias leads to."""
    order = counter.buys("8x80", 1)
    ben = counter.customer(BEN).customer_id
    assert orders.of_customer(counter.tx, SHOP, ben, order.order_no) is None
    with pytest.raises(Outdated, match="not_found"):
        counter.turn(PlaceOrder(order.draft_id), alias=BEN)


def test_failure_08_two_shops_share_nothing(counter: Counter) -> None:
    """The same customer, SKU, coupon and order number in two shops are two of each."""
    counter.sells(product("8x80", 100, stock=Decimal(5)), shop=OTHER_SHOP)
    counter.gives(name="Half", pct=Decimal(50), coupon="HALF")
    theirs = counter.buys("8x80", 2, shop=OTHER_SHOP)
    assert (theirs.order_no, theirs.bill.goods, theirs.bill.discount) == ("A-1001", 200, 0)
    ours = counter.buys("8x80", 2)
    assert (ours.order_no, ours.bill.goods) == ("A-1001", 501_000)
    assert ours.customer_id != theirs.customer_id
    assert counter.orders(ANN, OTHER_SHOP) == [theirs]


def test_failure_11_the_answer_to_the_tax_question_is_kept(counter: Counter) -> None:
    """`No GST` once: the order goes on at once, and the next one does not ask again."""
    counter.adds("8x80", 1)
    counter.turn(Remember(tax_preference="none"))
    counter.shows()
    assert counter.says_yes().delivery.tax_preference == "none"
    counter.clock.advance(86_400)
    assert counter.buys("8x100", 1).delivery.tax_preference == "none"


def test_failure_19_adding_one_product_neither_adds_nor_orders_another(counter: Counter) -> None:
    """`Add 8x100` beside a quoted 8x80: both are in the cart, and nothing was ordered."""
    counter.adds("8x80", 7)
    counter.adds("8x100", 5)
    held = {line.product.sku: line.quantity for line in counter.cart().lines}
    assert held == {"8x80": 7, "8x100": 5}
    assert counter.orders() == []
    assert counter.rows("SELECT 1 FROM drafts") == []


def test_failure_28_a_second_order_right_after_the_first_is_welcome(counter: Counter) -> None:
    """Yes to another draft is no repetition, however soon and however alike."""
    first, second = counter.buys("8x80", 2), counter.buys("8x80", 2)
    assert first.bill == second.bill
    assert [order.order_no for order in counter.orders()] == ["A-1002", "A-1001"]


def test_failure_28_yes_to_a_changed_total_is_welcome(counter: Counter) -> None:
    """A discount came after the total was shown: the new one is shown, and yes confirms it."""
    counter.adds("8x80", 10)
    counter.shows()
    counter.gives(name="Two", pct=Decimal(2))
    with pytest.raises(Outdated, match="draft_changed"):
        counter.says_yes()
    shown = counter.shows()
    assert counter.says_yes().bill == shown.bill


def test_failure_29_what_was_quoted_in_pieces_is_what_the_cart_holds(counter: Counter) -> None:
    """1,000 pieces are two cartons in the quote, in the cart and on the bill."""
    item = counter.product("10x140")
    cartons = units(item, Decimal(1_000), "pcs")
    assert cartons == 2
    before = counter.cart()
    after = carts.set_quantity(before, item, cartons)
    assert isinstance(after, Cart)
    quoted = checkout.price(counter.tx, SHOP, None, after, None, counter.now).quote
    counter.turn(SetCart(before, after))
    counter.shows(Wish())
    order = counter.says_yes()
    assert (quoted.goods, quoted.total) == (order.bill.goods, order.bill.total)
    assert order.bill.goods == 514_900


def test_a_better_price_from_a_quantity_is_on_the_order(counter: Counter) -> None:
    """The domain's own order: 10 cartons at 2,408.70 with the 15 rate come to 28,600."""
    rate = POLICY_A | {
        "shipping": {"type": "per_unit", "rate_below": 2_000, "rate_from": 1_500, "threshold": "10"}
    }
    counter.settings({"pricing": rate, "shop": PROFILE})
    slabs = (Slab(min_qty=Decimal(10), unit_price=240_870),)
    counter.sells(product("10x100", 260_000, unit="carton", slabs=slabs))
    bill = counter.buys("10x100", 10).bill
    assert (bill.goods, bill.shipping, bill.tax, bill.total) == (
        2_408_700,
        15_000,
        436_266,
        2_860_000,
    )
