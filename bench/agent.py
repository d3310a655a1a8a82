"""Measure the agent on a shop's PC: its weight, what it does when idle, how it comes back.

    python -m bench.agent [--browsers PATH ...] [--idle-s 60] [--kills 5] [--waiting 100]

Real processes as `make run` starts them: hub, practice phone, agent with a real browser and wa-js.
Weights are of the practice page, which is smaller than WhatsApp's own. The outage is scaled in time
1:30 (20 s for 10 min) with the limits of the shop's staleness rule and the agent's pauses.
Progress goes to standard error, last a line of JSON to standard output.
"""

import argparse
import asyncio
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx2
import psutil

from agent.clock import SystemClock
from agent.drivers.whatsapp_web.processes import holds_profile
from agent.journal import FILE_NAME
from agent.practice.house import House, until
from agent.settings import BROWSER_PROFILE
from agent.status import StatusFile, read_status
from bench.processes import ROOT, free_port

Facts = dict[str, Any]
SCRATCH: Final = ROOT / ".run"
SETTLE_S: Final = 20.0  # after the start, until what is measured as idle is idle
POLL_S: Final = 0.02
SCALE: Final = 30
OUTAGE_S: Final = 600 / SCALE
FRESH_S: Final = 900 / SCALE
STALE_S: Final = 21_600 / SCALE
BACKOFF_MAX_S: Final = 60 / SCALE
CUSTOMERS: Final = 50
NOBODY: Final = -1


class PC:
    """One running house, seen from outside."""

    def __init__(self, folder: Path, browser: Path | None, **settings: str) -> None:
        environ = os.environ.copy()  # noqa: TID251 - the processes need PATH
        own = {"SAK_AGENT_HEADLESS": "true", "SAK_AGENT_PANEL_PORT": str(free_port())}
        if browser is not None:
            own["SAK_AGENT_BROWSER"] = str(browser)
        self.house = House(folder, free_port(), free_port(), environ, own | settings)
        self.data_dir = folder.absolute() / "agent"

    def status(self) -> StatusFile | None:
        """What the present agent last said."""
        status = read_status(self.data_dir)
        return status if status and status.pid == self.house.agent.pid else None

    def groups(self) -> dict[str, list[psutil.Process]]:
        """The agent's processes: its own, Playwright's, and the browser's."""
        agent = psutil.Process(self.house.agent.pid)
        found: dict[str, list[psutil.Process]] = {"agent": [agent], "playwright": [], "browser": []}
        main = self.browser()
        for child in agent.children(recursive=True):
            with suppress(psutil.Error):
                is_browser = main is not None and main in (child, *child.parents())
                found["browser" if is_browser else "playwright"].append(child)
        return found

    def browser(self) -> psutil.Process | None:
        """The browser's main process; a script that starts it, as Debian's, is none."""
        user_data, found = self.data_dir / BROWSER_PROFILE / "chromium", None
        for child in psutil.Process(self.house.agent.pid).children(recursive=True):
            with suppress(psutil.Error):
                is_main = not any(word.startswith("--type=") for word in child.cmdline())
                if is_main and holds_profile(child, user_data):
                    found = child
        return found


def pss_mib(processes: list[psutil.Process]) -> float:
    """Memory, shared pages counted once."""
    return round(sum(one.memory_full_info().pss for one in processes) / 2**20, 1)


def cpu_s(processes: list[psutil.Process]) -> float:
    """Processor time so far."""
    return sum(sum(one.cpu_times()[:2]) for one in processes)


async def weigh(pc: PC, idle_s: float) -> Facts:
    """Memory after a while, and the share of a core that is used with nothing to do."""
    await asyncio.sleep(SETTLE_S)
    groups = pc.groups()
    before, since = {name: cpu_s(group) for name, group in groups.items()}, time.monotonic()
    await asyncio.sleep(idle_s)
    lived_s = time.monotonic() - since
    idle = {name: (cpu_s(group) - before[name]) / lived_s for name, group in groups.items()}
    return {
        "agent_rss_mib": round(groups["agent"][0].memory_info().rss / 2**20, 1),
        "playwright_rss_mib": round(
            sum(one.memory_info().rss for one in groups["playwright"]) / 2**20, 1
        ),
        "browser_pss_mib": pss_mib(groups["browser"]),
        "browser_processes": len(groups["browser"]),
        "idle_s": idle_s,
        "idle_cpu_pct": {name: round(share * 100, 2) for name, share in idle.items()},
        "idle_cpu_pct_all": round(sum(idle.values()) * 100, 2),
    }


async def recover(pc: PC, kills: int) -> Facts:
    """Kill -9 of the browser, and how soon WhatsApp is ready again; a minute's calm between."""
    times = []
    for _ in range(kills):
        browser = pc.browser()
        assert browser is not None
        browser.kill()
        since = time.monotonic()
        await until(lambda: _is(pc, "ready", False), "the loss was not noticed")
        await until(lambda: _is(pc, "ready", True), "the browser did not come back")
        times.append(round(time.monotonic() - since, 2))
        _say(f"ready again after {times[-1]} s")
    return {"kills": kills, "ready_again_s": times, "median_s": median(times)}


