"""CORE: whether a model that errs did no more harm than its fault allows."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from hub.assistant.turn_trace import TurnTrace
from hub.evaluation.faults import Wanted
from hub.evaluation.judge import Miss
from hub.evaluation.script import Reply

MEANS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(
        (
            *("invalid_arguments", "malformed_arguments", "bad_args", "invalid_args"),
            *("invalid_json", "malformed_json", "bad_json", "unknown_tool", "no_such_tool"),
            *("validation_error", "unknown_argument", "missing_argument"),
        ),
        ("bad_arguments",),
    ),
    **dict.fromkeys(
        ("unknown_sku", "unknown_product", "no_such_product", "unknown_order", "forbidden"),
        ("not_found",),
    ),
    **dict.fromkeys(("not_confirmed", "needs_confirmation"), ("confirmation_required",)),
    **dict.fromkeys(
        ("insufficient_stock", "not_enough_stock", "stock"), ("over_stock", "out_of_stock")
    ),
    **dict.fromkeys(("under_minimum", "min_qty", "minimum"), ("below_minimum",)),
    "step": ("off_step",),
    **dict.fromkeys(
        ("bad_quantity", "invalid_quantity", "negative_quantity", "quantity", "out_of_range"),
        ("not_positive", "off_step", "below_minimum", "over_stock", "too_many", "bad_arguments"),
    ),
    **dict.fromkeys(
        ("repeated_call", "duplicate_call", "identical_call", "identical_calls", "loop"),
        ("repeated",),
    ),
    **dict.fromkeys(
        ("tool_limit", "call_limit", "limit_exceeded", "too_many_calls"), ("limit", "repeated")
    ),
}
"""What files call the reasons for which a tool says no -> the tools' own names for them."""

NONE: Final = "none"


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a fault, on the wire and in the traces.

    `played` has the script's steps as they were asked for, `told` what the model was told that a
    tool said no with. `is_left`: a request was given up before it was answered.
    """

    played: tuple[Reply, ...]
    told: tuple[str, ...]
    traces: tuple[TurnTrace, ...]
    replies: tuple[str, ...]
    is_handed_over: bool
    is_open: bool
    is_left: bool
    notices: tuple[str, ...] = ()


def misses(wanted: Wanted, evidence: Evidence) -> list[Miss]:
    """Everything that a turn of a fault expects and did not get."""
    return [
        *_by(wanted, evidence),
        *_tool_errors(wanted, evidence),
        *_counts(wanted, evidence),
        *_rest(wanted, evidence),
    ]


def _by(wanted: Wanted, evidence: Evidence) -> Iterator[Miss]:
    who = _who(evidence)
    if wanted.by and not who & set(wanted.by):
        paths = ", ".join(trace.path or trace.outcome for trace in evidence.traces)
        yield Miss(f"by: {' or '.join(wanted.by)}", f"{', '.join(sorted(who))} ({paths})")
    if wanted.retries is not None and (came := _retries(evidence)) != wanted.retries:
        yield Miss(f"retries: {wanted.retries}", f"{came}")


def _who(evidence: Evidence) -> set[str]:
    """Whose the words were that the customer got, under each name that fits."""
    if not evidence.replies:
        return {"nobody"}
    path = evidence.traces[-1].path if evidence.traces else None
    found = set() if path is None else {path.partition(".")[0]}
    return found | ({"handover"} if evidence.is_handed_over or path is None else set())


def _retries(evidence: Evidence) -> int:
    """How often the model was asked for the same again: for words, or for a tool's arguments."""
    wordy = sum(not step.is_call for step in evidence.played)
    return max(0, wordy - 1) + evidence.told.count("bad_arguments")


def _tool_errors(wanted: Wanted, evidence: Evidence) -> Iterator[Miss]:
    shown = ", ".join(evidence.told) or NONE
    for code in map(str.lower, wanted.tool_error):
        if code in (NONE, "false"):
            if evidence.told:
                yield Miss("tool_error: none", shown)
        elif not {code, *MEANS.get(code, ())} & set(evidence.told):
            yield Miss(f"tool_error: {code}", shown)


def _counts(wanted: Wanted, evidence: Evidence) -> Iterator[Miss]:
    asked = len(evidence.played)
    used = sum(trace.model.tools for trace in evidence.traces if trace.model is not None)
    tokens = sum(
        trace.model.input_tokens + trace.model.output_tokens
        for trace in evidence.traces
        if trace.model is not None
    )
    waited_s = max((trace.latency_ms for trace in evidence.traces), default=0) / 1000
    longest = max(map(len, evidence.replies), default=0)
    uses = Counter(
        (call.name, str(call.args)) for trace in evidence.traces for call in trace.models_calls
    )
    exact = (("model_calls", asked), ("tool_calls", used))
    for name, came in exact:
        if (count := getattr(wanted, name)) is not None and came != count:
            yield Miss(f"{name}: {count}", f"{came}")
    at_most = (
        ("model_calls_max", asked),
        ("tool_calls_max", used),
        ("same_calls_max", max(uses.values(), default=0)),
        ("tokens_used_max", tokens),
        ("sent_chars_max", longest),
        ("answer_within_s", waited_s),
    )
    for name, much in at_most:
        if (most := getattr(wanted, name)) is not None and much > most:
            yield Miss(f"{name}: {most:g}", f"{much:g}")
    if wanted.model_calls_min is not None and asked < wanted.model_calls_min:
        yield Miss(f"model_calls_min: {wanted.model_calls_min}", f"{asked}")
    if wanted.answer_within_s is not None and not evidence.replies:
        yield Miss(f"answer_within_s: {wanted.answer_within_s:g}", "no answer")


def _rest(wanted: Wanted, evidence: Evidence) -> Iterator[Miss]:
    circuit = "open" if evidence.is_open else "closed"
    if wanted.circuit is not None and circuit != wanted.circuit:
        yield Miss(f"circuit: {wanted.circuit}", circuit)
    offences = {
        kind
        for trace in evidence.traces
        if trace.model is not None and trace.model.guard is not None
        for kind in trace.model.guard.offences
    }
    for kind in wanted.guard:
        if kind not in offences:
            yield Miss(f"guard: {kind}", ", ".join(sorted(offences)) or NONE)
    for kind in wanted.notice:
        if kind not in evidence.notices and not (kind == "true" and evidence.notices):
            yield Miss(f"notice: {kind}", ", ".join(evidence.notices) or NONE)
    if wanted.model_cancelled is not None and wanted.model_cancelled != evidence.is_left:
        yield Miss(f"model_cancelled: {wanted.model_cancelled}", f"{evidence.is_left}")
