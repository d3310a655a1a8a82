"""A real hub and real agents, each behind a line of its own, and what can be done to them.

folder/    hub.db, hub.log        in-0.jsonl, out-0.jsonl   the phones' files
           agent-0/, agent-0.log  agent-0.paired/           its data as it was when paired
"""

import asyncio
import os
import shutil
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Final

from agent.clock import SystemClock
from agent.journal import FILE_NAME, Journal
from agent.link import Phase
from agent.pairing import Device, pair
from agent.settings import Settings as AgentSettings
from agent.status import read_status
from hub.store.database import Store
from tests.chaos.line import Line
from tests.chaos.phones import Phones
from tests.chaos.process_life import ENV_CLOCK, ENV_SESSION
from tests.chaos.processes import Victim
from tests.chaos.verdict import still_pending
from tests.hub.shops import add_shop, invite
from tests.ports import free_port

AGENTS_PER_SHOP: Final = 2
READY_S: Final = 20.0
ONLINE_S: Final = 2.0  # for an agent to find the hub, which may be away itself
_POLL_S: Final = 0.05
DISK_ROOM_BYTES: Final = 65_536
"""What a full disk still takes into the phones' file, which is on another machine in real life."""
HUB: Final = {
    "HEARTBEAT_INTERVAL_S": "0.4",
    "HEARTBEAT_TIMEOUT_S": "2",
    "HELLO_TIMEOUT_S": "2",
    "ACK_TIMEOUT_S": "3",
    "STARTUP_GRACE_S": "5",
    "OFFLINE_AFTER_S": "5",
    "DRAIN_DEADLINE_S": "1",
    "DRAIN_RECONNECT_MAX_S": "0.5",
    "DUPLICATE_WINDOW_S": "2",
    "CONNECTS_PER_MIN": "1000000",
    "REFUSALS_PER_MIN": "1000000",
    "DEBOUNCE_S": "0.15",
}
AGENT: Final = {
    "OPEN_TIMEOUT_S": "2",
    "WELCOME_TIMEOUT_S": "2",
    "SEND_TIMEOUT_S": "2",
    "ACK_TIMEOUT_S": "3",
    "BACKOFF_MAX_S": "0.3",
    "REPLACED_WAIT_S": "0.5",
    "STOPPED_RETRY_S": "2.5",  # beyond the hub's window, or a blocked agent would stay blocked
    "SEND_GAP_S": "0",
    "TYPING_MAX_S": "0",
    "SWEEP_OVERLAP_S": "60",
    "MEMORY_SEND_S": "0.005",
    "DRIVER": "memory",
}


