"""The real hub with a model, at an address that is given, over shops that were prepared.

    python -m bench.turns_hub FOLDER http://127.0.0.1:9000/v1

serves `FOLDER/hub.db` on a free port and prints one JSON line when it is ready. The model answers
everything that a model may; SIGTERM ends it.
"""

import asyncio
import sqlite3
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from bench.hub import serve
from hub import logs
from hub.app import Hub, listen
from hub.clock import SystemClock
from hub.parts import engine_of
from hub.settings import Secret, Settings

PRODUCTS: Final = 2_000
METALS: Final = ("steel", "brass", "copper", "nylon", "zinc")
THINGS: Final = (
    "screw",
    "bolt",
    "nut",
    "washer",
    "anchor",
    "rivet",
    "hook",
    "clamp",
    "nail",
    "pin",
)
SIZES: Final = 40


def furnish(database: Path) -> None:
    """Fill every shop's shelves with the same 2,000 products."""
    goods = [
        (f"{metal[:2]}{thing[:3]}-{size:02}".upper(), f"{metal} {thing} {size} mm".title())
        for metal in METALS
        for thing in THINGS
        for size in range(1, SIZES + 1)
    ]
    assert len(goods) == PRODUCTS
    with closing(sqlite3.connect(database)) as connection, connection:
        shops = [row[0] for row in connection.execute("SELECT tenant_id FROM tenants")]
        connection.executemany(
            "INSERT INTO products (tenant_id, sku, name, price, updated_at)"
            " VALUES (?, ?, ?, 100, 0)",
            [(shop, sku, name) for shop in shops for sku, name in goods],
        )
        connection.execute(
            "INSERT INTO products_search (rowid, tenant_id, sku, name, aliases, category,"
            " description) SELECT product_id, tenant_id, sku, name, '', '', '' FROM products"
        )


def main() -> None:
    """Serve."""
    database, url = Path(sys.argv[1]) / "hub.db", sys.argv[2]
    logs.configure("warning", SystemClock())
    settings = Settings(
        port=0,
        database_url=f"sqlite:///{database}",
        model_mode="model",
        model_name="slow",
        model_url=url,
        openai_api_key=Secret("sk-of-no-use"),
    )
    clock = SystemClock()
    hub = Hub(settings, clock, listen("127.0.0.1", 0), partial(engine_of, settings, clock))
    with asyncio.Runner(loop_factory=hub.loop_factory) as runner:
        runner.run(serve(hub))


if __name__ == "__main__":
    main()
