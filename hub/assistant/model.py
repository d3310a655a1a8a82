"""The engine that asks a language model, and the one that asks it only where that is worth it.

The embedded engine's answer is made first: it decides what needs no model, and stands ready for
when the model fails, stalls or says what the shop did not.
"""

import asyncio
import hmac
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from secrets import token_bytes
from typing import Final

import msgspec
import structlog

from hub.assistant import allowance, budget
from hub.assistant.breaker import Breaker, Fault
from hub.assistant.budget import Limits, Prices, Purse
from hub.assistant.desk import Desk
from hub.assistant.embedded import agreed, texts_of
from hub.assistant.engine import Answer, Engine, Turn
from hub.assistant.language import load
from hub.assistant.metered import Metered
from hub.assistant.model_loop import Conversation, NoAnswer, TurnLimits
from hub.assistant.model_wire import Wire
from hub.assistant.purse import StorePurse
from hub.assistant.signs import words_of
from hub.clock import Clock
from hub.commerce.model_wishes import Mode
from hub.store import operator_notices
from hub.store.database import Store
from hub.store.errors import StoreError

FACTS: Final = frozenset(("embedded.price", "embedded.order", "embedded.info"))
"""Exact prices, an order's state, hours and the like: code knows them, and at once."""

ANSWERS: Final = frozenset(("embedded.ordered", "embedded.declined", "embedded.cancel"))
"""What came of a yes or a no."""

FACT_WORDS_MAX: Final = 12
"""Of a question that is about one fact; a longer one says more than code understands."""

BY_CODE: Final = frozenset(("customer_request", "payment_claim", "complaint", "abuse", "discount"))
"""When a person is called whatever a model thinks of it."""

ALWAYS: Final = "embedded.opted"
"""A STOP is obeyed by code, whatever is asked a model otherwise."""

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
        limits: Limits | None = None,
        purse: Purse | None = None,
        breaker: Breaker | None = None,
        turn_limits: TurnLimits | None = None,
        identity_key: bytes | None = None,
    ) -> None:
        """`limits` are the most of any tenant, which may wish for lower ones.

        `identity_key` keeps the provider from telling customers; another one after a restart makes
        them new ones to their limits.
        """
        self.breaker = breaker or Breaker()
        self._store = store
        self._clock = clock
        self._wire = wire
        self._prices = prices or Prices()
        self._limits = limits or Limits()
        self._purse: Purse = purse or StorePurse(store, clock)
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

    def identity_of(self, tenant_id: str, chat_key: str) -> str:
        """What the provider and the budget call a customer: nothing that leads back to a number."""
        whose = f"{tenant_id}\n{chat_key}".encode()
        return hmac.new(self._identity_key, whose, sha256).hexdigest()

    def _metered(self, turn: Turn) -> Metered:
        tenant = turn.tenant
        customer = self.identity_of(tenant.tenant_id, turn.chat_key)
        return Metered(
            self._wire,
            self.breaker,
            self._purse,
            self._prices,
            allowance.within(self._limits, tenant.model),
            budget.accounts_of(tenant.tenant_id, customer, tenant.timezone, turn.now_ms),
            customer,
            self._clock,
            self._tell_opened,
        )

    async def _tell_opened(self, fault: Fault) -> None:
        """Let the operator know that no model is asked until a person puts that right."""
        now_ms = self._clock.now_ms()
        log.error("model_left_alone", reason=fault)
        subject = f"{fault} {datetime.fromtimestamp(now_ms / 1000, UTC):%Y-%m-%d %H:%M}"
        tell = partial(
            operator_notices.tell, tenant_id="", kind="breaker", subject=subject, now_ms=now_ms
        )
        try:
            await self._store.write(tell)
        except StoreError as error:
            log.warning("notice_not_kept", error=error.code)


class Failed(NoAnswer):
    """A turn without an answer, with the trace of what was tried."""

    def __init__(self, reason: str, desk: Desk, conversation: Conversation) -> None:
        super().__init__(reason)
        self.calls = (*desk.calls, conversation.trace(reason))


class HybridEngine:
    """The embedded engine, and a model where the mode allows and the turn needs one.

    `mode` is that of a tenant which wishes for none. Without a model every mode is embedded.
    """

    def __init__(self, embedded: Engine, model: ModelEngine | None, mode: Mode = "hybrid") -> None:
        self._embedded = embedded
        self.model = model
        self._mode: Mode = mode

    async def close(self) -> None:
        """Close the model's connections."""
        if self.model is not None:
            await self.model.close()

    async def answer(self, turn: Turn) -> Answer:
        """The answer of whichever engine is right for the turn; never none for want of a model."""
        mode: Mode = "embedded"
        if self.model is not None:
            mode = turn.tenant.model.model_mode or self._mode
        return msgspec.structs.replace(await self._answered(turn, mode), mode=mode)

    async def _answered(self, turn: Turn, mode: Mode) -> Answer:
        ready = await self._embedded.answer(turn)
        if self.model is None or mode == "embedded" or is_by_code(turn, ready, mode):
            return ready
        try:
            return await self.model.answer(turn, ready.language)
        except Failed as failed:
            log.warning("model_failed", turn_id=turn.turn_id, reason=failed.reason)
            return msgspec.structs.replace(ready, tool_calls=(*failed.calls, *ready.tool_calls))


def is_by_code(turn: Turn, ready: Answer, mode: Mode) -> bool:
    """Whether the embedded engine's answer is the one to give, without asking a model."""
    if ready.handover in BY_CODE or ready.path == ALWAYS:
        return True
    if mode == "model":
        return False
    words = [word for text in texts_of(turn) for word in words_of(text)]
    return len(words) <= FACT_WORDS_MAX and ready.path in FACTS | ANSWERS
