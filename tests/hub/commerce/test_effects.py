"""Effects: all of a turn's or none, and none when the world is not what the reply was made from."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from hub.commerce import carts, customers, drafts, effects, orders
from hub.commerce.carts import Cart
from hub.commerce.drafts import Wish
from hub.commerce.effects import (
    Applied,
    AskCancel,
    CancelOrder,
    Effect,
    EndDraft,
    KeepOrder,
    Outdated,
    PlaceOrder,
    Remember,
    SetCart,
    ShowDraft,
)
from hub.commerce.errors import BadValueError
from hub.commerce.pricing import Line
from tests.hub.commerce.counter import (
    ANN,
    BEN,
    OTHER_SHOP,
    PROFILE,
    SHOP,
    Counter,
    product,
)


@pytest.fixture
def counter() -> Counter:
    """A shop with counted tea and uncounted rice, and a customer with two packs of tea."""
    counter = Counter()
    counter.sells(
        product("TEA", 24_000, stock=Decimal(20)),
        product("RICE", 64_999),
    )
    counter.adds("TEA", 2)
    return counter


def more_tea(counter: Counter, quantity: int = 3) -> SetCart:
    before = counter.cart()
    after = carts.add(before, counter.product("TEA"), Decimal(quantity))
    assert isinstance(after, Cart)
    return SetCart(before, after)


def test_a_turn_may_do_several_things(counter: Counter) -> None:
    """Remember the GST answer, put rice in and show it all: later effects see the earlier ones."""
    me, cart = counter.customer(), counter.cart()
    fuller = carts.add(cart, counter.product("RICE"), Decimal(1))
    assert isinstance(fuller, Cart)
    prepared = drafts.prepare(counter.tx, SHOP, me, fuller, Wish("411001", "cod"), counter.now)
    counter.turn(
        Remember(tax_preference="none", postcode="411001"),
        SetCart(cart, fuller),
        ShowDraft(prepared.bill, prepared.delivery),
    )
    assert counter.newest_draft().bill == prepared.bill
    assert counter.customer().tax_preference == "none"


def test_no_effects_make_no_customer(counter: Counter) -> None:
    """Somebody who only asks a price is not entered anywhere."""
    assert counter.turn(alias=BEN) == Applied()
    assert len(counter.rows("SELECT 1 FROM customers")) == 1


def test_one_that_fails_undoes_all(counter: Counter) -> None:
    """The cart is not changed by a turn whose order could not be placed."""
    with pytest.raises(Outdated, match="not_found"):
        counter.turn(more_tea(counter), PlaceOrder("no such draft"))
    assert counter.cart().quantity("TEA") == 2


def test_a_cart_that_changed_meanwhile_is_not_overwritten(counter: Counter) -> None:
    """Two turns from one cart: the second is begun anew, so that nothing added is lost."""
    first, second = more_tea(counter, 1), more_tea(counter, 3)
    counter.turn(first)
    with pytest.raises(Outdated, match="cart_changed"):
        counter.turn(second)
    assert counter.cart().quantity("TEA") == 3


@pytest.mark.parametrize(
    "columns", [{"price": 25_000}, {"name": "Other tea"}, {"min_milli": 10_000}]
)
def test_a_product_that_changed_meanwhile_is_read_again(
    counter: Counter, columns: dict[str, Any]
) -> None:
    """The reply named its price: it is made again from what the catalog says now."""
    wanted = more_tea(counter)
    counter.change("TEA", **columns)
    with pytest.raises(Outdated):
        counter.turn(wanted)
    assert counter.cart().quantity("TEA") == 2


def test_so_is_one_that_was_just_put_in(counter: Counter) -> None:
    """A product that is new in the cart is compared with the catalog as well."""
    before = counter.cart()
    after = carts.add(before, counter.product("RICE"), Decimal(1))
    assert isinstance(after, Cart)
    counter.change("RICE", price=60_000)
    with pytest.raises(Outdated, match="product_changed"):
        counter.turn(SetCart(before, after))
    assert counter.cart() == before


def test_a_stock_that_still_suffices_is_no_change(counter: Counter) -> None:
    """Others buy all the time; only a stock that ran short makes the answer untrue."""
    wanted = more_tea(counter)
    counter.change("TEA", stock_milli=5_000)
    counter.turn(wanted)
    assert counter.cart().quantity("TEA") == 5


def test_a_stock_that_ran_short_is(counter: Counter) -> None:
    """What was just added cannot be had any more; what was in the cart before may stay there."""
    wanted = more_tea(counter)
    counter.change("TEA", stock_milli=4_000)
    with pytest.raises(Outdated, match="stock_changed"):
        counter.turn(wanted)
    rice = carts.add(counter.cart(), counter.product("RICE"), Decimal(1))
    assert isinstance(rice, Cart)
    before = counter.cart()
    counter.change("TEA", stock_milli=0)
    counter.turn(SetCart(before, rice))
    assert counter.cart().quantity("RICE") == 1


def test_another_shops_product_gets_into_no_cart(counter: Counter) -> None:
    """A product's number alone is not enough: it has to be this shop's."""
    counter.sells(product("OUD", 14_500), shop=OTHER_SHOP)
    before = counter.cart()
    line = Line(counter.product("OUD", OTHER_SHOP), Decimal(1))
    with pytest.raises(Outdated, match="product_changed"):
        counter.turn(SetCart(before, Cart((*before.lines, line))))
    assert counter.cart() == before


def test_a_total_that_changed_before_the_reply_left_is_not_shown(counter: Counter) -> None:
    """The reply would name an amount that no yes could confirm."""
    prepared = counter.prepares()
    counter.change("TEA", price=25_000)
    with pytest.raises(Outdated, match="draft_changed"):
        counter.turn(ShowDraft(prepared.bill, prepared.delivery))
    counter.change("TEA", price=24_000, stock_milli=1_000)
    with pytest.raises(Outdated, match="over_stock"):
        counter.turn(ShowDraft(prepared.bill, prepared.delivery))


def test_the_reply_names_the_number_that_the_order_got(counter: Counter) -> None:
    """Another customer's order came first: the words are corrected, whole numbers only."""
    counter.adds("TEA", 1, BEN)
    for alias in (ANN, BEN):
        counter.shows(alias=alias)
    expected = orders.next_order_no(counter.tx, SHOP)
    counter.says_yes(alias=BEN)
    applied = counter.turn(PlaceOrder(counter.newest_draft().draft_id, expected))
    assert applied.worded("Order A-1001 is placed (not A-10010).") == (
        "Order A-1002 is placed (not A-10010)."
    )
    again = counter.turn(PlaceOrder(counter.newest_draft().draft_id, "A-1002"))
    assert again.worded("A-1002 it is") == "A-1002 it is"


