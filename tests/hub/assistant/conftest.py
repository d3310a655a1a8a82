"""A sample shop and a corner shop in a database, and a customer who writes to one of them."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import pytest

from hub.assistant.embedded import EmbeddedEngine
from hub.assistant.engine import Answer, Line, TenantProfile, Turn
from hub.commerce.catalog import import_file
from hub.store.database import Store
from tests.fakes import FakeClock
from tests.hub.assistant.shopper import Shop, profile
from tests.hub.shops import add_shop

SHOPS = {
    "fasteners": files("hub.samples").joinpath("fasteners.json"),
    "corner": Path(__file__).with_name("corner_shop.json"),
}


class Customer:
    """Writes to a shop and reads its replies; what was said is the next turn's history."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self.store = store
        self.tenant_id = tenant_id
        self.history: tuple[Line, ...] = ()
        self.greeting = self.handover = ""  # the shop's own words
        self._engine = EmbeddedEngine(store)

    async def says(self, *texts: str, kind: str = "text") -> Answer:
        """The answer to a burst of messages."""
        messages = tuple(Line("customer", text, 1, kind) for text in texts)
        profile = TenantProfile(
            tenant_id=self.tenant_id,
            name="Shop",
            currency="INR",
            exponent=2,
            locale="en_IN",
            timezone="Asia/Kolkata",
            greeting=self.greeting,
            handover=self.handover,
        )
        turn = Turn(
            turn_id="t",
            tenant=profile,
            chat_key="c",
            customer_name=None,
            messages=messages,
            history=self.history,
            now_ms=2,
        )
        answer = await self._engine.answer(turn)
        self.history += (*messages, Line("bot", answer.text, 2))
        return answer


async def furnish(path: Path) -> None:
    clock = FakeClock()
    async with Store.open(f"sqlite:///{path}", clock) as opened:
        for tenant_id, sample in SHOPS.items():
            await add_shop(opened, clock, tenant_id, tenant_id)
            assert isinstance(sample, Path)
            await import_file(opened, tenant_id, sample, 1)


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the two shops, made once and never changed."""
    path = tmp_path_factory.mktemp("furnished") / "hub.db"
    asyncio.run(furnish(path))
    return path


@pytest.fixture
async def store(tmp_path: Path, furnished: Path) -> AsyncIterator[Store]:
    shutil.copy(furnished, tmp_path / "hub.db")
    async with Store.open(f"sqlite:///{tmp_path}/hub.db", FakeClock()) as opened:
        yield opened


@pytest.fixture
async def grocer(store: Store) -> Shop:
    """The corner shop, which delivers to three postcodes and takes cash and UPI."""
    shop = Shop(store, FakeClock(), profile("corner"))
    zones = [{"name": "near", "codes": ["411001", "411004"], "fee": 6_000, "free_from": 200_000}]
    await shop.settles(
        pricing={"shipping": {"type": "by_zone", "zones": zones}},
        shop={"hours": "Mon-Sat 09:00-19:00", "payment": ["cod", "upi"], "state": "27"},
    )
    return shop


@pytest.fixture
async def wholesaler(store: Store) -> Shop:
    """The fasteners shop with the rules of its sample: whole rupees, 18 % on goods and shipping."""
    shop = Shop(store, FakeClock(), profile("fasteners"))
    tax = {"name": "GST", "basis": "order", "order_pct": "18", "on_shipping": True, "parts": 2}
    shipping = {"type": "per_unit", "rate_below": 2_000, "rate_from": 1_500, "threshold": "10"}
    await shop.settles(
        pricing={
            "line_rounding": "whole_up",
            "total_rounding": "whole_up",
            "tax": tax,
            "shipping": shipping,
        },
        shop={"payment": ["cod", "upi"], "state": "27"},
    )
    return shop


@pytest.fixture
def builder(store: Store) -> Customer:
    """A customer of the fasteners shop."""
    return Customer(store, "fasteners")


@pytest.fixture
def neighbour(store: Store) -> Customer:
    """A customer of the corner shop."""
    return Customer(store, "corner")
