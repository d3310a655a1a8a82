"""What a model's reply may say, and what not, over invented facts."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.assistant.facts import Facts
from hub.assistant.guard import REPLY_MAX_CHARS, grounds, offences
from hub.commerce.money import format_money

FACTS = Facts(
    amounts=frozenset((24_000, 123_456_750, 0)),
    numbers=frozenset((Decimal(10), Decimal(3))),
    percents=frozenset((Decimal(5), Decimal("2.5"))),
    codes=frozenset(("TEA-ASM-500",)),
    names=("Assam Tea 500 g", "Bolt M8-50"),
    orders=frozenset(("A-1001",)),
    effects=frozenset(("added", "packed")),
    record=("shop@okbank", "+919800000001", "https://shop.example.com/map"),
)


def kinds(text: str, facts: Facts = FACTS) -> list[str]:
    return [one.kind for one in offences(text, facts, 2)]


@pytest.mark.parametrize(
    "text",
    [
        "Assam Tea 500 g is ₹240 plus GST.",
        "Assam Tea 500 g: Rs. 240.00/-, 10 packs at hand",
        "Total: ₹12,34,567.50 only",
        "240 rupees, delivery ₹0",
        "असम चाय ₹२४० की है",
        "السعر \u200f٢٤٠٫٠٠\u00a0روپے",
        "5% off from 10 packs, then 2.5 %",
        "Your cart has TEA-ASM-500; I've added 3 packs.",
        "Order A-1001 is packed. Pay to shop@okbank or call +91 98000 00001.",
        "See https://shop.example.com/map",
        "Once your order is placed, we pack it. It is not confirmed yet.",
        "Would you like me to place the order?",
        "We are open Mon-Sat 09:30-20:00, e.g. at 10.",
        "Bolt M8-50 is a follow-up item, so-called.",
    ],
)
def test_what_has_a_ground_passes(text: str) -> None:
    """Prices, counts, codes and addresses of the shop pass in the ways in which people write."""
    assert kinds(text) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("It is ₹241.", "amount"),
        ("It is Rs1,999 today", "amount"),
        ("It is 1999/-", "amount"),
        ("only 1,999 rupees", "amount"),
        ("The total is 1999", "amount"),
        ("only 239.99", "amount"),
        ("कीमत २४१ है", "amount"),
        ("السعر ٢٤١", "amount"),
        ("₹2.4k for you", "amount"),
        ("AED 241", "amount"),
        ("just two thousand rupees", "amount"),
        ("get 15% off", "percent"),
        ("take TEA-ASM-900", "code"),
        ("order A-1002 is packed", "order_no"),
        ("order number 1002 is packed", "order_no"),
        ("see http://evil.example.net", "link"),
        ("see evil-shop.com/pay", "link"),
        ("pay to thief@okbank", "payment_address"),
        ("call +91 98000 00002", "phone"),
        ("transfer to 123456789012", "phone"),
        ("Your order is placed!", "claim"),
        ("Great, order confirmed.", "claim"),
        ("आपका ऑर्डर हो गया", "claim"),
        ("تم تأكيد طلبك", "claim"),
        ("Aapka order ho gaya ji", "claim"),
        ("We received your payment.", "claim"),
        ("We will refund you.", "claim"),
        ("I’ve removed it", "claim"),
        ("", "empty"),
        ("a" * (REPLY_MAX_CHARS + 1), "too_long"),
    ],
)
def test_what_has_no_ground_is_named(text: str, kind: str) -> None:
    """Whatever the script, the sign or the place of it."""
    assert kinds(text) == [kind]


def test_an_order_that_stands_is_no_ground_for_a_new_one() -> None:
    """That it is placed is true of the order that a tool showed, if the reply names it."""
    shown = Facts(orders=frozenset(("A-1001",)), effects=frozenset(("ordered",)))
    assert kinds("Your order is placed!", shown) == ["claim"]
    assert kinds("Your order A-1001 was placed: order placed on Monday.", shown) == []


def test_what_must_be_said() -> None:
    """A total that is up for a yes, and the number of an order that was placed."""
    facts = Facts(amounts=frozenset((24_000,)), must_price=24_000)
    assert kinds("Shall I place it?", facts) == ["unsaid"]
    assert kinds("₹240.00. Shall I place it?", facts) == []
    placed = Facts(orders=frozenset(("A-7",)), must_name=frozenset(("A-7",)))
    assert kinds("Thank you!", placed) == ["unsaid"]
    assert kinds("Thank you! It is A-7.", placed) == []


def test_earlier_replies_are_ground() -> None:
    """What was sent before may be said again; a currency without decimals has none."""
    before = grounds(["Tea is ₹240.00, 5% off. Order A-1001."], 2)
    assert kinds("As I said: ₹240, 5%, A-1001", before) == []
    assert [one.kind for one in offences("¥240", Facts(amounts=frozenset((240,))), 0)] == []


def test_an_offence_says_little_of_a_long_reply() -> None:
    """What is told back is bounded, however long the number or the code is."""
    found = offences("₹" + "9" * 500 + " " + "X" * 300 + "-1", FACTS, 2)
    assert all(len(one.what) <= 40 for one in found)


LOCALES = [("INR", "en_IN"), ("INR", "hi_IN"), ("AED", "ar_AE"), ("AED", "en_AE"), ("EUR", "de_DE")]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(1, 10**10), st.integers(1, 10**10), st.sampled_from(LOCALES[:4]))
def test_an_amount_passes_exactly_when_it_is_known(
    said: int, known: int, style: tuple[str, str]
) -> None:
    """However the shop's locale writes it, in Latin or Arabic digits, with marks of direction."""
    text = f"Total: {format_money(said, style[0], 2, style[1])}"
    found = kinds(text, Facts(amounts=frozenset((known,))))
    assert found == ([] if said == known else ["amount"])
    assert kinds(text, Facts(amounts=frozenset((said,)))) == []