class House:
    """The hub, its agents and their lines. `hub_free` and `agent_free` guard who is dealt with."""

    def __init__(self, folder: Path, phones: Phones, agents: int) -> None:
        self.folder = folder
        self.database = folder / "hub.db"
        self._phones = phones
        self._clean = {k: v for k, v in os.environ.items() if not k.startswith("SAK_")}  # noqa: TID251 - the processes need PATH
        self._port = free_port()
        self.lines = [Line(self._port) for _ in range(agents)]
        self.hub = self._victim("hub", "tests.chaos.hub", self._hub_env())
        self.agents = [
            self._victim(f"agent-{i}", "tests.chaos.agent", self._agent_env(i))
            for i in range(agents)
        ]
        self.hub_free = asyncio.Lock()
        self.agent_free = [asyncio.Lock() for _ in range(agents)]
        self.crashes = list[str]()

    # --- coming to life ---------------------------------------------------------------------

    @asynccontextmanager
    async def running(self) -> AsyncIterator["House"]:
        """Furnish, pair and start everything; leave nothing behind."""
        await self._furnish()
        async with AsyncExitStack() as stack:
            for line in self.lines:
                await stack.enter_async_context(line.running())
            for victim in (self.hub, *self.agents):
                stack.enter_context(victim.logged())
                stack.push_async_callback(self._end, victim)
            await self.start_hub()
            for agent in range(len(self.agents)):
                await self._pair(agent)
                await self.start_agent(agent)
            yield self

    async def _furnish(self) -> None:
        clock = SystemClock()
        async with Store.open(f"sqlite:///{self.database}", clock) as store:
            for shop in range(-(-len(self.agents) // AGENTS_PER_SHOP)):
                await add_shop(store, clock, f"ten_{shop}", f"Shop {shop}")
            self._codes = [
                await invite(store, clock, f"ten_{agent // AGENTS_PER_SHOP}")
                for agent in range(len(self.agents))
            ]

    async def _pair(self, agent: int) -> None:
        clock, data_dir = SystemClock(), self.data_dir(agent)
        journal = await Journal.open(data_dir / FILE_NAME, clock)
        await pair(
            f"http://127.0.0.1:{self.lines[agent].port}",
            self._codes[agent],
            device=Device(f"PC {agent}", "Test OS 1", "1.0"),
            settings=AgentSettings(data_dir=data_dir),
            journal=journal,
            clock=clock,
        )
        await journal.close()
        shutil.copytree(data_dir, self._paired(agent))

    async def start_hub(self, order: str = "") -> None:
        """Start it and wait until it is ready, or has died at its `order`."""
        await self.hub.start(order)
        async with asyncio.timeout(READY_S):
            while self.hub.lives and not await self._is_ready():  # noqa: ASYNC110 - another process
                await asyncio.sleep(_POLL_S)

    async def stop_hub(self) -> None:
        """End it as a deploy does."""
        if (code := await self.hub.stop()) != 0:
            self.crashes.append(f"the hub, asked to end, ended with {code}")

    async def start_agent(self, agent: int, order: str = "") -> None:
        """Start it and wait a little until it has found the hub, if there is one."""
        await self.agents[agent].start(order)
        with suppress(TimeoutError):
            async with asyncio.timeout(ONLINE_S):
                while self.agents[agent].lives and not self._is_online(agent):  # noqa: ASYNC110
                    await asyncio.sleep(_POLL_S)

    async def supervise(self) -> None:
        """Start again what ended though nobody meant it to, as a service manager does."""
        while True:
            if not self.hub_free.locked() and not self.hub.lives:
                async with self.hub_free:
                    await self._note_crash(self.hub)
                    await self.start_hub()
            for agent, (victim, free) in enumerate(zip(self.agents, self.agent_free, strict=True)):
                if not free.locked() and not victim.lives:
                    async with free:
                        await self._note_crash(victim)
                        await self.start_agent(agent)
            await asyncio.sleep(_POLL_S)

    async def _note_crash(self, victim: Victim) -> None:
        """Count an end that nobody waited for: an ordered one that came late, or a defect."""
        code = await victim.ended()
        if code == -signal.SIGKILL:
            victim.deaths += 1
        else:
            self.crashes.append(f"{victim.name} ended by itself with {code}")

    async def _end(self, victim: Victim) -> None:
        if victim.lives:
            victim.signal(signal.SIGKILL)
            await victim.ended()

    # --- what can be done to it -------------------------------------------------------------

    async def back_up(self, target: Path) -> None:
        """Copy the hub's database while the hub works."""
        await asyncio.to_thread(_back_up, self.database, target)

    def put_back(self, backup: Path) -> None:
        """Make the backup the hub's database; the hub must not run."""
        for suffix in ("-wal", "-shm"):
            self.database.with_name(self.database.name + suffix).unlink(missing_ok=True)
        shutil.copyfile(backup, self.database)

    def wipe(self, agent: int) -> None:
        """Let an agent that does not run forget everything but who it is."""
        shutil.rmtree(self.data_dir(agent))
        shutil.copytree(self._paired(agent), self.data_dir(agent))

    def clone(self, agent: int) -> Victim:
        """A second PC with a copy of this one's disk, and its WhatsApp; the original must stand."""
        name = f"agent-{agent}-clone"
        data_dir = self.folder / name
        shutil.rmtree(data_dir, ignore_errors=True)
        shutil.copytree(self.data_dir(agent), data_dir)
        env = self._agent_env(agent) | {"SAK_AGENT_DATA_DIR": str(data_dir)}
        return self._victim(name, "tests.chaos.agent", env)

    def give_session_back(self, agent: int) -> None:
        """Let the original use its WhatsApp again."""
        self._session(agent).unlink(missing_ok=True)

    def set_clock(self, victim: Victim, by_s: float) -> None:
        """Let a part's wall clock be off by so much."""
        draft = self._clock(victim.name).with_suffix(".draft")
        draft.write_text(str(by_s))
        draft.replace(self._clock(victim.name))

    def fill_disk(self, agent: int | None) -> None:
        """Let writes of the hub or of an agent fail; what the phones accept has room elsewhere."""
        if agent is None:
            self.hub.limit_files(DISK_ROOM_BYTES)
        else:
            taken = self._phones.outgoing(agent).stat().st_size
            self.agents[agent].limit_files(taken + DISK_ROOM_BYTES)

    def pending(self) -> list[str]:
        """What has not come to rest."""
        dirs = [self.data_dir(agent) for agent in range(len(self.agents))]
        return still_pending(self.database, dirs)

    # --- where things are -------------------------------------------------------------------

    def data_dir(self, agent: int) -> Path:
        """An agent's own directory."""
        return self.folder / f"agent-{agent}"

    def _paired(self, agent: int) -> Path:
        return self.folder / f"agent-{agent}.paired"

    def _session(self, agent: int) -> Path:
        return self.folder / f"agent-{agent}.session"

    def _clock(self, name: str) -> Path:
        return self.folder / f"{name}.clock"

    def _victim(self, name: str, module: str, env: dict[str, str]) -> Victim:
        return Victim(name, module, self._clean | env, self.folder)

    def _hub_env(self) -> dict[str, str]:
        own = HUB | {"PORT": str(self._port), "DATABASE_URL": f"sqlite:///{self.database}"}
        return _named("SAK_HUB_", own) | {ENV_CLOCK: str(self._clock("hub"))}

    def _agent_env(self, agent: int) -> dict[str, str]:
        own = AGENT | {
            "DATA_DIR": str(self.data_dir(agent)),
            "MEMORY_IN": str(self._phones.incoming(agent)),
            "MEMORY_OUT": str(self._phones.outgoing(agent)),
        }
        return _named("SAK_AGENT_", own) | {
            ENV_CLOCK: str(self._clock(f"agent-{agent}")),
            ENV_SESSION: str(self._session(agent)),
        }

    async def _is_ready(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            return False
        try:
            writer.write(b"GET /readyz HTTP/1.0\r\n\r\n")
            async with asyncio.timeout(2):
                return b" 200 " in await reader.readline()
        except (OSError, TimeoutError):
            return False
        finally:
            writer.close()

    def _is_online(self, agent: int) -> bool:
        said = read_status(self.data_dir(agent))
        if said is None or said.pid != self.agents[agent].pid:
            return False
        return said.hub.phase is Phase.ONLINE


def _named(prefix: str, settings: dict[str, str]) -> dict[str, str]:
    return {f"{prefix}{name}": value for name, value in settings.items()}


def _back_up(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
