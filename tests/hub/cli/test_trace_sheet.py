"""A turn's sheet says in each case what happened, why nothing was said, and what comes next."""

from typing import Any, cast

import pytest
from msgspec.structs import replace

from hub.assistant.engine import ToolCall
from hub.assistant.turn_trace import Guarded, ModelUse, TurnTrace
from hub.cli.trace_reading import ChatSeen, Said, Sent, TurnSeen
from hub.cli.trace_sheet import View, chat_lines, how, turn_lines
from hub.commerce.customer_records import ChatPlace
from hub.commerce.effects import CancelOrder
from hub.conversation.suggestions import Kept
from hub.store.tx import Row

SHOP = cast(Row, {"name": "Shop A", "tenant_id": "ten_a", "mode": "auto"})
PLACE = ChatPlace("+919800000009", "919800000001@c.us")
VIEW = View("UTC", masked=False)
MADE = TurnTrace(path="embedded.price", outcome="answered", language="hi", sending="suggest")


SAID = Said(
    row_id=1,
    wa_id="M",
    author="customer",
    kind="text",
    text="tea?",
    at=0,
    received_at=0,
    turn_id="t",
    state=None,
    state_at=None,
    error=None,
)
TURN = TurnSeen(
    turn_id="t",
    shop=SHOP,
    place=PLACE,
    agent_id="agt_a",
    state="answered",
    reason=None,
    changes=0,
    first_at=0,
    due_at=3_000,
    finished_at=4_000,
    suggestion=None,
    trace=None,
    messages=(SAID,),
    by_hand=(),
)


def said(author: str = "customer", **more: Any) -> Said:
    return replace(SAID, author=author, **more)


def turn(state: str, reason: str | None = None, **more: Any) -> TurnSeen:
    return replace(TURN, state=state, reason=reason, **more)


def sheet(seen: TurnSeen) -> str:
    return "\n".join(" ".join(line.split()) for line in turn_lines(seen, VIEW))


REWORDED = Kept(reworded=True)
REPLY = said("bot", text="90", state="read", state_at=9_000)
CASES: dict[str, tuple[TurnSeen, list[str]]] = {
    "not yet due": (
        turn("pending", finished_at=None),
        ["state still to be answered", "due 1970-01-01 00:00:03", "answer not made yet"],
    ),
    "never begun": (
        turn("waiting", "stale"),
        ["state waits for a person: the messages were too old", "answer none was made"],
    ),
    "broken": (
        turn(
            "waiting", "engine_failed", trace=TurnTrace(outcome="engine_failed", error="X in f:1")
        ),
        ["answer none: the assistant broke", "broke X in f:1"],
    ),
    "restored": (
        turn("answered", messages=(said(), said("bot", text=None))),
        ["answer how is not known: the hub lost the record", "reply -"],
    ),
    "suggested": (
        turn("suggested", trace=MADE, suggestion="90 each\nand more"),
        [
            "answer by the rules: a price or a quantity; in Hindi",
            "suggested 90 each …",
        ],
    ),
    "sent by hand": (
        turn(
            "answered",
            trace=MADE,
            suggestion="90",
            messages=(said(), said("owner", text="95", state="queued", state_at=1)),
            by_hand=(
                Sent("suggestion", 1, 5_000, 6_000, "outdated"),
                Sent("suggestion", 1, 7_000, None, None),
            ),
        ),
        [
            "by hand suggestion, 1970-01-01 00:00:05: not sent 1970-01-01 00:00:06: outdated",
            "suggestion, 1970-01-01 00:00:07: to be sent",
            "reply you: 95",
            "sending waits for the shop's PC, 1970-01-01 00:00:00",
        ],
    ),
    "sent in other words": (
        turn(
            "answered",
            trace=MADE,
            suggestion="90",
            messages=(said(), said("bot", text="sold out", state="sent", state_at=1)),
            by_hand=(Sent("suggestion", 1, 5_000, 6_000, "ordered"),),
            kept=Kept(effects=(CancelOrder("A-1001"),), reworded=True),
        ),
        [
            "4.0 s after it reached the hub",
            "by hand suggestion, 1970-01-01 00:00:05: sent 1970-01-01 00:00:06",
            "with other words than the draft's: yours",
            "not done what the draft said: cancels A-1001",
            "reply you: sold out",
        ],
    ),
    "changed, late, by a model": (
        turn(
            "answered",
            changes=2,
            messages=(said(kind="media", text=None), REPLY),
            trace=TurnTrace(
                path="model",
                outcome="answered",
                engine="model",
                language="fr",
                sending="auto",
                late=True,
                latency_ms=2_310,
                tool_calls=(ToolCall("order_status", {"order_no": "unknown"}, "not_found"),),
                model=ModelUse(outcome="ok", name="m-1", calls=1, tools=1, guard=Guarded("passed")),
            ),
        ),
        [
            "came 1970-01-01 00:00:00 (media)",
            "changed 2 times while it was open",
            "answer by the model: in its own words; in fr",
            "late it opened with an apology",
            "took 2.31 s to make",
            "mode model, auto",
            "model m-1: 1 call, 0 tokens in, 0 out, cost 0.000000",
            "its words were used",
            "model used 1. looked at order something unknown: not there",
            "guard let the reply pass",
            "sending read, 1970-01-01 00:00:09",
        ],
    ),
    "changed once": (turn("dropped", "revoked", changes=1), ["changed once while it was open"]),
}


