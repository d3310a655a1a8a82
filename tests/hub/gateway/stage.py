"""A real hub in this process, on a free port, with two shops and their agents."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from hub.app import Hub, listen
from hub.assistant.engine import Answer, Engine, Turn
from hub.clock import SystemClock
from hub.parts import Parts
from hub.settings import Settings
from hub.store.database import Store
from hub.store.errors import StoreBusy
from tests.hub.gateway.client import Agent
from tests.hub.shops import add_agent, add_shop, lay_tables


class Parrot:
    """An engine that says what the customer said."""

    async def answer(self, turn: Turn) -> Answer:
        return Answer(text=f"You said: {turn.messages[-1].text}", path="parrot")


class Stage:
    """A database that outlives its hubs, and the agents `a` and `b` of two shops."""

    def __init__(self, store: Store, tokens: dict[str, str], **settings: Any) -> None:
        self.store = store
        self.tokens = tokens
        self.clock = SystemClock()
        self.settings = Settings(port=0, database_url=f"sqlite:///{store.path}", **settings)
        self.hub: Hub | None = None
        self._agents: dict[str, Agent] = {}

    @classmethod
    @asynccontextmanager
    async def set(cls, folder: Path, **settings: Any) -> AsyncIterator["Stage"]:
        """A stage without a hub."""
        clock = SystemClock()
        lay_tables(folder / "hub.db")
        async with Store.open(f"sqlite:///{folder}/hub.db", clock) as store:
            tokens = {}
            for name in ("a", "b"):
                await add_shop(store, clock, f"ten_{name}", f"Shop {name}")
                tokens[name] = await add_agent(store, clock, f"agt_{name}", f"ten_{name}")
            yield cls(store, tokens, **settings)

    @asynccontextmanager
    async def running(self, engine: Engine | None = None) -> AsyncIterator["Stage"]:
        """A hub over the stage's database."""
        hub = Hub(self.settings, self.clock, listen("127.0.0.1", 0), lambda _: engine or Parrot())
        async with asyncio.TaskGroup() as group:
            self.hub = hub
            group.create_task(hub.run(), name="hub")
            watching = group.create_task(self.store.watch(poll_s=0.01), name="watch")
            await hub.ready.wait()
            try:
                yield self
            finally:
                hub.stop()
                hub.stop()  # without a drain
                watching.cancel()

    @contextmanager
    def held(self, times: int) -> Iterator[list[int]]:
        """The next writes of the hub are refused so often, as while another process has the lock.

        The list says how many refusals are left.
        """
        store, left = self.parts.services.store, [times]
        write, submit = store.write, store.submit

        def refuses() -> bool:
            if left[0] == 0:
                return False
            left[0] -= 1
            return True

        async def write_later(op: Any) -> Any:
            if refuses():
                raise StoreBusy("held")
            return await write(op)

        def submit_later(begin: Any, done: Any, failed: Any) -> None:
            if refuses():
                failed(StoreBusy("held"))
            else:
                submit(begin, done, failed)

        store.write, store.submit = write_later, submit_later  # type: ignore[method-assign]
        yield left
        del store.write, store.submit

    @property
    def url(self) -> str:
        assert self.hub is not None
        return f"ws://127.0.0.1:{self.hub.port}/agent"

    @property
    def http_url(self) -> str:
        assert self.hub is not None
        return f"http://127.0.0.1:{self.hub.port}"

    @property
    def parts(self) -> Parts:
        assert self.hub is not None
        assert self.hub.parts is not None
        return self.hub.parts

    def agent(self, name: str = "a") -> Agent:
        """The agent of a shop; the same one every time."""
        agent = self._agents.setdefault(name, Agent("", self.tokens[name], f"agt_{name}"))
        agent.url = self.url
        return agent

    async def status(self, name: str = "a") -> str:
        """What the status table says."""
        row = await self.store.one("presence.standing", agent_id=f"agt_{name}")
        assert row is not None
        status: str = row["status"]
        return status

    async def becomes(self, status: str, name: str = "a") -> None:
        """Wait until the status table says so."""

        async def holds() -> bool:
            return await self.status(name) == status

        await self.until(holds)

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        """Look after every change of the database until `holds`; only while a hub runs."""
        async with asyncio.timeout(10):
            seen = self.store.changed.count
            while not await holds():
                seen = await self.store.changed.after(seen)
