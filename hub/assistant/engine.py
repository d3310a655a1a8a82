"""The contract between a conversation and whatever answers it.

An engine gets one `Turn` and returns one `Answer`. It sends nothing, stores nothing of the
conversation and may be cancelled at any moment (a newer message restarts the turn with both). Work
that needs the CPU goes to a thread: the loop that calls an engine also answers heartbeats.
"""

from typing import Any, Literal, Protocol

import msgspec

from hub.commerce.effects import Effect
from hub.commerce.model_wishes import Mode, ModelWishes

Author = Literal["customer", "owner", "bot"]


class TenantProfile(msgspec.Struct, frozen=True, kw_only=True):
    """The shop that the turn belongs to: every look-up of an engine stays inside it.

    `greeting` and `handover` are the shop's own words for these moments; empty: the engine's.
    `model` is what it sets about a language model.
    """

    tenant_id: str
    name: str
    currency: str
    exponent: int
    locale: str
    timezone: str
    greeting: str = ""
    handover: str = ""
    model: ModelWishes = ModelWishes()


class Line(msgspec.Struct, frozen=True):
    """One message as it reads now, edits applied. `text` is empty when there were no words."""

    author: Author
    text: str
    at_ms: int
    kind: str = "text"


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be answered, and what was said before.

    `messages` are the customer's, oldest first, never empty: the answer covers all of them.
    `history` are the newest lines before them, oldest first, the owner's own included. `late` says
    that the hub puts an apology for the delay in front; the engine need not. `phone` and `lid` are
    what WhatsApp says of the customer besides `chat_key`.
    """

    turn_id: str
    tenant: TenantProfile
    chat_key: str
    customer_name: str | None
    phone: str | None = None
    lid: str | None = None
    messages: tuple[Line, ...]
    history: tuple[Line, ...] = ()
    late: bool = False
    now_ms: int


class ToolCall(msgspec.Struct, frozen=True):
    """One use of a tool, for the turn's trace; `outcome` is short and free of personal data."""

    name: str
    args: dict[str, Any]
    outcome: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The words for the customer and how they came about.

    `path` names the way taken ("embedded.price", "model"). `handover` is the reason for calling a
    person, or None; with it the words announce that and the bot leaves the chat to that person.
    `effects` are what the words say was done: they happen with the reply, or the turn begins anew.
    `language` is that of the words, `mode` what the engine was allowed to ask a model.
    """

    text: str
    path: str
    tool_calls: tuple[ToolCall, ...] = ()
    handover: str | None = None
    effects: tuple[Effect, ...] = ()
    language: str = "en"
    mode: Mode = "embedded"


class Engine(Protocol):
    """Answers one turn. Whatever it raises sends the turn to a person, never to the customer."""

    async def answer(self, turn: Turn) -> Answer: ...
