"""Second thoughts: less, more, instead, and what the customer meant a message ago."""

import pytest

from hub.assistant.engine import Line
from tests.hub.assistant.shopper import Shop
from tests.hub.assistant.test_lists import items

Cart = dict[str, int]


@pytest.mark.parametrize(
    ("texts", "cart"),
    [
        (["25 bags long grain rice", "actually remove rice and add 10 bags"], {"RICE-LONG-5": 10}),
        (["2 hill tea 250g", "double it"], {"TEA-HILL-250": 4}),
        (["2 hill tea 250g, 3 filter coffee", "double the coffee"], {"COF-FILT-500": 6}),
        (["5 sugar", "3 filter coffee", "delete it"], {"COF-FILT-500": 0, "SUG-WH-1K": 5}),
        (["1 box neem soap + 5 pieces"], {"SOAP-NEEM": 17}),
        (["2 boxes and 3 pieces of neem soap"], {"SOAP-NEEM": 27}),
        (["5 9w led bulb and 1 carton 9w led bulb"], {"LED-9": 29}),
        (["12 neem soap", "remove -3 neem soap"], {"SOAP-NEEM": 12}),
        (["4 long grain rice", "remove 2 cartons of rice"], {"RICE-LONG-5": 4}),
        (["8 dishwash liquid", "dishwash nahi, neem soap 6"], {"DISH-LIQ-750": 0, "SOAP-NEEM": 6}),
        (
            ["5 sugar, 2 filter coffee", "sugar rate?", "sugar aur filter coffee dono 6 kar do"],
            {"SUG-WH-1K": 6, "COF-FILT-500": 6},
        ),
        (["5 sugar", "yes but make it 8"], {"SUG-WH-1K": 8}),
    ],
)
async def test_what_is_left_in_the_cart(grocer: Shop, texts: list[str], cart: Cart) -> None:
    """Exactly as many as the last words say, and nothing of what was taken out."""
    me = grocer.customer()
    for text in texts:
        await me.says(text)
    held = await me.cart()
    assert {sku: held.get(sku, 0) for sku in cart} == cart


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("remove rice and add 10 bags", ["remove rice:", "add : 10 bag"]),
        ("soap 2 boxes and 50 pieces", ["name soap: 2 box", "add : 50 piece"]),
        ("2 boxes and 50 pieces soap", ["name soap: 2 box", "add soap: 50 piece"]),
        ("remove 2 boxes of soap and 5 pieces", ["remove soap: 2 box", "remove : 5 piece"]),
        ("Hi\n1. soap 4\n2. oil 3\n3. rice 2\nthanks", ["name soap: 4", "name oil: 3"]),
    ],
)
def test_what_is_said_of_one_thing_twice(text: str, found: list[str]) -> None:
    """Two measures of a thing add up, two verbs do not mix, a list's numbers are no quantities."""
    assert [item for item in items("en", text) if item != "name :"][: len(found)] == found


BULBS = ["24 9w led bulb", "24 12w led bulb"]


@pytest.mark.parametrize(
    ("texts", "cart"),
    [
        ([*BULBS, "hi", "remove the led bulbs", "the 12 w one"], {"LED-9": 24, "LED-12": 0}),
        ([*BULBS, "hi", "remove the led bulbs", "first one"], {"LED-9": 24, "LED-12": 0}),
        ([*BULBS, "hi", "remove 4 led bulbs", "the 9 w one"], {"LED-9": 20, "LED-12": 24}),
        ([*BULBS, "hi", "add 6 more led bulbs", "the 9 w one"], {"LED-9": 30, "LED-12": 24}),
        ([*BULBS, "hi", "can i add 5 led bulbs?", "the 9 w one"], {"LED-9": 24, "LED-12": 24}),
        ([*BULBS, "hi", "can i remove led bulbs?", "the 9 w one"], {"LED-9": 24, "LED-12": 24}),
        (["5 sugar, 10 led bulbs", "the 9 w one"], {"SUG-WH-1K": 5, "LED-9": 10}),
    ],
)
async def test_a_pick_does_what_was_said_before(grocer: Shop, texts: list[str], cart: Cart) -> None:
    """Who picks from our options wants done with it what they had asked for, no more."""
    me = grocer.customer()
    for text in texts:
        await me.says(text)
    held = await me.cart()
    assert {sku: held.get(sku, 0) for sku in cart} == cart


async def test_papers_are_not_the_shops_last_words(grocer: Shop) -> None:
    """A number after an invoice still speaks of what was said in words before."""
    me = grocer.customer()
    await me.says("price of filter coffee")
    me.history += (Line("bot", "Invoice of order A-1001, Neem Soap 100 g", 1, "document"),)
    await me.says("3 packs")
    assert await me.cart() == {"COF-FILT-500": 3}