def test_an_orders_papers_are_asked_for_once(counter: Counter) -> None:
    """An invoice and, where the shop has a UPI address, a code to pay with; in this chat."""
    draft = counter.shows()
    for _ in range(2):
        counter.says_yes(draft)
    papers = counter.rows("SELECT kind, chat, agent_id, done_at FROM order_papers ORDER BY kind")
    assert [tuple(row) for row in papers] == [
        ("invoice", "919800000001@c.us", "agt_a", None),
        ("payment_code", "919800000001@c.us", "agt_a", None),
    ]
    counter.settings({"shop": {k: v for k, v in PROFILE.items() if k != "upi_vpa"}})
    counter.buys("RICE", 1)
    assert len(counter.rows("SELECT 1 FROM order_papers")) == 3


def test_what_a_customer_says_is_remembered_and_forgotten(counter: Counter) -> None:
    """Only the fields that were said change; None takes one back."""
    counter.turn(Remember(address="5 Sample Road", transporter="Blue Van", language="hi"))
    counter.turn(Remember(transporter=None))
    known = counter.customer()
    assert (known.address, known.transporter, known.language) == ("5 Sample Road", None, "hi")
    with pytest.raises(BadValueError):
        counter.turn(Remember(tax_preference="gst", tax_number="27ABC"))
    assert counter.customer().tax_preference is None


def test_effects_survive_the_database(counter: Counter) -> None:
    """A suggested reply waits for its click as JSON: nothing of what it does is lost."""
    prepared = counter.prepares()
    every: list[Effect] = [
        more_tea(counter),
        ShowDraft(prepared.bill, prepared.delivery),
        EndDraft(),
        PlaceOrder("draft", "A-1001"),
        AskCancel("A-1001"),
        CancelOrder("A-1001"),
        KeepOrder(),
        Remember(address=None, language="ar"),
    ]
    text = msgspec.json.encode(every)
    assert msgspec.json.decode(text, type=list[Effect]) == every


def test_two_chats_found_to_be_one_person_shop_together(counter: Counter) -> None:
    """The cart of the other alias comes along: an answer made before that is begun anew."""
    lid = customers.Alias("lid", "700000000001@lid")
    counter.adds("RICE", 1, lid)
    wanted = more_tea(counter)
    scene = msgspec.structs.replace(counter.scene(), aliases=(ANN, lid))
    with pytest.raises(Outdated, match="cart_changed"), counter.transaction():
        effects.apply(counter.tx, scene, [wanted])
    with counter.transaction():
        customers.ensure(counter.tx, SHOP, (ANN, lid), None, counter.now, counter.new_id())
    assert {line.product.sku for line in counter.cart().lines} == {"TEA", "RICE"}
    counter.turn(more_tea(counter))
