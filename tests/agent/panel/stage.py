"""A panel on a real socket, over a real journal and a WhatsApp that is as the test says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from agent.attention import Bell
from agent.clock import SystemClock
from agent.drivers.driver import DriverStatus, LinkRefusedError, LinkWish
from agent.drivers.memory import MemoryDriver, MemorySettings
from agent.journal import FILE_NAME, Identity, Journal
from agent.link import LinkStatus, Phase
from agent.panel.server import Panel, listen
from agent.panel.view import Sources
from agent.settings import Settings
from protocol.messages import MessageReceived, Sweep

KEY = "k" * 43
READY = DriverStatus("ready", "+919800000042")
WAIT_S = 10.0
MODULE_S = 240.0  # a panel may serve all tests of a module


class Phone(MemoryDriver):
    """A WhatsApp that is in the state of the test's choice, and can be mended."""

    def __init__(self, folder: Path) -> None:
        super().__init__(MemorySettings(folder / "in.jsonl", folder / "out.jsonl"), lambda: 0)
        self.now = READY
        self.asked: list[str] = []
        self.wishes: list[LinkWish] = []
        self.held: list[MessageReceived] = []  # what a search finds
        self.refuses = self.breaks = False

    @property
    def status(self) -> DriverStatus:
        return self.now

    async def sweep(self, since_ms: int) -> AsyncIterator[MessageReceived]:
        for message in self.held:
            yield message
        if self.breaks:
            raise RuntimeError("the page is gone")

    async def take_over(self) -> None:
        self.asked.append("take_over")
        if self.refuses:
            raise RuntimeError("the page is gone")

    def begin_anew(self) -> None:
        self.asked.append("begin_anew")

    def begin_link(self, wish: LinkWish) -> None:
        if self.refuses:
            raise LinkRefusedError("It is linked already.")
        self.wishes.append(wish)


class Shown:
    """A panel that is served, and what it shows."""

    def __init__(self, journal: Journal, identity: Identity, settings: Settings) -> None:
        self.journal = journal
        self.identity = identity
        self.clock = SystemClock()
        self.phone = Phone(settings.data_dir)
        self.hub = LinkStatus(Phase.ONLINE, self.clock.now_ms())
        self.bell = Bell()
        self.swept: Sweep | None = None
        self.addresses: list[str] = []
        self.news = asyncio.Event()
        self.sources = Sources(
            settings=settings,
            journal=journal,
            clock=self.clock,
            driver=self.phone,
            hub=lambda: self.hub,
            bell=self.bell,
            swept=lambda: self.swept,
        )
        self.panel = Panel(self.sources, self.addresses.append, self.news.set)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.panel.port}"

    def client(self) -> httpx2.AsyncClient:
        """A browser that was not let in."""
        return httpx2.AsyncClient(base_url=self.base, timeout=WAIT_S)

    @asynccontextmanager
    async def guest(self) -> AsyncIterator[httpx2.AsyncClient]:
        """A browser that was let in, whose page sends its origin."""
        async with self.client() as client:
            answer = await client.get(f"/?key={KEY}")
            assert answer.status_code == 303
            client.headers["origin"] = self.base
            yield client


@asynccontextmanager
async def shown(folder: Path) -> AsyncIterator[Shown]:
    """A panel of a paired agent on a port of its own."""
    journal = await Journal.open(folder / FILE_NAME, SystemClock())
    await journal.save_identity(
        hub_url="http://127.0.0.1:1",
        socket_url="ws://127.0.0.1:1/agent",
        agent_id="a1",
        tenant_id="t1",
        token="sak_a_invented",
        token_expires_ms=None,
    )
    identity = await journal.identity()
    assert identity is not None
    stage = Shown(journal, identity, Settings(data_dir=folder, driver="memory"))
    try:
        async with asyncio.timeout(MODULE_S), asyncio.TaskGroup() as group:
            task = group.create_task(stage.panel.serve(listen(0), KEY))
            await stage.news.wait()
            yield stage
            task.cancel()
    finally:
        await journal.close()
