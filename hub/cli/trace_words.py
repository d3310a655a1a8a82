"""What a trace's codes mean, in plain words: `trace_words.toml`."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from hub.assistant.engine import ToolCall
from hub.assistant.turn_trace import ANSWERED, Guarded, ModelUse, TurnTrace
from hub.cli.command import printable

MICROS_DECIMALS: Final = 6
UNKNOWN: Final = "unknown"
"""What a trace has in place of a code that is none of the shop's."""


@cache
def words() -> Mapping[str, Mapping[str, str]]:
    """Every table by its name."""
    text = files("hub.cli").joinpath("trace_words.toml").read_text("utf-8")
    return tomllib.loads(text)


def word(table: str, code: str | None) -> str:
    """What a code means; the code itself where nobody said."""
    return words()[table].get(code or "", printable(code))


def path(trace: TurnTrace) -> str:
    """Who answered, and what it was about."""
    who = "by the model" if (trace.path or "").partition(".")[0] == "model" else "by the rules"
    because = f" ({why(trace.outcome)})" if trace.outcome not in ("", ANSWERED) else ""
    return f"{who}: {word('paths', trace.path)}{because}"


def why(code: str) -> str:
    """Why a turn waits or was dropped."""
    return word("reasons", code)


def tool(call: ToolCall) -> str:
    """One use of a tool, and what came of it."""
    done = words()["tools"].get(call.name, printable(call.name)).format_map(_Args(call.args))
    return f"{done}: {words()['outcomes'].get(call.outcome, printable(call.outcome))}"


def model(use: ModelUse) -> str:
    """What the model was used for and what it cost."""
    again = f" ({use.retries} of them a repetition)" if use.retries else ""
    cached = f" ({use.cached_tokens:,} from the cache)" if use.cached_tokens else ""
    calls = "1 call" if use.calls == 1 else f"{use.calls} calls"
    spent = f"{use.input_tokens:,} tokens in{cached}, {use.output_tokens:,} out"
    return f"{printable(use.name)}: {calls}{again}, {spent}, cost {cost(use)}"


def outcome(use: ModelUse) -> str:
    """What became of the model's part."""
    kind, _, detail = use.outcome.partition(":")
    return word("model", kind) + (f": {word('faults', detail)}" if detail else "")


def guard(found: Guarded) -> str:
    """What the guard made of the model's words."""
    offences = ", ".join(word("offences", kind) for kind in found.offences)
    return word("verdicts", found.verdict) + (f": {offences}" if offences else "")


def cost(use: ModelUse) -> str:
    """In the currency of the provider's bill."""
    whole, part = divmod(use.cost_micros, 10**MICROS_DECIMALS)
    return f"{whole}.{part:0{MICROS_DECIMALS}}"


class _Args(dict[str, Any]):
    """A tool's arguments as they stand in a sentence; a dash where there is none."""

    def __init__(self, args: Mapping[str, Any]) -> None:
        super().__init__({name: _shown(value) for name, value in args.items()})

    def __missing__(self, key: str) -> str:
        return "-"


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(printable, value)).replace("_", " ")
    return "something unknown" if value == UNKNOWN else printable(value)
