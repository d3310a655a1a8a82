"""Replies that say what was not done, and questions that do nothing."""

from decimal import Decimal

import pytest

from tests.hub.assistant.shopper import Shop

LIST = """Hi bhai
1. hill tea 250g - 12
2. filter coffee - 3
3. 5 kg long grain rice - 4 bags
4. wheat flour 10 kg - 6
5. yellow lentils 1kg - 7
6. sugar 10
7. salt 8
8. cooking oil 1 litre 2 cartons
9. oat biscuits 9
10. neem soap 1 box
11. detergent powder 2 kg - 2
12. 9w led bulb 30
13. cotton rope 2
14. toothpaste 3"""


async def test_a_long_list_loses_nothing(grocer: Shop) -> None:
    """Its own numbers are no quantities; what cannot be had is named however long the reply is."""
    me = grocer.customer()
    said = await me.says(LIST)
    cart = await me.cart()
    wanted = {"TEA-HILL-250": 12, "COF-FILT-500": 3, "FLOUR-WH-10": 6, "OIL-SEED-1L": 24}
    assert {sku: cart[sku] for sku in wanted} == wanted
    assert len(cart) == 12
    assert "Cotton Rope 10 m (₹75.00 per roll) is out of stock" in said
    assert "I could not find in our list: toothpaste." in said
    assert "Your cart comes to" in said
    assert len(said) <= 800


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("can I cancel?", 'write "cancel my order"'),
        ("how to empty it?", 'Write "empty my cart"'),
        ("what if I say yes?", "ask for your yes"),
        ("can i remove the sugar?", 'Write "remove White Sugar 1 kg"'),
        ("show me order A-1001", "I cannot find that order of yours."),
    ],
)
async def test_a_question_is_answered_and_does_nothing(grocer: Shop, text: str, reply: str) -> None:
    """Neither the cart nor an order changes by being asked about."""
    me = grocer.customer()
    await me.says("5 sugar")
    said = await me.says(text)
    assert reply in said
    assert "GSTIN" not in said
    assert await me.cart() == {"SUG-WH-1K": 5}
    assert await me.draft() is None


async def test_a_bare_cancel_asks_first(grocer: Shop) -> None:
    """It is about the order that was placed, once the cart is empty; without a yes it stays."""
    me = grocer.customer()
    await me.says("5 sugar")
    assert (await me.says("cancel")).startswith('Write "empty my cart"')
    await me.says("order 411001 upi no gst")
    await me.says("yes")
    assert (await me.says("forget it")).startswith("All right.")
    assert (await me.says("haan cancel kar do")).endswith(
        "order A-1001 cancel kar doon? Haan ya nahi likhiye."
    )
    assert [order.state for order in await me.orders()] == ["confirmed"]


async def test_a_yes_to_an_open_question_asks_it_again(grocer: Shop) -> None:
    """A yes is no postcode; to the sum of the cart it goes on to the order, not past it."""
    me = grocer.customer()
    await me.says("5 sugar")
    assert "Where shall it go?" in await me.says("yes")
    await me.says("no gst")
    assert "Where shall it go?" in await me.says("ok")
    assert "411001, 411004" in await me.says("mumbai")
    assert await me.orders() == []


async def test_an_address_is_one(grocer: Shop) -> None:
    """A change of the cart or a time is none; one that comes a message late is kept."""
    me = grocer.customer()
    await me.says("5 sugar")
    await me.says("order 411001 upi no gst")
    await me.says("yes")
    await me.says("make it 6")
    await me.says("12 MG Road, near the bus stand")
    record = await me.record()
    assert record is not None
    assert record.address == "12 MG Road, near the bus stand"


async def test_a_coupon_again_bare_and_taken_back(grocer: Shop) -> None:
    """It takes off the same when it is named twice, and nothing once it is taken back."""
    await grocer.gives(name="Welcome", pct=Decimal(10), coupon="HELLO10")
    me = grocer.customer()
    await me.says("10 sugar")
    for text in ("HELLO10", "coupon HELLO10"):
        assert "Coupon HELLO10 takes off ₹47.50." in await me.says(text)
    assert "The coupon is off your cart." in await me.says("remove the coupon HELLO10")
    assert await me.coupons() == ()


async def test_a_way_to_pay_instead(grocer: Shop) -> None:
    """`cash instead` is about the payment, not about the goods."""
    me = grocer.customer()
    await me.says("5 sugar")
    await me.says("order 411001 upi no gst")
    said = await me.says("cash instead")
    assert said.startswith("*Your order*")
    assert "Payment: cash on delivery" in said


async def test_hinglish_on_the_way_to_an_order(grocer: Shop) -> None:
    """How much it is, that this is all, and that no GST number is needed."""
    me = grocer.customer()
    await me.says("cheeni 10 paket")
    assert "*Kul: ₹498.76*" in await me.says("kitna hua")
    assert "Kahan bhejna hai?" in await me.says("bas itna hi, order karo")
    assert "bill bina GST number ke" in await me.says("gst nahi chahiye")
