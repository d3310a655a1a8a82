"""A hub's HTTP side over a real database, reached without a socket, under a virtual clock."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette

from hub.api.health import Phase, Readiness
from hub.api.problems import HANDLERS
from hub.api.routes import agent_routes, health_routes
from hub.settings import Settings
from hub.store.database import Store
from hub.store.media import MediaFiles
from tests.fakes import FakeClock
from tests.hub.shops import add_shop, lay_tables

MEDIA_MAX = 1_000


class Hub:
    """The parts that a test looks at; `client` calls from one address."""

    def __init__(self, store: Store, clock: FakeClock, media_root: Path) -> None:
        self.store = store
        self.clock = clock
        self.media_root = media_root
        self.readiness = Readiness(clock)
        self.readiness.store = store
        self.readiness.phase = Phase.SERVING
        self.serve()

    def serve(self, *, ttl_s: float | None = None, public_url: str | None = None) -> None:
        """Start anew with these settings over the same database."""
        settings = Settings(
            pairing_tries_per_min=5,
            token_ttl_s=ttl_s,
            media_max_bytes=MEDIA_MAX,
            public_url=public_url,
        )
        files = MediaFiles(self.media_root)
        served = agent_routes(self.store, self.clock, files, settings)
        routes = [*health_routes(self.readiness), *served]
        self.app = Starlette(routes=routes, exception_handlers=dict(HANDLERS))
        self.client = self.seen_as("192.0.2.1")

    def seen_as(self, address: str, base_url: str = "http://hub.test") -> httpx2.AsyncClient:
        """A client that calls from `address`."""
        transport = httpx2.ASGITransport(self.app, client=(address, 50_000))
        return httpx2.AsyncClient(transport=transport, base_url=base_url)


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    clock = FakeClock()
    lay_tables(tmp_path / "hub.db")
    async with Store.open(f"sqlite:///{tmp_path}/hub.db", clock) as store:
        await add_shop(store, clock)
        yield Hub(store, clock, tmp_path / "media")
