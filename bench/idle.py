"""What agents cost that are only connected: memory, processor time, how soon beats are answered."""

import shutil
import sys
import time
from typing import Final

from bench.plan import Facts, Plan, table
from bench.processes import Child, child, module
from bench.stored import Stored, make
from bench.weight import cannot_open, cpu_s, rss_mib

LEVELS: Final = (1_000, 5_000, 10_000)
SECONDS: Final = 40.0  # two heartbeats of every agent
BEAT_S: Final = 20.0
READY_TIMEOUT_S: Final = 60.0
CONNECT_TIMEOUT_S: Final = 300.0


def measure(plan: Plan) -> Facts:
    """Every level on a hub of its own; `skipped` says why one could not be tried."""
    levels: Facts = {}
    skipped: dict[str, str] = {}
    for agents in LEVELS:
        if (why := cannot_open(agents)) is not None:
            skipped[str(agents)] = why
            continue
        levels[str(agents)] = level(plan, agents, SECONDS, BEAT_S)
        print(f"{agents:>6} idle agents: {levels[str(agents)]}", file=sys.stderr, flush=True)
    return {"seconds": SECONDS, "beat_s": BEAT_S, "levels": levels, "skipped": skipped}


def level(plan: Plan, agents: int, seconds: float, beat_s: float) -> Facts:
    """So many agents, idle for so long.

    Raises:
        ChildError: hub or agents did not do their part.
    """
    folder = plan.folder / f"idle-{agents}"
    try:
        # Not by the hub's own process: what it would take and give back again stays counted.
        make(folder, Stored(messages=0, shops=agents, chats=1))
        with child(module("bench.hub", folder, agents), folder / "hub.log") as hub:
            port = hub.line(READY_TIMEOUT_S)["port"]
            work = ["--port", port, "--tokens", folder / "tokens.json", "--agents", agents]
            work += ["--seconds", seconds, "--beat", beat_s]
            before_mib = rss_mib(hub.pid)
            with child(module("bench.idle_agents", *work), folder / "agents.log") as crowd:
                return weighed(hub, crowd, before_mib, seconds)
    finally:
        shutil.rmtree(folder)


def weighed(hub: Child, crowd: Child, before_mib: float, seconds: float) -> Facts:
    """The hub's figures while the crowd connects and then idles."""
    entered = crowd.line(CONNECT_TIMEOUT_S)
    cpu_before, since = cpu_s(hub.pid), time.monotonic()
    said = crowd.line(seconds + CONNECT_TIMEOUT_S)
    share = (cpu_s(hub.pid) - cpu_before) / (time.monotonic() - since)
    after_mib = rss_mib(hub.pid)
    return {
        "rss_before_mib": round(before_mib, 1),
        "rss_mib": round(after_mib, 1),
        "kib_per_agent": round((after_mib - before_mib) * 1024 / entered["connected"], 2),
        "cpu_share": round(share, 4),
        "connect_s": entered["connect_s"],
    } | said


def show(facts: Facts) -> list[str]:
    """One row a level."""
    heads = ["idle agents", "KiB RSS each", "RSS MiB", "before", "CPU of one core"]
    heads += ["heartbeat p50 ms", "p99 ms", "connected in s"]
    rows = [
        [
            f"{int(agents):,}",
            f"{seen['kib_per_agent']:.1f}",
            f"{seen['rss_mib']:.0f}",
            f"{seen['rss_before_mib']:.0f}",
            f"{seen['cpu_share']:.1%}",
            f"{seen['heartbeat_p50_ms']:.2f}",
            f"{seen['heartbeat_p99_ms']:.1f}",
            f"{seen['connect_s']:.1f}",
        ]
        for agents, seen in facts["levels"].items()
    ]
    lines = [*table(heads, rows), ""]
    lines += [f"- A heartbeat of each every {facts['beat_s']:g} s, for {facts['seconds']:g} s."]
    lines += [f"- not measured: {agents}: {why}" for agents, why in facts["skipped"].items()]
    return lines
