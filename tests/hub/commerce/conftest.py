from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.store.database import Store
from tests.fakes import FakeClock
from tests.hub.shops import add_shop, lay_tables


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A database with the shops `ten_a` and `ten_b`."""
    clock = FakeClock()
    lay_tables(tmp_path / "hub.db")
    async with Store.open(f"sqlite:///{tmp_path}/hub.db", clock) as opened:
        await add_shop(opened, clock)
        await add_shop(opened, clock, "ten_b", "Shop B")
        yield opened
