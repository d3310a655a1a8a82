"""The hub as its users start it: a process that is told by its environment and heard by its log."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 20.0


class HubProcess:
    """A running `sak-hub serve`."""

    def __init__(self, process: Process) -> None:
        self.port = 0
        self.lines: list[dict[str, Any]] = []
        self._process = process

    def resident_kib(self) -> int:
        """The memory that the process holds now."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    async def logs(self, event: str) -> dict[str, Any]:
        """Read the log up to a line about `event`."""
        assert self._process.stderr is not None
        async with asyncio.timeout(WAIT_S):
            while line := await self._process.stderr.readline():
                self.lines.append(json.loads(line))
                if self.lines[-1]["event"] == event:
                    return self.lines[-1]
        raise AssertionError(f"the hub ended without {event}: {self.lines}")

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def code(self) -> int:
        """The exit code, once the process has ended."""
        async with asyncio.timeout(WAIT_S):
            await self._process.communicate()
        assert self._process.returncode is not None
        return self._process.returncode

    async def end(self) -> None:
        """Leave nothing behind."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.communicate()


def environment(folder: Path, settings: dict[str, object]) -> dict[str, str]:
    """The whole environment of the process: nothing of this one's."""
    url = {"database_url": f"sqlite:///{folder}/hub.db"}
    return {f"SAK_HUB_{name.upper()}": str(value) for name, value in (url | settings).items()}


async def start(folder: Path, **settings: object) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hub",
        "serve",
        cwd=ROOT,
        env=environment(folder, settings),
        stdout=PIPE,
        stderr=PIPE,
    )


@asynccontextmanager
async def serving(folder: Path, **settings: object) -> AsyncIterator[HubProcess]:
    """A hub that listens."""
    hub = HubProcess(await start(folder, **({"port": 0} | settings)))
    try:
        hub.port = (await hub.logs("hub_ready"))["port"]
        yield hub
    finally:
        await hub.end()


async def refused(folder: Path, **settings: object) -> tuple[int, str]:
    """Exit code and standard error of a hub that does not start."""
    process = await start(folder, **settings)
    async with asyncio.timeout(WAIT_S):
        _, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, errors.decode()
