"""What a sentence says of an order besides goods, and that a question says nothing."""

from decimal import Decimal

import pytest

from hub.assistant.hearing import Shop, hear, sentences
from hub.assistant.language import load
from hub.commerce.shipping import ByZone, NoShipping, PerUnit, Zone

ENGLISH = load("en")
ZONES = ByZone((Zone(name="a", codes=("411001", "Dubai", "Abu Dhabi"), fee=1),))
SHOP = Shop(ZONES, "A")


def heard(text: str, shop: Shop = SHOP, *, asked: bool = False) -> dict[str, object]:
    """What is understood of a sentence."""
    said = hear(text, ENGLISH, shop, place_asked=asked)
    names = (
        *("place", "payment", "tax_number", "no_tax_number", "coupon", "order_no"),
        *("transporter", "address", "checkout", "asks"),
    )
    return {name: value for name in names if (value := getattr(said, name))}


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("deliver to 411004", {"place": "411004"}),
        ("place order, pin 411 001, COD", {"place": "411001", "payment": "cod", "checkout": True}),
        ("send to Dubai", {"place": "Dubai"}),
        ("Abu Dhabi", {"place": "Abu Dhabi"}),
        ("Dubai dates 5 kg", {}),
        ("9800000055", {}),
        ("2,50,500 pieces", {}),
        ("cash on delivery", {"payment": "cod"}),
        ("I'll pay by gpay", {"payment": "upi"}),
        ("Cash-on-Delivery", {"payment": "cod"}),
        ("codeine", {}),
        ("27AAPFU0939F1ZV", {"tax_number": "27AAPFU0939F1ZV"}),
        ("my gstin is 27 aapfu 0939 f1zv", {"tax_number": "27 aapfu 0939 f1zv"}),
        ("gst no: 27AAPFU0939", {"tax_number": "27AAPFU0939"}),
        ("non-gst", {"no_tax_number": True}),
        ("I am retail", {"no_tax_number": True}),
        ("coupon code HELLO10", {"coupon": "HELLO10"}),
        ("apply MONSOON coupon", {"coupon": "MONSOON"}),
        ("any coupon please", {}),
        ("where is A-1001", {"order_no": "A-1001", "asks": True}),
        ("status of order 1001", {"order_no": "1001"}),
        ("cancel order # 7", {"order_no": "# 7"}),
        ("add TEA-500", {}),
        ("SKU BA-100", {}),
        ("transporter is Fast Wheels", {"transporter": "Fast Wheels"}),
        ("my address is 12 Hill Road, Pune", {"address": "12 Hill Road, Pune"}),
        ("order", {"checkout": True}),
        ("ok order please", {"checkout": True}),
        ("order 5 boxes of soap", {}),
        ("send complete price list", {}),
        ("confirm the order", {"checkout": True}),
    ],
)
def test_facts(text: str, facts: dict[str, object]) -> None:
    """Places, ways to pay, tax numbers, coupons, order numbers: each in its common forms."""
    assert heard(text) == facts


@pytest.mark.parametrize(
    "text",
    [
        "how to place order",
        "can I pay by upi?",
        "is cash on delivery ok?",
        "what is no gst",
        "should I place the order",
        "do you take coupon HELLO10",
    ],
)
def test_a_question_says_nothing(text: str) -> None:
    """Who asks about it has not said it."""
    assert heard(text) == {"asks": True}


def test_a_polite_request_is_no_question() -> None:
    """`can you ... ?` wants it done; `how can you` does not."""
    assert heard("can you place the order?") == {"checkout": True}
    assert heard("how can you place the order") == {"asks": True}


def test_what_was_understood_is_cut_out() -> None:
    """What is left is read for products."""
    said = hear("add 4 bags rice and deliver to 411001, cod", ENGLISH, SHOP, place_asked=False)
    assert said.rest.replace(",", "").split() == ["add", "4", "bags", "rice", "and"]


def test_a_place_answers_the_question_for_it() -> None:
    """A name among other words is a place where one was asked for."""
    assert heard("near the tower Dubai please", asked=True) == {"place": "Dubai"}
    assert heard("near the tower Dubai please") == {}
    for shipping in (NoShipping(), PerUnit(rate_below=1, rate_from=1, threshold=Decimal(1))):
        assert heard("411060", Shop(shipping, "A")) == {"place": "411060"}


def test_sentences_end_at_question_marks() -> None:
    """What stands behind a question is no part of it; without signs it is one sentence."""
    assert list(sentences("is it there? add 2\nand 3")) == ["is it there?", " add 2\nand 3"]
    assert list(sentences("add 2")) == ["add 2"]
    assert list(sentences(" \n ")) == []
