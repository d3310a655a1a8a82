"""A chat's rows, read into the types that the cores judge, and a received message as a row."""

from collections.abc import Sequence
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from hub.assistant.engine import TenantProfile
from hub.commerce import model_wishes
from hub.commerce.papers.order_papers import Said
from hub.conversation import turns
from hub.conversation.transcript import Entry
from hub.conversation.turns import AgentRef, ChatKey, ChatState, Exchange, Rules
from hub.store import policy
from hub.store.policy import TenantPolicy
from hub.store.tx import Row, Tx
from protocol import ids
from protocol.messages import MessageReceived, SendState

RECENT_MAX: Final = 64
"""Messages of a chat that are looked at: far more than an engine reads or a burst holds."""


class Shop(msgspec.Struct, frozen=True):
    """A tenant as its conversations see it."""

    profile: TenantProfile
    rules: Rules


class Chat(msgspec.Struct, frozen=True):
    """A chat's row: what its customer is called, and its state."""

    name: str | None
    state: ChatState


class OpenTurn(msgspec.Struct, frozen=True):
    """A turn that has not reached the customer: to be answered, or a draft that nobody sent."""

    turn_id: str
    state: str
    first_at: int


class Stand(msgspec.Struct, frozen=True):
    """A chat when a message comes in; `seen_by`: the agent that wrote last, None for a new one."""

    seen_by: str | None
    chat: Chat
    turn: OpenTurn | None


def where(key: ChatKey) -> dict[str, Any]:
    """The chat, as queries take it."""
    return {"tenant_id": key.tenant_id, "account": key.account, "chat": key.chat}


def shop(tx: Tx, tenant_id: str, defaults: TenantPolicy) -> Shop:
    """The tenant with its rules; `defaults` stand where it set nothing."""
    # By identity, which is found sooner; what is kept keeps `defaults` alive.
    key = (tenant_id, id(defaults))
    return tx.memory.get(key, lambda: (_shop(tx, tenant_id, defaults), defaults))[0]


def _shop(tx: Tx, tenant_id: str, defaults: TenantPolicy) -> Shop:
    row = tx.one("tenants.by_id", tenant_id=tenant_id)
    if row is None:
        raise LookupError("there is no such tenant")
    wishes = policy.load(row["settings"], defaults)
    profile = TenantProfile(
        tenant_id=tenant_id,
        name=row["name"],
        currency=row["currency"],
        exponent=row["exponent"],
        locale=row["locale"],
        timezone=row["timezone"],
        greeting=wishes.greeting,
        handover="" if wishes.handover == policy.DEFAULTS.handover else wishes.handover,
        model=model_wishes.load(row["settings"]),
    )
    rules = Rules(
        mode=row["mode"],
        contact_policy=row["contact_policy"],
        policy=wishes,
    )
    return Shop(profile, rules)


def stand(tx: Tx, key: ChatKey) -> Stand:
    """The chat and its open turn; the defaults when it is new."""
    row = tx.one("chats.situation", **where(key))
    if row is None:
        raise LookupError("the situation of a chat is always one row")
    turn = None
    if row["turn_id"] is not None:
        turn = OpenTurn(row["turn_id"], row["turn_state"], row["first_at"])
    return Stand(row["agent_id"], chat_of(row), turn)


def chat(tx: Tx, key: ChatKey) -> Chat:
    """What is kept of the chat between turns; the defaults when it is new."""
    row = tx.one("chats.one", **where(key))
    return Chat(None, ChatState()) if row is None else chat_of(row)


def chat_of(row: Row) -> Chat:
    """The chat in a row that has its columns."""
    state = ChatState(
        mode=row["mode"],
        owner_wrote=bool(row["owner_wrote"]),
        paused_until=row["paused_until"],
        handed_over_at=row["handed_over_at"],
        disclosed_at=row["disclosed_at"],
    )
    return Chat(row["name"], state)


def recent(tx: Tx, key: ChatKey) -> list[Entry]:
    """The chat's newest messages, oldest first, as they arrived."""
    rows = tx.all("messages.recent", **where(key), limit=RECENT_MAX)
    return [
        Entry(
            wa_id=row["wa_id"],
            author=row["author"],
            kind=row["kind"],
            text=row["text"],
            reply_to=row["reply_to"],
            sent_at=row["sent_at"],
            turn_id=row["turn_id"],
            state=row["state"],
            phone=row["phone"],
            lid=row["lid"],
        )
        for row in reversed(rows)
    ]


def replied_at(entries: Sequence[Entry]) -> tuple[int, ...]:
    """When the bot answered; the papers of an order answer nothing."""
    return tuple(e.sent_at for e in entries if e.author == "bot" and e.kind == "text")


