"""The invented shops of `hub/samples`: read, and opened like an owner would by hand."""

from collections.abc import Mapping
from functools import cache
from importlib.abc import Traversable
from importlib.resources import as_file, files
from typing import Any, Final

import msgspec

from hub.commerce import catalog, shop_settings
from hub.commerce.catalog import CatalogFile
from hub.commerce.catalog_fields import Money
from hub.store.tx import Tx

NAMES: Final = ("fasteners", "sundar", "noor")
"""Of the files."""


class Tenant(msgspec.Struct, frozen=True):
    """The shop's own columns."""

    name: str
    currency: str
    locale: str
    timezone: str


class Sample(msgspec.Struct, frozen=True):
    """A sample's settings as a person would type them, and a `question` to begin with."""

    about: str
    question: str
    tenant: Tenant
    settings: dict[str, str]


@cache
def read(name: str) -> Sample:
    """What the sample of this name is."""
    return msgspec.json.decode(
        files("hub.samples").joinpath(f"{name}.json").read_bytes(), type=Sample
    )


def read_products(name: str, money: Money) -> CatalogFile:
    """What it sells, ready to be taken into a catalog."""
    with as_file(_file(name)) as path:
        return catalog.read_file(path, money)


def _file(name: str) -> Traversable:
    return files("hub.samples").joinpath(f"{name}.json")


def open_in(
    tx: Tx, name: str, row: Mapping[str, Any], products: CatalogFile, now_ms: int
) -> catalog.ImportResult:
    """Open the sample as the shop with the columns in `row`, settings and products included."""
    money, settings = Money(row["currency"], row["exponent"]), "{}"
    for key, text in read(name).settings.items():
        settings = shop_settings.change(settings, key, text, money)
    tx.run("tenants.insert", **row, created_at=now_ms)
    columns = {key: row[key] for key in row.keys() - {"tenant_id"}}
    tx.run("tenants.update", tenant_id=row["tenant_id"], **columns, settings=settings)
    return catalog.take(tx, row["tenant_id"], products, now_ms)
