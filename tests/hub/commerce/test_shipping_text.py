"""Shipping as a shop owner types it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.commerce.catalog_fields import Money
from hub.commerce.errors import BadValueError
from hub.commerce.shipping import ByZone, NoShipping, PerUnit, Shipping, Zone
from hub.commerce.shipping_text import parse_shipping, write_shipping

RUPEES = Money("INR", 2)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("none", NoShipping()),
        (" NONE ", NoShipping()),
        ("20 each", PerUnit(rate_below=2000, rate_from=2000, threshold=Decimal(1))),
        (
            "20 each; 15.50 each from 7.5; free from 10,000",
            PerUnit(rate_below=2000, rate_from=1550, threshold=Decimal("7.5"), free_from=1_000_000),
        ),
        (
            "local 60 free from 2000 = 411001, 411 004; rest of India ₹150 = *;",
            ByZone(
                (
                    Zone(name="local", codes=("411001", "411 004"), fee=6000, free_from=200_000),
                    Zone(name="rest of India", codes=("*",), fee=15_000),
                )
            ),
        ),
        ("دبي 15 = دبي", ByZone((Zone(name="دبي", codes=("دبي",), fee=1500),))),
    ],
)
def test_what_is_understood(text: str, rule: Shipping) -> None:
    """The three kinds, and back again to text that means the same."""
    assert parse_shipping(text, RUPEES) == rule
    assert parse_shipping(write_shipping(rule, 2), RUPEES) == rule


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no rule for shipping"),
        ("20", "no rule for shipping"),
        ("x" * 60, "no rule for shipping"),
        ("20 each; 15 each", "no rule for shipping"),
        ("abc each", "not an amount"),
        ("20 each; 15 each from 0", "not a quantity"),
        ("local = 411001", "no zone"),
        ("local 60 =", "no zone"),
        ("= 411001", "no zone"),
        (f"{'x' * 61} 60 = 411001", "no zone"),
        ("local sixty = 411001", "not an amount"),
        ("local 60 = 411001, -", "no place"),
        ("local 60 = 411001; Local 70 = 411002", "one name"),
        ("local 60 = 411001; far 70 = 411 001", "twice"),
        ("local 60 = " + ", ".join(map(str, range(2001))), "has 2001 places"),
        ("; ".join(f"z{n} 1 = {n}" for n in range(51)), "51 zones"),
    ],
)
def test_what_is_refused(text: str, says: str) -> None:
    """Every fault is named, with what to write instead."""
    with pytest.raises(BadValueError, match=says) as caught:
        parse_shipping(text, RUPEES)
    assert caught.value.remedy


FREE = st.none() | st.integers(0, 10**9)


@given(
    fees=st.lists(st.tuples(st.integers(0, 10**9), FREE), min_size=1, max_size=5),
    exponent=st.integers(0, 3),
)
def test_zones_are_read_back(fees: list[tuple[int, int | None]], exponent: int) -> None:
    """What is shown of a rule can be typed again, in every currency."""
    zones = [
        Zone(name=f"zone {n}", codes=(f"{n}*", f"9{n}"), fee=fee, free_from=free)
        for n, (fee, free) in enumerate(fees)
    ]
    rule = ByZone(tuple(zones))
    assert parse_shipping(write_shipping(rule, exponent), Money("XXX", exponent)) == rule
