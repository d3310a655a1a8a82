"""Shops and agents for tests that need some to be there."""

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from hub.clock import Clock
from hub.gateway.pairing import Device, Paired, new_code, offer_in, pair_in
from hub.gateway.tokens import IssuedToken, new_token
from hub.store.database import Store
from hub.store.schema import bring_up_to_date
from hub.store.tx import Tx

DEVICE = Device("Counter PC", "Test OS 1", "1.0")


def lay_tables(path: Path) -> None:
    """Put a database without a row at `path` if none is there; making one costs many times this."""
    if not path.exists():
        path.write_bytes(_tables())


@cache
def _tables() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "hub.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            bring_up_to_date(connection)
        return path.read_bytes()


async def add_shop(
    store: Store, clock: Clock, tenant_id: str = "ten_a", name: str = "Shop A"
) -> str:
    """A shop that answers everyone by itself; its id."""
    row = {
        "tenant_id": tenant_id,
        "name": name,
        "mode": "auto",
        "contact_policy": "everyone",
        "currency": "INR",
        "exponent": 2,
        "locale": "en_IN",
        "timezone": "Asia/Kolkata",
        "created_at": clock.now_ms(),
    }
    await store.write(lambda tx: tx.run("tenants.insert", **row))
    return tenant_id


async def invite(store: Store, clock: Clock, tenant_id: str = "ten_a", ttl_s: float = 900.0) -> str:
    """A pairing code of a shop."""
    code, now_ms = new_code(), clock.now_ms()
    await store.write(lambda tx: offer_in(tx, tenant_id, code, now_ms, ttl_s))
    return code


async def add_agent(
    store: Store,
    clock: Clock,
    agent_id: str = "agt_a",
    tenant_id: str = "ten_a",
    *,
    device: Device = DEVICE,
    expires_at: int | None = None,
) -> str:
    """An agent paired with a shop; its token."""
    code, now_ms = new_code(), clock.now_ms()
    issued = IssuedToken(new_token(), expires_at)

    def pair(tx: Tx) -> None:
        offer_in(tx, tenant_id, code, now_ms, 900.0)
        assert isinstance(pair_in(tx, code, device, agent_id, issued, now_ms), Paired)

    await store.write(pair)
    return issued.token
