"""CORE: the record that a turn keeps of how its answer came about, or why there is none.

It holds codes, counts and what `tracing.py` lets through: nothing that a customer wrote, no number
of theirs, no key. It is stored as JSON; what an earlier version wrote is read as far as it goes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from hub.assistant.engine import ToolCall
from hub.commerce.model_wishes import Mode

MODEL: Final = "model"
"""The name under which an engine lists what it used a model for, behind the model's own tools."""

ANSWERED: Final = "answered"
OK: Final = "ok"
REFUSED: Final = "guard"
"""Outcomes of a model's part: its words were used, or the guard let none of them pass."""

Verdict = Literal["passed", "rewritten", "refused"]


class Guarded(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the guard made of a model's words; `offences` are kinds, see `guard.Kind`."""

    verdict: Verdict
    offences: tuple[str, ...] = ()


class ModelUse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A model's part in a turn. `outcome` is `ok`, or why its words were not used.

    The first `tools` of the trace's tool calls are its own. `cost_micros` are millionths of the
    currency of the provider's bill.
    """

    outcome: str
    name: str = ""
    calls: int = 0
    retries: int = 0
    tools: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_micros: int = 0
    guard: Guarded | None = None


class TurnTrace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One turn. `path` is the way that led to the words, None without any.

    `outcome` is `answered`, a reason for calling a person or one of `turns.Reason`; `error` is
    where the code broke. `messages` are WhatsApp's ids of what was answered.
    """

    path: str | None = None
    outcome: str = ""
    engine: Mode | None = None
    language: str | None = None
    sending: Literal["suggest", "auto"] | None = None
    late: bool = False
    tool_calls: tuple[ToolCall, ...] = ()
    model: ModelUse | None = None
    latency_ms: int = 0
    messages: tuple[str, ...] = ()
    error: str | None = None

    @property
    def answers_calls(self) -> tuple[ToolCall, ...]:
        """The tools behind the words that were sent: not those of a model that failed."""
        failed = self.model is not None and self.model.outcome != OK
        return self.rules_calls if failed else self.tool_calls

    @property
    def models_calls(self) -> tuple[ToolCall, ...]:
        """The tools that the model used."""
        return self.tool_calls[: self.model.tools] if self.model is not None else ()

    @property
    def rules_calls(self) -> tuple[ToolCall, ...]:
        """The tools that code used."""
        return self.tool_calls[len(self.models_calls) :]


def parted(calls: Sequence[ToolCall]) -> tuple[tuple[ToolCall, ...], ModelUse | None]:
    """An engine's list as tools used, and the model's part in it."""
    at = next((i for i, call in enumerate(calls) if call.name == MODEL), None)
    if at is None:
        return tuple(calls), None
    return (*calls[:at], *calls[at + 1 :]), _model(calls[at], tools=at)


def encode(trace: TurnTrace) -> str:
    """The text that is stored."""
    return msgspec.json.encode(trace).decode()


def decode(text: str | None) -> TurnTrace | None:
    """The trace in a stored text, whichever version wrote it; None where there is none to read."""
    if not text:
        return None
    try:
        trace = msgspec.json.decode(text, type=TurnTrace)
    except msgspec.MsgspecError:
        return None
    if trace.model is not None:
        return trace
    tools, model = parted(trace.tool_calls)
    return msgspec.structs.replace(trace, tool_calls=tools, model=model)


def _model(call: ToolCall, tools: int) -> ModelUse:
    args = call.args
    name = args.get("model")
    return ModelUse(
        outcome=call.outcome,
        name=name if isinstance(name, str) else "",
        tools=tools,
        guard=_guarded(call),
        **{field: _count(args, field) for field in _COUNTS},
    )


_COUNTS: Final = (
    *("calls", "retries", "input_tokens", "cached_tokens", "output_tokens", "cost_micros"),
)


def _count(args: Mapping[str, Any], name: str) -> int:
    found = args.get(name)
    return found if isinstance(found, int) else 0


def _guarded(call: ToolCall) -> Guarded | None:
    """None where there were no words to judge."""
    found = call.args.get("guard")
    offences = tuple(dict.fromkeys(map(str, found))) if isinstance(found, list | tuple) else ()
    if call.outcome == OK:
        return Guarded("rewritten", offences) if offences else Guarded("passed")
    return Guarded("refused", offences) if offences else None
