"""One run of customers who write while the shop's browser and agent die, from start to verdict."""

import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Final

import httpx2
import msgspec

from agent.clock import SystemClock
from tests.chaos.verdict import Verdict, still_pending
from tests.chaos_browser.house import PC
from tests.chaos_browser.phones import Phones
from tests.chaos_browser.schedule import KILLS, Fault, Kind, lines, plan
from tests.chaos_browser.verdict import judge, unanswered

DEBOUNCE_S: Final = 5.0
BURST_EVERY_S: Final = 18.0
"""Three or four bursts a minute in a chat, each answered once where no outage splits it: the loop
breaker takes six automatic replies within a minute for two machines that talk."""
FEW: Final = 15
"""Messages that five chats can be answered one by one without looking like that."""
QUICK_DEBOUNCE_S: Final = 0.5
QUICK_EVERY_S: Final = 3.0
SETTLE_S: Final = 150.0
"""For everything to come to rest: after a kill in mid-send WhatsApp is asked for a minute what
became of the message, and the browser's starts have pauses that grow to a minute."""
QUIET_S: Final = 1.5  # after the last reply: a wrong second one would show up
_POLL_S: Final = 0.1
_TELL_EVERY: Final = 20


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for."""

    seed: int
    messages: int
    kills: int
    cuts: int
    folder: Path


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The last line of a run, in this order; the first eleven as `make chaos` has them.

    `repeats`: messages that the page handed over again under their key; phones show them once.
    """

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
    replies: int
    repeats: int
    kills_by: dict[str, int]
    faults: dict[str, int]
    crashes: list[str]


class Run:
    """Writes messages and lets faults strike as the schedule says."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._few = options.messages <= FEW
        self.pc = PC(options.folder, QUICK_DEBOUNCE_S if self._few else DEBOUNCE_S)
        self._diary = options.folder / "diary.jsonl"
        self._faults = Counter[str]()
        self._killing = asyncio.Lock()
        self._started = time.monotonic()

    async def run(self) -> tuple[Report, Verdict]:
        """The whole run."""
        async with self.pc.running() as client, asyncio.TaskGroup() as group:
            keeper = group.create_task(self.pc.supervise(), name="supervisor")
            phones = Phones(client)
            await phones.furnish()
            await self._play(client, phones)
            await self._settle(phones)
            await asyncio.sleep(QUIET_S)
            pending = await self._pending(phones)
            keeper.cancel()
        verdict = judge(phones, self.pc.database, pending)
        return self._report(phones, verdict), verdict

    @property
    def unknown_max(self) -> int:
        """Each death in mid-send may leave one message of which nobody can tell what became."""
        return sum(self.pc.deaths.values())

    async def _play(self, client: httpx2.AsyncClient, phones: Phones) -> None:
        options = self._options
        faults = list(plan(options.seed, options.messages, options.kills, options.cuts))
        every_s = QUICK_EVERY_S if self._few else BURST_EVERY_S
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for line in lines(options.seed, options.messages, every_s):
                await asyncio.sleep(began + line.at_s - time.monotonic())
                while faults and faults[0].at <= line.number:
                    fault = faults.pop(0)
                    group.create_task(self._strike(client, fault), name=f"{fault.kind}")
                await phones.write(line)
                self._note("wrote", word=line.word, chat=line.chat)
                if (line.number + 1) % _TELL_EVERY == 0:
                    self._tell(line.number + 1)

    async def _strike(self, client: httpx2.AsyncClient, fault: Fault) -> None:
        await asyncio.sleep(fault.after_s)
        self._faults[fault.kind] += 1
        match fault.kind:
            case Kind.NETWORK:
                self._note("network is cut", for_s=fault.for_s)
                await self.pc.cut_network(client, fault.for_s)
            case Kind.CABLE:
                self._note("cable is pulled", for_s=fault.for_s)
                await self.pc.pull_cable(fault.for_s)
            case _:
                async with self._killing:  # one after the other, each at something that lives
                    await self._kill(fault)
        self._note(f"{fault.kind} is over")

    async def _kill(self, fault: Fault) -> None:
        self._note("kill", victim=fault.kind, whatsapp=self.pc.whatsapp(), for_s=fault.for_s)
        if fault.kind is Kind.AGENT:
            await self.pc.kill_agent(fault.for_s)
        elif not await self.pc.kill(fault.kind):
            self._faults[f"{fault.kind}_missed"] += 1

    async def _settle(self, phones: Phones) -> None:
        """Wait until nothing is pending, but not for ever."""
        self._note("everything is written")
        deadline = time.monotonic() + SETTLE_S
        before: list[str] = []
        while (pending := await self._pending(phones)) and time.monotonic() < deadline:
            if pending != before:
                self._note("waiting", pending=pending)
            before = pending
            await asyncio.sleep(_POLL_S)
        self._note("settled", pending=pending)

    async def _pending(self, phones: Phones) -> list[str]:
        await phones.look()
        found = unanswered(phones, self.pc.database)
        found += still_pending(self.pc.database, [self.pc.data_dir])
        if (whatsapp := self.pc.whatsapp()) != "ready":
            found.append(f"WhatsApp is {whatsapp or 'nowhere'}")
        return found

    def _note(self, what: str, **more: object) -> None:
        line = {"at": round(SystemClock().now_ms() / 1000, 3), "what": what, **more}
        with self._diary.open("a") as diary:
            diary.write(json.dumps(line) + "\n")

    def _tell(self, written: int) -> None:
        seconds = time.monotonic() - self._started
        deaths = sum(self.pc.deaths.values())
        text = f"{written} messages, {deaths} kills, {seconds:.0f} s"
        print(text, file=sys.stderr, flush=True)  # noqa: T201 - it tells whoever waits

    def _report(self, phones: Phones, verdict: Verdict) -> Report:
        deaths, replies = self.pc.deaths, list(phones.replies)
        return Report(
            seed=self._options.seed,
            messages=len(phones.written),
            kills=sum(deaths[kind] for kind in KILLS),
            restores=0,
            wipes=0,
            lost=len(verdict.lost),
            duplicated=len(verdict.duplicated),
            out_of_order=len(verdict.out_of_order),
            unknown=len(verdict.unknown),
            stuck=len(verdict.stuck),
            seconds=round(time.monotonic() - self._started, 1),
            replies=len(replies),
            repeats=sum(reply.arrivals - 1 for reply in replies),
            kills_by={str(kind): count for kind, count in deaths.items()},
            faults=dict(sorted(self._faults.items())),
            crashes=self.pc.crashes,
        )
