"""The engine that asks a language model, and the one that asks it only where that is worth it.

The embedded engine's answer is made first: it decides what needs no model, and stands ready for
when the model fails, stalls or says what the shop did not.
"""

import asyncio
import hmac
from collections.abc import Callable
from hashlib import sha256
from secrets import token_bytes
from typing import Final, Literal

import msgspec
import structlog

from hub.assistant import budget
from hub.assistant.breaker import Breaker
from hub.assistant.budget import Limits, MemoryPurse, Prices, Purse
from hub.assistant.desk import Desk
from hub.assistant.embedded import agreed, texts_of
from hub.assistant.engine import Answer, Engine, Turn
from hub.assistant.language import load
from hub.assistant.metered import Metered
from hub.assistant.model_loop import Conversation, NoAnswer, TurnLimits
from hub.assistant.model_wire import Wire
from hub.assistant.signs import words_of
from hub.clock import Clock
from hub.store.database import Store

Mode = Literal["embedded", "hybrid", "model"]

FACTS: Final = frozenset(("embedded.price", "embedded.order", "embedded.info"))
"""Exact prices, an order's state, hours and the like: code knows them, and at once."""

ANSWERS: Final = frozenset(("embedded.ordered", "embedded.declined", "embedded.cancel"))
"""What came of a yes or a no."""

FACT_WORDS_MAX: Final = 12
"""Of a question that is about one fact; a longer one says more than code understands."""

BY_CODE: Final = frozenset(("customer_request", "payment_claim", "complaint", "abuse", "discount"))
"""When a person is called whatever a model thinks of it."""

log = structlog.get_logger(__name__)


class ModelEngine:
    """Answers with a model; NoAnswer when it has none. `close` ends the connections."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        wire: Wire,
        *,
        prices: Prices | None = None,
        limits: Callable[[str], Limits] = lambda _: Limits(),
        purse: Purse | None = None,
        breaker: Breaker | None = None,
        turn_limits: TurnLimits | None = None,
        identity_key: bytes | None = None,
    ) -> None:
        """`limits` are a tenant's; `identity_key` keeps the provider from telling customers."""
        self.breaker = breaker or Breaker()
        self._store = store
        self._clock = clock
        self._wire = wire
        self._prices = prices or Prices()
        self._limits = limits
        self._purse: Purse = purse or MemoryPurse()
        self._turn_limits = turn_limits or TurnLimits()
        self._identity_key = identity_key or token_bytes(32)

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()

    async def answer(self, turn: Turn, code: str = "en") -> Answer:
        """The model's answer, or a call for a person; `Failed` when there is none.

        `code` is the customer's language: in it a yes is recognised and code's own words are said.
        """
        language = load(code)
        desk = Desk(self._store, turn, agrees=agreed(texts_of(turn), language))
        conversation = Conversation(self._metered(turn), desk, turn, self._turn_limits)
        try:
            async with asyncio.timeout(self._turn_limits.turn_s):
                words = await conversation.run()
        except TimeoutError:
            self.breaker.failed("timeout", self._clock.monotonic())
            raise Failed("timeout", desk, conversation) from None
        except NoAnswer as none:
            raise Failed(none.reason, desk, conversation) from None
        calls = (*desk.calls, conversation.trace("ok"))
        if (reason := desk.handed_over) is not None:
            words, path = turn.tenant.handover or language.say("handover"), "model.handover"
        else:
            path = "model"
        return Answer(
            text=words,
            path=path,
            tool_calls=calls,
            handover=reason,
            effects=() if reason is not None else desk.effects,
            language=code,
        )

    def _metered(self, turn: Turn) -> Metered:
        tenant = turn.tenant
        whose = f"{tenant.tenant_id}\n{turn.chat_key}".encode()
        customer = hmac.new(self._identity_key, whose, sha256).hexdigest()
        return Metered(
            self._wire,
            self.breaker,
            self._purse,
            self._prices,
            self._limits(tenant.tenant_id),
            budget.accounts_of(tenant.tenant_id, customer, tenant.timezone, turn.now_ms),
            customer,
            self._clock,
        )


class Failed(NoAnswer):
    """A turn without an answer, with the trace of what was tried."""

    def __init__(self, reason: str, desk: Desk, conversation: Conversation) -> None:
        super().__init__(reason)
        self.calls = (*desk.calls, conversation.trace(reason))


class HybridEngine:
    """The embedded engine, and a model where the mode allows and the turn needs one.

    `mode_of` gives a tenant's mode. Without a model every mode is embedded.
    """

    def __init__(
        self, embedded: Engine, model: ModelEngine | None, mode_of: Callable[[str], Mode]
    ) -> None:
        self._embedded = embedded
        self._model = model
        self._mode_of = mode_of

    async def close(self) -> None:
        """Close the model's connections."""
        if self._model is not None:
            await self._model.close()

    async def answer(self, turn: Turn) -> Answer:
        """The answer of whichever engine is right for the turn; never none for want of a model."""
        ready = await self._embedded.answer(turn)
        mode = self._mode_of(turn.tenant.tenant_id)
        if self._model is None or mode == "embedded" or is_by_code(turn, ready, mode):
            return ready
        try:
            return await self._model.answer(turn, ready.language)
        except Failed as failed:
            log.warning("model_failed", turn_id=turn.turn_id, reason=failed.reason)
            return msgspec.structs.replace(ready, tool_calls=(*failed.calls, *ready.tool_calls))


def is_by_code(turn: Turn, ready: Answer, mode: Mode) -> bool:
    """Whether the embedded engine's answer is the one to give, without asking a model."""
    if ready.handover in BY_CODE:
        return True
    if mode == "model":
        return False
    words = [word for text in texts_of(turn) for word in words_of(text)]
    return len(words) <= FACT_WORDS_MAX and ready.path in FACTS | ANSWERS
