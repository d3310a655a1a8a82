"""The practice house with a hub that echoes and a cable to it, and what can be done to its PC.

The hub is a real one whose engine repeats every message of a turn (`tests.chaos.hub`), so that each
reply says what it answers. Agent, browser, page, wa-js and the practice network are what
`make run` starts.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import httpx2
import msgspec
import psutil

from agent.drivers.whatsapp_web.processes import holds_profile
from agent.practice.cable import Cable
from agent.practice.house import House, Part
from agent.settings import BROWSER_PROFILE
from tests.chaos.points import ENV_FILE
from tests.chaos.process_life import ENV_CLOCK
from tests.chaos_browser.schedule import Kind
from tests.ports import free_port

FIND_S: Final = 20.0
"""For what is to be killed to be there: it may be starting after another fault."""
_POLL_S: Final = 0.05
_HELPER_WORD: Final = "run-driver"
SETTINGS: Final = {
    "SAK_HUB_DRAIN_DEADLINE_S": "2",
    "SAK_HUB_DRAIN_RECONNECT_MAX_S": "0.5",
    "SAK_HUB_DUPLICATE_WINDOW_S": "2",
    "SAK_HUB_CONNECTS_PER_MIN": "1000000",
    "SAK_HUB_REFUSALS_PER_MIN": "1000000",
    "SAK_AGENT_BACKOFF_MAX_S": "0.5",
    "SAK_AGENT_STOPPED_RETRY_S": "2.5",
    "SAK_AGENT_HEADLESS": "true",
    "SAK_AGENT_SEND_GAP_S": "0.2",
    "SAK_AGENT_TYPING_MAX_S": "0.5",  # time to die in, between a lookup and the hand-over
    "SAK_AGENT_SWEEP_OVERLAP_S": "60",
    "SAK_AGENT_PANEL_PORT": "0",
    "SAK_AGENT_NOTIFICATIONS": "false",
}


class PC:
    """A shop's PC with its WhatsApp, and the hub that it belongs to."""

    def __init__(self, folder: Path, debounce_s: float) -> None:
        environ = os.environ.copy()  # noqa: TID251 - the processes need PATH
        hub_port = free_port()
        self.house = House(folder, hub_port, free_port(), environ, SETTINGS)
        self.cable = Cable(hub_port)
        self.deaths = dict.fromkeys((Kind.BROWSER, Kind.RENDERER, Kind.HELPER, Kind.AGENT), 0)
        self.crashes = list[str]()
        self.agent_free = asyncio.Lock()
        self._cuts = 0
        self._unplugged = 0
        echo = self.house.hub_env | {
            "SAK_HUB_DEBOUNCE_S": f"{debounce_s}",
            ENV_FILE: str(folder / "hub.crash"),
            ENV_CLOCK: str(folder / "hub.clock"),
        }
        command = [sys.executable, "-m", "tests.chaos.hub"]
        self.house.hub = Part("hub", command, echo, folder / "hub.log")

    @property
    def database(self) -> Path:
        """The hub's."""
        return self.house.folder / "hub.db"

    @property
    def data_dir(self) -> Path:
        """The agent's."""
        return self.house.folder.absolute() / "agent"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[httpx2.AsyncClient]:
        """Start everything; what comes back speaks with the customers' phones."""
        async with (
            self.cable.running() as cable,
            self.house.running(f"http://127.0.0.1:{cable.port}"),
            httpx2.AsyncClient(base_url=self.house.phone_url, timeout=20) as phones,
        ):
            yield phones

    async def supervise(self) -> None:
        """Start the agent again when it ended though nobody meant it to, as a service does."""
        while True:
            if not self.agent_free.locked() and self.house.agent.has_died:
                async with self.agent_free:
                    self.crashes.append("the agent ended by itself")
                    await self.house.agent.start()
            await asyncio.sleep(_POLL_S)

    # --- what can be done to it -------------------------------------------------------------

    async def kill(self, kind: Kind) -> bool:
        """Kill -9 the browser, its page or Playwright's process; False when there was none."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FIND_S):
                while (victim := await asyncio.to_thread(self._find, kind)) is None:  # noqa: ASYNC110
                    await asyncio.sleep(_POLL_S)
                with suppress(psutil.NoSuchProcess):
                    victim.kill()
                    self.deaths[kind] += 1
                    return True
        return False

    async def kill_agent(self, away_s: float) -> None:
        """Kill -9 the agent, whatever it does, and start it again after a while."""
        async with self.agent_free:
            if not self.house.agent.has_died:
                await self.house.agent.kill()
                self.deaths[Kind.AGENT] += 1
            await asyncio.sleep(away_s)
            await self.house.agent.start()

    async def cut_network(self, phones: httpx2.AsyncClient, for_s: float) -> None:
        """Let the page have no connection; cuts may overlap."""
        self._cuts += 1
        await _set_offline(phones, True)
        await asyncio.sleep(for_s)
        self._cuts -= 1
        if not self._cuts:
            await _set_offline(phones, False)

    async def pull_cable(self, for_s: float) -> None:
        """Let the agent have no way to the hub; pulls may overlap."""
        self._unplugged += 1
        self.cable.pull()
        await asyncio.sleep(for_s)
        self._unplugged -= 1
        if not self._unplugged:
            self.cable.plug_in()

    # --- who is who -------------------------------------------------------------------------

    def _find(self, kind: Kind) -> psutil.Process | None:
        """Of the agent that runs now; nobody else's."""
        if (pid := self.house.agent.pid) is None:
            return None
        try:
            children = psutil.Process(pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return None
        found = [child for child in children if self._is(child, kind)]
        return found[-1] if found else None  # a script that starts the browser comes before it

    def _is(self, process: psutil.Process, kind: Kind) -> bool:
        try:
            command = process.cmdline()
            match kind:
                case Kind.HELPER:
                    return _HELPER_WORD in command
                case Kind.RENDERER:
                    return "--type=renderer" in command and "--extension-process" not in command
                case _:
                    is_main = not any(word.startswith("--type=") for word in command)
                    return is_main and holds_profile(process, self.user_data)
        except psutil.Error:
            return False

    @property
    def user_data(self) -> Path:
        """Where the browser keeps the linked session."""
        return self.data_dir / BROWSER_PROFILE / "chromium"

    def whatsapp(self) -> str:
        """What the agent says of its WhatsApp; empty while it says nothing of now."""
        with suppress(OSError, msgspec.DecodeError, KeyError):
            said = msgspec.json.decode((self.data_dir / "status.json").read_bytes())
            if said["pid"] == self.house.agent.pid:
                return str(said["whatsapp"])
        return ""


async def _set_offline(phones: httpx2.AsyncClient, offline: bool) -> None:
    (await phones.put("/api/faults", json={"offline": offline})).raise_for_status()
