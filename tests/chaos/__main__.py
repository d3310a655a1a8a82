"""`python -m tests.chaos`: see docs/chaos.md."""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from tests.chaos.phones import Written
from tests.chaos.run import Options, Run
from tests.chaos.verdict import Verdict

SHOWN_MAX: Final = 20
AROUND_S: Final = 3.0  # of the diary, before and after the first message that went wrong


def main() -> int:
    """Run, print the figures as the last line, and say by the exit code whether they are good."""
    given = _parser().parse_args()
    folder = (given.folder or Path(tempfile.mkdtemp(prefix="chaos-"))).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    options = Options(
        seed=given.seed,
        messages=given.messages,
        kills=given.messages * 3 // 100 if given.kills is None else given.kills,
        agents=given.agents,
        folder=folder,
    )
    run = Run(options)
    report, verdict = asyncio.run(run.run())
    good = verdict.is_good(run.unknown_max)
    if not good:
        _explain(folder, verdict, run.phones.written)
    elif given.folder is None:
        shutil.rmtree(folder)
    print(msgspec.json.encode(report).decode())  # noqa: T201 - a command line
    return 0 if good else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--kills", type=int, help="3 per 100 messages unless given")
    parser.add_argument("--agents", type=int, default=4)
    parser.add_argument("--folder", type=Path, help="kept; else a temporary one, kept on failure")
    return parser


def _explain(folder: Path, verdict: Verdict, written: list[Written]) -> None:
    """What went wrong, and what happened around the first message that it happened to."""
    for name, found in msgspec.structs.asdict(verdict).items():
        for one in found[:SHOWN_MAX]:
            _say(f"{name}: {one}")
        if len(found) > SHOWN_MAX:
            _say(f"{name}: and {len(found) - SHOWN_MAX} more")
    named = [message for message in written if any(message.word in one for one in verdict.all)]
    if named:
        _say(f"around the writing of {named[0].word}:")
        for line in (folder / "diary.jsonl").read_text().splitlines():
            if abs(json.loads(line)["at"] - named[0].at) <= AROUND_S:
                _say(f"  {line}")
    _say(f"everything is in {folder}: diary.jsonl, the logs, the databases and the phones' files")


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 - a command line


if __name__ == "__main__":
    sys.exit(main())
