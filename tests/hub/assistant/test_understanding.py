"""What a message wants done with which product, where short words decide it."""

import pytest

from tests.hub.assistant.shopper import Shop

Cart = dict[str, int]

SUGAR, COFFEE, RICE, SOAP = "SUG-WH-1K", "COF-FILT-500", "RICE-LONG-5", "SOAP-NEEM"
TWO = "5 sugar, 2 filter coffee"


@pytest.mark.parametrize(
    ("texts", "cart"),
    [
        ([TWO, "i dont want coffee, make sugar 10"], {SUGAR: 10}),
        ([TWO, "mujhe coffee nahi lena sugar 10 lena hai"], {SUGAR: 10}),
        ([TWO, "no coffee please just sugar 8"], {SUGAR: 8}),
        (["not filter coffee, 5 sugar"], {SUGAR: 5}),
        ([TWO, "sugar 10, coffee hata do"], {SUGAR: 10}),
        (["12 neem soap, 3 coffee", "remove 1 coffee and 2 soap"], {SOAP: 10, COFFEE: 2}),
        (["12 neem soap", "neem soap 2 kam kar do", "one less", "3 more"], {SOAP: 12}),
        (["send 12 neem soap to Flat 25, Rose Apartments, Pune 411004"], {SOAP: 12}),
        (["12 neem soap मकान नंबर 22 पर भेज दो"], {SOAP: 12}),
        (["12 neem soap to house no 45, 411001 by 5pm"], {SOAP: 12}),
        (["block 12 neem soap"], {SOAP: 12}),
        (["1 box neem soap", "no not a box, just a dozen"], {SOAP: 12}),
        (["12 neem soap for 20 each"], {SOAP: 12}),
        ([TWO, "remove the first one"], {COFFEE: 2}),
        ([TWO, "aakhri wala hata do"], {SUGAR: 5}),
        ([TWO, "remove the fourth one"], {SUGAR: 5, COFFEE: 2}),
        (["i want long grain rice 5kg"], {RICE: 1}),
        (["sugar price", "xyzzy plugh", "isme se 5 de do"], {SUGAR: 5}),
        (["bas sugar 5 bhaiya jaldi se"], {SUGAR: 5}),
    ],
)
async def test_what_is_wanted(grocer: Shop, texts: list[str], cart: Cart) -> None:
    """The cart holds what the last message wants, and nothing else of it was touched."""
    me = grocer.customer()
    for text in texts:
        await me.says(text)
    assert await me.cart() == cart


async def test_a_changed_yes_shows_the_total_again(grocer: Shop) -> None:
    """A yes to all but something takes that out and asks for a yes to the new total."""
    me = grocer.customer()
    await me.says(TWO)
    await me.says("order 411001 upi")
    said = await me.says("yes except the coffee")
    assert "Shall I place this order?" in said
    assert await me.orders() == []
    assert await me.cart() == {SUGAR: 5}


async def test_no_change_is_silent(grocer: Shop) -> None:
    """A reply that puts something into the cart says so, whatever else it answers."""
    me = grocer.customer()
    await me.says("neem soap price")
    said = await me.says("i want to take like 12 of them, can u do 20 each?")
    assert await me.cart() == {SOAP: 12}
    assert "Your cart comes to" in said
    assert "cannot promise other discounts" in said
