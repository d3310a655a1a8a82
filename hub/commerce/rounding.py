"""CORE: how an exact amount becomes one in minor units; what all steps of a price share."""

from collections.abc import Mapping
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Decimal,
)
from typing import Final, Literal

Rounding = Literal["half_up", "half_even", "half_down", "up", "down"]
"""To the nearest minor unit, by what happens to a half of one; or always up, or always down."""

HUNDRED: Final = Decimal(100)

_MODES: Final[Mapping[Rounding, str]] = {
    "half_up": ROUND_HALF_UP,
    "half_even": ROUND_HALF_EVEN,
    "half_down": ROUND_HALF_DOWN,
    "up": ROUND_CEILING,
    "down": ROUND_FLOOR,
}


def minor(amount: Decimal, rounding: Rounding) -> int:
    """`amount`, in minor units with decimals, as a whole number of them."""
    return int(amount.to_integral_value(_MODES[rounding]))


def whole_up(amount: int, exponent: int) -> int:
    """`amount` raised to the next whole major unit, 10**`exponent` minor ones."""
    unit: int = 10**exponent
    return -(-amount // unit) * unit


def plain(number: Decimal) -> Decimal:
    """The same number written in one way only: 5 for 5.000, 100 for 1E+2."""
    return number.quantize(Decimal(1)) if number == int(number) else number.normalize()
