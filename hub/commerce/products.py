"""CORE: what a product is, and how customers count it."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Final

import msgspec

from hub.commerce.rounding import plain

PIECE_WORDS: Final = frozenset({"piece", "pieces", "pc", "pcs", "nos"})
"""How a file or a customer names the single thing inside a unit."""

CONTAINERS: Final = frozenset({"carton", "ctn", "box", "case", "crate", "bundle", "dozen", "gross"})
"""Units that hold pieces. Without `pieces_per_unit` nobody knows how many: 100,000 pieces of a
carton must never become 100,000 cartons."""

DECIMALS_MAX: Final = 3
"""Of a quantity: the database counts thousandths of a unit."""

ONE: Final = Decimal(1)


class Slab(msgspec.Struct, frozen=True, omit_defaults=True):
    """A better price from `min_qty` units on: a percentage off, or a price per unit instead."""

    min_qty: Decimal
    pct: Decimal | None = None
    unit_price: int | None = None


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a shop sells. `price` is for one `unit`, in minor units of its currency.

    A pack of the name `packs` maps holds so many units; a unit holds `pieces_per_unit` pieces.
    `stock` is None where the shop does not count.
    """

    sku: str
    name: str
    price: int
    product_id: int = 0
    description: str = ""
    category: str = ""
    aliases: tuple[str, ...] = ()
    unit: str = "piece"
    tax_pct: Decimal = Decimal(0)
    hsn: str | None = None
    stock: Decimal | None = None
    min_qty: Decimal = ONE
    step: Decimal = ONE
    packs: Mapping[str, int] = {}
    pieces_per_unit: int | None = None
    slabs: tuple[Slab, ...] = ()
    image_url: str | None = None
    active: bool = True

    @property
    def least(self) -> Decimal:
        """The smallest quantity on the step that is not below the minimum."""
        below = on_step(self.min_qty, self.step)
        return below if below == self.min_qty else plain(below + self.step)

    @property
    def one(self) -> Decimal:
        """One unit, or the least where one unit cannot be had."""
        fits = on_step(ONE, self.step) == ONE >= self.min_qty
        return ONE if fits else self.least

    @property
    def offered(self) -> bool:
        """Whether a customer may be told of it: neither retired nor without a price."""
        return self.active and self.price > 0


def on_step(quantity: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` that is not above `quantity`, which is not negative."""
    return plain(quantity // step * step)


def milli(quantity: Decimal | int) -> int:
    """The thousandths of a quantity, as the database holds it; ValueError where it is finer."""
    thousandths = Decimal(quantity).scaleb(DECIMALS_MAX)
    if thousandths != thousandths.to_integral_value():
        raise ValueError(f"{quantity} has more than {DECIMALS_MAX} decimals")
    return int(thousandths)


def from_milli(thousandths: int) -> Decimal:
    """The quantity of so many thousandths."""
    return plain(Decimal(thousandths).scaleb(-DECIMALS_MAX))


_PLURALS: Final = (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("xes", "x"), ("ss", "ss"))


def units(product: Product, number: Decimal, measure: str | None) -> Decimal | None:
    """How many units `number` of `measure` are; None when the product is not counted so.

    A bare number means units. Packs multiply; pieces divide and round up to whole units.
    """
    if measure is None or _same(measure, product.unit):
        return number
    for pack, held in product.packs.items():
        if _same(measure, pack):
            return number * held
    if measure in PIECE_WORDS:
        return _from_pieces(product, number)
    return None


def _from_pieces(product: Product, pieces: Decimal) -> Decimal | None:
    if product.pieces_per_unit is not None:
        return (pieces / product.pieces_per_unit).to_integral_value(ROUND_CEILING)
    if product.unit in PIECE_WORDS:
        return pieces
    return None if product.packs or singular(product.unit) in CONTAINERS else pieces


def _same(measure: str, unit: str) -> bool:
    return singular(measure) == singular(unit)


def singular(word: str) -> str:
    """The word that one of them is called by: `boxes` and `box` are the same measure."""
    word = word.casefold()
    for plural, single in _PLURALS:
        if word.endswith(plural):
            return word.removesuffix(plural) + single
    return word.removesuffix("s") if len(word) > 3 else word
