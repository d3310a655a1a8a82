"""The processes of a browser and of Playwright: ours only, whatever else runs on this computer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import psutil
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Playwright, async_playwright

from agent.drivers.whatsapp_web.errors import BrowserGoneError

_STOP_TIMEOUT_S: Final = 5  # for Playwright's own process
_DRIVER_WORD: Final = "run-driver"  # on the command line of that process


def holds_profile(process: psutil.Process, user_data: Path) -> bool:
    """Whether it is a browser on this profile."""
    return f"--user-data-dir={user_data}" in _command(process)


def browser_memory_mib(user_data: Path) -> int:
    """Memory of our browser on this profile with all its processes; 0 while there is none.

    Shared pages count once (PSS) where the system tells, else not at all (USS).
    """
    children = psutil.Process().children(recursive=True)
    found: set[psutil.Process] = set()
    for process in children:
        if holds_profile(process, user_data):
            with contextlib.suppress(psutil.Error):
                found |= {process, *process.children(recursive=True)}
    return sum(_memory_bytes(process) for process in found) >> 20


def _memory_bytes(process: psutil.Process) -> int:
    try:
        memory = process.memory_full_info()
    except psutil.AccessDenied:
        with contextlib.suppress(psutil.Error):
            return int(process.memory_info().rss)
        return 0
    except psutil.Error:  # it has just ended
        return 0
    return int(getattr(memory, "pss", memory.uss))


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:  # it has just ended, or is somebody else's
        return []


class Engine:
    """A running Playwright: our end, and its own process, which nobody tells us the end of."""

    def __init__(self, playwright: Playwright, processes: Iterable[psutil.Process]) -> None:
        self.playwright = playwright
        self._processes = tuple(processes)

    def is_alive(self) -> bool:
        """Whether anything that is asked of it can be answered."""
        return any(_lives(process) for process in self._processes)


@asynccontextmanager
async def running_playwright(timeout_s: float) -> AsyncIterator[Engine]:
    """Playwright's own process, which may die like any other."""
    manager, before, playwright = async_playwright(), _drivers(), None
    try:
        async with asyncio.timeout(timeout_s):
            playwright = await manager.start()
    except (PlaywrightError, OSError, TimeoutError) as error:
        raise BrowserGoneError("Playwright could not be started.") from error
    finally:
        if playwright is None:
            _end(_drivers() - before)
    engine = Engine(playwright, _drivers() - before)
    try:
        yield engine
    finally:
        with contextlib.suppress(TimeoutError, PlaywrightError):
            async with asyncio.timeout(_STOP_TIMEOUT_S if engine.is_alive() else 0):
                await playwright.stop()


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _drivers() -> set[psutil.Process]:
    """Playwright's processes that this one has started."""
    return {child for child in psutil.Process().children() if _DRIVER_WORD in _command(child)}


def _end(processes: Iterable[psutil.Process]) -> None:
    """Kill what came up too late: nobody will ever stop it."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
