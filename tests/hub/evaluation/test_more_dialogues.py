"""Dialogues beyond the project's first set: none of them was known while the rules were made."""

import pytest

from hub.assistant.embedded import EmbeddedEngine
from hub.evaluation.reading import load
from hub.evaluation.runner import Cast, run
from tests.hub.evaluation.conftest import FILE

pytestmark = pytest.mark.core

DIALOGUES = 40


async def test_no_further_dialogue_fails() -> None:
    """Other ways to ask, to correct, to leave a question open, in all four languages."""
    more = load(FILE.with_name("more.yaml"))
    outcomes = [outcome async for outcome in run(more, Cast(engine=EmbeddedEngine))]
    assert [outcome.id for outcome in outcomes if outcome.result != "passed"] == []
    assert len(outcomes) == DIALOGUES
