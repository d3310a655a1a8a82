"""Calls to a model that the breaker allows and the budget pays for."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache

import msgspec
import structlog

from hub.assistant import budget
from hub.assistant.breaker import Breaker, Fault
from hub.assistant.budget import Account, Limits, Prices, Purse, Reserved, Scope, Spent, Usage
from hub.assistant.model_wire import CallFailed, Message, Reply, Wire, tool_schemas
from hub.clock import Clock
from hub.store.errors import StoreError

log = structlog.get_logger(__name__)


class Refused(Exception):  # noqa: N818 - it names what came about
    """No call was made; `reason` names the limit, why the breaker is open or the store's trouble.

    What cannot be counted is not spent.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Called(msgspec.Struct, frozen=True):
    """A reply, and what it used."""

    reply: Reply
    usage: Usage
    spent: Spent


class Metered:
    """Calls on the account of one customer of one tenant.

    `opened` is told when a call opens the breaker for a reason that a person has to put right.
    """

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
        opened: Callable[[Fault], Awaitable[None]],
    ) -> None:
        self._wire = wire
        self._breaker = breaker
        self._purse = purse
        self._prices = prices
        self._limits = limits
        self._accounts = accounts
        self._identifier = identifier
        self._clock = clock
        self._opened = opened

    @property
    def model(self) -> str:
        """What the endpoint calls the model."""
        return self._wire.endpoint.model

    async def call(
        self, messages: Sequence[Message], *, output_max: int, use_tools: bool
    ) -> Called:
        """The model's reply; CallFailed, Refused."""
        if self._breaker.blocks(self._clock.monotonic()):
            raise Refused(f"breaker:{self._breaker.reason}")
        asked = budget.estimate(self._chars(messages), 0)
        reserved = await self._reserve(msgspec.structs.replace(asked, output=output_max))
        if not self._breaker.allows(self._clock.monotonic()):
            await self._settle(reserved, Spent())
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
            used = used if failed.billed else Spent()
            if self._breaker.failed(failed.fault, self._clock.monotonic()):
                await self._opened(failed.fault)
            raise
        finally:
            await self._settle(reserved, used)
        return Called(reply, usage, used)

    async def _reserve(self, most: Usage) -> Reserved:
        try:
            reserved = await self._purse.reserve(
                self._accounts, budget.cost(most, self._prices), self._limits
            )
        except StoreError as error:
            raise Refused(f"budget:{error.code}") from None
        if not isinstance(reserved, Reserved):
            raise Refused(f"budget:{reserved}")
        return reserved

    async def _settle(self, reserved: Reserved, used: Spent) -> None:
        """Count what was used. Where that cannot be written, what was reserved stays counted."""
        try:
            await self._purse.settle(reserved, used)
        except StoreError as error:
            log.warning("spending_not_settled", error=error.code)

    def _chars(self, messages: Sequence[Message]) -> int:
        return len(msgspec.json.encode(messages)) + _tools_chars()


@cache
def _tools_chars() -> int:
    return len(msgspec.json.encode(tool_schemas(strict=True)))


def _tokens(reply: Reply) -> int:
    chars = len(reply.text) + sum(len(one.arguments) for one in reply.wanted)
    return -(-chars // budget.CHARS_PER_TOKEN)
