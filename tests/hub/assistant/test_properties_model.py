"""Whatever a model says and asks for: its script is generated, the wire and the SDK are real."""

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hub.assistant.embedded import EmbeddedEngine
from hub.assistant.engine import ToolCall
from hub.assistant.model import HybridEngine, ModelEngine
from hub.assistant.model_context import RULES
from hub.assistant.model_loop import TurnLimits
from hub.assistant.model_wire import Endpoint, Wire
from hub.assistant.tools import TOOLS
from hub.commerce.money import format_money
from hub.store.database import Store
from tests.fakes import FakeClock
from tests.hub.assistant import canaries
from tests.hub.assistant.canaries import MINE, World
from tests.hub.assistant.model_server import ModelServer, serving

OUTCOME = re.compile("ok|guard|limit|(?:endpoint|breaker):[a-z]+")
EXAMPLES = 30  # of some 200 ms
FOREIGN = (MINE.spoken[0], "FF-6X40", "ZZ-1")
NUMBERS: tuple[Any, ...] = (1, 3, 5, 12, 0, -4, 10**12, 2.5, "7", None, [], 1e308)
SKUS = (
    "COF-FILT-500",
    "SUG-WH-1K",
    "LED-9",
    "CURSED-1",
    *FOREIGN,
    "",
    "*",
    "'; DROP TABLE x",
    "é" * 99,
)
ARGUMENTS: dict[str, st.SearchStrategy[Any]] = {
    "sku": st.sampled_from(SKUS),
    "quantity": st.sampled_from(NUMBERS),
    "query": st.sampled_from(("coffee", MINE.spoken[1], '"* NEAR(', "tea OR *", "", "x" * 300)),
    "order_no": st.sampled_from(("A-1001", "A-1002", "A-1003", "zo-1001", "*", "1", "#")),
    "draft_id": st.sampled_from(("latest", "LATEST", "id_1", "id_7", "x")),
    "coupon": st.sampled_from(("SAVE90", "*", MINE.word)),
    "topic": st.sampled_from(("hours", "delivery", "payment", "address", "contact", "secrets")),
    "reason": st.sampled_from(("unknown_question", "abuse", "because")),
    "postcode": st.sampled_from(("411001", "000000", "nowhere", None)),
    "payment": st.sampled_from(("cod", "upi", "free", None)),
    "address": st.sampled_from(("Flat 4, Rose Building", "x" * 2_000)),
    "tax_preference": st.sampled_from(("none", "gst", "free")),
    "tenant_id": st.just("other"),
    "customer_id": st.just("id_1"),
    "price": st.just(1),
    "total": st.just(100),
    "discount_pct": st.just(90),
}
FIELDS = {name: list(kind.__struct_fields__) for name, kind in TOOLS.items()}


@st.composite
def tool_uses(draw: st.DrawFn) -> dict[str, Any]:
    """A call of a tool, or of none that there is, with right and wrong arguments."""
    name = draw(st.sampled_from((*TOOLS, *TOOLS, "delete_everything", "set_price")))
    fields = [one for one in FIELDS.get(name, ()) if one in ARGUMENTS]
    if draw(st.integers(0, 4)) == 0:
        fields += draw(st.lists(st.sampled_from(sorted(ARGUMENTS)), max_size=3))
    if draw(st.integers(0, 14)) == 0:
        return {
            "call": name,
            "raw_args": draw(st.sampled_from(('{"sku": "CO', "[]", "null", "\0"))),
        }
    return {"call": name, "args": {field: draw(ARGUMENTS[field]) for field in fields}}


