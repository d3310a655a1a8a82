"""`sak-hub tenant add-samples`: invented shops to try everything with."""

import secrets
from functools import partial
from typing import Any

import click

from hub.cli import tenant_values
from hub.cli.command import Session, answer, json_option, with_store
from hub.commerce import sample_shops
from hub.commerce.catalog import CatalogFile
from hub.commerce.catalog_fields import Money
from hub.store.tx import Tx


@click.command("add-samples")
@click.argument("names", nargs=-1, metavar="[NAME]...", type=click.Choice(sample_shops.NAMES))
@json_option
def add_samples(names: tuple[str, ...], as_json: bool) -> None:
    """Add the invented shops fasteners, sundar and noor, or those of them that are NAMEd.

    They answer everyone by themselves. A shop of the same name that is there already stays as it
    is.
    """

    async def work(session: Session) -> list[dict[str, Any]]:
        opened = []
        for name in names or sample_shops.NAMES:
            row = _row(name)
            money = Money(row["currency"], row["exponent"])
            products = sample_shops.read_products(name, money)
            now_ms = session.clock.now_ms()
            opening = partial(_open, name=name, row=row, products=products, now_ms=now_ms)
            opened.append(await session.store.write(opening))
        return opened

    facts = with_store(work)
    answer({"tenants": facts}, map(_line, facts), as_json=as_json)


def _row(name: str) -> dict[str, Any]:
    sample = sample_shops.read(name).tenant
    return {
        "tenant_id": tenant_values.ID_PREFIX + secrets.token_hex(8),
        "name": sample.name,
        "mode": "auto",
        "contact_policy": "everyone",
        **tenant_values.currency(sample.currency),
        "locale": sample.locale,
        "timezone": sample.timezone,
    }


def _open(
    tx: Tx, *, name: str, row: dict[str, Any], products: CatalogFile, now_ms: int
) -> dict[str, Any]:
    there = tx.one("tenants.named", ref=row["name"])
    if there is None:
        sample_shops.open_in(tx, name, row, products, now_ms)
    return {
        "sample": name,
        "tenant_id": row["tenant_id"] if there is None else there["tenant_id"],
        "name": row["name"],
        "added": there is None,
        "question": sample_shops.read(name).question,
    }


def _line(fact: dict[str, Any]) -> str:
    if fact["added"]:
        return f"Added {fact['name']} as {fact['tenant_id']}; ask it: {fact['question']}"
    return f"{fact['name']} is there already, as {fact['tenant_id']}."