@pytest.mark.parametrize("case", CASES)
def test_a_sheet_says_what_happened(case: str) -> None:
    """Each kind of end has its own words, and nothing is said of what was not."""
    seen, expected = CASES[case]
    told = sheet(seen)
    assert [text for text in expected if text not in told] == []
    assert ("guard" in told) == (case == "changed, late, by a model")


def test_what_came_before_the_last_word_is_not_lost() -> None:
    """Who wrote in person after the assistant had broken finds both in the one line."""
    seen = turn("dropped", "owner_replied", trace=TurnTrace(outcome="engine_timeout"))
    assert how(seen) == (
        "nothing more to do: you wrote yourself; before that: the assistant took too long"
    )
    assert how(turn("dropped", "revoked")) == (
        "nothing more to do: the customer deleted the messages"
    )


def test_a_persons_words_in_place_of_the_draft_are_the_persons() -> None:
    """In the chat's view too; how the draft came about is told as that."""
    seen = turn("answered", trace=MADE, messages=(said("bot", text="95"),), kept=REWORDED)
    assert how(seen).startswith("answered; in your own words; the draft came by the rules")
    chat = ChatSeen(
        shop=SHOP, place=PLACE, name=None, mode="auto", paused_until=None, turns=(seen,), others=()
    )
    assert any("you        95" in line for line in chat_lines(chat, VIEW, now_ms=1))


def test_a_code_that_nobody_explained_is_shown_as_it_is() -> None:
    """A newer hub's record breaks nothing."""
    odd = TurnTrace(path="model.new", tool_calls=(ToolCall("new_tool", {"a": [1]}, "new_code"),))
    told = sheet(turn("waiting", "new_reason", trace=odd))
    for code in ("new_reason", "by the model: model.new", "1. new_tool: new_code"):
        assert code in told


def test_a_list_among_the_arguments_is_said_in_words() -> None:
    """Names of what was kept of a customer, not their values."""
    kept = ToolCall("remember_customer", {"fields": ["tax_preference", "address"]}, "ok")
    told = sheet(turn("answered", trace=TurnTrace(path="embedded.cart", tool_calls=(kept,))))
    assert "kept tax preference, address of the customer: done" in told


def test_a_quiet_chat_says_its_mode_alone() -> None:
    """No pause, no name, an edit between the turns; the oldest line first."""
    edit = said(row_id=2, kind="edit", text="coffee?", turn_id=None)
    chat = ChatSeen(
        shop=SHOP,
        place=PLACE,
        name=None,
        mode="suggest",
        paused_until=5,
        turns=(turn("answered", trace=MADE),),
        others=(edit,),
    )
    lines = list(chat_lines(chat, VIEW, now_ms=10))
    assert lines[1] == "mode suggest"
    assert lines[-1].endswith("customer   (edit) coffee?")
