"""/healthz and /readyz."""

import asyncio
import sqlite3

import pytest

from hub.api import health
from hub.api.health import Phase
from hub.store.database import Store
from tests.hub.api.conftest import Hub


async def test_a_serving_hub_is_alive_and_ready(hub: Hub) -> None:
    """Both answer 200, with JSON."""
    assert (await hub.client.get("/healthz")).json() == {"alive": True}
    ready = await hub.client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "reasons": []})


@pytest.mark.parametrize("phase", [Phase.MIGRATING, Phase.DRAINING])
async def test_a_hub_in_migration_or_drain_is_alive_but_not_ready(hub: Hub, phase: Phase) -> None:
    """503 names the phase; a load balancer is told when to look again."""
    hub.readiness.phase = phase
    ready = await hub.client.get("/readyz")
    assert (ready.status_code, ready.json()["reasons"]) == (503, [phase.value])
    assert ready.headers["retry-after"] == "5"
    assert (await hub.client.get("/healthz")).status_code == 200


async def test_a_database_held_by_another_is_not_ready(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While no commit goes through, the hub says so, and is ready again after."""
    monkeypatch.setattr(health, "WRITE_TIMEOUT_S", 0.05)
    other = sqlite3.connect(hub.store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    ready = await hub.client.get("/readyz")
    assert (ready.status_code, ready.json()["reasons"]) == (503, ["the writer does not move"])
    hub.clock.advance(1)
    assert (await hub.client.get("/readyz")).status_code == 503
    other.execute("ROLLBACK")
    other.close()
    await hub.store.write(lambda tx: tx.run("doctor.touch", by=0))
    hub.clock.advance(1)
    assert (await hub.client.get("/readyz")).status_code == 200


async def test_the_stores_own_reason_is_passed_on(hub: Hub) -> None:
    """What the database says to a write stands among the reasons."""
    url = f"sqlite:///{hub.store.path}"
    async with Store.open(url, hub.clock, busy_timeout_s=0.01) as store:
        hub.readiness.store = store
        other = sqlite3.connect(store.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        ready = await hub.client.get("/readyz")
        other.close()
    assert ready.status_code == 503
    assert "held by another process" in ready.json()["reasons"][0]


async def test_many_probes_at_once_cost_one_write_a_second(hub: Hub) -> None:
    """Whoever may reach /readyz cannot keep the writer busy with it."""
    await hub.client.get("/readyz")
    before = hub.store.stats.ops
    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(hub.client.get("/readyz"))
    assert hub.store.stats.ops == before
