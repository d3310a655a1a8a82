"""How customers count a product."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.commerce.products import Product, from_milli, milli, singular, units

pytestmark = pytest.mark.core

OIL = Product(sku="O", name="Oil", price=1, unit="bottle", packs={"carton": 12})
SCREW = Product(sku="S", name="Screw", price=1, unit="carton", pieces_per_unit=3000)
DRILL = Product(sku="D", name="Drill", price=1, unit="piece", packs={"box": 10})
ROPE = Product(sku="R", name="Rope", price=1, unit="metre", packs={"coil": 100})
LOOSE = Product(sku="L", name="Plug", price=1, unit="Boxes")
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
        (LOOSE, 5, "piece", None),
        (LOOSE, 5, "boxes", 5),
        (ROPE, "2.5", "metre", "2.5"),
        (ROPE, "2.5", "coils", 250),
    ],
)
def test_units(
    product: Product, number: int | str, measure: str | None, expected: int | str | None
) -> None:
    """A bare number means units, packs multiply, pieces divide and round up."""
    wanted = None if expected is None else Decimal(expected)
    assert units(product, Decimal(number), measure) == wanted


@given(thousandths=st.integers(0, 10**15))
def test_the_database_counts_thousandths(thousandths: int) -> None:
    """Every quantity comes back as it was, written in one way."""
    quantity = from_milli(thousandths)
    assert milli(quantity) == thousandths
    assert "E" not in str(quantity)
    assert from_milli(milli(quantity * 1000 / 1000)) == quantity


@pytest.mark.parametrize("quantity", ["0.0005", "1.2345", "-0.0001"])
def test_a_finer_quantity_is_refused(quantity: str) -> None:
    """Nothing is rounded on its way into the database."""
    with pytest.raises(ValueError, match="more than 3 decimals"):
        milli(Decimal(quantity))


@pytest.mark.parametrize(
    ("least", "step", "expected"), [("5", "2", "6"), ("6", "2", "6"), ("0.3", "0.25", "0.5")]
)
def test_the_smallest_order(least: str, step: str, expected: str) -> None:
    """The minimum, raised to the step."""
    item = msgspec.structs.replace(ROPE, min_qty=Decimal(least), step=Decimal(step))
    assert item.least == Decimal(expected)


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
