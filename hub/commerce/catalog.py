"""A shop's products in the store: imported from a file, found again for a question."""

import asyncio
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from hub.commerce import price_settings
from hub.commerce.catalog_export import cells
from hub.commerce.catalog_fields import Money
from hub.commerce.catalog_file import CatalogRow, read_catalog
from hub.commerce.errors import CatalogError, RowError
from hub.commerce.pricing import Policy
from hub.commerce.products import Product, Slab, from_milli, milli
from hub.commerce.words import search_text
from hub.store.database import Store
from hub.store.tx import Row, Tx


class ImportResult(msgspec.Struct, frozen=True):
    """How many products a file added, changed, and named without change."""

    added: int
    changed: int
    unchanged: int


class Change(msgspec.Struct, frozen=True):
    """What a file would change of a product: column -> its cell before and after."""

    sku: str
    cells: dict[str, tuple[str, str]]


class Preview(msgspec.Struct, frozen=True):
    """What an import would do: how much, and what exactly."""

    result: ImportResult
    added: tuple[str, ...]
    changed: tuple[Change, ...]


class CatalogFile(msgspec.Struct, frozen=True):
    """A file's rows, and the search's words for every text in them."""

    name: str
    rows: list[CatalogRow]
    words: dict[str, str]


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
    file = await asyncio.to_thread(read_file, path, await _money(store, tenant_id))
    ready = await store.read(partial(make_ready, tenant_id=tenant_id, file=file))
    return await store.write(
        partial(take, tenant_id=tenant_id, file=file, now_ms=now_ms, ready=ready)
    )


def read_file(path: Path, money: Money) -> CatalogFile:
    """What the file at `path` holds, ready for `take`; CatalogError."""
    rows = read_catalog(path, money)
    texts = {text for row in rows for text in _texts(row.fields)}
    return CatalogFile(path.name, rows, {text: search_text(text) for text in texts})


def take(
    tx: Tx, tenant_id: str, file: CatalogFile, now_ms: int, ready: "Ready | None" = None
) -> ImportResult:
    """The same as `import_file`, in a transaction of the caller's; CatalogError.

    What was made `ready` before need not be made while all other writers wait, unless the catalog
    changed since.
    """
    if ready is None or ready.seen != _seen(tx, tenant_id):
        ready = make_ready(tx, tenant_id, file)
    newest = tx.one("catalog.newest_id")
    first = 1 if newest is None else newest["product_id"] + 1
    about = {"tenant_id": tenant_id, "updated_at": now_ms}
    numbered = [row | {"product_id": number} for number, row in enumerate(ready.added, first)]
    tx.many("catalog.insert", (row | about for row in numbered))
    tx.many("catalog.update", (row | about for row in ready.changed))
    tx.many("catalog.unindex", ready.unsearched)
    new = [row | {"product_id": first + place} for place, row in ready.new_words]
    tx.many("catalog.index", (row | about for row in (*new, *ready.words)))
    return ready.result


async def preview_file(store: Store, tenant_id: str, path: Path) -> Preview:
    """What `import_file` would do with this file now; nothing is changed. CatalogError as there."""
    money = await _money(store, tenant_id)
    file = await asyncio.to_thread(read_file, path, money)
    plan = await store.read(partial(_plan, tenant_id=tenant_id, file=file))
    pairs = [(plan.before[product.product_id], product) for product in plan.changed]
    return Preview(
        plan.result,
        tuple(product.sku for product in plan.added),
        tuple(_change(before, after, money.exponent) for before, after in pairs),
    )


def products(tx: Tx, tenant_id: str) -> list[Product]:
    """Everything in the shop's catalog, offered or not, by code."""
    return [product_of(row) for row in tx.all("catalog.all", tenant_id=tenant_id)]


def candidates(tx: Tx, tenant_id: str, match: str, most: int) -> list[Product]:
    """The shop's offered products that best fit an FTS5 query, best first."""
    rows = tx.all("catalog.candidates", tenant_id=tenant_id, match=match, most=most)
    return [product_of(row) for row in rows]


def some_offered(tx: Tx, tenant_id: str, most: int) -> list[Product]:
    """So many of the products that the shop offers, what is in stock first."""
    return list(map(product_of, tx.all("catalog.some_offered", tenant_id=tenant_id, most=most)))


def categories(tx: Tx, tenant_id: str) -> list[str]:
    """The categories of what the shop offers, the fullest first."""
    return [row["category"] for row in tx.all("catalog.categories", tenant_id=tenant_id)]


def price_policy(tx: Tx, tenant_id: str) -> Policy:
    """The shop's rules for money: `pricing` in its settings, or its currency's usual ones."""
    tenant = tx.one("tenants.by_id", tenant_id=tenant_id)
    if tenant is None:
        raise LookupError("the shop is not in the database")
    return price_settings.load(tenant["settings"], tenant["currency"], tenant["exponent"])


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
        stock=None if row["stock_milli"] is None else from_milli(row["stock_milli"]),
        min_qty=from_milli(row["min_milli"]),
        step=from_milli(row["step_milli"]),
        packs=msgspec.json.decode(row["packs"], type=dict[str, int]),
        pieces_per_unit=row["pieces_per_unit"],
        slabs=msgspec.json.decode(row["slabs"], type=tuple[Slab, ...]),
        image_url=row["image_url"],
        active=bool(row["active"]),
    )


