"""Drafts: what can be shown, what makes it another one, for how long it stands."""

from decimal import Decimal

import msgspec
import pytest

from hub.commerce import carts, checkout, customers, drafts
from hub.commerce.drafts import LIFE_MS, Wish
from hub.commerce.effects import EndDraft
from hub.commerce.refused import (
    CartEmpty,
    DestinationRequired,
    NotSold,
    PaymentUnknown,
    Refused,
    TotalTooLarge,
    Undeliverable,
)
from tests.hub.commerce.counter import BEN, OTHER_SHOP, SHOP, Counter, product


@pytest.fixture
def counter() -> Counter:
    """A shop with tea and rice, and a customer who has two packs of tea in the cart."""
    counter = Counter()
    counter.sells(
        product("TEA", 24_000, stock=Decimal(120)),
        product("RICE", 64_999),
    )
    counter.adds("TEA", 2)
    return counter


def test_what_is_shown_is_the_cart_with_its_delivery(counter: Counter) -> None:
    """Two packs at 240.00 with 5 % tax, and 60.00 to bring them: 564.00."""
    draft = counter.shows(Wish("411001", "cod"))
    assert (draft.state, draft.bill.total, draft.delivery.zone) == ("open", 56_400, "local")
    assert draft.expires_at - draft.created_at == LIFE_MS == 1_800_000
    assert draft.hash == drafts.digest(draft.bill, draft.delivery)
    stored = counter.rows("SELECT total FROM drafts")
    assert [row["total"] for row in stored] == [56_400]


@pytest.mark.parametrize(
    ("wish", "refusal", "code"),
    [
        (Wish(None, "cod"), DestinationRequired, "destination_required"),
        (Wish("999999", "cod"), Undeliverable, "undeliverable"),
        (Wish("411001", "cheque"), PaymentUnknown, "payment_unknown"),
    ],
)
def test_what_cannot_be_delivered_or_paid_is_not_shown(
    counter: Counter, wish: Wish, refusal: type[Refused], code: str
) -> None:
    """The place must be known and reached, the way to pay one of the shop's."""
    with pytest.raises(refusal) as caught:
        counter.prepares(wish)
    assert caught.value.code == code


def test_an_empty_cart_is_no_order(counter: Counter) -> None:
    """There is nothing to show to somebody who chose nothing."""
    with pytest.raises(CartEmpty):
        counter.prepares(alias=BEN)


def test_a_shop_that_is_none_sells_nothing(counter: Counter) -> None:
    """A wrong tenant is a defect of the caller, not an empty shop."""
    with pytest.raises(LookupError):
        checkout.price(counter.tx, "ten_x", None, counter.cart(), None, counter.now)
    with pytest.raises(LookupError):
        drafts.profile_of(counter.tx, "ten_x")


def test_what_is_sold_out_is_not_shown(counter: Counter) -> None:
    """A line that cannot be had is named with its reason; the others are not ordered alone."""
    counter.adds("RICE", 1)
    counter.change("TEA", stock_milli=1_000)
    with pytest.raises(NotSold) as caught:
        counter.prepares()
    assert [refusal.product.sku for refusal in caught.value.refusals] == ["TEA"]
    assert caught.value.code == "over_stock"


def test_a_total_beyond_the_database_is_refused(counter: Counter) -> None:
    """The highest prices in the highest quantities are no crash but a refusal."""
    dear = [product(f"GOLD-{n}", 10**11) for n in range(20)]
    counter.sells(*dear)
    for item in dear:
        counter.adds(item.sku, 10_000_000)
    with pytest.raises(TotalTooLarge):
        counter.prepares()


def test_the_remembered_postcode_serves_where_none_is_said(counter: Counter) -> None:
    """Address, tax number and transporter are asked once and stand on the next draft."""
    me = counter.customer().customer_id
    customers.remember(
        counter.tx,
        SHOP,
        me,
        counter.now,
        postcode="411004",
        address="5 Sample Road",
        transporter="Blue Van",
        tax_preference="none",
    )
    delivery = counter.shows(Wish(payment="upi")).delivery
    assert (delivery.destination, delivery.zone) == ("411004", "local")
    assert (delivery.address, delivery.transporter) == ("5 Sample Road", "Blue Van")
    assert (delivery.tax_preference, delivery.tax_number) == ("none", None)


def test_a_gstin_of_another_state_splits_the_tax_anew(counter: Counter) -> None:
    """From Maharashtra to Karnataka it is IGST; without a number CGST and SGST."""
    assert [part.name for part in counter.prepares().bill.tax_parts] == ["CGST", "SGST"]
    me = counter.customer().customer_id
    number = "29ABCPS1234D1ZX"  # sound, and nobody's
    told = {"tax_preference": "gst", "tax_number": number}
    customers.remember(counter.tx, SHOP, me, counter.now, **told)
    prepared = counter.prepares()
    assert [part.name for part in prepared.bill.tax_parts] == ["IGST"]
    assert prepared.delivery.tax_number == number


def test_one_draft_a_customer_is_open(counter: Counter) -> None:
    """Showing another one ends the former; another customer's is untouched."""
    first = counter.shows()
    counter.adds("TEA", 1, BEN)
    counter.shows(alias=BEN)
    counter.adds("RICE", 1)
    second = counter.shows()
    states = counter.rows("SELECT draft_id, state FROM drafts ORDER BY rowid")
    assert [row["state"] for row in states] == ["replaced", "open", "open"]
    assert second.draft_id != first.draft_id
    me = second.customer_id
    assert drafts.find(counter.tx, SHOP, me, first.draft_id) is not None
    assert drafts.find(counter.tx, OTHER_SHOP, me, first.draft_id) is None


def test_a_no_ends_it(counter: Counter) -> None:
    """A declined draft is over; the cart stays, and saying no again changes nothing."""
    counter.shows()
    counter.turn(EndDraft())
    counter.turn(EndDraft())
    assert counter.newest_draft().state == "declined"
    assert counter.cart().quantity("TEA") == 2


def test_past_its_time_a_draft_ends_as_expired(counter: Counter) -> None:
    """What ends an old draft, a no or another one, does not hide that its time was over."""
    counter.shows()
    counter.clock.advance(LIFE_MS / 1000)
    counter.turn(EndDraft())
    assert counter.newest_draft().state == "expired"


def test_the_hash_sees_what_is_agreed_and_nothing_else(counter: Counter) -> None:
    """Goods, prices, place and payment make another order; the address in the place does not."""
    shown = counter.prepares()
    me = counter.customer().customer_id
    customers.remember(counter.tx, SHOP, me, counter.now, address="5 Sample Road")
    assert counter.prepares().hash == shown.hash
    assert counter.prepares(Wish("411001", "cod")).hash != shown.hash
    assert counter.prepares(Wish("411004", "upi")).hash != shown.hash
    counter.change("TEA", price=24_001)
    assert counter.prepares().hash != shown.hash
    counter.change("TEA", price=24_000)
    carts.save(counter.tx, SHOP, me, carts.with_coupon(counter.cart(), "NONE-SUCH"), counter.now)
    assert counter.prepares().hash == shown.hash


def test_a_draft_reads_back_as_it_was_written(counter: Counter) -> None:
    """What the JSON columns hold is the whole of it."""
    prepared = counter.prepares()
    draft = counter.shows()
    assert (draft.bill, draft.delivery, draft.hash) == msgspec.structs.astuple(prepared)
