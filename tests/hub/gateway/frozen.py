"""A real hub in this process whose time stands still until a test lets it pass.

The loop reads the same `FakeClock` as the hub, so that every alarm, nap and deadline of the hub is
in virtual time, while sockets and SQLite are the real ones. `Hall.settle` lets happen whatever can
happen at this moment; a transition that came too early would carry the earlier moment for ever.
"""

import asyncio
import selectors
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Any, Final, ParamSpec

import msgspec

from hub.app import Hub, listen
from hub.settings import Settings
from hub.store.database import Store
from hub.store.errors import StoreClosed
from hub.store.tx import Row, Tx
from tests.fakes import FakeClock
from tests.hub.gateway.client import Agent, Dialled
from tests.hub.gateway.stage import Parrot
from tests.hub.shops import add_agent, add_shop, lay_tables

P = ParamSpec("P")

MOMENT_S: Final = 0.001  # the resolution of everything that is stored
STUCK_S: Final = 20.0  # of real time without any sign of life: the test has failed
ROUNDS: Final = 20  # of the loop and of the writer; the longest chain of the hub's takes six
TURN_S: Final = 0.125  # how far time moves at once while a hub ends

AGENT_ID: Final = "agt_a"
_HISTORY: Final = "SELECT * FROM agent_status_history WHERE agent_id = ? ORDER BY id"
_ROW: Final = "SELECT * FROM agent_status WHERE agent_id = ?"


class StuckError(Exception):
    """Everybody waits for time to pass, or for something that does not come."""


class _Patience(selectors.DefaultSelector):
    """Waits for sockets and threads in real time, but not for ever."""

    def __init__(self) -> None:
        super().__init__()
        self._idle_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        before = time.monotonic()
        ready = super().select(STUCK_S if timeout is None else min(timeout, STUCK_S))
        self._idle_s = 0.0 if ready else self._idle_s + time.monotonic() - before
        if self._idle_s > STUCK_S:
            self._idle_s = 0.0  # whoever is stuck may still clear up
            raise StuckError
        return ready


class WholeClock(FakeClock):
    """Both scales count the same whole milliseconds: no deadline is missed by a rounding."""

    def __init__(self) -> None:
        super().__init__()
        self._began_ms = self.now_ms()

    def monotonic(self) -> float:
        return (self.now_ms() - self._began_ms) / 1000


class FrozenLoop(asyncio.SelectorEventLoop):
    """A loop whose time is a clock's that only a test moves."""

    def __init__(self) -> None:
        self.clock = WholeClock()
        super().__init__(_Patience())

    def time(self) -> float:
        return self.clock.monotonic()


def frozen(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test on a loop of its own whose time stands still."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=FrozenLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run


class Change(msgspec.Struct, frozen=True):
    """A row of the history."""

    before: str
    after: str
    reason: str
    generation: int
    at: int


class Hall:
    """A database, the hub that serves it, and one shop's agent."""

    def __init__(self, store: Store, clock: FakeClock, token: str, **settings: Any) -> None:
        self.store = store
        self.clock = clock
        self.agent = Agent("", token, AGENT_ID)
        self._settings = Settings(port=0, database_url=f"sqlite:///{store.path}", **settings)
        self._hub: Hub | None = None
        self._running: asyncio.Task[None] | None = None

    @classmethod
    @asynccontextmanager
    async def built(cls, folder: Path, **settings: Any) -> AsyncIterator["Hall"]:
        """A hall without a hub."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, FrozenLoop)
        lay_tables(folder / "hub.db")
        async with Store.open(f"sqlite:///{folder}/hub.db", loop.clock) as store:
            await add_shop(store, loop.clock)
            token = await add_agent(store, loop.clock, AGENT_ID)
            yield cls(store, loop.clock, token, **settings)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Hall"]:
        """A hub at work. When the block ends it dies without a farewell, as by a second signal."""
        hub = Hub(self._settings, self.clock, listen("127.0.0.1", 0), lambda _: Parrot())
        async with asyncio.TaskGroup() as group:
            self._hub, self._running = hub, group.create_task(hub.run(), name="hub")
            await hub.ready.wait()
            self.agent.url = f"ws://127.0.0.1:{hub.port}/agent"
            try:
                yield self
            finally:
                hub.stop()
                hub.stop()
                await self.gone()

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path, **settings: Any) -> AsyncIterator["Hall"]:
        """A hall with a hub at work."""
        async with cls.built(folder, **settings) as hall, hall.running():
            yield hall

    def terminate(self) -> None:
        """Send the hub its SIGTERM."""
        assert self._hub is not None
        self._hub.stop()

    async def gone(self) -> None:
        """Let time pass until the hub has ended."""
        assert self._running is not None
        while not self._running.done():
            self.clock.advance(TURN_S)
            await self.settle()

    async def passes(self, seconds: float) -> None:
        """Let so much time pass, and everything happen that is due then."""
        self.clock.advance(seconds)
        await self.settle()

    async def changes_after(self, seconds: float, before: str, after: str) -> int:
        """Pass so much time: `before` to the last millisecond, then `after`; the moment of it."""
        told = len(await self.history())
        due = self.clock.now_ms() + round(seconds * 1000)
        await self.passes(seconds - MOMENT_S)
        assert self.clock.now_ms() == due - 1
        assert await self.status() == before
        assert len(await self.history()) == told
        await self.passes(MOMENT_S)
        await self.becomes(after)
        assert self.clock.now_ms() == due
        return due

    async def settle(self) -> None:
        """Let everything happen that can happen at this moment."""
        for _ in range(ROUNDS):
            await asyncio.sleep(0)
            await self._writer_is_through()

    async def _writer_is_through(self) -> None:
        """The writer works in order: what was handed in before is on disk."""
        if self._hub is not None and self._hub.parts is not None:
            with suppress(StoreClosed):
                await self._hub.parts.services.store.write(lambda tx: None)

    # --- what the database says -------------------------------------------------------------

    async def row(self) -> Row:
        """The agent's row of the status table."""

        def look(tx: Tx) -> Row:
            row: Row = tx._connection.execute(_ROW, (AGENT_ID,)).fetchone()
            return row

        return await self.store.read(look)

    async def status(self) -> str:
        """The agent's status."""
        status: str = (await self.row())["status"]
        return status

    async def becomes(self, status: str) -> None:
        """Wait at this very moment until the status table says so."""
        await self.until(lambda: self._is(status), f"never {status}")

    async def until(self, holds: Callable[[], Awaitable[bool]], otherwise: str) -> None:
        """Let things happen at this very moment until `holds`."""
        before = time.monotonic()
        while not await holds():
            assert time.monotonic() - before < STUCK_S, otherwise
            await self.settle()

    async def _is(self, status: str) -> bool:
        return await self.status() == status

    async def history(self) -> list[Change]:
        """Every change so far; each begins where the one before it ended."""
        rows = await self.store.read(
            lambda tx: tx._connection.execute(_HISTORY, (AGENT_ID,)).fetchall()
        )
        changes = [
            Change(r["from_status"], r["to_status"], r["reason"], r["generation"], r["at"])
            for r in rows
        ]
        ends = ["offline", *(change.after for change in changes)]
        assert [change.before for change in changes] == ends[:-1]
        if changes:
            row = await self.row()
            assert (row["status"], row["since"]) == (changes[-1].after, changes[-1].at)
        return changes

    @asynccontextmanager
    async def line(self, **changes: Any) -> AsyncIterator[Dialled]:
        """A connection of the agent that was welcomed."""
        async with self.agent.dial(**changes) as line:
            yield await line.live()
