"""One turn of a model: calls and tools in turns until there are words that the guard lets pass."""

import asyncio
from typing import Any

import msgspec

from hub.assistant import guard, model_context
from hub.assistant.breaker import NO_USE
from hub.assistant.budget import Spent, Usage
from hub.assistant.desk import Desk
from hub.assistant.engine import ToolCall, Turn
from hub.assistant.metered import Metered, Refused
from hub.assistant.model_told import rebuke
from hub.assistant.model_wire import CallFailed, Message, Reply, Wanted
from hub.assistant.plain import clean


class TurnLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The most of one turn (docs/rules.md §4)."""

    calls_max: int = 6
    tools_max: int = 8
    output_max: int = 600
    turn_s: float = 25.0
    retries_max: int = 1
    pause_max_s: float = 1.0  # a customer waits: what an endpoint asks for beyond it is not waited


class NoAnswer(Exception):  # noqa: N818 - it names what came about
    """The model gave no words that may be sent; `reason` is short and free of personal data."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Conversation:
    """One turn. `run` once."""

    def __init__(self, metered: Metered, desk: Desk, turn: Turn, limits: TurnLimits) -> None:
        self._metered = metered
        self._desk = desk
        self._turn = turn
        self._limits = limits
        self._messages: list[Message] = []
        self._calls = self._tools = self._retries = self._rebukes = 0
        self.usage = Usage()
        self.spent = Spent()
        self.offences: tuple[str, ...] = ()

    async def run(self) -> str:
        """The words for the customer, empty when a person is called; NoAnswer."""
        state = await self._desk.open()
        known = (self._desk.profile, state, self._desk.summary)
        self._messages = model_context.messages(self._turn, *known)
        while True:
            last = self._is_last
            reply = await self._ask(use_tools=not last)
            if not reply.wanted:
                if (words := self._checked(reply.text)) is not None:
                    return words
            elif last:
                raise NoAnswer("limit")
            else:
                await self._use(reply)
                if self._desk.handed_over is not None:
                    return ""

    def trace(self, outcome: str) -> ToolCall:
        """What the model was used for, in the turn's trace."""
        args: dict[str, Any] = {
            "model": self._metered.model,
            "calls": self._calls,
            "retries": self._retries,
            "input_tokens": self.usage.input,
            "cached_tokens": self.usage.cached,
            "output_tokens": self.usage.output,
            "cost_micros": self.spent.micros,
        }
        if self.offences:
            args["guard"] = list(self.offences)
        return ToolCall("model", args, outcome)

    @property
    def _is_last(self) -> bool:
        """Whether the next call has to give words."""
        return self._calls + 1 >= self._limits.calls_max or self._tools >= self._limits.tools_max

    async def _ask(self, *, use_tools: bool) -> Reply:
        while True:
            if self._calls >= self._limits.calls_max:
                raise NoAnswer("limit")
            try:
                called = await self._metered.call(
                    self._messages, output_max=self._limits.output_max, use_tools=use_tools
                )
            except Refused as refused:
                raise NoAnswer(refused.reason) from None
            except CallFailed as failed:
                self._calls += 1
                await self._pause(failed)
                continue
            self._calls += 1
            self.usage += called.usage
            self.spent += called.spent
            return called.reply

    async def _pause(self, failed: CallFailed) -> None:
        """Before the one repetition; NoAnswer where it would be of no use."""
        if failed.fault in NO_USE or self._retries >= self._limits.retries_max:
            raise NoAnswer(f"endpoint:{failed.fault}")
        self._retries += 1
        await asyncio.sleep(min(failed.retry_after_s or 0.0, self._limits.pause_max_s))

    async def _use(self, reply: Reply) -> None:
        """Use the tools; only whole pairs of call and result enter what the model sees."""
        room = self._limits.tools_max - self._tools
        taken, left = reply.wanted[:room], reply.wanted[room:]
        self._tools += len(taken)
        results = await self._desk.use(taken)
        self._messages.append(_calling(reply))
        for wanted, result in zip(taken, results, strict=True):
            self._messages.append(model_context.told(wanted.call_id, result))
        for wanted in left:
            none_left = {"error": "limit", "next": "answer the customer now"}
            self._messages.append(model_context.told(wanted.call_id, none_left))

    def _checked(self, text: str) -> str | None:
        """The words if they may be sent; None after the model was told what is wrong with them."""
        facts, said = self._desk.facts, clean(text)
        found = guard.offences(said, facts, self._turn.tenant.exponent)
        if not found:
            return said
        self.offences += tuple(dict.fromkeys(one.kind for one in found))
        if self._rebukes or self._calls >= self._limits.calls_max:
            raise NoAnswer("guard")
        self._rebukes += 1
        self._messages.append({"role": "assistant", "content": text})
        self._messages.append({"role": "system", "content": rebuke(found, facts)})
        return None


def _calling(reply: Reply) -> Message:
    calls = [
        {
            "id": wanted.call_id,
            "type": "function",
            "function": {"name": wanted.name, "arguments": _sound(wanted)},
        }
        for wanted in reply.wanted
    ]
    return {"role": "assistant", "content": reply.text or None, "tool_calls": calls}


def _sound(wanted: Wanted) -> str:
    """The arguments as they were; broken ones would be refused by the endpoint."""
    try:
        whole = isinstance(msgspec.json.decode(wanted.arguments), dict)
    except (msgspec.DecodeError, UnicodeError):
        whole = False
    return wanted.arguments if whole else "{}"
