"""A fresh database with the file's shops in it, at the file's hour, for one dialogue at a time."""

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from hub.commerce import carts, catalog, customers
from hub.commerce.aliases import aliases_of
from hub.evaluation import furnishing
from hub.evaluation.format import Dialogue, EvalFileError, Shops
from hub.store.database import Store
from hub.store.tx import Tx

DATABASE: Final = "hub.db"
ACCOUNT: Final = "+10000000000"
"""The shops' own number. No country has it: dialogues bring no other."""

_CLOCK: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?")


class VirtualClock:
    """A clock that moves only when the conversation does."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic(self) -> float:
        return self._now_ms / 1000

    def reach(self, now_ms: int) -> None:
        """Let time pass until `now_ms`; it never goes back."""
        self._now_ms = max(self._now_ms, now_ms)


class World(msgspec.Struct, frozen=True):
    """The shop of one dialogue and the customer who writes to it."""

    store: Store
    clock: VirtualClock
    shops: Shops
    tenant_id: str
    customer_id: str
    name: str
    phone: str

    @property
    def chat(self) -> str:
        return chat_of(self.phone)


def chat_of(phone: str) -> str:
    """The chat of a phone number."""
    return f"{phone.removeprefix('+')}@c.us"


def opening(shops: Shops, tenant: str) -> int:
    """The file's hour in a shop's time zone, in ms UTC; EvalFileError."""
    hit = _CLOCK.search(shops.rules.clock)
    if hit is None:
        why = f"rules, clock: {shops.rules.clock!r} is no time"
        raise EvalFileError(f"{why}; write one like 2026-03-10T11:00:00")
    try:
        local = datetime.fromisoformat(hit[0]).replace(tzinfo=ZoneInfo(shops.tenants[tenant].tz))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # a folder is no zone either
        raise EvalFileError(f"tenant {tenant}, tz or clock: {error.args[0]}") from None
    return round(local.timestamp() * 1000)


async def furnish(folder: Path, shops: Shops) -> None:
    """Make the database that all dialogues begin with; EvalFileError."""
    started_at = min(opening(shops, tenant) for tenant in shops.tenants)
    clock = VirtualClock(started_at)
    async with Store.open(f"sqlite:///{folder / DATABASE}", clock, readers=1) as store:
        for tenant in shops.tenants:
            goods = furnishing.read_goods(folder, shops, tenant)
            at = opening(shops, tenant)
            work = partial(furnishing.open_shop, shops=shops, tenant=tenant, goods=goods, now_ms=at)
            await store.write(work)


@asynccontextmanager
async def opened(
    furnished: Path, folder: Path, shops: Shops, told: Dialogue
) -> AsyncIterator[World]:
    """A copy of the furnished database in `folder`, with what the dialogue is given; removed after.

    Raises:
        EvalFileError: what is given cannot be so.
    """
    shutil.copytree(furnished, folder)
    try:
        clock = VirtualClock(opening(shops, told.tenant))
        async with Store.open(f"sqlite:///{folder / DATABASE}", clock, readers=1) as store:
            customer_id = await store.write(partial(_give, told=told, shops=shops, clock=clock))
            yield World(
                store,
                clock,
                shops,
                told.tenant,
                customer_id,
                told.customer.title(),
                shops.customers[told.customer].phone,
            )
    finally:
        shutil.rmtree(folder)


def _give(tx: Tx, *, told: Dialogue, shops: Shops, clock: VirtualClock) -> str:
    """Set up what the dialogue is given; its customer's id."""
    phone = shops.customers[told.customer].phone
    person = customers.find(tx, told.tenant, aliases_of(chat_of(phone), phone, None))
    if person is None:
        raise LookupError("every customer of the file was furnished")
    furnishing.set_stock(tx, told.tenant, told.given.stock)
    sold = {product.sku: product for product in catalog.products(tx, told.tenant)}
    cart = furnishing.filled(sold, told.given.cart, "given.cart")
    if cart.lines:
        carts.save(tx, told.tenant, person.customer_id, cart, clock.now_ms())
    return person.customer_id
