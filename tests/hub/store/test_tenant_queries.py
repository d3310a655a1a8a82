"""Queries that conversations run see one shop: by their text, and by what they answer."""

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from typing import Any, Final

import pytest

from hub.store.tx import Tx, load_queries
from tests.hub.assistant import canaries

ROOMS: Final = (
    "carts",
    "catalog",
    "chats",
    "customers",
    "discounts",
    "drafts",
    "messages",
    "orders",
)
OF_ALL: Final = {
    "catalog.newest_id": "product ids are given over all shops",
    "catalog.unindex": "by a product's id, which the shop's own rows gave",
    "orders.next_number": "a number, and no row",
    "customers.overwrite": "a setting of the connection",
}
"""What a query of these rooms may have without its shop, and why."""

QUERIES: Final = {
    name: sql
    for name, sql in load_queries().items()
    if name.partition(".")[0] in ROOMS and name not in OF_ALL
}


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("shops") / "hub.db"
    asyncio.run(canaries.furnish(path, canaries.MINE))
    connection = canaries.opened(path)
    connection.row_factory = sqlite3.Row
    yield connection
    connection.close()


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_names_its_shop(name: str) -> None:
    """In its condition, or among the columns that it fills."""
    sql = QUERIES[name]
    named = re.search(r"tenant_id\s*=\s*:tenant_id", sql) is not None
    assert named or (sql.startswith("INSERT") and ":tenant_id" in sql)


def test_with_another_shop_nothing_is_found(shops: sqlite3.Connection) -> None:
    """Every look-up, with ids and numbers that exist, finds nothing for a shop that has none."""
    known: dict[str, Any] = {"most": 50, "number": 1001, "skus": '["COF-FILT-500"]', "id": 1}
    for table in (
        "customers",
        "customer_aliases",
        "orders",
        "drafts",
        "products",
        "discount_rules",
    ):
        row = shops.execute(f"SELECT * FROM {table} WHERE tenant_id = 'corner'").fetchone()  # noqa: S608
        known |= {} if row is None else dict(row)
    known |= {"match": "coffee", "tail": "", "state": None, "at": 0}
    tx = Tx(shops, load_queries())
    looked = 0
    for name, sql in QUERIES.items():
        if not sql.lstrip("(").startswith(("SELECT", "WITH")):
            continue
        params = {one: known.get(one, 0) for one in re.findall(r":([a-z_][a-z0-9_]*)", sql)}
        looked += 1
        rows = tx.all(name, **params | {"tenant_id": "nobody"})
        assert not any(value for row in rows for value in row), name  # a count is a row, too
    assert looked > 30
