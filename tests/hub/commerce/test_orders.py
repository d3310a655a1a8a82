"""Orders: placed once, by a yes in a later turn to what is still so; found by their customer."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from hub.commerce import customers, orders, repeats
from hub.commerce.drafts import Prepared, Wish
from hub.commerce.effects import Outdated
from hub.commerce.orders import Step
from hub.commerce.pricing import Refusal
from hub.commerce.refused import (
    ConfirmationRequired,
    DraftChanged,
    Expired,
    NotFound,
    NotSold,
    Refused,
)
from tests.hub.commerce.counter import (
    BEN,
    OTHER_SHOP,
    PROFILE,
    SETTINGS,
    SHOP,
    Counter,
    product,
)


@pytest.fixture
def counter() -> Counter:
    """A shop with 120 packs of tea and uncounted rice; two packs are in the customer's cart."""
    counter = Counter()
    counter.sells(
        product("TEA", 24_000, stock=Decimal(120)),
        product("RICE", 64_999),
    )
    counter.adds("TEA", 2)
    return counter


def confirm(counter: Counter, turn_id: str = "turn_yes") -> Prepared:
    return orders.confirmable(counter.tx, SHOP, counter.newest_draft(), turn_id, counter.now)


def test_a_yes_makes_the_draft_an_order(counter: Counter) -> None:
    """The bill is the draft's to the letter; the stock is taken and the cart empty."""
    draft = counter.shows()
    order = counter.says_yes()
    assert (order.order_no, order.state, order.total) == ("A-1001", "confirmed", 56_400)
    assert (order.bill, order.draft_id) == (draft.bill, draft.draft_id)
    assert order.delivery == draft.delivery
    assert counter.stock("TEA") == 118
    assert counter.stock("RICE") is None
    assert counter.cart().lines == ()
    assert counter.newest_draft().state == "ordered"
    steps = orders.history(counter.tx, SHOP, order.order_id)
    assert steps == [Step(counter.now, None, "confirmed", "customer")]


def test_the_turn_that_shows_it_cannot_confirm_it(counter: Counter) -> None:
    """A model that prepares and confirms at once is refused: the customer has seen nothing."""
    draft = counter.shows(turn_id="turn_one")
    with pytest.raises(ConfirmationRequired):
        confirm(counter, "turn_one")
    with pytest.raises(Outdated, match="confirmation_required"):
        counter.says_yes(draft, turn_id="turn_one")
    assert counter.orders() == []
    assert counter.stock("TEA") == 120


@pytest.mark.parametrize(("heard_ms", "is_yes"), [(-1, False), (0, True), (1, True)])
def test_a_turn_that_began_before_it_was_shown_cannot_confirm_it(
    counter: Counter, heard_ms: int, is_yes: bool
) -> None:
    """A message that was here before the reply was made does not answer it, in whatever chat."""
    counter.shows()
    counter.connection.execute(
        "INSERT INTO turns (turn_id, tenant_id, agent_id, account, chat, state, first_at, due_at)"
        " VALUES ('turn_other', 'ten_a', 'agt_a', 'x', 'y', 'pending', ?, 0)",
        (counter.now + heard_ms,),
    )
    if is_yes:
        confirm(counter, "turn_other")
    else:
        with pytest.raises(ConfirmationRequired):
            confirm(counter, "turn_other")


def test_saying_yes_twice_gives_the_same_order_back(counter: Counter) -> None:
    """Once per draft: the second yes takes no stock and makes no order."""
    draft = counter.shows()
    first = counter.says_yes(draft)
    assert counter.says_yes(draft) == first
    assert len(counter.orders()) == 1
    assert counter.stock("TEA") == 118


def test_half_an_hour_to_say_yes(counter: Counter) -> None:
    """A second before it is over a yes counts; at its end it does not."""
    draft = counter.shows()
    counter.clock.advance(1_799)
    assert confirm(counter).hash == draft.hash
    counter.clock.advance(1)
    with pytest.raises(Expired):
        confirm(counter)
    assert counter.shows().hash == draft.hash
    assert counter.says_yes().total == 56_400


