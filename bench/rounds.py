"""Round trips of all systems, interleaved: each round visits every system at every cell.

What disturbs the machine for a while disturbs all alike that way. A figure is the median of the
rounds; every visit has a fresh system in an empty folder.
"""

import shutil
import statistics
import sys
from typing import Any, Final

from bench.plan import Cell, Facts, Plan, table
from bench.processes import ChildError, Scale, child
from bench.systems import System, every_system

COMPARED: Final = (Cell(1, 1), Cell(50, 1), Cell(200, 16))
OURS_TOO: Final = (Cell(1000, 1), Cell(1000, 16))  # nobody else is asked for these
LOAD: Final = Cell(200, 16).key  # the cell that ratios are taken of
RATIOS: Final = {  # names in the last line, and the system that ours is divided by
    "ratio_to_http_polling": "polling",
    "ratio_to_jetstream": "jetstream",
    "ratio_to_redis": "redis",
    "ratio_to_rabbitmq": "rabbitmq",
}
NAMES: Final = ("ours", *RATIOS.values())
PATIENCE_S: Final = 60.0  # for a load to come up, beyond the time that it is to run


def visit(system: System, cell: Cell, plan: Plan) -> Facts:
    """One system at one cell, once.

    Raises:
        ChildError: a process of it did not do its part.
    """
    folder = plan.folder / f"{system.name}-{cell.key}"
    folder.mkdir()
    size = ["--agents", str(cell.agents), "--window", str(cell.window)]
    warmup_s = plan.warmup_s * (3 if cell.window > 1 else 1)
    time = ["--seconds", str(plan.seconds), "--warmup", str(warmup_s)]
    try:
        with system.start(folder, cell.agents) as running, Scale(running.pids) as scale:
            with child([*running.load, *size, *time], folder / "load.log") as load:
                said = load.line(plan.seconds + warmup_s + PATIENCE_S)
                cpu_s = scale.cpu_s(plan.seconds)
            return figures(said, cpu_s, scale.rss_mib())
    finally:
        shutil.rmtree(folder)


def figures(said: Facts, cpu_s: float, rss_mib: float) -> Facts:
    """What is kept of one visit."""
    kept = {name: value for name, value in said.items() if name.endswith(("_ms", "_per_s"))}
    done = max(1, said["round_trips"])
    return kept | {
        "cpu_s_per_1000": round(cpu_s * 1000 / done, 4),
        "rss_mib": round(rss_mib, 1),
        "load_generator_busy": round(said["cpu_s"] / said["seconds"], 2),
    }


def measure(plan: Plan) -> Facts:
    """All rounds; the figures of ours by cell, those of others beneath `systems`."""
    chosen, skipped = contestants(plan)
    visits: dict[str, dict[str, list[Facts]]] = {}
    for round_number in range(1, plan.rounds + 1):
        for cell in COMPARED + (() if plan.quick else OURS_TOO):
            for system in chosen:
                if system.name in skipped or (cell in OURS_TOO and system.name != "ours"):
                    continue
                try:
                    seen = visit(system, cell, plan)
                except ChildError as failure:
                    if system.name in ("ours", "polling"):
                        raise
                    skipped[system.name] = f"failed at {cell.key}: {failure}"
                    continue
                visits.setdefault(system.name, {}).setdefault(cell.key, []).append(seen)
                say(round_number, plan.rounds, cell, system, seen)
    return compared(chosen, visits, skipped)


def contestants(plan: Plan) -> tuple[list[System], dict[str, str]]:
    """The systems of this run, and why others are left out."""
    chosen, skipped = [], {}
    for system in every_system(plan.nats_program):
        if plan.systems and system.name not in plan.systems:
            continue
        if plan.quick and system.name not in ("ours", "polling"):
            continue
        if (why := system.missing()) is None:
            chosen.append(system)
        else:
            skipped[system.name] = why
    return chosen, skipped


def compared(
    chosen: list[System], visits: dict[str, dict[str, list[Facts]]], skipped: dict[str, str]
) -> Facts:
    """The medians, by figure and cell, and the ratios."""
    measured = {name: medians(by_cell) for name, by_cell in visits.items()}
    ours: Facts = measured.get("ours", {})
    ratios = {
        ratio: round(speed(ours) / speed(measured[other]), 2)
        for ratio, other in RATIOS.items()
        if speed(ours) and other in measured and speed(measured[other])
    }
    others = {
        system.name: {"title": system.title, "version": system.version()} | measured[system.name]
        for system in chosen
        if system.name in measured and system.name != "ours"
    }
    return ours | ratios | {"systems": others, "skipped": skipped}


def speed(measured: Facts) -> float:
    """Round trips a second under load; 0 where that was not measured."""
    found: float = measured.get("round_trips_per_s", {}).get(LOAD, 0.0)
    return found


def medians(by_cell: dict[str, list[Facts]]) -> dict[str, dict[str, Any]]:
    """By figure, then by cell; also what each round had, to show the spread."""
    result: dict[str, dict[str, Any]] = {}
    for cell, rounds in by_cell.items():
        for name in rounds[0]:
            values = [seen[name] for seen in rounds if seen[name] is not None]
            if values:
                result.setdefault(name, {})[cell] = round(statistics.median(values), 4)
        result.setdefault("rounds", {})[cell] = [seen["round_trips_per_s"] for seen in rounds]
    return result


def say(number: int, rounds: int, cell: Cell, system: System, seen: Facts) -> None:
    """Tell how far the run is."""
    rate, p50, p99 = seen["round_trips_per_s"], seen["p50_ms"], seen["p99_ms"]
    told = f"round {number}/{rounds} {cell.key:>8} {system.name:<10}"
    print(f"{told} {rate:>9,.0f}/s  p50 {p50} ms  p99 {p99} ms", file=sys.stderr, flush=True)


def show(facts: Facts) -> list[str]:
    """The table of all systems, ours first, and what was left out."""
    heads = ["agents x in flight", "round trips/s", "p50 ms", "p95 ms", "p99 ms", "ack p50 ms"]
    heads += ["ack p99 ms", "CPU s/1,000", "RSS MiB", "load busy"]
    names = ["round_trips_per_s", "p50_ms", "p95_ms", "p99_ms", "ack_p50_ms"]
    names += ["ack_p99_ms", "cpu_s_per_1000", "rss_mib", "load_generator_busy"]
    rows = []
    for system in ({"title": "this hub"} | facts, *facts["systems"].values()):
        for cell in system.get("round_trips_per_s", {}):
            values = [system.get(name, {}).get(cell) for name in names]
            rows.append([f"{system['title']}, {cell}", *map(number, values)])
    lines = [*table(heads, rows), ""]
    lines += [f"- {name}: {facts[name]}" for name in RATIOS if name in facts]
    lines += [
        f"- {system['title']}: version {system['version']}"
        for system in facts["systems"].values()
        if system["version"] is not None
    ]
    lines += [f"- not measured: {name}: {why}" for name, why in facts["skipped"].items()]
    beats = facts.get("heartbeat_p99_ms", {})
    lines += [f"- heartbeats answered at {cell}: p99 {value} ms" for cell, value in beats.items()]
    return lines


def number(value: float | None) -> str:
    """With as many digits as mean something."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
