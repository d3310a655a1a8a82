"""Amounts as people read and write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.commerce.errors import BadValueError
from hub.commerce.money import MINOR_MAX, format_money, format_quantity, parse_money


@pytest.mark.parametrize(
    ("amount", "currency", "exponent", "locale", "text"),
    [
        (123_456_750, "INR", 2, "en_IN", "₹12,34,567.50"),
        (0, "INR", 2, "hi_IN", "₹0.00"),
        (14_500, "AED", 2, "en_AE", "AED\xa0145.00"),
        (1_234_567, "KWD", 3, "en_KW", "KWD\xa01,234.567"),  # babel knows en, not en_KW
        (1_234, "JPY", 0, "ja_JP", "￥1,234"),  # the Japanese sign
        (5, "USD", 2, "en-US", "$0.05"),
    ],
)
def test_money_in_the_shops_style(
    amount: int, currency: str, exponent: int, locale: str, text: str
) -> None:
    """Grouping and sign follow the locale, decimals the shop's exponent."""
    assert format_money(amount, currency, exponent, locale) == text


def test_quantities_are_grouped_without_needless_decimals() -> None:
    """A lakh is written as India groups it."""
    assert format_quantity(100_000, "en_IN") == "1,00,000"


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("24.50", 2450),
        ("24.5", 2450),
        ("24", 2400),
        (" ₹ 1,234.50 ", 123_450),
        ("Rs. 1,23,456", 12_345_600),
        ("rs 5", 500),
        ("99 INR", 9900),
        ("0", 0),
        ("24.500", 2450),
    ],
)
def test_amounts_that_are_understood(text: str, minor: int) -> None:
    """Point for decimals, commas for thousands in either grouping, a sign or code at one end."""
    assert parse_money(text, "INR", 2) == minor


@pytest.mark.parametrize(
    "text",
    ["", "abc", "24,50", "1,2345", "-5", "1e3", "NaN", "24.505", "5 AED", "٢٤", "1" * 30, "9" * 14],
)
def test_amounts_that_are_refused(text: str) -> None:
    """What could mean two things, or is below the minor unit, comes with a remedy."""
    with pytest.raises(BadValueError) as caught:
        parse_money(text, "INR", 2)
    assert caught.value.remedy


@given(amount=st.integers(0, MINOR_MAX), exponent=st.integers(0, 4))
def test_what_is_shown_is_read_back(amount: int, exponent: int) -> None:
    """No digit is lost or rounded on the way out and in again."""
    shown = format_money(amount, "INR", exponent, "en_IN")
    assert parse_money(shown, "INR", exponent) == amount
