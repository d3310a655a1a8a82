"""What comes of an answer of the page that nobody expected."""

from typing import Any, cast

import pytest
from playwright.async_api import Page

from agent.drivers.driver import Lookup
from agent.drivers.whatsapp_web import WebSettings
from agent.drivers.whatsapp_web.calls import Calls
from agent.drivers.whatsapp_web.errors import PageUnavailableError
from tests.agent.whatsapp_web.shop import order

MESSAGE = {"chat": "c@lid", "from_me": False, "sender": "c@lid", "type": "chat"}


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
    rows = [MESSAGE | {"id": f"3A{t}", "t": t} for t in (5, None, 10**12, 6)]
    calls = asked({"value": {"messages": rows, "before": None}}, settings)
    assert [message.t for message in await calls.messages_since("c@lid", 0)] == [5, 6]


class LongChat:
    """A page with a chat of many messages, which it gives from the newest back as wa-js does."""

    def __init__(self, messages: int) -> None:
        self.rows: list[dict[str, Any]] = [
            MESSAGE | {"id": f"3A{n:05}", "t": 1000 + n // 7} for n in range(messages)
        ]
        self.most_at_once = 0

    async def evaluate(self, _expression: str, argument: Any) -> Any:
        name, ask = argument
        assert name == "messagesPage"
        ids = [row["id"] for row in self.rows]
        end = len(ids) if ask["before"] is None else ids.index(ask["before"])
        page = self.rows[max(0, end - ask["count"]) : end]
        wanted = [row for row in page if row["t"] >= ask["since"]]
        self.most_at_once = max(self.most_at_once, len(wanted))
        more = bool(page) and page[0]["t"] >= ask["since"]
        return {"value": {"messages": wanted, "before": page[0]["id"] if more else None}}


async def test_thousands_of_messages_come_page_by_page(settings: WebSettings) -> None:
    """Weeks without the PC: each message once and in order, a page at a time, none too old."""
    chat = LongChat(5_000)
    calls = Calls(cast(Page, chat), settings)
    found = [message.id for message in await calls.messages_since("c@lid", 1100)]
    assert found == [row["id"] for row in chat.rows if row["t"] >= 1100]
    assert len(found) == 4_300
    assert chat.most_at_once == settings.sweep_page


async def test_a_page_that_repeats_itself_ends(settings: WebSettings) -> None:
    """WhatsApp may give the same messages again instead of older ones."""
    again = {"messages": [MESSAGE | {"id": "3A1", "t": 5}], "before": "false_c@lid_3A1"}
    calls = asked({"value": again}, settings)
    assert [message.id for message in await calls.messages_since("c@lid", 0)] == ["3A1"]


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
        await asked({"mode": 7}, settings).probe()
    assert await asked(None, settings).probe() is None
