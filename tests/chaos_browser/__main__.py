"""`python -m tests.chaos_browser`: see docs/chaos.md."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from tests.chaos.verdict import Verdict
from tests.chaos_browser.run import Options, Run

SHOWN_MAX: Final = 20
KILLS_PCT: Final = 6
CUTS_PCT: Final = 4


def main() -> int:
    """Run, print the figures as the last line, and say by the exit code whether they are good."""
    given = _parser().parse_args()
    folder = (given.folder or Path(tempfile.mkdtemp(prefix="chaos-browser-"))).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    options = Options(
        seed=given.seed,
        messages=given.messages,
        kills=-(-given.messages * KILLS_PCT // 100) if given.kills is None else given.kills,
        cuts=-(-given.messages * CUTS_PCT // 100) if given.cuts is None else given.cuts,
        folder=folder,
    )
    run = Run(options)
    report, verdict = asyncio.run(run.run())
    good = verdict.is_good(run.unknown_max)
    if not good:
        _explain(folder, verdict)
    elif given.folder is None:
        shutil.rmtree(folder)
    print(msgspec.json.encode(report).decode())  # noqa: T201 - a command line
    return 0 if good else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos_browser")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--messages", type=int, default=200)
    parser.add_argument("--kills", type=int, help=f"{KILLS_PCT} per 100 messages unless given")
    parser.add_argument("--cuts", type=int, help=f"{CUTS_PCT} per 100 messages unless given")
    parser.add_argument("--folder", type=Path, help="kept; else a temporary one, kept on failure")
    return parser


def _explain(folder: Path, verdict: Verdict) -> None:
    for name, found in msgspec.structs.asdict(verdict).items():
        for one in found[:SHOWN_MAX]:
            _say(f"{name}: {one}")
        if len(found) > SHOWN_MAX:
            _say(f"{name}: and {len(found) - SHOWN_MAX} more")
    _say(f"everything is in {folder}: diary.jsonl, the logs, the databases and the phone's file")


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 - a command line


if __name__ == "__main__":
    sys.exit(main())
