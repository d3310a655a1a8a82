"""The project's own scripts for a model that errs, against the real SDK on a real socket."""

import asyncio
from pathlib import Path

import pytest

from hub.evaluation.clockwork import Clockwork
from hub.evaluation.reading import load
from hub.evaluation.runner import Cast, Outcome, run
from hub.evaluation.stage import staged
from tests.hub.evaluation.conftest import FILE, small

MORE = FILE.with_name("model_faults.yaml")
WHERE = {path: [fault.id for fault in load(path).model_faults] for path in (FILE, MORE)}


def played(path: Path, *only: str) -> list[Outcome]:
    """The outcomes of a file's faults, in a loop whose time is skipped."""
    clockwork = Clockwork()

    async def work() -> list[Outcome]:
        async with staged(clockwork) as stage:
            nobody = Cast(engine=None, why="they are not asked for")
            return [outcome async for outcome in run(load(path), nobody, only, player=stage)]

    with asyncio.Runner(loop_factory=clockwork.new_loop) as runner:
        return runner.run(work())


@pytest.mark.parametrize(
    ("path", "kind"),
    [(FILE, "f"), *((MORE, kind) for kind in "egwm")],
    ids=lambda one: str(one)[-12:],
)
def test_no_fault_does_harm(path: Path, kind: str) -> None:
    """One of each kind: the endpoint, the tools, the words, a newer message."""
    ids = [name for name in WHERE[path] if name.startswith(kind)]
    found = played(path, *ids)
    assert [(o.id, o.failures) for o in found if o.result != "passed"] == []
    assert len(found) == len(ids) > 3


HEAD = "id: f1, customer: asha, say: price of blue pen"
SLOW = "{delay_s: 9, text: Hello}"


@pytest.mark.parametrize(
    ("rest", "missed"),
    [
        ("model: [{text: Only ₹99.00!}], expect: {by: model}", "by: model"),
        ("model: [{text: Only ₹99.00!}], expect: {sent_money: [9900]}", "money: 9900"),
        (f"model: [{SLOW}], expect: {{answer_within_s: 8}}", "answer_within_s: 8"),
        ("model: [{hang: true}], expect: {answer_within_s: 24}", "answer_within_s: 24"),
        ("model: [{http: 401}], expect: {circuit: closed}", "circuit: closed"),
        ("model: [{text: Hello}], expect: {model_calls: 2}", "model_calls: 2"),
        ("model: [{text: Hello}], expect: {lang: hi}", "lang: hi"),
        ("model: [{text: Hello}], expect: {replies: 2}", "replies: 2"),
        ("model: [{text: Hello}], expect: {cart: {PEN-1: 1}}", "state.cart: {PEN-1: 1}"),
    ],
)
def test_a_fault_that_does_harm_fails(tmp_path: Path, rest: str, missed: str) -> None:
    """With what was expected, what came and what was said: the judge is not blind."""
    path = small(tmp_path, f"model_faults:\n- {{{HEAD}, {rest}}}\n")
    [outcome] = played(path)
    assert outcome.result == "failed"
    [failure] = outcome.failures
    assert failure.said == ("price of blue pen",)
    assert missed in [miss.expected for miss in failure.misses]


def test_a_fault_that_cannot_be_held_fails(tmp_path: Path) -> None:
    """One that is not understood, and one whose shop cannot be as it says."""
    given = "given: {cart: {PEN-1: 0.3}}"
    path = small(
        tmp_path,
        f"model_faults:\n- {{id: f0, say: hi}}\n- {{{HEAD}, {given}, model: [], expect: {{}}}}\n",
    )
    odd, other = played(path)
    assert (odd.result, other.result) == ("failed", "failed")
    assert "customer" in odd.failures[0].misses[0].came
    assert "given.cart: 0.3 of PEN-1 is refused" in other.failures[0].misses[0].came
