"""A shop's products as a file that the import takes back without a change."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from hub.commerce.catalog_fields import COLUMNS
from hub.commerce.products import Product, Slab


def write_csv(products: Iterable[Product], exponent: int) -> str:
    """One row for each product, all columns, amounts in major units with `exponent` decimals."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(COLUMNS))
    writer.writeheader()
    writer.writerows(cells(product, exponent) for product in products)
    return text.getvalue()


def write_json(products: Iterable[Product], exponent: int) -> str:
    """The same as `{"products": [...]}`, with lists and packs in their own forms."""
    rows = [_fields(product, exponent) for product in products]
    return json.dumps({"products": rows}, ensure_ascii=False, indent=2) + "\n"


def cells(product: Product, exponent: int) -> dict[str, str]:
    """Every column of the product as a spreadsheet's cell has it; empty where nothing is said."""
    return {column: write(product, exponent) for column, write in _CELLS.items()}


def _fields(product: Product, exponent: int) -> dict[str, Any]:
    fields: dict[str, Any] = dict(cells(product, exponent))
    fields["aliases"] = list(product.aliases)
    fields["packs"] = dict(product.packs)
    fields["slabs"] = [_slab_fields(slab, exponent) for slab in product.slabs]
    return {column: value for column, value in fields.items() if value}


def _slab_fields(slab: Slab, exponent: int) -> dict[str, str]:
    start = {"min_qty": _plain(slab.min_qty)}
    if slab.unit_price is not None:
        return start | {"unit_price": _major(slab.unit_price, exponent)}
    return start | {"pct": _plain(slab.pct)}


def _slab_cell(slab: Slab, exponent: int) -> str:
    if slab.unit_price is not None:
        return f"{_plain(slab.min_qty)}:={_major(slab.unit_price, exponent)}"
    return f"{_plain(slab.min_qty)}:{_plain(slab.pct)}%"


def _major(amount: int, exponent: int) -> str:
    return f"{Decimal(amount).scaleb(-exponent):f}"


def _plain(number: Decimal | int | None) -> str:
    return "" if number is None else f"{number:f}"


_CELLS: Final[Mapping[str, Callable[[Product, int], str]]] = {
    "sku": lambda product, _: product.sku,
    "name": lambda product, _: product.name,
    "price": lambda product, exponent: _major(product.price, exponent),
    "description": lambda product, _: product.description,
    "category": lambda product, _: product.category,
    "aliases": lambda product, _: "|".join(product.aliases),
    "unit": lambda product, _: product.unit,
    "tax_pct": lambda product, _: _plain(product.tax_pct),
    "hsn": lambda product, _: product.hsn or "",
    "stock": lambda product, _: _plain(product.stock),
    "min_qty": lambda product, _: _plain(product.min_qty),
    "step": lambda product, _: _plain(product.step),
    "packs": lambda product, _: "; ".join(f"{name}={n}" for name, n in product.packs.items()),
    "pieces_per_unit": lambda product, _: str(product.pieces_per_unit or ""),
    "slabs": lambda product, exponent: "; ".join(
        _slab_cell(slab, exponent) for slab in product.slabs
    ),
    "image_url": lambda product, _: product.image_url or "",
    "active": lambda product, _: "yes" if product.active else "no",
}
