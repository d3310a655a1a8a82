"""Money as people write it: amounts are integers in the currency's minor unit everywhere else."""

import copy
import re
from decimal import Decimal
from functools import lru_cache
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.numbers import NumberPattern, format_decimal

from hub.commerce.errors import BadValueError

MINOR_MAX: Final = 10**11
"""No single price is higher: far above any, and sums of them still fit the database's integers."""

_TOUCHING: Final = re.compile(r"(?<=[^\W\d_])(?=\d)")
"""Where a code of letters touches the digits: AED145.00. Unicode's currency spacing, which babel
leaves out."""

NUMBER_CHARS_MAX: Final = 24
"""Longer ones would lose digits in Decimal's 28."""

_SIGNS: Final = "₹$€£¥"
_PLAIN: Final = re.compile(r"[0-9]+(\.[0-9]+)?")
# 1,234,567 as most of the world groups, 12,34,567 as India does.
_GROUPED: Final = re.compile(r"[0-9]{1,3}((,[0-9]{3})+|(,[0-9]{2})*,[0-9]{3})(\.[0-9]+)?")


def format_money(amount: int, currency: str, exponent: int, locale: str) -> str:
    """`amount` minor units in the shop's own style, every decimal shown: ₹12,34,567.50."""
    pattern, known = _pattern(locale, exponent)
    value = Decimal(amount).scaleb(-exponent)
    text: str = pattern.apply(value, known, currency=currency, currency_digits=False)
    return _TOUCHING.sub("\N{NO-BREAK SPACE}", text)


def format_quantity(number: Decimal | int, locale: str) -> str:
    """A quantity with the locale's grouping and no more decimals than it has: 1,00,000 or 2.5."""
    text: str = format_decimal(number, locale=_locale(locale), decimal_quantization=False)
    return text


@lru_cache(maxsize=64)
def _pattern(locale: str, exponent: int) -> tuple[NumberPattern, Locale]:
    known = _locale(locale)
    pattern = copy.copy(known.currency_formats["standard"])
    pattern.frac_prec = (exponent, exponent)
    return pattern, known


def _locale(name: str) -> Locale:
    try:
        return Locale.parse(name)
    except (UnknownLocaleError, ValueError):  # a language that is known, a country that is not
        return Locale.parse(name.replace("-", "_").partition("_")[0])


def parse_money(text: str, currency: str, exponent: int) -> int:
    """Minor units of an amount in major ones: `24.50`, `1,234.50`, `₹ 99`, `99 INR`; BadValueError.

    The decimal sign is a point and commas group thousands; a comma before one or two last digits
    could mean either and is refused, as is any amount below the minor unit.
    """
    value = parse_number(_bare(text, currency))
    if value is None:
        raise BadValueError(f"{text!r} is not an amount", "write it like 24.50 or 1,234.50")
    minor = value.scaleb(exponent)
    if minor != minor.to_integral_value():
        raise BadValueError(
            f"{text!r} has too many decimals", f"{currency} has {exponent}, round it"
        )
    if minor > MINOR_MAX:
        raise BadValueError(f"{text!r} is too large for a price", "check the decimal point")
    return int(minor)


def parse_number(text: str) -> Decimal | None:
    """The number that digits, a decimal point and grouping commas write, or None."""
    text = text.strip()
    if len(text) > NUMBER_CHARS_MAX or not (_PLAIN.fullmatch(text) or _GROUPED.fullmatch(text)):
        return None
    return Decimal(text.replace(",", ""))


def _bare(text: str, currency: str) -> str:
    """`text` without the currency's sign or code at either end."""
    bare = text.strip()
    rupee = ("RS.", "RS") if currency == "INR" else ()
    for mark in (currency, *rupee, *_SIGNS):
        if bare.upper().startswith(mark):
            return bare[len(mark) :]
        if bare.upper().endswith(mark):
            return bare[: -len(mark)]
    return bare
