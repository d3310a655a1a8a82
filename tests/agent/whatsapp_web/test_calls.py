"""What comes of an answer of the page that nobody expected."""

from typing import Any, cast

import pytest
from playwright.async_api import Page

from agent.drivers.driver import Lookup
from agent.drivers.whatsapp_web import WebSettings
from agent.drivers.whatsapp_web.calls import Calls
from agent.drivers.whatsapp_web.errors import PageUnavailableError
from tests.agent.whatsapp_web.shop import order

MESSAGE = {"chat": "c@lid", "id": "3A", "from_me": False, "sender": "c@lid", "type": "chat"}


class AnsweringPage:
    """A page that gives one answer to everything."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    async def evaluate(self, _expression: str, _argument: object) -> Any:
        return self._answer


@pytest.fixture
def settings(tmp_path: Any) -> WebSettings:
    return WebSettings(profile_dir=tmp_path)


def asked(answer: Any, settings: WebSettings) -> Calls:
    return Calls(cast(Page, AnsweringPage(answer)), settings)


async def test_one_unreadable_message_does_not_cost_the_others(settings: WebSettings) -> None:
    """A page that changed in one kind of message still tells the rest of the chat."""
    rows = [MESSAGE | {"t": t} for t in (5, None, 10**12, 6)]
    calls = asked({"value": rows}, settings)
    assert [message.t for message in await calls.messages_since("c@lid", 0)] == [5, 6]


@pytest.mark.parametrize("answer", [None, "ready", {"value": "perhaps"}, {"code": "page_error"}])
async def test_an_answer_that_is_none_leaves_a_message_in_doubt(
    settings: WebSettings, answer: Any
) -> None:
    """It ends no task, and never counts as sent or as absent."""
    calls = asked(answer, settings)
    assert (await calls.send(order("A0", "c@lid", "?"))).state == "unknown"
    assert await calls.look_up(order("A0", "c@lid", "?")) is Lookup.UNAVAILABLE


async def test_a_state_that_is_none_is_no_ping(settings: WebSettings) -> None:
    """The page runs, but says nothing that can be used."""
    with pytest.raises(PageUnavailableError):
        await asked({"mode": 7}, settings).state()
    assert await asked(None, settings).state() is None
