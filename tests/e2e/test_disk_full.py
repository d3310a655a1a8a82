"""A hub that can store nothing for a while: it asks for a pause, and nothing is lost or repeated.

A real process whose files may not grow (as with a quota), whose file system is full, or whose
database another process holds for longer than the hub waits.
"""

import asyncio
import os
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractContextManager,
    asynccontextmanager,
    closing,
    contextmanager,
    suppress,
)
from pathlib import Path
from typing import Any, Final

import httpx2
import psutil
import pytest

from hub.clock import SystemClock
from hub.store.database import Store
from protocol.messages import Instant, MessageSend
from tests.hub import echo
from tests.hub.gateway.client import message
from tests.hub.gateway.lean import Lean
from tests.hub.shops import add_agent, add_shop

PATIENCE_MS: Final = 100  # for another process's lock; 20 s as a rule
FILES_MAX_BYTES: Final = 4096  # below every file that the hub writes to
DISK_BYTES: Final = 16 * 2**20
BLOCK: Final = bytes(4096)

# Its own mounts: the small disk is nobody else's, and ends with the process.
ON_A_SMALL_DISK: Final = """
mount -t tmpfs -o size=$1 none "$0/disk" && cp "$0"/hub.db* "$0/disk/" && shift && exec "$@"
"""

Trouble = Callable[[echo.EchoProcess, Path], AbstractContextManager[None]]


@contextmanager
def files_may_not_grow(hub: echo.EchoProcess, _: Path) -> Iterator[None]:
    """What a quota does: writing fails, what is there can be read."""
    process = psutil.Process(hub.pid)
    before = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (FILES_MAX_BYTES, before[1]))
    yield
    process.rlimit(psutil.RLIMIT_FSIZE, before)


@contextmanager
def disk_is_full(hub: echo.EchoProcess, folder: Path) -> Iterator[None]:
    """Not a byte is left on the hub's own file system."""
    filler = _as_seen_by(hub, folder) / "filler"
    with filler.open("wb", buffering=0) as file:
        with suppress(OSError):
            while file.write(BLOCK):
                pass
        yield
        filler.unlink()


@contextmanager
def database_is_held(hub: echo.EchoProcess, folder: Path) -> Iterator[None]:
    """Another process has the write lock, for longer than the hub waits for it."""
    with closing(sqlite3.connect(folder / "hub.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def _as_seen_by(hub: echo.EchoProcess, folder: Path) -> Path:
    return Path(f"/proc/{hub.pid}/root{folder}")


def _may_mount() -> bool:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "--mount", "true"], check=False).returncode == 0


EVERY_TROUBLE: Final = [
    files_may_not_grow,
    database_is_held,
    pytest.param(
        disk_is_full, marks=pytest.mark.skipif(not _may_mount(), reason="only root may mount")
    ),
]


class Shop:
    """A hub over a disk that can be made useless, and one agent of it."""

    def __init__(self, hub: echo.EchoProcess, folder: Path, line: Lean) -> None:
        self.hub = hub
        self.folder = folder
        self.line = line

    async def says(self, text: str, chat: int) -> None:
        """A customer writes; each has a chat of their own."""
        now = Instant(SystemClock().now_ms())
        told = message(text, f"9198000000{chat:02d}@c.us", sent_at=now)
        await self.line.send(self.line.event(told))

    async def is_acknowledged(self) -> None:
        """Wait until the hub has all that was sent."""
        await self.line.until(lambda: self.line.acked == self.line.seq)

    def replies(self) -> list[str]:
        """What the agent was told to send, each without what a first answer adds."""
        sends = [order.data for order in self.line.orders]
        return [str(send.text).splitlines()[0] for send in sends if isinstance(send, MessageSend)]

    async def get(self, path: str) -> httpx2.Response:
        """What the hub answers to the agent's token."""
        headers = {"Authorization": f"Bearer {self.line.token}"}
        async with httpx2.AsyncClient(headers=headers) as client:
            return await client.get(f"http://127.0.0.1:{self.hub.port}{path}")

    def stored(self, target: Path) -> list[tuple[str, str]]:
        """Direction and text of every message in the hub's database, in order."""
        target.mkdir()
        for file in _as_seen_by(self.hub, self.folder).glob("hub.db*"):
            shutil.copy(file, target)
        with closing(sqlite3.connect(target / "hub.db")) as copy:
            return copy.execute("SELECT direction, text FROM messages ORDER BY id").fetchall()


