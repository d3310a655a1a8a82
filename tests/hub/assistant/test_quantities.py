"""Quantities in English messages."""

from decimal import Decimal

import pytest

from hub.assistant.amounts import UNCOUNTED, find_amounts
from hub.assistant.language import load
from hub.assistant.quantities import as_units, wanted, words_of
from hub.commerce.products import Product
from hub.commerce.words import normalise

ENGLISH = load("en")
SUGAR = Product(sku="S", name="Sugar 1 kg", price=1, unit="pack")
WIRE = Product(sku="W", name="Wire 2 mm", price=1, unit="metre")


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("10 cartons", [(10, "carton")]),
        ("10ctns", [(10, "carton")]),
        ("1lac pcs", [(100_000, "piece")]),
        ("1 lakh pieces", [(100_000, "piece")]),
        ("1,00,000 nos", [(100_000, "piece")]),
        ("two dozen", [(24, None)]),
        ("a dozen boxes", [(12, "box")]),
        ("5k", [(5_000, None)]),
        ("2 kg", [(2, "kg")]),
        ("2.5kgs", [(Decimal("2.5"), "kg")]),
        ("-5 boxes", [(-5, "box")]),
        ("minus", []),
        ("5 boxes 6x40", [(5, "box")]),
        ("6x40 m8 10mm 9w", []),
        ("ref 1234567890123", []),
        ("₹500", [(500, UNCOUNTED)]),
        ("500 rs", [(500, UNCOUNTED)]),
        ("10% off", [(10, UNCOUNTED)]),
        ("8 apples and 3 pears", [(8, None), (3, None)]),
    ],
)
def test_amounts(text: str, amounts: list[tuple[Decimal | int, str | None]]) -> None:
    """Numbers with what they count; sizes, long numbers, money and percentages are no quantity."""
    found = find_amounts(words_of(text), ENGLISH)
    assert [(amount.number, amount.measure) for amount in found] == amounts


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("20 rawl plug 10", 20),
        ("rawl plug 10 20 boxes", 20),
        ("rawl plug 10", None),
        ("5 kg 3", 3),
        ("₹20", None),
    ],
)
def test_a_number_in_a_written_name_is_no_quantity(text: str, number: int | None) -> None:
    """The name in full takes its numbers; counted ones go before bare ones before weights."""
    words = words_of(text)
    names = [normalise(name).split() for name in ("plug", "rawl plug 10")]
    amount = wanted(find_amounts(words, ENGLISH), names, words)
    assert (amount.number if amount else None) == number


@pytest.mark.parametrize(
    ("product", "text", "units"),
    [
        (SUGAR, "3 packs", 3),
        (SUGAR, "2 kg", 2),
        (SUGAR, "2.5 kg", None),
        (SUGAR, "500 g", None),
        (WIRE, "10 m", 10),
        (WIRE, "2 kg", None),
        (WIRE, "3 boxes", None),
    ],
)
def test_weights_and_lengths(product: Product, text: str, units: int | None) -> None:
    """A weight is divided by the one in the name when it goes into it."""
    (amount,) = find_amounts(words_of(text), ENGLISH)
    assert as_units(product, amount) == units
