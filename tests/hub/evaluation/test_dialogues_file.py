"""The project's own dialogues: the keyless assistant passes all that it has to."""

from hub.assistant.embedded import EmbeddedEngine
from hub.evaluation import runner
from hub.evaluation.format import load
from tests.hub.evaluation.conftest import FILE

DIALOGUES = 38


async def test_no_dialogue_fails() -> None:
    """In English, Hindi in both scripts and Arabic; only the scripts for a model are skipped."""
    outcomes = [outcome async for outcome in runner.run(load(FILE), EmbeddedEngine)]
    assert [outcome.id for outcome in outcomes if outcome.result == "failed"] == []
    assert len([outcome for outcome in outcomes if outcome.result == "passed"]) == DIALOGUES