@asynccontextmanager
async def shop_on(folder: Path, trouble: Trouble, **settings: Any) -> AsyncIterator[Shop]:
    """A shop whose disk can come into such trouble."""
    clock = SystemClock()
    before: tuple[str, ...] = ()
    async with Store.open(f"sqlite:///{folder}/hub.db", clock) as store:
        await add_shop(store, clock)
        token = await add_agent(store, clock)
    if trouble is disk_is_full:
        small = folder / "disk"
        small.mkdir()
        before = ("unshare", "--mount", "sh", "-c", ON_A_SMALL_DISK, str(folder), str(DISK_BYTES))
        folder = small
    async with (
        echo.serving(folder, PATIENCE_MS, before=before, **settings) as hub,
        asyncio.TaskGroup() as group,
    ):
        line = await Lean("agt_a", token).dial(hub.port, group)
        yield Shop(hub, folder, line)
        line.cut()


@pytest.mark.parametrize("trouble", EVERY_TROUBLE)
async def test_a_hub_that_can_store_nothing_asks_for_a_pause_and_recovers(
    tmp_path: Path, trouble: Trouble
) -> None:
    """On one connection: what came meanwhile is kept, and later acknowledged and answered once."""
    async with shop_on(tmp_path, trouble) as shop:
        line = shop.line
        await shop.says("before", 1)
        await line.until(lambda: len(line.orders) == 1)
        with trouble(shop.hub, shop.folder):
            await shop.says("first", 2)
            await line.until(lambda: bool(line.errors))
            await shop.says("second", 3)  # it was on its way when the agent was asked to pause
            for n in range(3):
                await line.beat(n)
            page = await shop.get("/api/desktop-agent/status/Shop%20A")
            assert (page.status_code, page.json()["agents"][0]["status"]) == (200, "online")
            assert (line.acked, line.closed) == (1, None)
            assert {(it.code, it.retryable) for it in line.errors} == {("busy", True)}
            assert all(it.retry_after_s for it in line.errors)
        await shop.is_acknowledged()
        await line.until(lambda: len(line.orders) >= 3)
        await shop.says("after", 4)
        await line.until(lambda: len(line.orders) >= 4)
        texts = ["before", "first", "second", "after"]
        assert sorted(shop.replies()) == sorted(f"You said: {text}" for text in texts)
        stored = shop.stored(tmp_path / "copy")
        assert [text for direction, text in stored if direction == "in"] == texts
        assert [direction for direction, _ in stored].count("out") == len(texts)


@pytest.mark.parametrize("trouble", EVERY_TROUBLE)
async def test_a_turn_that_could_not_be_stored_is_answered_soon_afterwards(
    tmp_path: Path, trouble: Trouble
) -> None:
    """The customer wrote before, the answer was due meanwhile: it is sent once there is room."""
    async with shop_on(tmp_path, trouble, debounce_s=0.5) as shop:
        await shop.says("hello", 1)
        await shop.is_acknowledged()
        with trouble(shop.hub, shop.folder):
            await shop.hub.told("turn_failed")
            await shop.line.beat(1)
            assert shop.replies() == []
        await shop.line.until(lambda: bool(shop.line.orders))
        assert (shop.replies(), shop.line.closed) == (["You said: hello"], None)


@pytest.mark.parametrize("trouble", EVERY_TROUBLE)
async def test_an_agent_that_leaves_meanwhile_comes_back_as_ever(
    tmp_path: Path, trouble: Trouble
) -> None:
    """The end of its connection is noted once there is room, and the next one is welcome."""
    async with shop_on(tmp_path, trouble) as shop, asyncio.TaskGroup() as group:
        other = Lean("agt_a", shop.line.token)
        with trouble(shop.hub, shop.folder):
            shop.line.cut()
            await shop.hub.told("leave_not_noted")
        await other.dial(shop.hub.port, group)
        await other.send(other.event(message("back again", "919800000001@c.us")))
        await other.until(lambda: other.acked == 1)
        other.cut()
