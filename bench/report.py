"""The files of a run: machine-readable results, a page with the tables, and a chart."""

import json
import os
import platform
import sqlite3
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import psutil

from bench.plan import Facts, Section
from bench.rounds import speed
from hub.clock import SystemClock

PACKAGES: Final = (
    *("databases", "aiosqlite", "msgspec", "starlette", "uvicorn", "uvloop", "websockets"),
    *("httptools", "hiredis", "nats-py"),
)
PROBE_S: Final = 1.0
BLOCK: Final = bytes(4096)
INK, OURS, OTHERS = "#222222", "#0b6e4f", "#9aa5b1"


def surroundings(folder: Path) -> Facts:
    """Where and when the run takes place."""
    now = datetime.fromtimestamp(SystemClock().now_ms() / 1000, UTC)
    return {
        "date": now.isoformat(timespec="seconds"),
        "machine": {
            "cpu": cpu_model(),
            "cores": os.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
            "kernel": f"{platform.system()} {platform.release()}",
            "load_before": round(os.getloadavg()[0], 2),
            "fsyncs_per_s": fsyncs_per_s(folder),
        },
        "versions": {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
        | {name: found for name in PACKAGES if (found := installed(name)) is not None},
    }


def cpu_model() -> str:
    """As the kernel names it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def installed(package: str) -> str | None:
    """Its version; None without it."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def fsyncs_per_s(folder: Path) -> int:
    """How often a second the disk takes 4 KiB for good: what bounds everybody."""
    path, count = folder / "fsync-probe", 0
    with path.open("wb", buffering=0) as probe:
        end = time.perf_counter() + PROBE_S
        while time.perf_counter() < end:
            probe.write(BLOCK)
            os.fsync(probe.fileno())
            count += 1
    path.unlink()
    return round(count / PROBE_S)


def page(facts: Facts, sections: Sequence[Section]) -> str:
    """The results in Markdown."""
    machine, versions = facts["machine"], facts["versions"]
    lines = [
        f"# Measured on {facts['date'][:10]}",
        "",
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"{machine['kernel']}; {machine['fsyncs_per_s']:,} fsyncs/s of 4 KiB; "
        f"load average before the run {machine['load_before']}.",
        ", ".join(f"{name} {number}" for name, number in versions.items()) + ".",
    ]
    for section in sections:
        lines += ["", f"## {section.name.replace('_', ' ').capitalize()}", ""]
        lines += section.show(facts if section.name == "round_trips" else facts[section.name])
    return "\n".join(lines) + "\n"


def write(facts: Facts, sections: Sequence[Section], folder: Path) -> list[Path]:
    """Write the run's files, named by its date; the chart where matplotlib is installed."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"bench-{facts['date'][:10]}"
    results, text, chart = (stem.with_suffix(end) for end in (".json", ".md", ".png"))
    results.write_text(json.dumps(facts, indent=2) + "\n")
    text.write_text(page(facts, sections))
    written = [results, text]
    if "systems" in facts and installed("matplotlib") is not None:
        draw(facts, chart)
        written.append(chart)
    return written


def draw(facts: Facts, path: Path) -> None:
    """Throughput under load, and the time that a reply takes, of every system."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    systems: list[tuple[Facts, str]] = [({"title": "this hub"} | facts, OURS)]
    systems += [(system, OTHERS) for system in facts["systems"].values()]
    systems = sorted((each for each in systems if speed(each[0])), key=lambda each: speed(each[0]))
    names = [system["title"] for system, _ in systems]
    figure, (left, right) = pyplot.subplots(
        1, 2, figsize=(12, 1.4 + 0.6 * len(systems)), sharey=True, layout="constrained"
    )
    bars(left, systems)
    ranges(right, systems)
    left.set_yticks(range(len(names)), names, color=INK)
    machine = facts["machine"]
    under = f"{machine['cpu']}, {machine['cores']} cores, {machine['fsyncs_per_s']:,} fsyncs/s, "
    figure.supxlabel(under + facts["date"][:10], fontsize=8, color="#666666")
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def bars(axes: Any, systems: list[tuple[Facts, str]]) -> None:
    """Durable round trips a second."""
    for row, (system, color) in enumerate(systems):
        rate = speed(system)
        axes.barh(row, rate, height=0.6, color=color)
        axes.annotate(f" {rate:,.0f}", (rate, row), va="center", color=INK)
    axes.set_title(
        "Durable round trips a second\n200 agents, 16 in flight each", loc="left", fontsize=11
    )
    axes.margins(x=0.15)
    axes.set_xticks([])
    bare(axes)


def ranges(axes: Any, systems: list[tuple[Facts, str]]) -> None:
    """From message to reply, median to p99."""
    cell = "50x1"
    for row, (system, color) in enumerate(systems):
        p50, p99 = (system[name].get(cell) for name in ("p50_ms", "p99_ms"))
        if p50 is None or p99 is None:
            continue
        axes.plot((p50, p99), (row, row), color=color, linewidth=3, solid_capstyle="round")
        axes.plot(p50, row, "o", color=color, markersize=8)
        axes.annotate(f"{p50:.3g} ms", (p50, row), (0, 9), textcoords="offset points", ha="center")
        axes.annotate(f"  p99 {p99:.3g}", (p99, row), va="center", color="#666666", fontsize=9)
    axes.set_xscale("log")
    axes.set_title(
        "Message to reply, median to p99\n50 agents, 1 in flight each, log scale",
        loc="left",
        fontsize=11,
    )
    axes.margins(x=0.25, y=0.15)
    axes.set_xticks([])
    axes.set_xticks([], minor=True)
    bare(axes)


def bare(axes: Any) -> None:
    """Take away what says nothing."""
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
