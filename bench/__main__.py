"""Measure the hub, and others beside it.

    python -m bench [--quick] [--only SECTION ...] [--systems NAME ...] [--out DIR]

Progress goes to standard error, the tables and last a line of JSON to standard output. A full run
writes results, page and chart to DIR.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from bench import flat, flood, idle, poll_wait, report, rounds, start, turns
from bench.plan import Facts, Plan, Section
from bench.processes import ROOT

SECTIONS: Final = (
    Section("round_trips", rounds.measure, rounds.show, quick=True),
    Section("poll_wait", poll_wait.measure, poll_wait.show),
    Section("idle", idle.measure, idle.show),
    Section("start", start.measure, start.show),
    Section("flat", flat.measure, flat.show),
    Section("flood", flood.measure, flood.show),
    Section("turns", turns.measure, turns.show),
)
RESULTS: Final = ROOT / "bench" / "results"
SCRATCH: Final = ROOT / ".run"  # /tmp may be memory, where an fsync costs nothing


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the hub.")
    parser.add_argument("--quick", action="store_true", help="ours and polling only, under 60 s")
    sections, systems = sorted(each.name for each in SECTIONS), sorted(rounds.NAMES)
    parser.add_argument("--only", nargs="+", choices=sections, help="sections of the run")
    parser.add_argument(
        "--systems", nargs="+", choices=systems, default=(), help="compared systems"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, help="of each cell in each round")
    parser.add_argument("--out", type=Path, help="folder for the results, also of a quick run")
    parser.add_argument("--nats-server", default="nats-server", help="a program of 2.10 or newer")
    return parser.parse_args()


def plan_of(args: argparse.Namespace, folder: Path) -> Plan:
    """What to measure."""
    seconds = args.seconds or (1.0 if args.quick else 5.0)
    return Plan(
        quick=args.quick,
        rounds=args.rounds,
        seconds=seconds,
        warmup_s=min(1.0, seconds / 2),
        systems=tuple(args.systems),
        nats_program=args.nats_server,
        folder=folder,
    )


def run(plan: Plan, sections: list[Section]) -> Facts:
    """Measure the sections one after the other."""
    since = time.monotonic()
    facts = report.surroundings(plan.folder)
    for section in sections:
        print(f"# {section.name}", file=sys.stderr, flush=True)
        found = section.measure(plan)
        facts |= found if section.name == "round_trips" else {section.name: found}
    return facts | {"seconds": round(time.monotonic() - since, 1)}


def main() -> None:
    """Measure, show, write."""
    args = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every child is ended
    sections = [
        section
        for section in SECTIONS
        if (section.quick or not args.quick) and (args.only is None or section.name in args.only)
    ]
    SCRATCH.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=SCRATCH) as folder:
        facts = run(plan_of(args, Path(folder)), sections)
    print(report.page(facts, sections))
    out = args.out or (None if args.quick else RESULTS)
    if out is not None:
        for path in report.write(facts, sections, out):
            print(f"written: {path.name}", file=sys.stderr)
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
