"""How the judge reads amounts and languages in replies."""

import pytest

from hub.evaluation.wording import amounts_in, language_of, names_product, surely

pytestmark = pytest.mark.core


@pytest.mark.parametrize(
    ("text", "currency", "marked"),
    [
        ("Tea is ₹2,872.80 for 12", "INR", {287_280}),
        ("₹12,34,567.50 in all", "INR", {123_456_750}),
        ("Rs. 240/- or Rs240 or INR 240", "INR", {24_000}),
        ("240 rupees, 9 W ₹99.00", "INR", {24_000, 9_900}),
        ("दाम ₹२४०.०० या २५० रुपये", "INR", {24_000, 25_000}),
        ("السعر ١٤٥٫٠٠ درهم", "AED", {14_500}),
        ("AED\N{NO-BREAK SPACE}1,234.50 each, 16.5 dhs", "AED", {123_450, 1_650}),
        ("SAR 10, ﷼ 20", "SAR", {1_000, 2_000}),
        ("10% off, 5 % GST, 12 packs, order A-1001", "INR", set()),
        ("₹1.005 is no amount", "INR", set()),
    ],
)
def test_amounts_are_read_in_every_form(text: str, currency: str, marked: set[int]) -> None:
    """Signs, codes and words on either side, all digits, Indian and western grouping."""
    assert amounts_in(text, currency, 2).marked == marked


def test_bare_numbers_are_amounts_without_a_mark() -> None:
    """They may be what a reply states, and are never held against it."""
    found = amounts_in("that is 240.00 for 3", "INR", 2)
    assert (found.marked, found.all) == (frozenset(), frozenset({24_000, 300}))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Your order is placed", "en"),
        ("Assam Tea 500 g ka daam ₹240.00 hai", "hi-Latn"),
        ("Assam Tea 500 g का दाम ₹240.00 है", "hi"),
        ("سعر Assam Tea هو ₹240.00", "ar"),
        ("₹240.00", None),
        ("Assam Tea 500 g", None),
        ("ok", None),
    ],
)
def test_the_script_and_then_the_lexicon_tell_the_language(text: str, language: str | None) -> None:
    """Names of products stay as they are in every language, and so tell nothing."""
    assert language_of(text, ["Assam Tea 500 g", "Assam Tea"]) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("what is the price of tea", "en"),
        ("chai ka daam kya hai", "hi-Latn"),
        ("चाय?", "hi"),
        ("chai hai?", None),
        ("is it hai ka", None),
        ("8x80 15 boxes", None),
    ],
)
def test_only_a_sure_language_demands_an_answer_in_it(text: str, language: str | None) -> None:
    """Few words in Latin letters may be of any language."""
    assert surely(text) == language


def test_products_are_named_by_whole_words() -> None:
    """In any letter case and with any signs between the words."""
    assert names_product("the *rose-soap* is here", ["Rose Soap"])
    assert not names_product("roses oap, rose soapbox", ["Rose Soap"])
