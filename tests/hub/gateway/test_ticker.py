"""Time acting on the status table."""

import asyncio
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from hub.gateway.presence import Limits
from hub.gateway.roster import Due, Roster
from hub.gateway.ticker import RETRY_MS, Ticker
from hub.store.database import Store
from hub.store.errors import StoreBusy
from hub.store.writer import Op
from tests.fakes import FakeClock
from tests.hub.shops import add_agent, add_shop

T = TypeVar("T")


class LockedStore(Store):
    """A store that another process holds while `locked`; it tells of each write how it went."""

    locked = False

    async def write(self, op: Op[T]) -> T:
        if self.locked:
            self.heard.put_nowait("refused")
            raise StoreBusy("locked")
        result = await super().write(op)
        self.heard.put_nowait("written")
        return result

    @cached_property
    def heard(self) -> asyncio.Queue[str]:
        return asyncio.Queue()


async def test_a_locked_store_puts_a_deadline_off(tmp_path: Path) -> None:
    """The hub lives on, and the agent is moved as soon as the store takes it."""
    clock = FakeClock()
    async with LockedStore.open(f"sqlite:///{tmp_path}/hub.db", clock) as store:
        await add_shop(store, clock)
        await add_agent(store, clock)
        lost = {"agent_id": "agt_a", "status": "lost", "now_ms": 0, "blocked_until": None}
        await store.write(lambda tx: tx.run("presence.move", **lost))
        ticker = Ticker(store, clock, Roster(Limits(started_at=0)))
        async with asyncio.TaskGroup() as tasks, asyncio.timeout(10):
            running = tasks.create_task(ticker.run())
            store.locked, store.heard = True, asyncio.Queue()
            ticker.expect(Due(clock.now_ms(), "agt_a"))
            assert await store.heard.get() == "refused"
            store.locked = False
            clock.advance(RETRY_MS / 1000)
            ticker.expect()
            assert await store.heard.get() == "written"
            running.cancel()
        row = await store.one("presence.standing", agent_id="agt_a")
        assert row is not None
        assert row["status"] == "offline"
