import re
import string
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.commerce.bills import Bill
from hub.commerce.discounts import Discounted
from hub.commerce.drafts import Delivery
from hub.commerce.money import format_money
from hub.commerce.papers.amounts import money
from hub.commerce.papers.summary import CHARS_MAX, Teller, Words, languages, words_of
from tests.hub.commerce.papers import samples

DELIVERY = Delivery(destination="422001", transporter="Sample Roadlines", payment="cod")
ENGLISH = Teller(words_of("en"), "en_IN")


def test_a_summary_says_what_was_ordered_and_what_it_costs() -> None:
    """DOMAIN's policy A: 10 cartons of ₹2,511 at 7 % off."""
    text = ENGLISH.summary(samples.bill((10,), off_pct=2), DELIVERY, "A-1001")
    assert text.splitlines() == [
        "*Order A-1001*",
        "1. Hex bolt M8×0: 10 cartons × ₹2,511.00 = ₹23,353.00 (7% off)",
        "Goods: ₹23,353.00",
        "Festival: −₹467.06",
        "Shipping: ₹200.00",
        "CGST: ₹2,077.73",
        "SGST: ₹2,077.73",
        "Round-off: ₹0.60",
        "*Total: ₹27,242.00*",
        "To: 422001",
        "Transporter: Sample Roadlines",
        "Payment: cash on delivery",
    ]


def test_a_draft_has_no_number() -> None:
    """What is only shown is no order yet."""
    assert ENGLISH.summary(samples.bill(), Delivery()).startswith("*Your order*\n")


def test_where_the_goods_are_the_total_it_is_said_once() -> None:
    """Two equal sums one under the other explain nothing."""
    bill = samples.bill((2,), samples.VAT, tax_pct=Decimal(0))
    text = ENGLISH.summary(bill, Delivery())
    assert "Goods" not in text
    assert text.endswith("*Total: ₹5,022.00*")


@pytest.mark.parametrize("language", ["en", "hi", "hi-Latn", "ar"])
def test_every_language_says_every_sum(language: str) -> None:
    """Words change; names, codes and amounts do not."""
    bill = samples.bill(off_pct=2)
    text = Teller(words_of(language), "en_IN").summary(bill, DELIVERY, "A-1001")
    shown = [bill.goods, bill.discount, bill.shipping, bill.total]
    for amount in [*shown, *(part.amount for part in bill.tax_parts)]:
        assert format_money(amount, "INR", 2, "en_IN") in text
    assert "A-1001" in text
    assert "Hex bolt M8×1" in text


def test_languages_have_the_same_places() -> None:
    """A translation that forgot one would leave an amount out."""
    english = msgspec.structs.asdict(languages()["en"])
    for words in languages().values():
        for name, said in msgspec.structs.asdict(words).items():
            assert _places(said) == _places(english[name])


def _places(template: str) -> set[str]:
    return {place for _, place, _, _ in string.Formatter().parse(template) if place}


def test_another_language_gets_english() -> None:
    """And a customer whose language nobody knows."""
    assert words_of("ta") == words_of(None) == words_of("en")


def test_hindi_is_not_english() -> None:
    """Each language has words of its own, also where letters are Latin."""
    assert len({words_of(language).total for language in languages()}) == len(languages())
    assert isinstance(words_of("hi"), Words)


def test_a_long_order_tells_how_many_more_there_are() -> None:
    """A message has 1,000 characters; the sums are never left out."""
    bill = samples.bill(tuple(range(1, 61)))
    text = ENGLISH.summary(bill, DELIVERY, "A-1001")
    shown = len(re.findall(r"^\d+\. ", text, re.MULTILINE))
    assert f"… and {60 - shown} more" in text
    assert format_money(bill.total, "INR", 2, "en_IN") in text
    assert CHARS_MAX - 150 < len(text) <= CHARS_MAX


def test_many_discounts_are_told_as_one() -> None:
    """Before they push out the goods."""
    many = tuple(Discounted(str(at), f"Festival {at} " * 3, 100) for at in range(20))
    bill = msgspec.structs.replace(samples.bill(), discounts=many, discount=2_000)
    text = ENGLISH.summary(bill, DELIVERY, "A-1001")
    assert "\nDiscount: −₹20.00\n" in text
    assert "Festival" not in text
    assert "1. Hex bolt" in text


@settings(max_examples=100)
@given(samples.BILLS, samples.LOCALES, samples.TEXTS, st.sampled_from(sorted(languages())))
def test_a_summary_of_anything_fits_a_message(
    bill: Bill, locale: str, words: str, language: str
) -> None:
    """Whatever names and addresses hold."""
    delivery = Delivery(destination=words, address=words, transporter=words, payment=words)
    text = Teller(words_of(language), locale).summary(bill, delivery, "A-1001")
    assert len(text) <= CHARS_MAX
    assert money(bill, bill.total, locale) in text


def test_captions_say_what_the_file_is() -> None:
    """The payment's has the address too, for who cannot scan the phone in their hand."""
    bill = samples.bill()
    total = format_money(bill.total, "INR", 2, "en_IN")
    assert ENGLISH.invoice_caption(bill, "A-1001") == f"Invoice of order A-1001, {total}"
    caption = ENGLISH.payment_caption(bill, "A-1001", "sample@okbank")
    assert all(said in caption for said in (total, "A-1001", "sample@okbank"))


def test_a_way_to_pay_that_only_the_shop_knows_stays_as_it_is() -> None:
    """Shops may take what nobody translated."""
    assert ENGLISH.payment("cheque") == "cheque"
    assert Teller(words_of("hi"), "en_IN").payment("cod") == "डिलीवरी पर नकद"


@pytest.mark.parametrize(
    ("language", "unit", "shown"),
    [
        ("en", "box", "10 boxes ×"),
        ("en", "kg", "10 kg ×"),
        ("en", "pieces", "10 pieces ×"),
        ("en", "foot", "10 feet ×"),
        ("hi", "carton", "10 carton ×"),
    ],
)
def test_units_are_named_as_many_are(language: str, unit: str, shown: str) -> None:
    """In English, where a plural is written otherwise than the unit; symbols stay."""
    bill = samples.bill((10,))
    line = msgspec.structs.replace(bill.lines[0], unit=unit)
    text = Teller(words_of(language), "en_IN").summary(
        msgspec.structs.replace(bill, lines=(line,)), DELIVERY
    )
    assert shown in text
