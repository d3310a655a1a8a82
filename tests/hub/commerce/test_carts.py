"""Carts: set or add, refusals without a trace, today's prices at each look."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.commerce import carts, checkout
from hub.commerce.carts import LINES_MAX, Cart
from hub.commerce.pricing import Line, Reason, Refusal, refuse
from hub.commerce.refused import CartFull
from tests.hub.commerce.counter import ANN, BEN, OTHER_SHOP, SHOP, Counter, product


@pytest.fixture
def counter() -> Counter:
    """A shop with sugar by at least five packs, rope by half metres, and 15 tins of paint."""
    counter = Counter()
    counter.sells(
        product("TEA", 24_000),
        product("SUGAR", 4_850, min_qty=Decimal(5)),
        product("ROPE", 1_450, step=Decimal("0.5"), unit="metre"),
        product("PAINT", 118_000, stock=Decimal(15)),
    )
    return counter


def held(cart: Cart | Refusal) -> dict[str, Decimal]:
    assert isinstance(cart, Cart)
    return {line.product.sku: Decimal(line.quantity) for line in cart.lines}


def test_adding_adds_and_setting_sets() -> None:
    """`add` puts more in; `set_quantity` makes it exactly that, in the same place."""
    tea, rice = product("TEA", 24_000), product("RICE", 65_000)
    cart = carts.add(Cart(), tea, Decimal(15))
    assert isinstance(cart, Cart)
    cart = carts.add(cart, rice, Decimal(1))
    assert isinstance(cart, Cart)
    assert held(carts.add(cart, tea, Decimal(10))) == {"TEA": 25, "RICE": 1}
    assert held(carts.set_quantity(cart, tea, Decimal(10))) == {"TEA": 10, "RICE": 1}
    assert held(carts.set_quantity(Cart(), tea, Decimal(10))) == {"TEA": 10}
    assert held(carts.remove(cart, "tea")) == {"RICE": 1}


@pytest.mark.parametrize(
    ("sku", "quantity", "reason"),
    [
        ("TEA", "0", Reason.NOT_POSITIVE),
        ("TEA", "-5", Reason.NOT_POSITIVE),
        ("TEA", "NaN", Reason.NOT_POSITIVE),
        ("TEA", "2.5", Reason.OFF_STEP),
        ("TEA", "999999999", Reason.TOO_MANY),
        ("SUGAR", "2", Reason.BELOW_MINIMUM),
        ("ROPE", "1.25", Reason.OFF_STEP),
        ("PAINT", "16", Reason.OVER_STOCK),
    ],
)
def test_a_refused_quantity_leaves_the_cart_alone(
    counter: Counter, sku: str, quantity: str, reason: Reason
) -> None:
    """Whatever is wrong with a quantity, nothing is added, and the reason is told."""
    counter.adds("TEA", 10)
    refusal = counter.adds(sku, quantity)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason
    assert held(counter.cart()) == {"TEA": 10}


def test_less_than_nothing_takes_nothing_out(counter: Counter) -> None:
    """Adding -5 to 10 is refused; it does not make 5 of them."""
    counter.adds("TEA", 10)
    assert isinstance(carts.add(counter.cart(), counter.product("TEA"), Decimal(-5)), Refusal)


def test_the_stock_bounds_what_is_in_the_cart_together(counter: Counter) -> None:
    """10 of 15 tins are in the cart: 6 more are refused, 5 more are not."""
    counter.adds("PAINT", 10)
    assert isinstance(counter.adds("PAINT", 6), Refusal)
    assert held(counter.adds("PAINT", 5)) == {"PAINT": 15}


def test_a_cart_holds_so_many_products() -> None:
    """What is above the bound is refused; what is in it can still be changed."""
    full = Cart(tuple(Line(product(f"X-{n}", 100), Decimal(1)) for n in range(LINES_MAX)))
    with pytest.raises(CartFull):
        carts.add(full, product("ONE-MORE", 100), Decimal(1))
    assert isinstance(carts.add(full, product("X-7", 100), Decimal(1)), Cart)


def test_a_cart_is_kept_as_it_was_put_together(counter: Counter) -> None:
    """Quantities, their order and the coupons come back; another customer's cart is another."""
    counter.adds("ROPE", "2.5")
    counter.adds("TEA", 3)
    counter.adds("ROPE", "0.50")
    me = counter.customer().customer_id
    carts.save(counter.tx, SHOP, me, carts.with_coupon(counter.cart(), " save10 "), counter.now)
    assert list(held(counter.cart()).items()) == [("ROPE", Decimal(3)), ("TEA", Decimal(3))]
    assert counter.cart().coupons == ("SAVE10",)
    assert counter.cart(BEN) == counter.cart(ANN, OTHER_SHOP) == Cart()
    assert carts.load(counter.tx, SHOP, None) == Cart()


def test_each_look_shows_the_prices_of_that_moment(counter: Counter) -> None:
    """A cart keeps quantities; what they cost is read from the catalog."""
    counter.adds("TEA", 2)

    def total() -> int:
        till = checkout.price(counter.tx, SHOP, None, counter.cart(), "411004", counter.now)
        return till.quote.total

    assert total() == 56_400
    counter.change("TEA", price=25_000)
    assert total() == 58_500


def test_what_is_no_longer_sold_stays_visible_and_costs_nothing(counter: Counter) -> None:
    """A retired product is refused by the quote rather than dropped in silence."""
    counter.adds("TEA", 2)
    counter.adds("SUGAR", 5)
    counter.change("TEA", active=0)
    quote = checkout.price(counter.tx, SHOP, None, counter.cart(), "411004", counter.now).quote
    assert [refusal.reason for refusal in quote.refusals] == [Reason.NOT_OFFERED]
    assert [line.product.sku for line in quote.lines] == ["SUGAR"]


QUANTITIES = st.decimals("-20", "400", places=3) | st.sampled_from(
    [Decimal("NaN"), Decimal("Infinity"), Decimal("1E+40"), Decimal("1E-9")]
)
PRODUCTS = st.builds(
    product,
    st.sampled_from(["A", "a", "B", "C"]),
    st.integers(0, 10_000),
    step=st.sampled_from([Decimal(1), Decimal("0.5"), Decimal("0.001"), Decimal(6)]),
    min_qty=st.sampled_from([Decimal(1), Decimal(5), Decimal("2.5")]),
    stock=st.none() | st.integers(0, 300).map(Decimal),
)


@given(st.lists(st.tuples(st.booleans(), PRODUCTS, QUANTITIES), max_size=12))
def test_nothing_that_cannot_be_sold_gets_into_a_cart(
    asked: list[tuple[bool, object, Decimal]],
) -> None:
    """Any quantities, set or added: each line was sellable when it came in, and stands once."""
    cart = Cart()
    for adds, item, quantity in asked:
        change = carts.add if adds else carts.set_quantity
        after = change(cart, item, quantity)  # type: ignore[arg-type] # built by the strategy
        if isinstance(after, Refusal):
            continue
        (line,) = [line for line in after.lines if line.product is item]
        assert refuse(line) is None
        skus = [line.product.sku.casefold() for line in after.lines]
        assert len(skus) == len(set(skus))
        cart = after
