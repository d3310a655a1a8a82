"""When agents are asked for a pause."""

import asyncio
from pathlib import Path

import pytest

from hub.clock import SystemClock
from hub.gateway.pressure import BLIND, RETRY_AFTER_S, Bounds, Gauge, Load, judge
from hub.store.database import Store
from hub.store.errors import StoreBusy, StoreError
from tests.hub.gateway.stage import Stage

GIB = 1024**3
BOUNDS = Bounds(disk_full_pct=90, inbox_max=10_000)


@pytest.mark.parametrize(
    ("total", "free", "full"),
    [
        (10 * GIB, 1 * GIB, True),
        (10 * GIB, 1 * GIB + 1, False),
        (100 * GIB, 2 * GIB, False),
        (100 * GIB, 2 * GIB - 1, True),
        (1000 * GIB, 5 * GIB, False),
    ],
)
def test_a_disk_is_full_by_percentage_and_by_what_is_left(
    total: int, free: int, *, full: bool
) -> None:
    """90 % used and under 2 GiB free: both."""
    assert (judge(Load(total, free, 0), BOUNDS) is not None) is full


@pytest.mark.parametrize(("unworked", "busy"), [(10_000, False), (10_001, True)])
def test_work_piles_up(unworked: int, *, busy: bool) -> None:
    """More than the limit, not the limit itself."""
    assert (judge(Load(GIB, GIB, unworked), BOUNDS) is not None) is busy


async def test_a_gauge_that_cannot_look_asks_for_a_pause_and_looks_again(tmp_path: Path) -> None:
    """A folder that is away for a moment ends no hub."""
    asked: asyncio.Queue[tuple[str, float]] = asyncio.Queue()
    folder, away = tmp_path / "here", tmp_path / "away"
    async with Store.open(f"sqlite:///{folder}/hub.db", SystemClock()) as store:
        everything = Bounds(disk_full_pct=100, inbox_max=-1)
        gauge = Gauge(store, everything, lambda *told: asked.put_nowait(told))
        folder.rename(away)
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            running = group.create_task(gauge.run(), name="gauge")
            assert await asked.get() == (BLIND, RETRY_AFTER_S)
            away.rename(folder)
            while (await asked.get())[0] == BLIND:
                pass
            running.cancel()


@pytest.mark.parametrize("error", [StoreBusy("held"), OSError(5, "I/O error")])
async def test_a_hub_outlives_a_database_that_cannot_be_read(
    tmp_path: Path, error: StoreError | OSError
) -> None:
    """Agents are asked to wait, and their heartbeats are answered."""
    async with Stage.set(tmp_path) as stage, stage.running(), stage.agent().dial() as line:
        await line.live()
        store = stage.parts.services.store

        async def refused(*_: object, **__: object) -> None:
            raise error

        store.one = refused  # type: ignore[method-assign]
        await line.until(lambda: bool(line.pauses))
        await line.beat()
        del store.one
        assert line.pauses == [RETRY_AFTER_S]
