"""The project's own dialogues: the keyless assistant passes all that it has to."""

import pytest

from hub.assistant.embedded import EmbeddedEngine
from hub.evaluation.reading import load
from hub.evaluation.runner import Cast, run
from tests.hub.evaluation.conftest import FILE

pytestmark = pytest.mark.core

DIALOGUES = 38


async def test_no_dialogue_fails() -> None:
    """In English, Hindi in both scripts and Arabic; only the scripts for a model are skipped."""
    outcomes = [outcome async for outcome in run(load(FILE), Cast(engine=EmbeddedEngine))]
    assert [outcome.id for outcome in outcomes if outcome.result == "failed"] == []
    assert len([outcome for outcome in outcomes if outcome.result == "passed"]) == DIALOGUES
