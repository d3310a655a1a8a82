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

TEXT_MAX_CHARS: Final = 1_000

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
        language: str = "en",
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
        self._language = load(language)

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()

    async def answer(self, turn: Turn) -> Answer:
        """The model's answer, or a call for a person; `Failed` when there is none."""
        desk = Desk(self._store, turn, agrees=self._agrees(turn))
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
            text = turn.tenant.handover or self._language.say("handover")
            return Answer(text=text, path="model.handover", tool_calls=calls, handover=reason)
        return Answer(text=words, path="model", tool_calls=calls, effects=desk.effects)

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

    def _agrees(self, turn: Turn) -> bool:
        """Whether the customer's messages are an explicit yes and nothing else."""
        texts = [line.text[:TEXT_MAX_CHARS] for line in turn.messages if line.text.strip()]
        asks = any(text.rstrip().endswith(("?", "？", "؟")) for text in texts)
        return not asks and self._language.agrees([w for text in texts for w in words_of(text)])


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
            return await self._model.answer(turn)
        except Failed as failed:
            log.warning("model_failed", turn_id=turn.turn_id, reason=failed.reason)
            return msgspec.structs.replace(ready, tool_calls=(*failed.calls, *ready.tool_calls))


def is_by_code(turn: Turn, ready: Answer, mode: Mode) -> bool:
    """Whether the embedded engine's answer is the one to give, without asking a model."""
    if ready.handover in BY_CODE:
        return True
    if mode == "model":
        return False
    words = [word for line in turn.messages for word in words_of(line.text[:TEXT_MAX_CHARS])]
    return len(words) <= FACT_WORDS_MAX and ready.path in FACTS | ANSWERS
