"""`sak-hub catalog`: what a shop sells."""

from pathlib import Path

import click
import msgspec

from hub.cli import find
from hub.cli.command import Failure, Session, answer, json_option, with_store
from hub.commerce.catalog import ImportResult, import_file
from hub.commerce.errors import CatalogError

ROWS_SHOWN = 20


@click.group()
def catalog() -> None:
    """Products: import."""


@catalog.command("import")
@click.argument("tenant")
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@json_option
def import_(tenant: str, file: Path, as_json: bool) -> None:
    """Take the products in FILE (CSV or JSON) into the shop TENANT: all of them or none."""

    async def work(session: Session) -> ImportResult:
        row = await session.store.read(lambda tx: find.tenant(tx, tenant))
        now_ms = session.clock.now_ms()
        return await import_file(session.store, row["tenant_id"], file, now_ms)

    try:
        result = with_store(work)
    except CatalogError as error:
        raise _failure(error, as_json=as_json) from None
    line = f"{result.added} added, {result.changed} changed, {result.unchanged} unchanged."
    answer(msgspec.to_builtins(result), [line], as_json=as_json)


def _failure(error: CatalogError, *, as_json: bool) -> Failure:
    if as_json:
        return Failure("bad_catalog", str(error), rows=msgspec.to_builtins(error.rows))
    shown = [str(row) for row in error.rows[:ROWS_SHOWN]]
    if left := len(error.rows) - len(shown):
        shown.append(f"and {left} more")
    return Failure("bad_catalog", "\n  ".join([f"{error}", *shown]))
