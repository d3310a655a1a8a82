"""What the 2 s poll of the replaced design costs: from a message to its reply's arrival."""

import shutil
from typing import Final

from bench.plan import Facts, Plan
from bench.polling_agents import POLL_S
from bench.processes import child, module
from bench.systems import polling_hub

AGENTS: Final = 100
SECONDS: Final = 10.0  # each agent gets about three replies in them
PATIENCE_S: Final = 60.0


def measure(plan: Plan) -> Facts:
    """Run the pollers once; alone they leave the machine idle, so that one round will do."""
    folder = plan.folder / "poll-wait"
    folder.mkdir()
    try:
        with polling_hub(folder, AGENTS) as running:
            port = running.load[-1]
            work = ["wait", "--port", port, "--agents", AGENTS, "--seconds", SECONDS]
            with child(module("bench.polling_agents", *work), folder / "wait.log") as load:
                said = load.line(SECONDS + PATIENCE_S)
    finally:
        shutil.rmtree(folder)
    kept = ("p50_ms", "p95_ms", "p99_ms", "round_trips")
    return {"interval_s": POLL_S, "agents": AGENTS} | {name: said[name] for name in kept}


def show(facts: Facts) -> list[str]:
    """One sentence."""
    return [
        f"With a poll every {facts['interval_s']:g} s a reply arrives after "
        f"{facts['p50_ms']:,.0f} ms (median; p99 {facts['p99_ms']:,.0f} ms): "
        f"{facts['agents']} agents, {facts['round_trips']} replies."
    ]
