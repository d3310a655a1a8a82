"""A hub process on a port that outlives it, as a service manager runs it; its log is in a file."""

import asyncio
import json
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path
from typing import Any, Final

from protocol.messages import Instant
from tests.hub.process import ROOT, environment

POLL_S: Final = 0.02
READY_WITHIN_S: Final = 30.0
GONE_WITHIN_S: Final = 60.0


class Deployed:
    """One process of `sak-hub serve`."""

    def __init__(self, process: Process, port: int, log: Path) -> None:
        self.port = port
        self._process = process
        self._log = log
        self._started = time.monotonic()

    @classmethod
    async def start(cls, folder: Path, name: str, port: int, **settings: object) -> "Deployed":
        """Start a process; it is not ready yet."""
        path = folder / f"{name}.log"
        with path.open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "hub", "serve"),
                cwd=ROOT,
                env=environment(folder, {"port": port} | settings),
                stdout=DEVNULL,
                stderr=log,
            )
        return cls(process, port, path)

    async def ready(self) -> float:
        """Wait for /readyz to answer 200; the seconds since the start."""
        async with asyncio.timeout(READY_WITHIN_S):
            while not await self._is_ready():
                assert self._process.returncode is None, self._log.read_text()
                await asyncio.sleep(POLL_S)
        return time.monotonic() - self._started

    async def _is_ready(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")
        try:
            return (await reader.readline()).startswith(b"HTTP/1.1 200")
        except OSError:
            return False
        finally:
            writer.close()

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._process.send_signal(signal.SIGTERM)

    async def code(self) -> int:
        """The exit code, once the process has ended."""
        async with asyncio.timeout(GONE_WITHIN_S):
            return await self._process.wait()

    async def end(self) -> None:
        """Leave nothing behind."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def lines(self, *events: str) -> list[dict[str, Any]]:
        """The log's lines about these events, in order."""
        lines = [json.loads(line) for line in self._log.read_text().splitlines()]
        return [line for line in lines if line["event"] in events]


def at_ms(line: dict[str, Any]) -> int:
    """When a line was logged."""
    return Instant.parse(line["at"]).ms
