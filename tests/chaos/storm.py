"""Lets faults happen: each takes the part that it hits, and gives it back when it works again."""

import asyncio
import json
import shutil
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Final

import msgspec

from tests.chaos.house import House
from tests.chaos.points import AGENT_START_POINTS, HUB_START_POINTS
from tests.chaos.processes import Victim
from tests.chaos.schedule import LINK_KINDS, Fault, Kind

POINT_S: Final = 2.0  # for a process to pass the point where it is to die; then it dies anywhere
START_POINT_S: Final = 5.0
LINE_BYTES_PER_S: Final = 4_000
_START_POINTS: Final = frozenset(HUB_START_POINTS + AGENT_START_POINTS)


class Storm:
    """Strikes a house; keeps a diary of what happened when."""

    def __init__(self, house: House, diary: Path) -> None:
        self.counts: Counter[str] = Counter()
        self.points: Counter[str] = Counter()  # where processes died as they were told
        self.missed: Counter[str] = Counter()  # points not passed in time: it died elsewhere
        self._house = house
        self._diary = diary
        self._backup = house.folder / "hub.backup"

    def note(self, what: str, **facts: object) -> None:
        """Add a line to the diary."""
        line = {"at": round(time.time_ns() / 1e9, 3), "what": what} | facts
        with self._diary.open("a") as diary:
            diary.write(json.dumps(line) + "\n")

    async def strike(self, fault: Fault) -> None:
        """Let one fault happen, from its beginning to its end."""
        told = {k: v for k, v in msgspec.structs.asdict(fault).items() if k not in ("at", "kind")}
        self.note(f"{fault.kind} begins", at_message=fault.at, **told)
        self.counts[fault.kind] += 1
        if fault.kind in LINK_KINDS:
            await self._disturb(fault)
        elif fault.agent is None:
            async with self._house.hub_free:
                await self._hit_hub(fault)
        else:
            async with self._house.agent_free[fault.agent]:
                await self._hit_agent(fault, fault.agent)
        self.note(f"{fault.kind} is over", at_message=fault.at, agent=fault.agent)

    # --- processes --------------------------------------------------------------------------

    async def _hit_hub(self, fault: Fault) -> None:
        house, hub = self._house, self._house.hub
        match fault.kind:
            case Kind.KILL:
                order = await self._kill(hub, fault)
                await house.start_hub(order)
                if order and await self._died_starting(hub, order):
                    await house.start_hub()
            case Kind.DEPLOY:
                await house.stop_hub()
                await house.start_hub()
            case Kind.BACKUP:
                await house.back_up(self._backup)
            case Kind.RESTORE:
                await hub.kill()
                house.put_back(self._backup)
                await house.start_hub()
            case _:
                await self._trouble(hub, fault)

    async def _hit_agent(self, fault: Fault, agent: int) -> None:
        house, victim = self._house, self._house.agents[agent]
        match fault.kind:
            case Kind.KILL:
                order = await self._kill(victim, fault)
                await house.start_agent(agent, order)
                if order and await self._died_starting(victim, order):
                    await house.start_agent(agent)
            case Kind.WIPE:
                await victim.kill()
                house.wipe(agent)
                await house.start_agent(agent)
            case Kind.CLONE:
                await self._clone(agent, fault.for_s)
            case _:
                await self._trouble(victim, fault)

    async def _kill(self, victim: Victim, fault: Fault) -> str:
        """Kill it, at its point if it comes there; the order for its next life, if there is one."""
        at_start = fault.point in _START_POINTS
        if fault.point and not at_start:
            victim.order(f"{fault.point}:{fault.nth}")
            if await victim.dies_within(POINT_S):
                self.points[fault.point] += 1
                return ""
            self.missed[fault.point] += 1
        await victim.kill()
        return f"{fault.point}:1" if at_start else ""

    async def _died_starting(self, victim: Victim, order: str) -> bool:
        died = await victim.dies_within(START_POINT_S)
        (self.points if died else self.missed)[order.partition(":")[0]] += 1
        return died

    async def _trouble(self, victim: Victim, fault: Fault) -> None:
        """What a process has to live through."""
        house = self._house
        match fault.kind:
            case Kind.STOP:
                victim.signal(signal.SIGSTOP)
                await asyncio.sleep(fault.for_s)
                victim.signal(signal.SIGCONT)
            case Kind.DISK_FULL:
                house.fill_disk(fault.agent)
                await asyncio.sleep(fault.for_s)
                victim.limit_files(None)
            case Kind.CLOCK_JUMP:
                house.set_clock(victim, fault.by_s)
            case _:
                raise AssertionError(fault)

    async def _clone(self, agent: int, for_s: float) -> None:
        house, original = self._house, self._house.agents[agent]
        original.signal(signal.SIGSTOP)
        clone = house.clone(agent)
        original.signal(signal.SIGCONT)
        with clone.logged():
            await clone.start()
            await asyncio.sleep(for_s)
            await clone.kill()
        house.give_session_back(agent)
        shutil.rmtree(house.folder / clone.name)

    # --- lines ------------------------------------------------------------------------------

    async def _disturb(self, fault: Fault) -> None:
        assert fault.agent is not None
        line = self._house.lines[fault.agent]
        match fault.kind:
            case Kind.CUT_RST | Kind.CUT_FIN:
                line.cut(reset=fault.kind is Kind.CUT_RST)
            case Kind.DEAF_UP:
                line.go_deaf(up=True, down=False)
            case Kind.DEAF_DOWN:
                line.go_deaf(up=False, down=True)
            case Kind.HALF_OPEN:
                line.go_deaf(up=True, down=True)
            case Kind.REORDER:
                await line.reorder(min(fault.for_s, 1.0))
            case _:
                await self._bad_weather(fault, fault.agent)

    async def _bad_weather(self, fault: Fault, agent: int) -> None:
        weather = self._house.lines[agent].weather
        match fault.kind:
            case Kind.REFUSE:
                weather.refuses = True
                self._house.lines[agent].cut(reset=True)
            case Kind.DELAY:
                weather.delay_s = fault.for_s / 5
            case Kind.NARROW:
                weather.bytes_per_s = LINE_BYTES_PER_S
            case Kind.SLOW_READER:
                weather.flows.clear()
            case _:
                raise AssertionError(fault)
        await asyncio.sleep(fault.for_s)
        weather.clear_up()