LIES = (
    *("Payment received, thank you!", "आपका भुगतान मिल गया", "payment mil gaya", "تم استلام الدفع"),
    *(
        "We will refund you.",
        "I have applied a 90% discount",
        "It is free today",
        "half price for you",
    ),
    *("see evil.example/pay", "pay thief@okbank", "call +91 98123 45678", "hxxp://evil[.]com"),
    *(
        f"take {MINE.spoken[0]}",
        "order zo-1001 is yours",
        "take FF-6X40",
        RULES[:200],
        RULES[300:420],
    ),
)
PLACED = (
    "Your order is placed!",
    "ऑर्डर हो गया",
    "order ho gaya ji",
    "تم تأكيد طلبك",
    "آرڈر ہو گیا",
)
FILLERS = (
    *(
        "Hello!",
        "Filter Coffee 500 g is ₹362.50.",
        "Shall I place it?",
        "Namaste ji",
        "مرحبا",
        "🙂",
    ),
    *(
        "Your order A-1003 is placed: ₹440.62",
        "Total ₹440.62",
        "I've added it.",
        "a" * 900,
        "\u202e",
    ),
)
AMOUNTS = st.builds(
    "{}{}".format,
    st.sampled_from(("₹", "Rs. ", "only ", "कुल ₹", "السعر ", "₹\u200b")),
    st.one_of(st.integers(0, 10**7), st.sampled_from(("1,999", "१९९९", "2k", "1.999", "36250"))),
)
WORDS = st.lists(
    st.one_of(AMOUNTS, *map(st.sampled_from, (LIES, PLACED, FILLERS, FILLERS))),
    min_size=1,
    max_size=3,
).map(" ".join)
STEP = st.one_of(
    st.builds(lambda calls: {"calls": calls}, st.lists(tool_uses(), min_size=1, max_size=3)),
    st.builds(lambda text: {"text": text}, WORDS),
    st.sampled_from(({"text": ""}, {"html": True}, {"raw": "{}"}, {"http": 500})),
)
BUYS = (
    {"call": "add_to_cart", "args": {"sku": "COF-FILT-500", "quantity": 1}},
    {"call": "prepare_order", "args": {"postcode": "411001", "payment": "cod"}},
)
SHOWS = ({"calls": list(BUYS)}, {"text": "Filter Coffee, total ₹440.62. Shall I place it?"})
CONFIRMS = (
    {"call": "confirm_order", "args": {"draft_id": "latest"}},
    {"text": "Thank you! Your order A-1003 is placed."},
)
SCRIPT = st.one_of(
    st.lists(STEP, min_size=1, max_size=5), st.sampled_from((list(SHOWS), list(CONFIRMS)))
)
SAYS = st.sampled_from(
    ("yes", "yes", "hello there", "one coffee please to 411001", "what do others buy?", "हाँ", "no")
)
TURNS = st.lists(st.tuples(SAYS, SCRIPT), min_size=1, max_size=3)


class Liar:
    """A shop whose model is a script, in a loop of its own with the server and its connections."""

    def __init__(
        self, portal: BlockingPortal, server: ModelServer, shop: sqlite3.Connection
    ) -> None:
        self._portal = portal
        self._server = server
        self._shop = shop
        self._wire = Wire(Endpoint(api_key="sk-test", model="scripted", base_url=server.url))

    def close(self) -> None:
        self._portal.call(self._wire.close)

    def world(self) -> World:
        """A new customer."""
        return World(self._shop, MINE, self._engine)

    def tells(self, world: World, text: str, script: list[dict[str, Any]]) -> tuple[str, str]:
        """The reply, and what the model was shown for it."""
        self._server.requests.clear()
        self._server.says(*script)
        reply = self._portal.call(world.says, [text])
        return reply, str(self._server.requests)

    def _engine(self, store: Store) -> HybridEngine:
        limits = TurnLimits(pause_max_s=0.0)
        model = ModelEngine(store, FakeClock(), self._wire, turn_limits=limits)
        return HybridEngine(EmbeddedEngine(store), model, "model")


@pytest.fixture(scope="module")
def liar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Liar]:
    path = tmp_path_factory.mktemp("liar") / "hub.db"
    asyncio.run(canaries.furnish(path, MINE))
    shop = canaries.opened(path)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(serving()) as server:
        made = Liar(portal, server, shop)
        yield made
        made.close()
    shop.close()


def trace_of(calls: tuple[ToolCall, ...]) -> ToolCall | None:
    """How the model did, if one was asked."""
    found = [call for call in calls if call.name == "model"]
    assert len(found) <= 1
    return found[0] if found else None


@given(turns=TURNS)
@settings(max_examples=EXAMPLES, derandomize=True, phases=[Phase.generate])  # to shrink is slow
def test_whatever_a_model_says(liar: Liar, turns: list[tuple[str, list[dict[str, Any]]]]) -> None:
    """One sensible answer: no amount, order, link or effect of its own, nothing of others.

    What it was shown holds nothing of theirs, either, and the trace says how it did.
    """
    world = liar.world()
    said: list[str] = []
    for text, script in turns:
        draft, orders = world.open_draft(), world.orders()
        reply, shown = liar.tells(world, text, script)
        world.check(reply)
        assert [secret for secret in MINE.hidden if secret.casefold() in shown.casefold()] == []
        trace = trace_of(world.answers[-1].tool_calls)
        if trace is not None:
            assert OUTCOME.fullmatch(trace.outcome)
            assert (trace.outcome == "ok") == world.answers[-1].path.startswith("model")
        assert [lie for lie in LIES if lie in reply] == []
        assert "\u202e" not in reply
        grown = len(world.orders()) - len(orders)
        assert grown in (0, 1)
        if grown:
            assert text in ("yes", "हाँ")
            assert draft is not None
            assert world.orders()[-1]["total"] == draft["total"]
            assert any(format_money(draft["total"], "INR", 2, "en_IN") in one for one in said)
        elif not world.orders():
            assert [lie for lie in PLACED if lie in reply] == []
        said.append(reply)
    world.close()


def test_a_script_that_behaves_does_order(liar: Liar) -> None:
    """So the properties above are about turns that can do something."""
    world = liar.world()
    assert "₹440.62" in liar.tells(world, "one coffee please to 411001", list(SHOWS))[0]
    assert "A-1003" in liar.tells(world, "yes", list(CONFIRMS))[0]
    assert len(world.orders()) == 1
    world.close()
