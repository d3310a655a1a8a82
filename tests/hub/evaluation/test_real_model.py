"""Dialogues with the hub's own model, which a scripted one plays: well, badly, now and then badly.

No real model was reached from here; what is pinned is who is asked, what counts and how.
"""

from pathlib import Path
from typing import Any

import pytest

from hub.clock import SystemClock
from hub.evaluation.reading import load
from hub.evaluation.real_model import cast
from hub.evaluation.report import facts, lines, pass_k
from hub.evaluation.runner import Cast, Outcome, run
from hub.evaluation.scripted_model import serving
from hub.settings import Settings
from tests.hub.evaluation.conftest import small

DIALOGUE = """
- {id: x1, tenant: kiosk, customer: ravi, embedded: may,
   turns: [{say: price of rose soap, money: [2500], calls: [get_price SOAP-1 1]}]}
"""
LOOKS = {"call": "get_price", "args": {"sku": "SOAP-1", "quantity": 1}}
WELL = (LOOKS, {"text": "Rose Soap costs ₹25.00 plus GST."})
BADLY = ({"text": "We have fine soap."},)
NAMED = {"OPENAI_API_KEY": "sk-test", "SAK_HUB_MODEL_NAME": "scripted"}


async def held(path: Path, *script: dict[str, Any], runs: int = 1) -> list[Outcome]:
    """What comes of a file whose dialogues a model answers by this script."""
    async with serving() as server:
        server.says(*script)
        settings = Settings.load({**NAMED, "SAK_HUB_MODEL_URL": server.url})
        async with cast(settings, SystemClock()) as who:
            return [outcome async for outcome in run(load(path), who, runs=runs)]


async def test_every_dialogue_is_the_models(tmp_path: Path) -> None:
    """Mode `model`: it is asked for a price as well, and has to pass what others may."""
    path = small(tmp_path, DIALOGUE)
    [well] = await held(path, *WELL)
    [badly] = await held(path, *BADLY)
    assert (well.result, badly.result) == ("passed", "failed")
    [failure] = badly.failures
    assert failure.replies[0].startswith("We have fine soap.")
    assert "money: 2500" in [miss.expected for miss in failure.misses]


async def test_runs_are_counted(tmp_path: Path) -> None:
    """Three of four go well: three quarters once, half of all pairs, a quarter of the triples."""
    found = await held(small(tmp_path, DIALOGUE), *WELL, *WELL, *BADLY, *WELL, runs=4)
    told = facts(found, 4)
    assert (told["passed"], told["failed"], told["runs"]) == (0, 1, 4)
    assert told["pass_k"] == {"1": 0.75, "2": 0.5, "3": 0.25, "4": 0.0}
    assert [failure["run"] for failure in told["failures"]] == [3]
    assert list(lines(found[0], 4))[:2] == ["failed  x1  3 of 4", "    turn 1, run 3"]


async def test_an_endpoint_that_does_not_answer_fails(tmp_path: Path) -> None:
    """Though code answered the customer rightly: it says nothing of the model."""
    path = small(tmp_path, DIALOGUE)
    [outcome] = await held(path, {"http": 401, "error_code": "invalid_api_key"})
    assert [(m.expected, m.came) for m in outcome.failures[0].misses] == [
        ("a model that can be asked", "endpoint:refused")
    ]


@pytest.mark.parametrize(
    ("environ", "remedy"),
    [
        ({}, "set OPENAI_API_KEY and SAK_HUB_MODEL_NAME"),
        ({"OPENAI_API_KEY": "sk-test"}, "set SAK_HUB_MODEL_NAME"),
    ],
)
async def test_without_a_model_dialogues_are_skipped(
    tmp_path: Path, environ: dict[str, str], remedy: str
) -> None:
    """With the reason; a faulty one fails all the same."""
    path = small(tmp_path, DIALOGUE + "- {id: x2}\n")
    async with cast(Settings.load(environ), SystemClock()) as who:
        first, second = [outcome async for outcome in run(load(path), who)]
    assert (first.result, first.why) == ("skipped", f"it needs a real model: {remedy}")
    assert second.result == "failed"
    assert facts([first])["skipped_because"] == {first.why: 1}


@pytest.mark.parametrize(
    ("passes", "runs", "expected"),
    [
        ([], 3, {}),
        ([1], 1, {"1": 1.0}),
        ([0], 1, {"1": 0.0}),
        ([2, 2], 2, {"1": 1.0, "2": 1.0}),
        ([1, 2], 2, {"1": 0.75, "2": 0.5}),
        ([4, 0], 4, {"1": 0.5, "2": 0.5, "3": 0.5, "4": 0.5}),
        ([2], 3, {"1": 0.6667, "2": 0.3333, "3": 0.0}),
    ],
)
def test_pass_k(passes: list[int], runs: int, expected: dict[str, float]) -> None:
    """The mean of C(c, k) / C(n, k)."""
    assert pass_k(passes, runs) == expected


async def test_the_embedded_assistant_passes_each_run(tmp_path: Path) -> None:
    """It is the same every time: all or nothing."""
    from hub.assistant.embedded import EmbeddedEngine

    who = Cast(engine=EmbeddedEngine)
    found = [outcome async for outcome in run(load(small(tmp_path, DIALOGUE)), who, runs=3)]
    assert facts(found, 3)["pass_k"] == {"1": 1.0, "2": 1.0, "3": 1.0}
