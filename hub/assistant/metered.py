"""Calls to a model that the breaker allows and the budget pays for."""

from collections.abc import Mapping, Sequence
from functools import cache

import msgspec

from hub.assistant import budget
from hub.assistant.breaker import Breaker
from hub.assistant.budget import Account, Limits, Prices, Purse, Reserved, Scope, Spent, Usage
from hub.assistant.model_wire import CallFailed, Message, Reply, Wire, tool_schemas
from hub.clock import Clock


class Refused(Exception):  # noqa: N818 - it names what came about
    """No call was made; `reason` names the limit or why the breaker is open."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Called(msgspec.Struct, frozen=True):
    """A reply, and what it used."""

    reply: Reply
    usage: Usage
    spent: Spent


class Metered:
    """Calls on the account of one customer of one tenant."""

    def __init__(
        self,
        wire: Wire,
        breaker: Breaker,
        purse: Purse,
        prices: Prices,
        limits: Limits,
        accounts: Mapping[Scope, Account],
        identifier: str,
        clock: Clock,
    ) -> None:
        self._wire = wire
        self._breaker = breaker
        self._purse = purse
        self._prices = prices
        self._limits = limits
        self._accounts = accounts
        self._identifier = identifier
        self._clock = clock

    async def call(
        self, messages: Sequence[Message], *, output_max: int, use_tools: bool
    ) -> Called:
        """The model's reply; CallFailed, Refused."""
        asked = budget.estimate(self._chars(messages), 0)
        reserved = await self._reserve(msgspec.structs.replace(asked, output=output_max))
        if not self._breaker.allows(self._clock.monotonic()):
            await self._purse.settle(reserved, Spent())
            raise Refused(f"breaker:{self._breaker.reason}")
        used = budget.cost(asked, self._prices)  # of a call that is cut off, as well
        try:
            reply = await self._wire.ask(
                messages, identifier=self._identifier, output_max=output_max, use_tools=use_tools
            )
            self._breaker.succeeded()
            usage = reply.usage or budget.estimate(self._chars(messages), _tokens(reply))
            used = budget.cost(usage, self._prices)
        except CallFailed as failed:
            self._breaker.failed(failed.fault, self._clock.monotonic())
            used = used if failed.billed else Spent()
            raise
        finally:
            await self._purse.settle(reserved, used)
        return Called(reply, usage, used)

    async def _reserve(self, most: Usage) -> Reserved:
        reserved = await self._purse.reserve(
            self._accounts, budget.cost(most, self._prices), self._limits
        )
        if not isinstance(reserved, Reserved):
            raise Refused(f"budget:{reserved}")
        return reserved

    def _chars(self, messages: Sequence[Message]) -> int:
        return len(msgspec.json.encode(messages)) + _tools_chars()


@cache
def _tools_chars() -> int:
    return len(msgspec.json.encode(tool_schemas(strict=True)))


def _tokens(reply: Reply) -> int:
    chars = len(reply.text) + sum(len(one.arguments) for one in reply.wanted)
    return -(-chars // budget.CHARS_PER_TOKEN)
