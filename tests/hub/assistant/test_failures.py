"""Failures that shops really had with such an assistant, each pinned by a conversation."""

import pytest

from tests.hub.assistant.shopper import Shop, Shopper

PLAIN_REFUSALS = ("no gst", "non-gst", "retail client", "I am retail", "no gst please", "No GST")


async def ready(shop: Shop) -> Shopper:
    """A customer who is asked for the GST number and the way to pay."""
    me = shop.customer()
    await me.says("10x100 10 ctns")
    await me.says("place the order")
    return me


async def test_failure_11_the_answer_to_the_tax_question_is_heard(wholesaler: Shop) -> None:
    """The answer is confirmed in words, kept, and the way to the order goes on, also at once."""
    me = await ready(wholesaler)
    said = await me.says("no gst")
    assert said.startswith("All right, a bill without a GST number.")
    assert "How will you pay" in said
    assert "*Total: ₹28,600.00*" in await me.says("cod")
    stranger = wholesaler.customer("+919800000007")
    assert (await stranger.says("no gst")).startswith("All right, a bill without")
    record = await stranger.record()
    assert record is not None
    assert record.tax_preference == "none"


@pytest.mark.parametrize("text", PLAIN_REFUSALS)
async def test_failure_12_every_way_to_say_no_gst(wholesaler: Shop, text: str) -> None:
    """However it is said, it is understood and the total is shown without a further question."""
    me = wholesaler.customer()
    await me.says("10x100 10 ctns")
    await me.says("checkout, upi")
    assert "*Total: ₹28,600.00*" in await me.says(text)
    record = await me.record()
    assert record is not None
    assert record.tax_preference == "none"


@pytest.mark.parametrize(
    "text", ["send complete price list", "cancel all follow ups", "how to empty it?", "clear?"]
)
async def test_failure_13_words_of_an_order_in_other_wishes(wholesaler: Shop, text: str) -> None:
    """Neither a list nor a call-off of something else orders, checks out or empties the cart."""
    me = wholesaler.customer()
    await me.says("8x80 5 ctns")
    await me.says(text)
    assert await me.cart() == {"FF-8X80": 5}
    assert await me.draft() is None
    assert not {"prepare_order", "empty_cart"} & {name for name, _ in me.calls}


async def test_failure_19_what_is_added_is_what_was_said(wholesaler: Shop) -> None:
    """`add 8x100` adds 8x100 beside what is there, and shows no order."""
    me = wholesaler.customer()
    await me.says("8x80 10 ctns")
    await me.says("add 8x100 5ctns")
    assert await me.cart() == {"FF-8X80": 10, "FF-8X100": 5}
    assert await me.draft() is None
    other = wholesaler.customer("+919800000007")
    await other.says("price of 8x80?")
    await other.says("add 8x100 5ctns")
    assert await other.cart() == {"FF-8X100": 5}


async def test_failure_22_the_newest_words_count(wholesaler: Shop) -> None:
    """`prices` asks for two prices; `2ctns each` is about both of them."""
    me = wholesaler.customer()
    said = await me.says("prices for 8x80, 8x100")
    assert "₹2,511.00" in said
    assert "₹2,343.60" in said
    assert await me.cart() == {}
    await me.says("2ctns each")
    assert await me.cart() == {"FF-8X80": 2, "FF-8X100": 2}


async def test_failure_23_gst_is_asked_before_the_order(wholesaler: Shop) -> None:
    """No total without the question for the number, and GST is on shipping, too."""
    me = wholesaler.customer()
    await me.says("10x100 10 ctns")
    assert "Do you need a GST bill?" in await me.says("place the order")
    assert await me.draft() is None
    await me.says("no gst, cod")
    draft = await me.draft()
    assert draft is not None
    bill = draft.bill
    assert (bill.goods, bill.shipping, bill.tax, bill.total) == (
        2_408_700,
        15_000,
        436_266,
        2_860_000,
    )
    assert bill.tax == (bill.goods + bill.shipping) * 18 // 100


async def test_failure_28_a_second_order_is_an_order(wholesaler: Shop) -> None:
    """Minutes after the first order the same customer orders again."""
    me = await ready(wholesaler)
    await me.says("no gst, cod")
    await me.says("yes")
    await me.says("8x80 1 ctn")
    await me.says("order, cod")
    await me.says("Yes confirm")
    assert [order.order_no for order in await me.orders()] == ["A-1002", "A-1001"]


@pytest.mark.parametrize(
    ("texts", "cart"),
    [
        (["i need frame fixing 6x40 100000pcs"], {"FF-6X40": 34}),
        (["8x80 1lac pcs"], {"FF-8X80": 67}),
        (["10X140 1000PCS"], {"FF-10X140": 2}),
        (
            ["10x100, 10x120, 10x160 10000pcs each"],
            {"FF-10X100": 15, "FF-10X120": 15, "FF-10X160": 20},
        ),
        (["8x80, 8x100 10 ctns"], {"FF-8X80": 10, "FF-8X100": 10}),
        (["8x80 15 ctns", "i need 10ctns only"], {"FF-8X80": 10}),
        (["8x80 15 ctns", "Empty my shopping cart"], {}),
        (["8x80 15 ctns", "any discount?", "1.55 per pc"], {"FF-8X80": 15}),
        (["8x80 15 ctns", "remove 8x80", "make it 3"], {"FF-8X80": 3}),
        (["8x80 2 ctn", "8x100", "add 3 ctns"], {"FF-8X80": 2, "FF-8X100": 3}),
    ],
)
async def test_recorded_wishes(wholesaler: Shop, texts: list[str], cart: dict[str, int]) -> None:
    """Messages of real customers of such a shop, and what has to be in the cart after them."""
    me = wholesaler.customer()
    for text in texts:
        await me.says(text)
    assert await me.cart() == cart


async def test_an_address_with_its_postcode(wholesaler: Shop) -> None:
    """Asked for after the order, it is kept as it is; the postcode is no phone and no quantity."""
    me = await ready(wholesaler)
    await me.says("no gst, cod")
    assert "full address" in await me.says("yes")
    said = await me.says("12 Market Road, Shivaji Nagar, Pune 411060")
    assert said == "Thank you, the address is noted."
    record = await me.record()
    assert record is not None
    assert (record.postcode, record.transporter) == ("411060", None)
    assert record.address == "12 Market Road, Shivaji Nagar, Pune 411060"
