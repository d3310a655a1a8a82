"""Amounts of a bill as its papers write them."""

import re
from typing import Final

from hub.commerce.bills import Bill
from hub.commerce.money import format_money

_FROM_RIGHT: Final = "\u200f"  # locales that write from the right begin their amounts with it
_DIGIT: Final = re.compile(r"(?=[0-9])")


def money(bill: Bill, amount: int, locale: str, *, plus: bool = False) -> str:
    """An amount in the bill's currency, less than nothing with a minus; `plus`: a sign in any case.

    From the right the sign would slip behind the number: it gets a mark that holds it in front.
    """
    text = format_money(abs(amount), bill.currency, bill.exponent, locale)
    sign = "−" if amount < 0 else "+" if plus else ""
    if not sign or _FROM_RIGHT not in text:
        return sign + text
    return _DIGIT.sub(f"\u200e{sign}", text, count=1)