def _texts(fields: Mapping[str, Any]) -> Iterator[str]:
    yield from (fields.get(name) or "" for name in INDEXED)
    yield from fields.get("aliases") or ()


class _Plan(msgspec.Struct, frozen=True):
    """What a file does to a catalog; `before` holds what is known of each product number."""

    before: dict[int, Product]
    added: list[Product]
    changed: list[Product]
    result: ImportResult


def _plan(tx: Tx, *, tenant_id: str, file: CatalogFile) -> _Plan:
    before = {product.product_id: product for product in products(tx, tenant_id)}
    stored = {product.sku.casefold(): product for product in before.values()}
    wanted = [_merge(stored.get(row.sku.casefold(), _DEFAULTS), row) for row in file.rows]
    _check(file, wanted)
    added = [product for product in wanted if product.product_id == 0]
    again = [product for product in wanted if product.product_id != 0]
    changed = [product for product in again if product != before[product.product_id]]
    result = ImportResult(len(added), len(changed), len(again) - len(changed))
    return _Plan(before, added, changed, result)


class Ready(msgspec.Struct, frozen=True):
    """A plan as rows for the queries, and the catalog that it was `seen` for.

    `unsearched` leave the search and `words` enter it; `new_words` are those of added products, by
    their place among them.
    """

    seen: list[tuple[int, ...]]
    result: ImportResult
    added: list[dict[str, Any]]
    changed: list[dict[str, Any]]
    unsearched: list[dict[str, Any]]
    words: list[dict[str, Any]]
    new_words: list[tuple[int, dict[str, Any]]]


def make_ready(tx: Tx, tenant_id: str, file: CatalogFile) -> Ready:
    """What `take` would otherwise work out in its transaction; CatalogError."""
    plan = _plan(tx, tenant_id=tenant_id, file=file)
    searched = [
        product
        for product in plan.changed
        if _found_by(product) != _found_by(plan.before[product.product_id])
    ]
    return Ready(
        _seen(tx, tenant_id),
        plan.result,
        [_row(product) for product in plan.added],
        [_row(product) for product in plan.changed],
        [{"product_id": product.product_id} for product in searched],
        [_index_row(product, file.words) for product in searched if product.offered],
        [
            (place, _index_row(product, file.words))
            for place, product in enumerate(plan.added)
            if product.offered
        ],
    )


def _seen(tx: Tx, tenant_id: str) -> list[tuple[int, ...]]:
    """What differs after any change of the catalog: an import's, or an order's of the stock."""
    return [tuple(row) for row in tx.all("catalog.versions", tenant_id=tenant_id)]


def _found_by(product: Product) -> tuple[object, ...]:
    """What of a product the search depends on."""
    return (product.offered, product.aliases, *(getattr(product, name) for name in INDEXED))


def _change(before: Product, after: Product, exponent: int) -> Change:
    was, becomes = cells(before, exponent), cells(after, exponent)
    differing = {column: (was[column], becomes[column]) for column in was}
    return Change(after.sku, {c: pair for c, pair in differing.items() if pair[0] != pair[1]})


async def _money(store: Store, tenant_id: str) -> Money:
    tenant = await store.one("tenants.by_id", tenant_id=tenant_id)
    if tenant is None:
        raise CatalogError("there is no such shop; add it before its catalog")
    return Money(tenant["currency"], tenant["exponent"])


def _merge(product: Product, row: CatalogRow) -> Product:
    """The product with the file's fields; an empty cell sets the default.

    What is sold in parts of a unit may be had from one part on, if nothing else is said.
    """
    fields = {
        name: getattr(_DEFAULTS, name) if value is None else value
        for name, value in row.fields.items()
    }
    merged = msgspec.structs.replace(product, **fields)
    said = row.fields.get("min_qty") is not None
    if said or "step" not in row.fields or merged.min_qty != _DEFAULTS.min_qty:
        return merged
    return msgspec.structs.replace(merged, min_qty=min(merged.min_qty, merged.step))


def _check(file: CatalogFile, products: list[Product]) -> None:
    """What only the whole product shows: a slab must not be dearer than the price."""
    faults = tuple(
        RowError(row.number, "slabs", "a slab's price is above the price", "lower it")
        for row, product in zip(file.rows, products, strict=True)
        if any((slab.unit_price or 0) > product.price for slab in product.slabs)
    )
    if faults:
        raise CatalogError(f"{file.name} has slabs above the price; nothing was imported", faults)


def _row(product: Product) -> dict[str, Any]:
    row = msgspec.structs.asdict(product)
    for field in ("aliases", "packs", "slabs"):
        row[field] = msgspec.json.encode(row[field]).decode()
    return row | {
        "tax_pct": f"{product.tax_pct:f}",
        "stock_milli": None if product.stock is None else milli(product.stock),
        "min_milli": milli(product.min_qty),
        "step_milli": milli(product.step),
        "active": int(product.active),
    }


def _index_row(product: Product, words: Mapping[str, str]) -> dict[str, Any]:
    def of(text: str) -> str:
        return words[text] if text in words else search_text(text)

    row = {name: of(getattr(product, name)) for name in INDEXED}
    aliases = " ".join(map(of, product.aliases))
    return row | {"product_id": product.product_id, "aliases": aliases}
