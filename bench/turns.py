"""Two hundred answers in the making at once, by a model that takes five seconds for each.

The hub asks a slow endpoint on a socket through the real SDK, with its tools, its guard and its
accounts. Agents are acknowledged and beat meanwhile: how soon, and what the hub weighs with the SDK
loaded, is the result.
"""

import shutil
import sys
from typing import Final

from bench.plan import Facts, Plan, table
from bench.processes import child, module
from bench.stored import Stored, make
from bench.turns_hub import furnish
from bench.weight import Curve, cpu_s, rss_mib

AGENTS: Final = 50
WINDOW: Final = 4  # 200 turns at once
DELAY_S: Final = 5.0
SECONDS: Final = 20.0
READY_TIMEOUT_S: Final = 60.0
PATIENCE_S: Final = 60.0


def measure(plan: Plan) -> Facts:
    """Run it once: what the model's delay leaves the hub to do is no race."""
    return thought(plan, AGENTS, WINDOW, DELAY_S, SECONDS)


def thought(plan: Plan, agents: int, window: int, delay_s: float, seconds: float) -> Facts:
    """So many agents with so many turns each, for so long.

    Raises:
        ChildError: model, hub or agents did not do their part.
    """
    folder = plan.folder / "turns"
    try:
        make(folder, Stored(messages=0, shops=agents, chats=1))
        furnish(folder / "hub.db")
        with child(module("bench.slow_model", delay_s), folder / "model.log") as model:
            url = f"http://127.0.0.1:{model.line(READY_TIMEOUT_S)['port']}/v1"
            with child(module("bench.turns_hub", folder, url), folder / "hub.log") as hub:
                port = hub.line(READY_TIMEOUT_S)["port"]
                work = ["--port", port, "--tokens", folder / "tokens.json", "--agents", agents]
                work += ["--window", window, "--seconds", seconds]
                before_mib, before_s = rss_mib(hub.pid), cpu_s(hub.pid)
                with (
                    Curve(hub.pid) as curve,
                    child(module("bench.turns_agents", *work), folder / "agents.log") as load,
                ):
                    said = load.line(seconds + PATIENCE_S)
                    used_s = cpu_s(hub.pid) - before_s
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{agents * window} turns at once: {said}", file=sys.stderr, flush=True)
    return said | {
        "turns_at_once": agents * window,
        "delay_s": delay_s,
        "cpu_ms_per_turn": round(used_s * 1000 / max(1, said["round_trips"]), 2),
        "rss_before_mib": round(before_mib, 1),
        "rss_max_mib": max(held for _, held in curve.points),
    }


def show(facts: Facts) -> list[str]:
    """One row."""
    heads = ["turns at once", "answered", "p50 ms", "p99 ms", "ack p99 ms", "heartbeat p99 ms"]
    heads += ["hub CPU ms a turn", "RSS MiB before", "most"]
    row = [
        f"{facts['turns_at_once']:,}",
        f"{facts['round_trips']:,}",
        f"{facts['p50_ms']:,.0f}",
        f"{facts['p99_ms']:,.0f}",
        f"{facts['ack_p99_ms']:.0f}",
        f"{facts['heartbeat_p99_ms']:.0f}",
        f"{facts['cpu_ms_per_turn']:.1f}",
        f"{facts['rss_before_mib']:.0f}",
        f"{facts['rss_max_mib']:.0f}",
    ]
    lines = [*table(heads, [row]), "", f"- The model takes {facts['delay_s']:g} s for an answer."]
    return [*lines, "- 50 shops, each with 2,000 products; every heartbeat was answered."]
