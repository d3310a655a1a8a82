"""A hub in a process of its own whose engine says what the customer said.

`python -m tests.hub.echo [PATIENCE_MS]` serves; the patience is for another process's lock on the
database, for which a real hub waits 20 s.
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from hub import logs
from hub.app import Hub, listen
from hub.assistant.engine import Answer, Turn
from hub.clock import SystemClock
from hub.settings import Settings
from hub.store import serving as served
from hub.store.database import database_path
from hub.store.held import WriterConnection
from tests.hub.process import ROOT, WAIT_S, HubProcess, environment


class Echo:
    """Answers at once with the customer's own words."""

    async def answer(self, turn: Turn) -> Answer:
        return Answer(text=f"You said: {turn.messages[-1].text}", path="echo")


class EchoProcess(HubProcess):
    """A running one."""

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.pid = process.pid
        self.heard = asyncio.Event()

    async def told(self, event: str) -> dict[str, Any]:
        """The first line of the log about `event`, once it is there."""
        async with asyncio.timeout(WAIT_S):
            while True:
                self.heard.clear()
                for line in self.lines:
                    if line["event"] == event:
                        return line
                await self.heard.wait()


def command(*words: object) -> list[str]:
    """What starts such a hub."""
    return [sys.executable, "-m", "tests.hub.echo", *map(str, words)]


@asynccontextmanager
async def serving(
    folder: Path, *words: object, before: tuple[str, ...] = (), **settings: object
) -> AsyncIterator[EchoProcess]:
    """An echoing hub that listens; `before` is a command that starts the rest of its line."""
    process = await asyncio.create_subprocess_exec(
        *before,
        *command(*words),
        cwd=ROOT,
        env=environment(folder, {"port": 0, "debounce_s": 0} | settings),
        stderr=PIPE,
    )
    hub = EchoProcess(process)
    try:
        hub.port = (await hub.logs("hub_ready"))["port"]
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(_listen(hub, process), name="the hub's log")
            yield hub
            listening.cancel()
    finally:
        await hub.end()


async def _listen(hub: EchoProcess, process: Process) -> None:
    """Keep every line, so that no full pipe holds the hub up."""
    assert process.stderr is not None
    async for line in process.stderr:
        hub.lines.append(json.loads(line))
        hub.heard.set()


def main() -> None:
    """Serve until told to stop."""
    settings = Settings.load(os.environ)  # noqa: TID251 - a command line of its own
    for patience_ms in sys.argv[1:2]:
        patience = f"busy_timeout = {int(patience_ms)}"
        WriterConnection.PRAGMAS += (patience,)  # type: ignore[assignment] # one pragma more
    clock = SystemClock()
    logs.configure(settings.log_level, clock)
    hub = Hub(settings, clock, listen(settings.host, settings.port), lambda _: Echo())
    with (
        served.alone(database_path(settings.database_url)),
        asyncio.Runner(loop_factory=hub.loop_factory) as runner,
    ):
        runner.get_loop().add_signal_handler(signal.SIGTERM, hub.stop)
        runner.run(hub.run())


if __name__ == "__main__":
    main()
