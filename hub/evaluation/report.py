"""What an evaluation came to, for people and for programs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from math import comb
from typing import Any

import msgspec

from hub.evaluation.runner import Failure, Outcome


def facts(outcomes: Sequence[Outcome], runs: int = 1) -> dict[str, Any]:
    """The counts, every failure of what had to pass, and how sure it is to pass again."""
    counts = Counter(outcome.result for outcome in outcomes)
    failures = [f for outcome in outcomes if outcome.result == "failed" for f in outcome.failures]
    reasons = Counter(outcome.why for outcome in outcomes if outcome.result == "skipped")
    return {
        "passed": counts["passed"],
        "failed": counts["failed"],
        "skipped": counts["skipped"],
        "total": len(outcomes),
        "failures": msgspec.to_builtins(failures),
        "runs": runs,
        "pass_k": pass_k([o.passes for o in outcomes if o.passes is not None], runs),
        "skipped_because": dict(reasons),
    }


def pass_k(passes: Sequence[int], runs: int) -> dict[str, float]:
    """For each k up to `runs`: how likely it is that k runs of the same dialogue all go well.

    The mean over the dialogues of C(passes, k) / C(runs, k), which is unbiased; empty without any.
    """
    if not passes:
        return {}
    return {
        str(k): round(
            sum(comb(went_well, k) for went_well in passes) / len(passes) / comb(runs, k), 4
        )
        for k in range(1, runs + 1)
    }


def lines(outcome: Outcome, runs: int = 1) -> Iterator[str]:
    """One dialogue for people: a failed one with what was said, expected and what came."""
    often = "" if runs == 1 or outcome.passes is None else f"  {outcome.passes} of {runs}"
    why = f"  {outcome.why}" if outcome.why else ""
    yield f"{outcome.result:7} {outcome.id}{often}{why}"
    if outcome.result == "failed":
        for failure in outcome.failures:
            yield from _told(failure, runs)


def _told(failure: Failure, runs: int) -> Iterator[str]:
    yield f"    turn {failure.turn}" + (f", run {failure.run}" if runs > 1 else "")
    yield from (f"      said      {_one_line(text)}" for text in failure.said)
    yield from (f"      reply     {_one_line(text)}" for text in failure.replies)
    for miss in failure.misses:
        yield f"      expected  {_one_line(miss.expected)}"
        yield f"      came      {_one_line(miss.came)}"


def _one_line(text: str) -> str:
    return " / ".join(line.strip() for line in text.splitlines() if line.strip()) or "(nothing)"
