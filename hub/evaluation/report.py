"""What an evaluation came to, for people and for programs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from hub.evaluation.runner import Failure, Outcome


def facts(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The counts and every failure of a dialogue that had to pass."""
    counts = Counter(outcome.result for outcome in outcomes)
    failures = [f for outcome in outcomes if outcome.result == "failed" for f in outcome.failures]
    return {
        "passed": counts["passed"],
        "failed": counts["failed"],
        "skipped": counts["skipped"],
        "total": len(outcomes),
        "failures": msgspec.to_builtins(failures),
    }


def lines(outcome: Outcome) -> Iterator[str]:
    """One dialogue for people: a failed one with what was said, expected and what came."""
    yield f"{outcome.result:7} {outcome.id}"
    if outcome.result == "failed":
        for failure in outcome.failures:
            yield from _told(failure)


def _told(failure: Failure) -> Iterator[str]:
    yield f"    turn {failure.turn}"
    yield from (f"      said      {_one_line(text)}" for text in failure.said)
    yield from (f"      reply     {_one_line(text)}" for text in failure.replies)
    for miss in failure.misses:
        yield f"      expected  {_one_line(miss.expected)}"
        yield f"      came      {_one_line(miss.came)}"


def _one_line(text: str) -> str:
    return " / ".join(line.strip() for line in text.splitlines() if line.strip()) or "(nothing)"
