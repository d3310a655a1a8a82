"""Scripts for a model that errs: what files expect of them is read, and judged by the least."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hub.assistant.engine import ToolCall
from hub.assistant.turn_trace import Guarded, ModelUse, TurnTrace
from hub.evaluation import fault_judge
from hub.evaluation.fault_judge import Evidence
from hub.evaluation.faults import Fault
from hub.evaluation.format import Malformed
from hub.evaluation.reading import load
from hub.evaluation.script import Call, Reply
from tests.hub.evaluation.conftest import small

pytestmark = pytest.mark.core

HEAD = "id: f1, customer: asha, say: price of blue pen"


def fault(tmp_path: Path, rest: str, head: str = HEAD) -> Fault | Malformed:
    """The only fault of a file."""
    [found] = load(small(tmp_path, f"model_faults:\n- {{{head}, {rest}}}\n")).model_faults
    return found


def read(tmp_path: Path, rest: str) -> Fault:
    found = fault(tmp_path, rest)
    assert isinstance(found, Fault), found
    return found


def trace(path: str | None = "model", tools: int = 0, **model: Any) -> TurnTrace:
    use = ModelUse(outcome="ok", tools=tools, **model)
    return TurnTrace(path=path, model=use, latency_ms=4_000, tool_calls=(PRICE,) * tools)


PRICE = ToolCall("get_price", {"sku": "PEN-1"}, "ok")
WORDS, TOOL = Reply(text="Hi"), Reply(calls=(Call("get_price", "{}"),))


def seen(**changes: Any) -> Evidence:
    usual: dict[str, Any] = {
        "played": (WORDS,),
        "told": (),
        "traces": (trace(),),
        "replies": ("Hi",),
        "is_handed_over": False,
        "is_open": False,
        "is_left": False,
    }
    return Evidence(**(usual | changes))


def test_what_dialogues_expect_under_the_names_of_faults(tmp_path: Path) -> None:
    """With `sent_` in front, parts of the state alone, one where several may be."""
    expect = (
        "{sent_money: 1000, sent_money_not: [100], sent_any_of: [blue, ten], sent_none_of: free,"
        " sent_skus: [PEN-1], lang: en, replies: 1, new_orders: 0, cart: {PEN-1: 2},"
        " state: {handover: false}, flags: [x], calls: [get_price PEN-1]}"
    )
    [step] = read(tmp_path, f"model: [], expect: {expect}").told.turns
    assert (step.money, step.money_not, step.none_of) == ((1000,), (100,), ("free",))
    assert (step.any_of, step.skus, step.lang) == ((("blue", "ten"),), ("PEN-1",), "en")
    assert (step.state.new_orders, step.state.handover, step.state.flags) == (0, False, ("x",))
    assert (step.replies, step.calls) == (1, ("get_price PEN-1",))
    [step] = read(tmp_path, "model: [], expect: {sent_all_of: [a, b], any_of: [[c, d]]}").told.turns
    assert step.any_of == (("a",), ("b",), ("c", "d"))


def test_a_fault_of_several_turns(tmp_path: Path) -> None:
    """Each with its own script, or with what is left of the one before."""
    turns = (
        "turns: [{say: a, model: [{call: t, args: {n: 1}}], expect: {by: model}},"
        " {say: b, expect: {model_calls: 0}}]"
    )
    found = fault(tmp_path, turns, "id: f1, customer: asha")
    assert isinstance(found, Fault), found
    first, second = found.acts
    assert (first.script, second.script) == ((Reply(calls=(Call("t", '{"n": 1}'),)),), None)
    assert (first.wanted.by, second.wanted.model_calls) == (("model",), 0)
    assert [step.say for step in found.told.turns] == ["a", "b"]
    odd = fault(tmp_path, "turns: [hello]", "id: f1, customer: asha")
    assert isinstance(odd, Malformed)
    assert "turns[0]: write it as 'say:'" in odd.why


@pytest.mark.parametrize(
    ("expect", "found"),
    [
        ("{model_calls: 2}", (2, None, None)),
        ("{model_calls: '<=2'}", (None, 2, None)),
        ("{model_calls: '>= 2'}", (None, None, 2)),
        ("{model_calls: {min: 1, max: 6}}", (None, 6, 1)),
    ],
)
def test_counts_may_be_bounds(tmp_path: Path, expect: str, found: tuple[Any, ...]) -> None:
    """As people write them."""
    wanted = read(tmp_path, f"model: [], expect: {expect}").acts[0].wanted
    assert (wanted.model_calls, wanted.model_calls_max, wanted.model_calls_min) == found


def test_what_is_given_and_what_is_said(tmp_path: Path) -> None:
    """The customer's shop is the fault's; several texts are a burst; the newer one comes once."""
    given = "given: {budget_left_tokens: 0, circuit: open, cart: {PEN-1: 2}}"
    found = read(tmp_path, f"{given}, model: [{{text: Hi}}], then_say: and red ones, expect: {{}}")
    assert (found.budget_left_tokens, found.is_circuit_open) == (0, True)
    assert (found.told.tenant, found.told.given.cart) == ("kiosk", {"PEN-1": Decimal(2)})
    assert [step.then_say for step in found.acts[0].script or ()] == ["and red ones", None]
    burst = "id: f1, customer: asha, say: [hello, price of blue pen]"
    several = fault(tmp_path, "model: hang, expect: {by: embedded}", burst)
    assert isinstance(several, Fault)
    assert several.told.turns[0].burst == ((0.0, "hello"), (1.0, "price of blue pen"))


def test_numbers_of_a_script_are_numbers(tmp_path: Path) -> None:
    """As a model writes them; what is quoted stays a text, and so does a yes."""
    args = "{sku: PEN-1, quantity: 1.5, postcode: '411001', gift: true, say: yes, none: null}"
    [step] = (
        read(tmp_path, f"model: [{{call: t, args: {args}}}], expect: {{}}").acts[0].script or ()
    )
    assert step.calls[0].arguments == (
        '{"sku": "PEN-1", "quantity": 1.5, "postcode": "411001", "gift": true, "say": "yes",'
        ' "none": null}'
    )


@pytest.mark.parametrize(
    ("rest", "named"),
    [
        ("model: [], expect: {by: the weather}", "f1, expect, by: 'the weather'"),
        ("model: [], expect: {sent_mony: [1]}", "there is no expectation 'sent_mony'"),
        ("model: [], expect: {money: [1], sent_money: [2]}", "'sent_money' is there twice"),
        ("model: [], expect: {model_calls: few}", "f1, expect, model_calls"),
        ("turns: [{say: a, expect: {}}]", "'say' stands beside 'turns'"),
        ("model: [], expect: all well", "expect: write what must come of it"),
        ("model: [{txet: Hi}], expect: {}", "model[0]: a step has no field 'txet'"),
        ("model: [], then_say: no, expect: {}", "then_say: the model needs a step"),
        ("model: [Hi], then_say: [a], expect: {}", "then_say: write what the customer says"),
        ("model: [], weather: good, expect: {}", "unknown field `weather`"),
        ("model: [], given: {luck: 1}, expect: {}", "unknown field `luck`"),
        ("model: [], expect: {skus: [NO-1]}", "there is no 'NO-1'"),
        ("tenant: depot, model: [], expect: {}", "customer: 'asha' is not the shop's"),
    ],
)
def test_what_is_not_known_fails_the_fault(tmp_path: Path, rest: str, named: str) -> None:
    """It is named; nothing passes because it was not understood."""
    found = fault(tmp_path, rest)
    assert isinstance(found, Malformed)
    assert found.why.startswith("fault f1")
    assert named in found.why, found.why


FALLBACK = {"traces": (trace("embedded.price"),)}
TWICE = {"played": (WORDS, WORDS)}


@pytest.mark.parametrize(
    ("expect", "good", "bad"),
    [
        ("by: model", {}, FALLBACK),
        ("by: embedded", FALLBACK, {}),
        ("by: embedded_or_handover", FALLBACK, {}),
        ("by: [model, nobody]", {}, FALLBACK),
        ("by: nobody", {"replies": ()}, {}),
        ("by: handover", {"is_handed_over": True}, {}),
        ("by: human", {"traces": (trace(None),)}, {}),
        ("by: retry_once_then_embedded", FALLBACK | TWICE, FALLBACK),
        ("by: retry_once_then_model", {"played": (TOOL, WORDS, WORDS)}, {"played": (TOOL, WORDS)}),
        ("by: retry_then_model", {"told": ("bad_arguments",)}, {}),
        ("tool_error: not_found", {"told": ("not_found",)}, {}),
        ("tool_error: unknown_sku", {"told": ("not_found",)}, {"told": ("over_stock",)}),
        ("tool_error: invalid_quantity", {"told": ("too_many",)}, {"told": ("not_found",)}),
        ("tool_error: none", {}, {"told": ("limit",)}),
        ("model_calls: 1", {}, TWICE),
        ("model_calls_max: 1", {}, TWICE),
        ("model_calls_min: 2", TWICE, {}),
        ("tool_calls: 2", {"traces": (trace(tools=2),)}, {}),
        ("tool_calls_max: 1", {"traces": (trace(tools=1),)}, {"traces": (trace(tools=2),)}),
        ("answer_within_s: 4", {}, {"replies": ()}),
        ("answer_within_s: 5", {}, {"traces": (TurnTrace(latency_ms=5_001),)}),
        ("circuit: open", {"is_open": True}, {}),
        ("circuit: closed", {}, {"is_open": True}),
        ("guard: link", {"traces": (trace(guard=Guarded("refused", ("link",))),)}, {}),
        ("sent_chars_max: 2", {}, {"replies": ("Hi!",)}),
        ("model_cancelled: true", {"is_left": True}, {}),
        ("same_calls_max: 1", {"traces": (trace(tools=1),)}, {"traces": (trace(tools=2),)}),
        ("retries: 1", TWICE, {}),
        ("notice: budget", {"notices": ("budget",)}, {"notices": ("breaker",)}),
        ("notice: true", {"notices": ("budget",)}, {}),
        ("tokens_used_max: 9", {}, {"traces": (trace(input_tokens=9, output_tokens=1),)}),
    ],
)
def test_each_expectation_by_the_least_that_misses_it(
    tmp_path: Path, expect: str, good: dict[str, Any], bad: dict[str, Any]
) -> None:
    """One miss, that names the expectation."""
    wanted = read(tmp_path, f"model: [], expect: {{{expect}}}").acts[0].wanted
    assert fault_judge.misses(wanted, seen(**good)) == []
    [miss] = fault_judge.misses(wanted, seen(**bad))
    assert miss.expected.startswith((expect.partition(":")[0], "retries: 1"))
