"""How customers count a product."""

from decimal import Decimal

import pytest

from hub.commerce.products import Product, singular, units

OIL = Product(sku="O", name="Oil", price=1, unit="bottle", packs={"carton": 12})
SCREW = Product(sku="S", name="Screw", price=1, unit="carton", pieces_per_unit=3000)
DRILL = Product(sku="D", name="Drill", price=1, unit="piece", packs={"box": 10})
CARD = Product(sku="C", name="Cells", price=1, unit="card")


@pytest.mark.parametrize(
    ("product", "number", "measure", "expected"),
    [
        (OIL, 3, None, 3),
        (OIL, 3, "bottles", 3),
        (OIL, 2, "cartons", 24),
        (OIL, 2, "box", None),
        (OIL, 2, "piece", None),
        (SCREW, 3000, "piece", 1),
        (SCREW, 3001, "pcs", 2),
        (DRILL, 4, "pcs", 4),
        (DRILL, 2, "boxes", 20),
        (CARD, 5, "piece", 5),
    ],
)
def test_units(product: Product, number: int, measure: str | None, expected: int | None) -> None:
    """A bare number means units, packs multiply, pieces divide and round up."""
    assert units(product, Decimal(number), measure) == expected


@pytest.mark.parametrize(
    ("word", "one"),
    [
        ("Boxes", "box"),
        ("batches", "batch"),
        ("trays", "tray"),
        ("glass", "glass"),
        ("gas", "gas"),
        ("batteries", "battery"),
    ],
)
def test_singular(word: str, one: str) -> None:
    """One and many of a measure are the same word."""
    assert singular(word) == one
