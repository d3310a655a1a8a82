"""Whether agents have to be asked for a pause: the disk is full, or work comes in too fast."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

import msgspec
import structlog

from hub.store.database import Store
from hub.store.errors import StoreClosed, StoreError

POLL_S: Final = 0.5  # at 2,000 events a second a thousand more than the limit may slip in
RETRY_AFTER_S: Final = 5.0  # how long an agent pauses; it is asked again as long as need be
FREE_BYTES_MIN: Final = 2 * 1024**3  # with so much free a disk is not full, whatever its percentage

BLIND: Final = "the hub cannot read its database now"

log = structlog.get_logger(__name__)


class Load(msgspec.Struct, frozen=True):
    """The state of the database's file system and of the work; bytes, and events not yet worked."""

    disk_total: int
    disk_free: int
    unworked: int


class Bounds(msgspec.Struct, frozen=True):
    """Where busy begins; percent of the disk in use, and events."""

    disk_full_pct: float
    inbox_max: float


def judge(load: Load, bounds: Bounds) -> str | None:
    """Why agents should pause, None when they need not."""
    if is_disk_full(load.disk_total, load.disk_free, bounds.disk_full_pct):
        return "the hub's disk is almost full"
    if load.unworked > bounds.inbox_max:
        return "the hub has more messages than it can answer now"
    return None


def is_disk_full(total: int, free: int, full_pct: float) -> bool:
    """Whether a file system is too full to take more, by percentage and by what is left."""
    return used_pct(total, free) >= full_pct and free < FREE_BYTES_MIN


def used_pct(total: int, free: int) -> float:
    """How much of a file system this user cannot write any more."""
    return 100 * (total - free) / total


class Gauge:
    """Calls `ask_pause(message, retry_after_s)` again and again while the load is too high."""

    def __init__(
        self, store: Store, bounds: Bounds, ask_pause: Callable[[str, float], None]
    ) -> None:
        self._store = store
        self._bounds = bounds
        self._ask_pause = ask_pause

    async def run(self) -> NoReturn:
        """A task of the running hub."""
        while True:
            if (reason := await self._reason()) is not None:
                self._ask_pause(reason, RETRY_AFTER_S)
            await asyncio.sleep(POLL_S)

    async def _reason(self) -> str | None:
        """Why agents should pause; also when that cannot be known."""
        try:
            return judge(await self._load(), self._bounds)
        except StoreClosed:
            raise
        except (StoreError, OSError) as error:
            log.warning("load_not_read", error=type(error).__name__)
            return BLIND

    async def _load(self) -> Load:
        disk = shutil.disk_usage(Path(self._store.path).parent)
        row = await self._store.one("presence.unworked")
        return Load(disk.total, disk.free, 0 if row is None else row["events"])
