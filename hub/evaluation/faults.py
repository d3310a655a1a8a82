"""CORE: scripts for a model that errs, as files write them, and what must come of each.

A fault is a dialogue, mostly of one turn, with a script for the model. Its expectations go by the
names that dialogues have and by some of its own; one that nobody knows is an error that names it.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

import msgspec

from hub.evaluation import script
from hub.evaluation.format import (
    Dialogue,
    EvalFileError,
    Expected,
    Given,
    Part,
    Shops,
    State,
    Step,
    convert,
)
from hub.evaluation.script import Reply, ScriptError

Who = Literal["embedded", "model", "handover", "nobody"]
"""Whose words the customer got."""

SAY_EVERY_S: Final = 1.0
"""Between the messages of a list under `say`."""

RETRIED: Final = ("retry_once_then_", "one_retry_then_", "retry_then_", "retried_once_then_")
WHOSE: Final[Mapping[str, Who]] = {
    "true": "embedded",
    "code": "embedded",
    "fallback": "embedded",
    "rules": "embedded",
    "person": "handover",
    "human": "handover",
    "none": "nobody",
    "silence": "nobody",
}

FIELDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("script", "steps", "model_script"), "model"),
    **dict.fromkeys(("expected", "expects"), "expect"),
    **dict.fromkeys(("name", "title", "why"), "what"),
    **dict.fromkeys(("then", "newer_message", "newer", "interrupted_by", "meanwhile"), "then_say"),
    **dict.fromkeys(("then_says", "interrupt", "new_message", "second_message"), "then_say"),
    **dict.fromkeys(("messages", "says"), "say"),
}
"""Another name of a part of a fault -> the one that is read here."""

GIVEN: Final[Mapping[str, str]] = {
    **dict.fromkeys(("budget_left", "tokens_left", "budget_tokens"), "budget_left_tokens"),
    **dict.fromkeys(("tenant_budget_left_tokens",), "budget_left_tokens"),
    **dict.fromkeys(("breaker", "circuit_breaker"), "circuit"),
}
"""Another name of what is given -> the one that is read here."""

EXPECTATIONS: Final[Mapping[str, str]] = {
    **{f"sent_{name}": name for name in ("money", "money_not", "skus", "skus_not")},
    **{f"sent_{name}": name for name in ("any_of", "none_of", "lang", "replies")},
    **dict.fromkeys(("language", "sent_language"), "lang"),
    **dict.fromkeys(("sent", "sent_count", "messages_sent", "replies_sent"), "replies"),
    **dict.fromkeys(("sent_max", "max_replies"), "replies_max"),
    **dict.fromkeys(("orders", "orders_new"), "new_orders"),
    **dict.fromkeys(("handed_over", "handoff"), "handover"),
    **dict.fromkeys(("reason", "handover_reason"), "flags"),
    **dict.fromkeys(("answered_by", "path", "engine", "fallback"), "by"),
    **dict.fromkeys(("sent_contains", "contains", "sent_all_of"), "all_of"),
    **dict.fromkeys(("operator_notice", "operator_notices", "notices"), "notice"),
    **dict.fromkeys(("identical_calls_max", "same_tool_calls_max"), "same_calls_max"),
    **dict.fromkeys(("tool_errors", "tool_outcome"), "tool_error"),
    **dict.fromkeys(("max_model_calls", "calls_max"), "model_calls_max"),
    **dict.fromkeys(("min_model_calls",), "model_calls_min"),
    **dict.fromkeys(("max_tool_calls", "tools_max"), "tool_calls_max"),
    **dict.fromkeys(("within_s", "answered_within_s"), "answer_within_s"),
    **dict.fromkeys(("breaker", "circuit_breaker"), "circuit"),
    **dict.fromkeys(("offence", "offences", "guard_offence", "guard_rejects"), "guard"),
    **dict.fromkeys(("chars_max", "max_chars", "sent_max_chars", "length_max"), "sent_chars_max"),
    **dict.fromkeys(("discarded", "cancelled_call", "first_discarded"), "model_cancelled"),
    **dict.fromkeys(("tokens_max",), "tokens_used_max"),
}
"""Another name of an expectation -> the one that is read here."""

_STATE: Final = frozenset(field.name for field in msgspec.structs.fields(State))
_SAID: Final = frozenset(field.name for field in msgspec.structs.fields(Expected))
_STEP: Final = frozenset(field.name for field in msgspec.structs.fields(Step)) - _SAID
_ACT: Final = (_STEP - {"note"}) | {"model", "expect", "then_say"}


class Wanted(Part, frozen=True, kw_only=True):
    """What must be so besides the words and the shop's state; None and empty: it is free.

    `by`: one of these gave the words. `tool_error`: what a tool said no with, `none` for never.
    `notice`: what the operator is told of, `true` for anything.
    """

    by: tuple[Who, ...] = ()
    retries: int | None = None
    tool_error: tuple[str, ...] = ()
    model_calls: int | None = None
    model_calls_max: int | None = None
    model_calls_min: int | None = None
    tool_calls: int | None = None
    tool_calls_max: int | None = None
    same_calls_max: int | None = None
    answer_within_s: float | None = None
    circuit: Literal["open", "closed"] | None = None
    guard: tuple[str, ...] = ()
    sent_chars_max: int | None = None
    model_cancelled: bool | None = None
    tokens_used_max: int | None = None
    notice: tuple[str, ...] = ()


_OWN: Final = frozenset(field.name for field in msgspec.structs.fields(Wanted))


class Act(msgspec.Struct, frozen=True):
    """One turn of a fault. `script` None: what is left of the turn's before."""

    step: Step
    script: tuple[Reply, ...] | None
    wanted: Wanted


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Scripts for a model that errs. Without a limit of its own its shop has none."""

    id: str
    what: str
    told: Dialogue
    acts: tuple[Act, ...]
    budget_left_tokens: int | None = None
    customer_budget_left_tokens: int | None = None
    is_circuit_open: bool = False


class _Given(Given, frozen=True, kw_only=True):
    budget_left_tokens: int | None = None
    customer_budget_left_tokens: int | None = None
    circuit: Literal["open", "closed"] = "closed"


class _Written(Part, frozen=True, kw_only=True):
    """A fault as it stands in the file, without the script and what is expected."""

    id: str
    customer: str
    tenant: str = ""
    what: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()
    mode: Literal["model"] = "model"
    embedded: Literal["must", "may"] = "may"
    given: _Given = _Given()


def read(raw: Mapping[str, Any], shops: Shops) -> Fault:
    """A fault; EvalFileError. Numbers inside of its `model` are numbers already."""
    where = f"fault {raw.get('id', '')}".strip()
    parts = _named(raw, FIELDS, where)
    of_turn = {name: parts.pop(name) for name in tuple(parts) if name in _ACT}
    turns = parts.pop("turns", None)
    if turns is None:
        acts: tuple[Act, ...] = (_act({"model": [], **of_turn}, where),)
    elif of_turn:
        raise EvalFileError(f"{where}: {min(of_turn)!r} stands beside 'turns'; put it into one")
    else:
        acts = tuple(_act(turn, f"{where}, turns[{at}]") for at, turn in enumerate(turns))
    if isinstance(parts.get("given"), Mapping):
        parts["given"] = _named(parts["given"], GIVEN, f"{where}, given")
    written = convert(parts, _Written, where)
    given = written.given
    told = Dialogue(
        id=written.id,
        tenant=written.tenant or _tenant_of(written.customer, shops),
        customer=written.customer,
        given=Given(cart=given.cart, stock=given.stock),
        turns=tuple(act.step for act in acts),
    )
    return Fault(
        id=written.id,
        what=written.what,
        told=told,
        acts=acts,
        budget_left_tokens=given.budget_left_tokens,
        customer_budget_left_tokens=given.customer_budget_left_tokens,
        is_circuit_open=given.circuit == "open",
    )


def _act(raw: object, where: str) -> Act:
    """One turn: what is said, the script if it has its own, and what is expected."""
    if not isinstance(raw, Mapping):
        raise EvalFileError(f"{where}: write it as 'say:', 'model:', 'expect:'")
    parts = _named(raw, FIELDS, where)
    model, then = parts.pop("model", None), parts.pop("then_say", None)
    expected = parts.pop("expect", {})
    if not isinstance(expected, Mapping):
        raise EvalFileError(f"{where}, expect: write what must come of it, like 'by: embedded'")
    expectations, wanted = _expected(expected, f"{where}, expect")
    try:
        steps = None if model is None else _interrupted(script.read(model), then)
    except ScriptError as error:
        raise EvalFileError(f"{where}, {error}") from None
    return Act(
        convert({**_said(parts), **expectations}, Step, where),
        steps,
        convert(wanted, Wanted, f"{where}, expect"),
    )


def _named(raw: Mapping[str, Any], names: Mapping[str, str], where: str) -> dict[str, Any]:
    """The parts under the names that are read here."""
    found: dict[str, Any] = {}
    for key, value in raw.items():
        name = names.get(key, key)
        if name in found:
            raise EvalFileError(f"{where}: {key!r} is there twice, under another name")
        found[name] = value
    return found


def _tenant_of(customer: str, shops: Shops) -> str:
    return shops.customers[customer].tenant if customer in shops.customers else ""


def _said(step: Mapping[str, Any]) -> dict[str, Any]:
    """What the customer does; several texts under `say` are a burst."""
    said = step.get("say")
    if not isinstance(said, list):
        return dict(step)
    burst = [
        text if isinstance(text, list) else [str(number * SAY_EVERY_S), text]
        for number, text in enumerate(said)
    ]
    return {**{name: part for name, part in step.items() if name != "say"}, "burst": burst}


def _interrupted(steps: tuple[Reply, ...], then: object) -> tuple[Reply, ...]:
    """The script, with the newer message in its first step; nobody says anything twice."""
    if then is not None:
        text = then.get("say", then.get("text")) if isinstance(then, Mapping) else then
        if not isinstance(text, str):
            raise ScriptError("then_say: write what the customer says")
        if not steps:
            raise ScriptError("then_say: the model needs a step that it interrupts")
        steps = (msgspec.structs.replace(steps[0], then_say=text), *steps[1:])
    if steps and steps[-1].then_say is not None:
        steps = (*steps, msgspec.structs.replace(steps[-1], then_say=None))
    return steps


# --- what is expected --------------------------------------------------------------------------


def _expected(raw: Mapping[str, Any], where: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a step expects, and what a fault expects besides."""
    said: dict[str, Any] = {}
    state: dict[str, Any] = {}
    wanted: dict[str, Any] = {}
    for name, value in _named(raw, EXPECTATIONS, where).items():
        if name == "state" and isinstance(value, Mapping):
            state |= value
        elif name == "by":
            wanted |= _by(value, where)
        elif name in _STATE:
            state[name] = _listed(value) if name in ("flags", "cancelled") else value
        elif name == "any_of":
            said[name] = [*said.get(name, []), *_choices(value)]
        elif name == "all_of":
            said["any_of"] = [*said.get("any_of", []), *([text] for text in _listed(value))]
        elif name in ("model_calls", "tool_calls"):
            wanted |= _bounds(name, value)
        elif name in _SAID:
            plain = name in ("lang", "replies", "replies_max")
            said[name] = value if plain else _listed(value)
        elif name in _OWN:
            several = name in ("tool_error", "guard", "notice")
            wanted[name] = _listed(value) if several else value
        else:
            raise EvalFileError(f"{where}: there is no expectation {name!r}")
    return said | ({"state": state} if state else {}), wanted


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _choices(value: Any) -> list[Any]:
    """Lists of which one text each must be said; a plain list is one of them."""
    listed = _listed(value)
    return listed if all(isinstance(one, list) for one in listed) else [listed]


def _bounds(name: str, value: Any) -> dict[str, Any]:
    """A count, or its bounds: `<=6`, `>=2`, `{min: 2, max: 6}`."""
    if isinstance(value, Mapping):
        return {f"{name}_{bound}": count for bound, count in value.items()}
    text = str(value).replace(" ", "")
    for sign, bound in (("<=", "max"), (">=", "min")):
        if text.startswith(sign):
            return {f"{name}_{bound}": text.removeprefix(sign)}
    return {name: value}


def _by(value: Any, where: str) -> dict[str, Any]:
    """`retry_once_then_embedded`, `model`, `embedded_or_handover`, or a list of such."""
    found: list[Who] = []
    retried = set()
    for one in _listed(value):
        words = str(one).strip().lower().replace(" ", "_")
        begun = next((prefix for prefix in RETRIED if words.startswith(prefix)), "")
        retried.add(bool(begun))
        for name in words.removeprefix(begun).replace("|", "_or_").split("_or_"):
            who = WHOSE.get(name, name)
            if who not in get_args(Who):
                raise EvalFileError(f"{where}, by: {one!r} is nobody who answers")
            found.append(who)  # type: ignore[arg-type]
    return {"by": found} | ({"retries": 1} if retried == {True} else {})