async def _is(pc: PC, whatsapp: str, wanted: bool) -> bool:
    status = pc.status()
    return status is not None and (status.whatsapp == whatsapp) is wanted


async def outlast(pc: PC, waiting: int) -> Facts:
    """The hub is away while customers write; then it is there again."""
    house, clock = pc.house, SystemClock()
    for name, seconds in (("fresh_s", FRESH_S), ("stale_s", STALE_S)):
        await house.sak_hub("tenant", "set", house.shop.name, name, f"{seconds:g}")
    async with httpx2.AsyncClient(base_url=house.phone_url, timeout=20) as phones:
        chats = [await _customer(phones) for _ in range(CUSTOMERS)]
        await house.hub.stop()
        gone = time.monotonic()
        for number in range(waiting):
            body = {"text": f"Do you have 6x40? I need {number + 2} cartons"}
            answer = await phones.post(
                f"/api/chats/{chats[number % CUSTOMERS]}/messages", json=body
            )
            answer.raise_for_status()
            await asyncio.sleep(OUTAGE_S * 0.8 / waiting)
        await asyncio.sleep(max(0.0, gone + OUTAGE_S - time.monotonic()))
        await house.hub.start()
        await until(lambda: _online(pc), "the agent did not find the hub")
        online_ms = _online_since_ms(pc)
        await until(lambda: _all_stored(pc, waiting), "not everything was acknowledged")
        acked_s = (clock.now_ms() - online_ms) / 1000
        await until(lambda: _all_answered(phones, chats), "somebody has no answer", 180)
        answered_s = (clock.now_ms() - online_ms) / 1000
        await asyncio.sleep(5)
        seen = [await _replies(phones, chat) for chat in chats]
    counts = Counter(len(replies) for replies in seen)
    return {
        "outage_s": OUTAGE_S,
        "scale": f"1:{SCALE}",
        "waiting": waiting,
        "stored": _stored(pc),
        "acknowledged_s": round(acked_s, 2),
        "customers": CUSTOMERS,
        "answers_per_customer": {str(count): number for count, number in sorted(counts.items())},
        "with_apology": sum("Sorry for the late" in text for replies in seen for text in replies),
        "last_answer_s": round(answered_s, 1),
    }


async def _customer(phones: httpx2.AsyncClient) -> str:
    added = await phones.post("/api/customers", json={})
    chat: str = added.raise_for_status().json()["chat"]
    return chat


async def _replies(phones: httpx2.AsyncClient, chat: str) -> list[str]:
    page = (await phones.get(f"/api/chats/{chat}")).raise_for_status().json()
    return [message["text"] for message in page["messages"] if message["from_shop"]]


async def _all_answered(phones: httpx2.AsyncClient, chats: list[str]) -> bool:
    state = (await phones.get("/api/state")).raise_for_status().json()
    lasts = {chat["chat"]: chat["last"] for chat in state["chats"]}
    return all(lasts[chat] and lasts[chat]["from_shop"] for chat in chats)


async def _online(pc: PC) -> bool:
    status = pc.status()
    return status is not None and status.hub.phase == "online"


def _online_since_ms(pc: PC) -> int:
    status = pc.status()
    return NOBODY if status is None else status.hub.since_ms


async def _all_stored(pc: PC, waiting: int) -> bool:
    unacknowledged = _number(pc.data_dir / FILE_NAME, "SELECT up_head - up_acked FROM facts")
    return unacknowledged == 0 and _stored(pc) == waiting


def _stored(pc: PC) -> int:
    sql = "SELECT count(*) FROM messages WHERE direction = 'in'"
    return _number(pc.house.folder / "hub.db", sql)


def _number(database: Path, sql: str) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as connection:
        return int(connection.execute(sql).fetchone()[0])


async def measure(folder: Path, browsers: list[Path | None], args: argparse.Namespace) -> Facts:
    """Every figure: weights and recovery with each browser, the outage with the first."""
    facts: Facts = {}
    for number, browser in enumerate(browsers):
        name = "found" if browser is None else browser.name
        _say(f"# {name}")
        pc = PC(folder / str(number), browser)
        async with pc.house.running():
            facts[name] = await weigh(pc, args.idle_s)
            _say(json.dumps(facts[name]))
            facts[name] |= await recover(pc, args.kills)
    _say("# outage")
    pc = PC(folder / "outage", browsers[0], SAK_AGENT_BACKOFF_MAX_S=f"{BACKOFF_MAX_S:g}")
    async with pc.house.running():
        facts["outage"] = await outlast(pc, args.waiting)
    return facts


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.agent")
    shell = shutil.which("chromium-headless-shell")
    default = [Path(shell), None] if shell else [None]
    parser.add_argument("--browsers", nargs="+", type=Path, default=default)
    parser.add_argument("--idle-s", type=float, default=60.0)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--waiting", type=int, default=100, help="messages that wait in the outage")
    args = parser.parse_args()
    SCRATCH.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-agent-", dir=SCRATCH) as folder:
        print(json.dumps(asyncio.run(measure(Path(folder), args.browsers, args))))


if __name__ == "__main__":
    main()