def exchanges(entries: Sequence[Entry]) -> tuple[Exchange, ...]:
    """The newest of what was written in a turn and replied to it, oldest first."""
    replies = [e for e in entries if e.author == "bot" and e.kind == "text"][
        -turns.SAME_EXCHANGES :
    ]
    return tuple(Exchange(_said(entries, e.turn_id), e.text or "", e.sent_at) for e in replies)


def _said(entries: Sequence[Entry], turn_id: str | None) -> str:
    """A customer's words in one turn; none where a reply's turn is not known."""
    if turn_id is None:
        return ""
    own = (e for e in entries if e.turn_id == turn_id and e.author == "customer")
    return "\n".join(entry.text or "" for entry in own)


def is_echo(tx: Tx, key: ChatKey, wa_id: str) -> bool:
    """Whether the id is that of a message that we sent, perhaps under another alias of the chat."""
    own = {"tenant_id": key.tenant_id, "account": key.account, "wa_id": wa_id}
    return tx.one("messages.is_own", **own) is not None


def source(tx: Tx, key: ChatKey, wa_id: str) -> str | None:
    """The customer's message that `wa_id` is our reply to, though the hub knows of no reply."""
    inbound = [e.wa_id for e in recent(tx, key) if e.author == "customer"]
    return turns.source_of(wa_id, key, reversed(inbound))


def record(
    tx: Tx,
    agent: AgentRef,
    message: MessageReceived,
    now_ms: int,
    author: str,
    turn_id: str | None = None,
) -> bool:
    """Insert what an agent saw, covered by a turn; False when the tenant has it, or erased it."""
    if _is_erased(tx, agent.tenant_id, message):
        return False
    inserted = tx.run(
        "messages.take",
        tenant_id=agent.tenant_id,
        agent_id=agent.agent_id,
        account=message.account,
        chat=message.chat,
        participant=ids.participant(message.chat, message.sender.id),
        wa_id=message.wa_id,
        direction="out" if message.from_me else "in",
        author=author,
        kind=turns.known_kind(message.kind),
        text=message.text,
        media=_json(message.media),
        reply_to=message.reply_to,
        sender=_json(message.sender),
        sent_at=message.sent_at.ms,
        received_at=now_ms,
        live=int(message.live),
        turn_id=turn_id,
    )
    return inserted == 1


def _is_erased(tx: Tx, tenant_id: str, message: MessageReceived) -> bool:
    def any_erased() -> bool:
        return tx.one("messages.any_erased", tenant_id=tenant_id) is not None

    if not tx.memory.get(("erased", tenant_id), any_erased):
        return False
    which = {"tenant_id": tenant_id, "account": message.account, "wa_id": message.wa_id}
    return tx.one("messages.is_erased", **which) is not None


def say(
    tx: Tx,
    key: ChatKey,
    agent_id: str,
    turn_id: str,
    event_id: UUID,
    state: SendState | Literal["queued"],
    text: str | None,
    now_ms: int,
) -> None:
    """Insert what we say or said in a chat, under the id that it has in WhatsApp."""
    tx.run(
        "messages.say",
        tenant_id=key.tenant_id,
        agent_id=agent_id,
        account=key.account,
        chat=key.chat,
        wa_id=ids.whatsapp_key(event_id),
        text=text,
        turn_id=turn_id,
        event_id=str(event_id),
        state=state,
        now_ms=now_ms,
    )


def send(
    tx: Tx,
    key: ChatKey,
    agent_id: str,
    event_id: UUID,
    author: Literal["owner", "bot"],
    text: str,
    now_ms: int,
) -> None:
    """Insert words that answer no turn, a person's or the shop's, under their id in WhatsApp."""
    tx.run(
        "messages.send",
        **where(key),
        agent_id=agent_id,
        wa_id=ids.whatsapp_key(event_id),
        author=author,
        text=text,
        event_id=str(event_id),
        now_ms=now_ms,
    )


def say_file(tx: Tx, said: Said) -> None:
    """Insert a file that we send in a chat, under the id that it has in WhatsApp."""
    tx.run(
        "messages.say_file",
        tenant_id=said.tenant_id,
        agent_id=said.agent_id,
        account=said.account,
        chat=said.chat,
        wa_id=ids.whatsapp_key(said.event_id),
        text=said.text,
        media=_json(said.media),
        event_id=str(said.event_id),
        now_ms=said.now_ms,
    )


def _json(value: msgspec.Struct | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def touch(tx: Tx, agent: AgentRef, message: MessageReceived) -> None:
    """Keep the chat's row up to date with what an agent saw in it; nothing is written twice."""
    tx.run(
        "chats.touch",
        **where(ChatKey(agent.tenant_id, message.account, message.chat)),
        agent_id=agent.agent_id,
        name=None if message.from_me else message.sender.name,
    )