@pytest.mark.parametrize("columns", [{"price": 25_000}, {"tax_pct": "18"}, {"name": "Other"}])
def test_a_changed_product_shows_the_new_total_first(
    counter: Counter, columns: dict[str, Any]
) -> None:
    """Nothing is ordered at a price that was not shown; the next yes orders at the new one."""
    counter.shows()
    counter.change("TEA", **columns)
    with pytest.raises(DraftChanged) as caught:
        confirm(counter)
    assert counter.orders() == []
    shown = counter.shows()
    assert caught.value.now.hash == shown.hash
    assert counter.says_yes().bill == shown.bill


def test_a_changed_cart_shows_the_new_total_first(counter: Counter) -> None:
    """What came into the cart after the total was shown is not ordered unseen, nor left behind."""
    counter.shows()
    counter.adds("RICE", 1)
    with pytest.raises(DraftChanged):
        confirm(counter)
    counter.shows()
    assert [line.sku for line in counter.says_yes().bill.lines] == ["TEA", "RICE"]


def test_a_changed_delivery_fee_shows_the_new_total_first(counter: Counter) -> None:
    """The shop's own rules are asked anew as well."""
    counter.shows()
    free = {"pricing": {"shipping": {"type": "none"}}, "shop": PROFILE}
    counter.settings(free)
    with pytest.raises(DraftChanged):
        confirm(counter)


def test_a_stock_that_no_longer_suffices_is_refused(counter: Counter) -> None:
    """Somebody else took the last ones; one that still suffices changes nothing."""
    counter.shows()
    counter.change("TEA", stock_milli=2_000)
    confirm(counter)
    counter.change("TEA", stock_milli=1_000)
    with pytest.raises(NotSold) as caught:
        confirm(counter)
    assert caught.value.code == "over_stock"
    assert counter.stock("TEA") == 1


def test_what_is_over_cannot_be_confirmed(counter: Counter) -> None:
    """A replaced draft is nobody's offer any more."""
    old = counter.shows()
    counter.adds("RICE", 1)
    counter.shows()
    with pytest.raises(Outdated, match="not_found"):
        counter.says_yes(old)
    with pytest.raises(Outdated, match="not_found"):
        counter.says_yes(old, BEN)  # somebody else's is not even there


def test_an_address_that_comes_with_the_yes_is_on_the_order(counter: Counter) -> None:
    """What is asked for after the total was shown needs no second yes."""
    counter.shows()
    me = counter.customer().customer_id
    customers.remember(counter.tx, SHOP, me, counter.now, address="5 Sample Road")
    assert counter.says_yes().delivery.address == "5 Sample Road"


def test_numbers_are_each_shops_own(counter: Counter) -> None:
    """From 1001 on without a gap, under the prefix of the shop's profile."""
    counter.sells(product("TEA", 100), shop=OTHER_SHOP)
    counter.settings(SETTINGS | {"shop": {"order_prefix": "NG"}}, OTHER_SHOP)
    assert orders.next_order_no(counter.tx, SHOP) == "A-1001"
    numbers = [counter.buys("TEA", 1).order_no for _ in range(2)]
    assert numbers == ["A-1001", "A-1002"]
    assert counter.buys("TEA", 1, shop=OTHER_SHOP).order_no == "NG-1001"
    assert orders.next_order_no(counter.tx, SHOP) == "A-1003"


@pytest.mark.parametrize(
    "text", ["A-1001", "a-1001", "A1001", "a 1001", "#1001", "1001", "A-१००१", "Ａ－１００１"]
)
def test_an_order_is_found_however_its_number_is_written(counter: Counter, text: str) -> None:
    """Case, signs, the prefix and the script of the digits do not matter."""
    order = counter.buys("TEA", 1)
    assert orders.of_customer(counter.tx, SHOP, order.customer_id, text) == order


