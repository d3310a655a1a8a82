"""The record of a turn: an engine's list becomes a typed trace, and old ones stay readable."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.assistant import turn_trace
from hub.assistant.embedded import EmbeddedEngine
from hub.assistant.engine import ToolCall
from hub.assistant.model import HybridEngine, ModelEngine
from hub.assistant.model_loop import TurnLimits
from hub.assistant.model_wire import Endpoint, Wire
from hub.assistant.turn_trace import Guarded, ModelUse, TurnTrace
from tests.hub.assistant.model_server import serving
from tests.hub.assistant.shopper import Shop

SEARCH = ToolCall("search_products", {"query": "tea"}, "1 found")
PRICE = ToolCall("get_price", {"sku": "TEA", "quantity": "1"}, "ok")
USED = {
    "model": "m-1",
    "calls": 3,
    "retries": 1,
    "input_tokens": 900,
    "cached_tokens": 800,
    "output_tokens": 20,
    "cost_micros": 42,
}


def model(outcome: str, **more: Any) -> ToolCall:
    return ToolCall("model", {**USED, **more}, outcome)


@pytest.mark.parametrize(
    ("call", "guard"),
    [
        (model("ok"), Guarded("passed")),
        (model("ok", guard=["amount", "amount"]), Guarded("rewritten", ("amount",))),
        (model("guard", guard=["amount", "claim"]), Guarded("refused", ("amount", "claim"))),
        (model("timeout", guard=["link"]), Guarded("refused", ("link",))),
        (model("timeout"), None),
        (model("budget:tenant_day"), None),
    ],
)
def test_the_models_part_is_told_from_the_rules(call: ToolCall, guard: Guarded | None) -> None:
    """The tools before the model's entry are its own, those behind it code's.

    The guard's verdict is what became of words that there were.
    """
    tools, use = turn_trace.parted([SEARCH, call, PRICE])
    assert tools == (SEARCH, PRICE)
    assert use is not None
    assert (use.outcome, use.name, use.calls, use.retries) == (call.outcome, "m-1", 3, 1)
    assert (use.input_tokens, use.cached_tokens, use.output_tokens) == (900, 800, 20)
    assert (use.cost_micros, use.guard) == (42, guard)
    trace = TurnTrace(tool_calls=tools, model=use)
    assert (trace.models_calls, trace.rules_calls) == ((SEARCH,), (PRICE,))
    assert trace.answers_calls == ((SEARCH, PRICE) if call.outcome == "ok" else (PRICE,))


def test_without_a_model_all_tools_are_the_rules_own() -> None:
    """Nothing is taken away, and nothing of a model is said."""
    tools, use = turn_trace.parted([SEARCH, PRICE])
    trace = TurnTrace(tool_calls=tools, model=use)
    assert (tools, use, trace.models_calls) == ((SEARCH, PRICE), None, ())
    assert trace.answers_calls == trace.rules_calls == (SEARCH, PRICE)


TRACES = st.builds(
    TurnTrace,
    path=st.none() | st.text(),
    outcome=st.text(),
    engine=st.sampled_from([None, "embedded", "hybrid", "model"]),
    late=st.booleans(),
    tool_calls=st.lists(
        st.builds(ToolCall, st.sampled_from(["a", "b"]), st.just({"sku": "S"}), st.text())
    ).map(tuple),
    model=st.none() | st.builds(ModelUse, outcome=st.text(), calls=st.integers(0, 9)),
    messages=st.lists(st.text()).map(tuple),
    error=st.none() | st.text(),
)


@given(trace=TRACES)
def test_what_is_stored_is_read_back(trace: TurnTrace) -> None:
    """A trace survives the database."""
    assert turn_trace.decode(turn_trace.encode(trace)) == trace


def test_traces_of_an_earlier_version_are_read() -> None:
    """There the model's part was one of the tool calls; what a newer one adds is passed over."""
    old = {
        "path": "embedded.price",
        "tool_calls": msgspec.to_builtins(
            [SEARCH, ToolCall("model", {"calls": 2}, "limit"), PRICE]
        ),
        "latency_ms": 7,
        "messages": ["M1"],
        "of_tomorrow": {"x": 1},
    }
    trace = turn_trace.decode(json.dumps(old))
    assert trace == TurnTrace(
        path="embedded.price",
        tool_calls=(SEARCH, PRICE),
        model=ModelUse(outcome="limit", calls=2, tools=1),
        latency_ms=7,
        messages=("M1",),
    )


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"tool_calls": 5}'])
def test_what_is_no_trace_is_none(text: str | None) -> None:
    """A turn that has none, or a damaged one, breaks nobody who looks at it."""
    assert turn_trace.decode(text) is None


def test_odd_figures_of_a_model_count_as_nothing() -> None:
    """What an engine lists is checked, not believed."""
    _, use = turn_trace.parted([ToolCall("model", {"model": 5, "calls": "x", "guard": "y"}, "ok")])
    assert use == ModelUse(outcome="ok", guard=Guarded("passed"))


async def test_a_turn_with_a_model_says_who_it_was_and_what_the_rules_did_instead(
    grocer: Shop,
) -> None:
    """The real loop against a scripted endpoint: name, calls, a repetition, verdict, mode."""
    async with serving() as server:
        endpoint = Endpoint(api_key="sk-test", model="scripted", base_url=server.url)
        limits = TurnLimits(pause_max_s=0.01)
        asked = ModelEngine(grocer.store, grocer.clock, Wire(endpoint), turn_limits=limits)
        engine = HybridEngine(EmbeddedEngine(grocer.store), asked, "model")
        me = grocer.customer(engine=engine)
        lies = {"text": "Coffee is just Rs 1!"}
        server.says({"http": 500}, {"call": "view_cart"}, lies, lies)
        await me.says("price of filter coffee")
        await engine.close()
    answer = me.answers[-1]
    tools, use = turn_trace.parted(answer.tool_calls)
    assert use is not None
    assert (use.name, use.calls, use.retries, use.tools) == ("scripted", 4, 1, 1)
    assert (use.outcome, use.guard) == ("guard", Guarded("refused", ("amount",)))
    assert (answer.mode, answer.path, tools[0].name) == ("model", "embedded.price", "view_cart")
    assert "get_price" in [call.name for call in tools[1:]]
