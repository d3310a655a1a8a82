"""CORE: the tax on goods and shipping, and in which parts it is owed.

Within a state of India GST is two equal halves, each rounded by itself: the Union's (CGST) and the
state's (SGST, or UTGST). Between two states it is one whole, IGST (IGST Act 2017, s. 5 and 7).
"""

from decimal import Decimal
from typing import Final, Literal

import msgspec
from stdnum import luhn
from stdnum.in_ import gstin, pan

from hub.commerce.errors import BadValueError
from hub.commerce.places import FORMER, WITHOUT_LEGISLATURE
from hub.commerce.rounding import HUNDRED, Rounding, minor


class Tax(msgspec.Struct, frozen=True, kw_only=True):
    """How a shop taxes: added to the prices or `included` in them, by line or by order.

    `order_pct` is the rate of basis "order"; lines have their product's. `parts` 2 are CGST and
    SGST. `state` is the shop's own, as GST numbers it.
    """

    name: str = "tax"
    included: bool = False
    basis: Literal["line", "order"] = "line"
    order_pct: Decimal = Decimal(0)
    on_shipping: bool = False
    parts: Literal[1, 2] = 1
    state: str | None = None

    def __post_init__(self) -> None:
        """ValueError for a rate that is none."""
        if not 0 <= self.order_pct <= HUNDRED:
            raise ValueError("a tax rate is 0 to 100 %")


class TaxPart(msgspec.Struct, frozen=True):
    """What one authority is owed."""

    name: str
    amount: int


def part_names(tax: Tax, customer_state: str | None) -> tuple[str, ...]:
    """The parts in which an order's tax is owed; a customer of no known state is from the shop's.

    The two halves of a tax `GST` are named CGST and SGST, its whole between states IGST.
    """
    if tax.parts == 1:
        return (tax.name,)
    if customer_state is not None and tax.state is not None and customer_state != tax.state:
        return (f"I{tax.name}",)
    return (f"C{tax.name}", f"{'UT' if tax.state in WITHOUT_LEGISLATURE else 'S'}{tax.name}")


def tax_on(amount: int, pct: Decimal, tax: Tax, parts: int, rounding: Rounding) -> int:
    """The tax on `amount`, or the one that it contains: `parts` equal shares, each rounded."""
    if pct == 0:
        return 0
    if parts == 1 and tax.included:
        return amount - minor(amount * HUNDRED / (HUNDRED + pct), rounding)
    whole = HUNDRED + pct if tax.included else HUNDRED
    return parts * minor(amount * pct / (whole * parts), rounding)


def check_gstin(text: str) -> str:
    """A GSTIN in capitals without blanks, its form and check digit sound; BadValueError."""
    number = gstin.compact(text)
    if gstin.is_valid(number) or (number[:2] in _NEWER and _is_sound(number)):
        return number
    raise BadValueError("this is not a GSTIN", "copy its 15 characters as the certificate has them")


_NEWER: Final = frozenset({"38", "97"})
"""State codes that stdnum 2.2 does not know yet."""

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _is_sound(number: str) -> bool:
    form = len(number) == 15 and number[12] != "0" and number[13] == "Z"
    return form and pan.is_valid(number[2:12]) and luhn.is_valid(number, _DIGITS)


def state_of(number: str) -> str:
    """The state of a GSTIN that was checked, as GST numbers it today."""
    return FORMER.get(number[:2], number[:2])
