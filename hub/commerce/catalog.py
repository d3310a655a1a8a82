"""A shop's products in the store: imported from a file, found again for a question."""

import asyncio
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from hub.commerce.catalog_fields import Money
from hub.commerce.catalog_file import CatalogRow, read_catalog
from hub.commerce.errors import CatalogError, RowError
from hub.commerce.pricing import Policy, Tax
from hub.commerce.products import Product, Slab
from hub.commerce.words import search_text
from hub.store.database import Store
from hub.store.tx import Row, Tx


class ImportResult(msgspec.Struct, frozen=True):
    """How many products a file added, changed, and named without change."""

    added: int
    changed: int
    unchanged: int


INDEXED: Final = ("sku", "name", "category", "description")
"""The texts that the search holds, besides the aliases."""

_DEFAULTS: Final = Product(sku="", name="", price=0)


async def import_file(store: Store, tenant_id: str, path: Path, now_ms: int) -> ImportResult:
    """Take every product of the file at `path` into the shop's catalog, or none of them.

    A product is known by its SKU, in any letter case. What the file does not speak of stays as it
    is: other products, and the fields of columns that the file lacks. An empty cell sets the
    field's default.

    Raises:
        CatalogError: the file or the shop is not as it must be; nothing was changed.
    """
    tenant = await store.one("tenants.by_id", tenant_id=tenant_id)
    if tenant is None:
        raise CatalogError("there is no such shop; add it before its catalog")
    money = Money(tenant["currency"], tenant["exponent"])
    file = await asyncio.to_thread(_read, path, money)
    return await store.write(partial(_apply, tenant_id=tenant_id, file=file, now_ms=now_ms))


def candidates(tx: Tx, tenant_id: str, match: str, most: int) -> list[Product]:
    """The shop's offered products that best fit an FTS5 query, best first."""
    rows = tx.all("catalog.candidates", tenant_id=tenant_id, match=match, most=most)
    return [product_of(row) for row in rows]


def categories(tx: Tx, tenant_id: str) -> list[str]:
    """The categories of what the shop offers, the fullest first."""
    return [row["category"] for row in tx.all("catalog.categories", tenant_id=tenant_id)]


def price_policy(tx: Tx, tenant_id: str) -> Policy:
    """The shop's rules for money: `pricing` in its settings, or its currency's usual ones."""
    tenant = tx.one("tenants.by_id", tenant_id=tenant_id)
    if tenant is None:
        raise LookupError("the shop is not in the database")
    return policy_of(tenant["settings"], tenant["currency"], tenant["exponent"])


class _File(msgspec.Struct, frozen=True):
    """A file's rows, and the search's words for every text in them.

    Both are made before the transaction, which keeps all other writers waiting.
    """

    name: str
    rows: list[CatalogRow]
    words: dict[str, str]


class _Settings(msgspec.Struct):
    pricing: Policy | None = None


def policy_of(settings: str, currency: str, exponent: int) -> Policy:
    """The price policy that a shop's settings describe."""
    policy = msgspec.json.decode(settings, type=_Settings).pricing
    if policy is None:
        gst = currency == "INR"  # CGST and SGST are two equal halves
        policy = Policy(tax=Tax(name="GST", parts=2) if gst else Tax())
    return msgspec.structs.replace(policy, exponent=exponent)


def product_of(row: Row) -> Product:
    """The product that a row of `products` holds."""
    return Product(
        product_id=row["product_id"],
        sku=row["sku"],
        name=row["name"],
        description=row["description"],
        category=row["category"],
        aliases=msgspec.json.decode(row["aliases"], type=tuple[str, ...]),
        unit=row["unit"],
        price=row["price"],
        tax_pct=Decimal(row["tax_pct"]),
        hsn=row["hsn"],
        stock=row["stock"],
        min_qty=row["min_qty"],
        step=row["step"],
        packs=msgspec.json.decode(row["packs"], type=dict[str, int]),
        pieces_per_unit=row["pieces_per_unit"],
        slabs=msgspec.json.decode(row["slabs"], type=tuple[Slab, ...]),
        active=bool(row["active"]),
    )


def _read(path: Path, money: Money) -> _File:
    rows = read_catalog(path, money)
    texts = {text for row in rows for text in _texts(row.fields)}
    return _File(path.name, rows, {text: search_text(text) for text in texts})


def _texts(fields: Mapping[str, Any]) -> Iterator[str]:
    yield from (fields.get(name) or "" for name in INDEXED)
    yield from fields.get("aliases") or ()


def _apply(tx: Tx, *, tenant_id: str, file: _File, now_ms: int) -> ImportResult:
    known = [product_of(row) for row in tx.all("catalog.all", tenant_id=tenant_id)]
    stored = {product.sku.casefold(): product for product in known}
    wanted = [_merge(stored.get(row.sku.casefold(), _DEFAULTS), row) for row in file.rows]
    _check(file, wanted)
    added = _numbered(tx, [product for product in wanted if product.product_id == 0])
    before = {product.product_id: product for product in known}
    again = [product for product in wanted if product.product_id != 0]
    changed = [product for product in again if product != before[product.product_id]]
    tx.many("catalog.insert", [_row(product, tenant_id, now_ms) for product in added])
    tx.many("catalog.update", [_row(product, tenant_id, now_ms) for product in changed])
    _index(tx, tenant_id, [*added, *changed], file.words)
    return ImportResult(len(added), len(changed), len(again) - len(changed))


def _merge(product: Product, row: CatalogRow) -> Product:
    """The product with the file's fields; an empty cell sets the default."""
    fields = {
        name: getattr(_DEFAULTS, name) if value is None else value
        for name, value in row.fields.items()
    }
    return msgspec.structs.replace(product, **fields)


def _check(file: _File, products: list[Product]) -> None:
    """What only the whole product shows: a slab must not be dearer than the price."""
    faults = tuple(
        RowError(row.number, "slabs", "a slab's price is above the price", "lower it")
        for row, product in zip(file.rows, products, strict=True)
        if any((slab.unit_price or 0) > product.price for slab in product.slabs)
    )
    if faults:
        raise CatalogError(f"{file.name} has slabs above the price; nothing was imported", faults)


def _numbered(tx: Tx, products: list[Product]) -> list[Product]:
    newest = tx.one("catalog.newest_id")
    first = 1 if newest is None else newest["product_id"] + 1
    return [
        msgspec.structs.replace(product, product_id=number)
        for number, product in enumerate(products, start=first)
    ]


def _row(product: Product, tenant_id: str, now_ms: int) -> dict[str, Any]:
    row = msgspec.structs.asdict(product)
    for field in ("aliases", "packs", "slabs"):
        row[field] = msgspec.json.encode(row[field]).decode()
    row |= {"tax_pct": f"{product.tax_pct:f}", "active": int(product.active)}
    return row | {"tenant_id": tenant_id, "updated_at": now_ms}


def _index(tx: Tx, tenant_id: str, products: list[Product], words: Mapping[str, str]) -> None:
    tx.many("catalog.unindex", [{"product_id": product.product_id} for product in products])
    offered = [product for product in products if product.offered]
    tx.many("catalog.index", [_index_row(product, tenant_id, words) for product in offered])


def _index_row(product: Product, tenant_id: str, words: Mapping[str, str]) -> dict[str, Any]:
    def of(text: str) -> str:
        return words[text] if text in words else search_text(text)

    row = {name: of(getattr(product, name)) for name in INDEXED}
    row["aliases"] = " ".join(map(of, product.aliases))
    return row | {"product_id": product.product_id, "tenant_id": tenant_id}
