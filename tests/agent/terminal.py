"""A terminal of 120 columns with a command in it; POSIX only."""

import asyncio
import os
import pty
import sys
import termios
from collections.abc import Callable, Mapping
from pathlib import Path

_ROWS_COLUMNS = (60, 120)


class Terminal:
    """`python -m agent …` with its output on a terminal."""

    def __init__(self, process: asyncio.subprocess.Process, master: int) -> None:
        self._process = process
        self._master = master
        self._said = b""
        self._news = asyncio.Event()
        asyncio.get_running_loop().add_reader(master, self._read)

    @classmethod
    async def open(cls, words: list[str], env: Mapping[str, str]) -> "Terminal":
        """Type the command."""
        master, slave = pty.openpty()
        termios.tcsetwinsize(slave, _ROWS_COLUMNS)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "agent", *words),
            env=env,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=Path(__file__).parents[2],
        )
        os.close(slave)
        return cls(process, master)

    @property
    def said(self) -> str:
        """Everything that was printed."""
        return self._said.decode(errors="replace")

    async def until(self, holds: Callable[[str], bool], timeout_s: float = 40.0) -> str:
        """What was printed, as soon as `holds` is true of it."""
        async with asyncio.timeout(timeout_s):
            while not holds(self.said):
                await self._news.wait()
                self._news.clear()
        return self.said

    async def end(self) -> int:
        """Wait for the command's end; its exit code."""
        async with asyncio.timeout(40):
            return await self._process.wait()

    def close(self) -> None:
        """Close the window."""
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)

    def _read(self) -> None:
        try:
            self._said += os.read(self._master, 65_536)
        except OSError:  # the command ended
            asyncio.get_running_loop().remove_reader(self._master)
        self._news.set()
