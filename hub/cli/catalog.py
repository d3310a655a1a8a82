"""`sak-hub catalog`: what a shop sells."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from hub.cli import find
from hub.cli.command import (
    Failure,
    Session,
    answer,
    json_option,
    looked,
    printable,
    table,
    with_store,
)
from hub.commerce import catalog as shelf
from hub.commerce.catalog import ImportResult, Preview
from hub.commerce.catalog_export import cells, write_csv, write_json
from hub.commerce.errors import CatalogError
from hub.commerce.money import format_money
from hub.commerce.products import Product
from hub.commerce.words import normalise
from hub.store.tx import Row, Tx

ROWS_SHOWN: Final = 20
LISTED_MAX: Final = 100
CSV_ENCODING: Final = "utf-8-sig"
"""Spreadsheet programs take a CSV without this mark for one of the country's old encoding."""


@click.group()
def catalog() -> None:
    """Products: import, export, list."""


@catalog.command("import")
@click.argument("tenant")
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@json_option
def import_(tenant: str, file: Path, dry_run: bool, as_json: bool) -> None:
    """Take the products in FILE (CSV or JSON) into the shop TENANT: all of them or none."""

    async def work(session: Session) -> ImportResult | Preview:
        row = await session.store.read(lambda tx: find.tenant(tx, tenant))
        if dry_run:
            return await shelf.preview_file(session.store, row["tenant_id"], file)
        now_ms = session.clock.now_ms()
        return await shelf.import_file(session.store, row["tenant_id"], file, now_ms)

    try:
        result = with_store(work)
    except CatalogError as error:
        raise _failure(error, as_json=as_json) from None
    if isinstance(result, Preview):
        answer(_foreseen(result), _foreseen_lines(result), as_json=as_json)
    else:
        answer(msgspec.to_builtins(result), [_counts(result)], as_json=as_json)


def _failure(error: CatalogError, *, as_json: bool) -> Failure:
    if as_json:
        return Failure("bad_catalog", str(error), rows=msgspec.to_builtins(error.rows))
    shown = [str(row) for row in error.rows[:ROWS_SHOWN]]
    if left := len(error.rows) - len(shown):
        shown.append(f"and {left} more; --json shows them all")
    return Failure("bad_catalog", "\n  ".join([f"{error}", *shown]))


def _counts(result: ImportResult) -> str:
    return f"{result.added} added, {result.changed} changed, {result.unchanged} unchanged."


def _foreseen(preview: Preview) -> dict[str, Any]:
    """The counts of an import, and what it would change: column -> before and after."""
    facts: dict[str, Any] = msgspec.to_builtins(preview.result)
    changes = [{"sku": change.sku, "cells": change.cells} for change in preview.changed]
    return facts | {"dry_run": True, "new_skus": preview.added, "changes": changes}


def _foreseen_lines(preview: Preview) -> Iterator[str]:
    lines = [f"+ {printable(sku)}" for sku in preview.added]
    for change in preview.changed:
        cells = (
            f"{column} {printable(before)} -> {printable(after)}"
            for column, (before, after) in change.cells.items()
        )
        lines.append(f"~ {printable(change.sku)}: {'; '.join(cells)}")
    yield from lines[:ROWS_SHOWN]
    if (left := len(lines) - ROWS_SHOWN) > 0:
        yield f"and {left} more; --json shows them all"
    yield f"Nothing was imported. It would be: {_counts(preview.result)}"


@catalog.command()
@click.argument("tenant")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def export(tenant: str, file: Path, as_json: bool) -> None:
    """Write all products of the shop TENANT into FILE, a new one: .csv or .json.

    Importing it again changes nothing.
    """
    kind = file.suffix.casefold()
    if kind not in (".csv", ".json"):
        raise Failure("bad_value", "FILE ends in .csv or .json: that says which of them it is.")
    if file.exists():
        shown = printable(file)
        raise Failure("file_exists", f"{shown} is there already. Name a new file.")
    shop, products = _sold(tenant)
    if kind == ".csv":
        content = write_csv(products, shop["exponent"]).encode(CSV_ENCODING)
    else:
        content = write_json(products, shop["exponent"]).encode()
    file.write_bytes(content)
    facts = {"file": str(file), "products": len(products)}
    answer(facts, [f"Wrote {printable(file)}: {len(products)} products."], as_json=as_json)


@catalog.command("list")
@click.argument("tenant")
@click.option("--query", help="Only what a customer finds who asks for these words.")
@click.option("--limit", default=LISTED_MAX, show_default=True, type=click.IntRange(1, 100_000))
@json_option
def list_(tenant: str, query: str | None, limit: int, as_json: bool) -> None:
    """Show the products of the shop TENANT, by code; with --query the best match first."""
    shop, found = _sold(tenant, query)
    shown = found[:limit]
    facts = [cells(product, shop["exponent"]) for product in shown]
    heads = ("sku", "name", "category", "price", "unit", "stock", "active")
    rows = (
        [fact[head] if head != "price" else _price(product, shop) for head in heads]
        for product, fact in zip(shown, facts, strict=True)
    )
    none = "No products yet." if query is None else "No such products."
    lines = table(heads, rows) if shown else [none]
    if left := len(found) - len(shown):
        lines.append(f"and {left} more; --limit shows them")
    answer({"products": facts, "count": len(found)}, lines, as_json=as_json)


def _price(product: Product, shop: Row) -> str:
    return format_money(product.price, shop["currency"], shop["exponent"], shop["locale"])


def _sold(tenant: str, query: str | None = None) -> tuple[Row, list[Product]]:
    """A shop and its products: all, or those that a query finds."""

    def look(tx: Tx) -> tuple[Row, list[Product]]:
        shop = find.tenant(tx, tenant)
        if query is None:
            return shop, shelf.products(tx, shop["tenant_id"])
        return shop, _found(tx, shop["tenant_id"], query)

    return looked(look)


def _found(tx: Tx, tenant_id: str, query: str) -> list[Product]:
    from hub.assistant import search  # with its library, for which no other command shall wait

    words = tuple(normalise(query).split())
    return [match.product for match in search.find(tx, tenant_id, search.Wish(words, words))]
