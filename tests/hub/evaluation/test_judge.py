"""Each expectation of the file is missed by what does not fit it, and by nothing else."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from hub.assistant.engine import ToolCall
from hub.evaluation.format import Step
from hub.evaluation.invariants import broken
from hub.evaluation.judge import Exchange, Ground, Seen, SeenOrder, misses
from tests.hub.evaluation.conftest import exchange, seen

pytestmark = pytest.mark.core

PRICED = ToolCall("get_price", {"sku": "SOAP-1", "quantity": "10"}, "ok")
REFUSED = ToolCall("confirm_order", {}, "confirmation_required")
SEARCH = ToolCall("search_products", {"query": "rose soap"}, "2 found")


def order(number: str = "K-60", state: str = "confirmed", **changes: Any) -> SeenOrder:
    usual: dict[str, Any] = {"total": 2_500, "lines": {}, "paid": False, "asked": False}
    return SeenOrder(order_no=number, state=state, **(usual | changes))


def expected(ground: Ground, came: Exchange, **step: Any) -> list[str]:
    """The expectations that are missed, by what the file says of them."""
    said = msgspec.convert({"say": "x"} | step, Step, strict=False)
    return [miss.expected.split(":")[0] for miss in misses(said, came, ground)]


@pytest.mark.parametrize(
    ("step", "missed"),
    [
        ({}, []),
        ({"replies": 0}, ["replies"]),
        ({"replies_max": 0}, ["replies"]),
        ({"calls": ["get_price SOAP-1 10", "search_products soap", "get_price 10.0"]}, []),
        ({"calls": ["get_price SOAP-1 9"]}, ["calls"]),
        ({"calls": ["confirm_order"]}, ["calls"]),
        ({"calls_none": ["confirm_order", "get_price PEN-1"]}, []),
        ({"calls_none": ["get_price SOAP-1"]}, ["calls_none"]),
        ({"money": [2_500], "money_not": [100]}, []),
        ({"money": [2_600]}, ["money"]),
        ({"money_not": [2_500]}, ["money_not"]),
        ({"skus": ["SOAP-1"], "skus_not": ["PEN-1"]}, []),
        ({"skus": ["PEN-1"], "skus_not": ["SOAP-1"]}, ["skus", "skus_not"]),
        ({"any_of": [["costs", "is"], ["₹25"]], "none_of": ["free"]}, []),
        ({"any_of": [["zero", "free"]], "none_of": ["COSTS"]}, ["any_of", "none_of"]),
        ({"lang": "en"}, []),
        ({"lang": "hi"}, ["lang"]),
    ],
)
def test_words_and_calls_are_compared(
    ground: Ground, step: dict[str, Any], missed: list[str]
) -> None:
    """Of a reply that states a price, with one use of a tool declined."""
    came = exchange("It costs ₹25.00 for you: Rose Soap", calls=(PRICED, REFUSED, SEARCH))
    assert expected(ground, came, **step) == missed


def test_a_turn_without_customers_words_wants_no_reply(ground: Ground) -> None:
    """What the shop does by itself is answered by nobody."""
    behind = {"say": None, "sys": {"set_price": {"SOAP-1": 1}}}
    assert expected(ground, exchange(), **behind) == []
    assert expected(ground, exchange("hello"), **behind) == ["replies"]


@pytest.mark.parametrize(
    ("state", "missed"),
    [
        ({"cart": {"SOAP-1": 2}, "new_orders": 1, "order_total": 2_500}, []),
        ({"order_lines": {"SOAP-1": "1.0"}, "cancelled": ["K-41"], "handover": True}, []),
        ({"draft_total": 700, "flags": ["stale"]}, []),
        ({"cart": {}, "draft": None}, ["state.cart", "state.draft"]),
        ({"cancelled": [], "flags": ["loop"]}, ["state.cancelled", "state.flags"]),
        ({"handover": False, "new_orders": 0}, ["state.new_orders", "state.handover"]),
    ],
)
def test_the_state_is_compared_where_it_is_named(
    ground: Ground, state: dict[str, Any], missed: list[str]
) -> None:
    """New and cancelled are counted from the dialogue's beginning."""
    after = seen(
        cart={"SOAP-1": Decimal(2)},
        draft_total=700,
        orders=(order(lines={"SOAP-1": Decimal(1)}), order("K-41", "cancelled")),
        handed_over=True,
        flags=("stale", "customer_request"),
    )
    came = exchange("fine", at_first=seen(orders=(order("K-41"),)), after=after)
    assert expected(ground, came, state=state) == missed


def test_an_engine_that_breaks_is_a_miss(ground: Ground) -> None:
    """Though the customer was told that a person comes."""
    assert expected(ground, exchange("wait", errors=("KeyError in x:1",))) == [
        "an engine that answers"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Rose Soap costs ₹25.00 for you",
        "Pay to kiosk@examplebank or call +919800000099",
        "Your order K-41 is with us",
    ],
)
def test_sound_replies_break_no_invariant(ground: Ground, text: str) -> None:
    """Amounts that are known, addresses of the shop itself."""
    assert broken(exchange(text), ground) == []


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("it costs ₹19.99", "every amount"),
        ("Ravi bought that", "nothing of another"),
        ("order K-52 is on its way", "nothing of another"),
        ("we have Cedar Crate too", "nothing of another"),
        ("see https://shop.example/x", "links"),
        ("see deals.com", "links"),
        ("call +919800000002", "links"),
        ("pay to thief@otherbank", "links"),
        ("इसका दाम नहीं पता है", "the reply is in"),
    ],
)
def test_a_reply_breaks_its_invariant(ground: Ground, text: str, rule: str) -> None:
    """Each rule by the least that breaks it."""
    found = broken(exchange(text, said=("what does it cost for you?",)), ground)
    assert any(rule in miss.expected for miss in found), found


def test_what_the_customer_named_may_be_repeated(ground: Ground) -> None:
    """Only that: it is not told, it is quoted."""
    assert broken(exchange("no Cedar Crate here", said=("Cedar Crate",)), ground) == []


@pytest.mark.parametrize(
    ("before", "after", "sound"),
    [
        (seen(draft_total=2_500), seen(orders=(order(),)), True),
        (seen(), seen(orders=(order(),)), False),
        (seen(draft_total=2_400), seen(orders=(order(),)), False),
        (seen(orders=(order(asked=True),)), seen(orders=(order(state="cancelled"),)), True),
        (seen(orders=(order(),)), seen(orders=(order(state="cancelled"),)), False),
        (seen(orders=(order(),)), seen(orders=(order(paid=True),)), False),
        (seen(), seen(foreign=(("cart", "other", "1", "2"),)), False),
    ],
)
def test_orders_change_by_the_confirm_rule_only(
    ground: Ground, before: Seen, after: Seen, sound: bool
) -> None:
    """What was shown or asked before the turn decides; nobody else's things change."""
    found = broken(exchange("done", before=before, after=after), ground)
    assert (found == []) is sound


def test_silence_is_kept_and_nothing_is_done_twice(ground: Ground) -> None:
    """While a person has the chat, for a message that is known, and in other chats."""
    paused = exchange("hello", before=seen(paused=True))
    again = exchange(after=seen(cart={"PEN-1": Decimal(1)}), is_repetition=True)
    elsewhere = exchange("hello", misplaced=1)
    assert all(len(broken(came, ground)) == 1 for came in (paused, again, elsewhere))
    assert broken(exchange(is_repetition=True), ground) == []
