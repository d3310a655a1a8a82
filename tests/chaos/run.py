"""One chaos run from the first message to the verdict."""

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from tests.chaos.house import House
from tests.chaos.phones import Phones
from tests.chaos.schedule import Fault, Kind, Round, plan
from tests.chaos.storm import Storm
from tests.chaos.verdict import Verdict, judge

WRITE_EVERY_S: Final = 0.015
UNANSWERED_MAX: Final = 200  # customers wait when the shop is so far behind
FAULTS_AT_ONCE: Final = 6
SETTLE_S: Final = 90.0
"""For everything to come to rest: a turn under which the hub's disk was full rests for 30 s."""
_POLL_S: Final = 0.1


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for."""

    seed: int
    messages: int
    kills: int
    agents: int
    folder: Path


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The last line of a run, in this order."""

    seed: int
    messages: int
    kills: int
    restores: int
    wipes: int
    lost: int
    duplicated: int
    out_of_order: int
    unknown: int
    stuck: int
    seconds: float
    kills_by: dict[str, int]
    faults: dict[str, int]
    points: dict[str, int]
    points_missed: dict[str, int]
    crashes: list[str]


class Run:
    """Writes messages and lets faults strike as the schedule says."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.phones = Phones(options.folder, options.agents, options.seed)
        self.house = House(options.folder, self.phones, options.agents)
        self.storm = Storm(self.house, options.folder / "diary.jsonl")
        self._striking = 0
        self._started = time.monotonic()

    async def run(self) -> tuple[Report, Verdict]:
        """The whole run; it ends early when something does not come to rest."""
        options = self._options
        rounds = plan(options.seed, options.messages, options.kills, options.agents)
        verdict = Verdict((), (), (), (), ())
        async with self.house.running(), asyncio.TaskGroup() as group:
            keeper = group.create_task(self.house.supervise(), name="supervisor")
            for number, one in enumerate(rounds, 1):
                await self._play(one)
                pending = await self._settled()
                self._tell(number, len(rounds))
                verdict = judge(self.phones, self.house.database, pending)
                if not verdict.is_good(self.unknown_max):
                    break
            keeper.cancel()
        return self._report(verdict), verdict

    @property
    def unknown_max(self) -> int:
        """A send may end `unknown` when two PCs fought for the account it was made from."""
        return self.storm.counts[Kind.CLONE]

    async def _play(self, one: Round) -> None:
        """One round: its messages and faults, until the last fault is over."""
        faults = list(one.faults)
        async with asyncio.TaskGroup() as group:
            for number in range(one.first, one.end):
                while faults and faults[0].at <= number:
                    await self._until_calm(FAULTS_AT_ONCE - 1)
                    self._striking += 1
                    fault = faults.pop(0)
                    group.create_task(self._strike(fault), name=f"{fault.kind} at {fault.at}")
                await self._customers_have_patience()
                self.phones.write()
                await asyncio.sleep(WRITE_EVERY_S)

    async def _strike(self, fault: Fault) -> None:
        try:
            await self.storm.strike(fault)
        finally:
            self._striking -= 1

    async def _until_calm(self, striking_max: int) -> None:
        while self._striking > striking_max:  # noqa: ASYNC110 - it falls with every fault that ends
            await asyncio.sleep(_POLL_S / 10)

    async def _customers_have_patience(self) -> None:
        """Write no more while too many wait for an answer, and nothing keeps them from it."""
        self.phones.look()
        while len(self.phones.written) - len(self.phones.quoted) > UNANSWERED_MAX:
            if not self._striking:
                return
            await asyncio.sleep(_POLL_S)
            self.phones.look()

    async def _settled(self) -> Sequence[str]:
        """Wait until nothing is pending; what still is when patience ends."""
        self.storm.note("round is over", written=len(self.phones.written))
        deadline = time.monotonic() + SETTLE_S
        while pending := self._pending():
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(_POLL_S)
        self.storm.note("settled", pending=len(pending))
        return pending

    def _pending(self) -> list[str]:
        self.phones.look()
        return [
            *(f"unanswered: {message.word}" for message in self.phones.unanswered()),
            *self.house.pending(),
        ]

    def _tell(self, number: int, rounds: int) -> None:
        seconds = time.monotonic() - self._started
        deaths = self._deaths()
        print(  # noqa: T201 - it tells whoever waits
            f"round {number} of {rounds}: {len(self.phones.written)} messages, "
            f"{sum(deaths.values())} kills, {seconds:.0f} s",
            file=sys.stderr,
            flush=True,
        )

    def _deaths(self) -> dict[str, int]:
        house = self.house
        return {"hub": house.hub.deaths, "agents": sum(one.deaths for one in house.agents)}

    def _report(self, verdict: Verdict) -> Report:
        options, storm, deaths = self._options, self.storm, self._deaths()
        return Report(
            seed=options.seed,
            messages=len(self.phones.written),
            kills=sum(deaths.values()),
            restores=storm.counts[Kind.RESTORE],
            wipes=storm.counts[Kind.WIPE],
            lost=len(verdict.lost),
            duplicated=len(verdict.duplicated),
            out_of_order=len(verdict.out_of_order),
            unknown=len(verdict.unknown),
            stuck=len(verdict.stuck),
            seconds=round(time.monotonic() - self._started, 1),
            kills_by=deaths,
            faults=dict(sorted(storm.counts.items())),
            points=dict(sorted(storm.points.items())),
            points_missed=dict(sorted(storm.missed.items())),
            crashes=self.house.crashes,
        )