@pytest.mark.parametrize("text", ["B-1001", "A-1002", "A-10011", "order", "", "9" * 40, "A-1001-2"])
def test_another_number_is_no_order(counter: Counter, text: str) -> None:
    """A number is never completed or guessed."""
    counter.buys("TEA", 1)
    assert orders.find(counter.tx, SHOP, text) is None


def test_only_its_customer_finds_an_order(counter: Counter) -> None:
    """For another customer or another shop it is not there; without a number it is the newest."""
    order, newest = counter.buys("TEA", 1), counter.buys("RICE", 1)
    me, ben = order.customer_id, counter.customer(BEN).customer_id
    assert orders.of_customer(counter.tx, SHOP, me) == newest
    assert orders.of_customer(counter.tx, SHOP, ben) is None
    assert orders.of_customer(counter.tx, SHOP, ben, "A-1001") is None
    assert orders.of_customer(counter.tx, OTHER_SHOP, me, "A-1001") is None
    listed = orders.of_shop(counter.tx, SHOP, "confirmed", 9)
    assert [o.order_no for o in listed] == ["A-1002", "A-1001"]
    assert orders.of_shop(counter.tx, SHOP, "packed", 9) == []
    assert orders.of_shop(counter.tx, OTHER_SHOP, None, 9) == []


def test_every_refusal_has_a_code_of_its_own() -> None:
    """What tools and traces say tells the refusals apart; a line's own reason is its code."""
    kinds = [kind for kind in Refused.__subclasses__() if kind is not NotSold]
    codes = [kind.code for kind in kinds]
    assert len({*codes, "refused"}) == len(codes) + 1
    assert NotFound("x").code == "not_found"


def test_the_same_as_last_time_at_todays_prices(counter: Counter) -> None:
    """The newest order that stood becomes a cart of its own; the present one is not touched."""
    counter.adds("RICE", 4)
    counter.shows()
    counter.says_yes()
    counter.change("TEA", price=25_000)
    counter.adds("RICE", 1)
    me = counter.customer().customer_id
    last = repeats.last_time(counter.tx, SHOP, me)
    assert last is not None
    assert [(line.product.sku, line.quantity) for line in last.cart.lines] == [
        ("TEA", 2),
        ("RICE", 4),
    ]
    assert last.cart.lines[0].product.price == 25_000
    assert (last.refusals, last.gone) == ((), ())
    assert counter.cart().quantity("RICE") == 1
    assert repeats.last_time(counter.tx, SHOP, counter.customer(BEN).customer_id) is None


def test_what_of_last_time_cannot_be_had_is_told(counter: Counter) -> None:
    """Sold out is refused with its reason, a product that is gone is named."""
    counter.adds("RICE", 4)
    counter.shows()
    order = counter.says_yes()
    counter.change("TEA", stock_milli=0, sku="tea")
    counter.change("RICE", sku="RICE-NEW")
    last = repeats.last_time(counter.tx, SHOP, order.customer_id)
    assert last is not None
    assert isinstance(last.refusals[0], Refusal)
    assert last.refusals[0].product.sku == "tea"  # known again in any letter case
    assert (last.cart.lines, last.gone) == ((), ("Thing RICE",))


def test_an_order_reads_back_as_it_was_written(counter: Counter) -> None:
    """Every column comes back, by id as by number."""
    order = counter.buys("TEA", 1)
    assert orders.one(counter.tx, SHOP, order.order_id) == order
    assert orders.find(counter.tx, SHOP, "A-1001") == order
    assert msgspec.json.decode(msgspec.json.encode(order), type=orders.Order) == order
    with pytest.raises(LookupError):
        orders.one(counter.tx, OTHER_SHOP, order.order_id)


def test_a_shop_without_zones_needs_no_destination(counter: Counter) -> None:
    """Where delivery costs the same everywhere an order needs no place."""
    counter.settings({"shop": PROFILE})
    counter.shows(Wish())
    assert counter.says_yes().total == 50_400
