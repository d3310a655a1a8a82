"""One process of a chaos run that is killed, stopped, starved and started again."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tests.chaos.points import ENV_FILE, ENV_ORDER

ROOT: Final = Path(__file__).resolve().parents[2]
_STOP_S: Final = 20.0


class Victim:
    """The newest process of one part; `log` gets what all of them say."""

    def __init__(self, name: str, module: str, env: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.deaths = 0  # by SIGKILL, the end of the run not counted
        self._order = folder / f"{name}.crash"
        self._command = [sys.executable, "-m", module]
        self._env = dict(env) | {ENV_FILE: str(self._order)}
        self._process: asyncio.subprocess.Process | None = None
        self._scribe: subprocess.Popen[bytes] | None = None

    @contextmanager
    def logged(self) -> Iterator["Victim"]:
        """Keep the log by a pipe: what limits the size of our files must not silence us."""
        with self.log.open("ab") as log:
            self._scribe = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=log)
        try:
            yield self
        finally:
            self._scribe.communicate()

    async def start(self, order: str = "") -> None:
        """Start it; with an `order` it dies at that point of its start-up."""
        assert self._scribe is not None
        self._order.unlink(missing_ok=True)
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            cwd=ROOT,
            env=self._env | {ENV_ORDER: order},
            stdin=subprocess.DEVNULL,
            stdout=self._scribe.stdin,
            stderr=self._scribe.stdin,
        )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def lives(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.returncode is None

    def order(self, point: str) -> None:
        """Let it die at a point (`points.py`) that it will pass."""
        draft = self._order.with_suffix(".draft")
        draft.write_text(point)
        draft.replace(self._order)

    async def dies_within(self, wait_s: float) -> bool:
        """Whether it ends by itself in that time; its death counts."""
        assert self._process is not None
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._process.wait()
        if self._process.returncode is None:
            return False
        self.deaths += 1
        return True

    async def kill(self) -> None:
        """End it without a warning, as a power cut would."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        self.deaths += 1

    async def ended(self) -> int:
        """Wait for an end that is no death of the schedule's; its exit code."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self) -> int:
        """Ask it to end, and insist after a while; its exit code."""
        self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_S):
                return await self.ended()
        except TimeoutError:
            self.signal(signal.SIGKILL)
            return await self.ended()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def limit_files(self, size_max: int | None) -> None:
        """Let no write go beyond this byte of a file: the disk is full. None: it has room again."""
        with suppress(ProcessLookupError):
            _, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
            limit = resource.RLIM_INFINITY if size_max is None else size_max
            resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (limit, hard))
