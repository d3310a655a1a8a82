"""What an agent reported, taken into the conversation inside the caller's transaction.

The caller commits the event's position in the same transaction, then hands the `Intake` to the
worker.
"""

from uuid import uuid4

import msgspec

from hub.assistant.opting import opting
from hub.commerce import customers
from hub.commerce.aliases import aliases_of
from hub.conversation import records, takeover, transcript, turns
from hub.conversation.commit import Begun, Opened, begin_opened
from hub.conversation.fates import take_status
from hub.conversation.records import Chat, OpenTurn
from hub.conversation.transcript import Entry
from hub.conversation.turns import AgentRef, ChatKey, Drop, Origin, Reason, Rules, Situation
from hub.store.outbound import Order
from hub.store.policy import DEFAULTS, TenantPolicy
from hub.store.tx import Tx
from protocol.messages import MessageReceived

__all__ = ["AgentRef", "Intake", "take_message", "take_status"]


class Intake(msgspec.Struct, frozen=True, kw_only=True):
    """What a message did. With `due_at` the turn is to be answered then.

    `cancel_running`: an answer under way to this turn does not fit it any more. `new` is false for
    a message that was known already, or that is our own echo. While the customer types the turn is
    put off, up to `due_latest`, and then until `quiet_s` after the last sign. A turn that waits for
    nothing may be `begun` already, or be over with an `order`.
    """

    new: bool
    chat: ChatKey
    turn_id: str | None = None
    due_at: int | None = None
    due_latest: int = 0
    quiet_s: float = 0.0
    cancel_running: bool = False
    begun: Begun | None = None
    order: Order | None = None


class _Arrival(msgspec.Struct, frozen=True):
    agent: AgentRef
    message: MessageReceived
    key: ChatKey
    rules: Rules
    now: int
    defaults: TenantPolicy
    begins: bool


def take_message(
    tx: Tx,
    agent: AgentRef,
    message: MessageReceived,
    now_ms: int,
    defaults: TenantPolicy = DEFAULTS,
    *,
    begins: bool = False,
) -> Intake:
    """Record a message once, and open, change or end the chat's turn as it demands.

    `defaults` are the hub's own figures for what the tenant did not set. With `begins` a turn that
    is due at once is begun in the same transaction: the worker has room for it.
    """
    key = ChatKey(agent.tenant_id, message.account, message.chat)
    rules = records.shop(tx, agent.tenant_id, defaults).rules
    arrival = _Arrival(agent, message, key, rules, now_ms, defaults, begins)
    if message.from_me:
        return _take_own(tx, arrival)
    origin = turns.classify(message.chat, message.kind, from_me=False, own_key=False)
    if origin is Origin.CUSTOMER:
        return _take_customer(tx, arrival)
    if not records.record(tx, agent, message, now_ms, "customer"):
        return Intake(new=False, chat=key)
    if origin is not Origin.ELSEWHERE:
        records.touch(tx, agent, message)
    return _take_change(tx, arrival) if origin is Origin.CHANGE else Intake(new=True, chat=key)


def _take_own(tx: Tx, arrival: _Arrival) -> Intake:
    """What was written from the shop's own number: by the owner, or by us."""
    message, key = arrival.message, arrival.key
    if records.is_echo(tx, key, message.wa_id):
        return Intake(new=False, chat=key)
    source = records.source(tx, key, message.wa_id)
    author = "owner" if source is None else "bot"
    if not records.record(tx, arrival.agent, message, arrival.now, author):
        return Intake(new=False, chat=key)
    origin = turns.classify(message.chat, message.kind, from_me=True, own_key=source is not None)
    if origin is Origin.ELSEWHERE:
        return Intake(new=True, chat=key)
    records.touch(tx, arrival.agent, message)
    if source is None:
        return _take_owner(tx, arrival)
    return _take_lost_reply(tx, arrival, source)


def _take_customer(tx: Tx, arrival: _Arrival) -> Intake:
    """Record the message in the turn that it opens or joins; without one if the bot has no say."""
    message, key = arrival.message, arrival.key
    stand = records.stand(tx, key)
    situation = Situation(
        chat=key.chat,
        phone=message.sender.phone,
        state=stand.chat.state,
        sent_at=(message.sent_at.ms,),
    )
    verdict = turns.judge(arrival.rules, situation, arrival.now)
    turn_id = turns.turn_id(key, message.wa_id) if stand.turn is None else stand.turn.turn_id
    covered_by = None if isinstance(verdict, Drop) else turn_id
    if not records.record(tx, arrival.agent, message, arrival.now, "customer", covered_by):
        return Intake(new=False, chat=key)
    if stand.seen_by != arrival.agent.agent_id or message.sender.name not in (
        None,
        stand.chat.name,
    ):
        records.touch(tx, arrival.agent, message)
    if message.text is not None and opting(message.text) == "out":
        _opt_out(tx, arrival)
    if isinstance(verdict, Drop):
        return _leave_alone(tx, arrival, stand.turn, verdict.reason)
    if stand.turn is None:
        return _open(tx, arrival, turn_id, stand.chat)
    return _raise(tx, arrival, stand.turn)


def _leave_alone(tx: Tx, arrival: _Arrival, turn: OpenTurn | None, reason: Reason) -> Intake:
    """The bot has no say in the message, which takes back a draft that was made without it."""
    if turn is not None and turn.state == "suggested":
        takeover.drop(tx, arrival.key, turn.turn_id, reason, arrival.now)
    return Intake(new=True, chat=arrival.key)


def _opt_out(tx: Tx, arrival: _Arrival) -> None:
    """Obey a STOP when it comes: whether or not the bot may answer, and whatever it answers."""
    sender, tenant_id, now = arrival.message.sender, arrival.key.tenant_id, arrival.now
    aliases = aliases_of(arrival.key.chat, sender.phone, sender.lid)
    customer = customers.ensure(tx, tenant_id, aliases, sender.name, now, uuid4().hex)
    if customer.opted_out_at is None:
        customers.remember(tx, tenant_id, customer.customer_id, now, opted_out_at=now)


def _open(tx: Tx, arrival: _Arrival, turn_id: str, chat: Chat) -> Intake:
    """Open a turn; one that is due already begins in the same transaction."""
    intake, now = _schedule(arrival, turn_id, arrival.now), arrival.now
    rows = tx.run(
        "turns.open",
        **records.where(arrival.key),
        turn_id=turn_id,
        agent_id=arrival.agent.agent_id,
        first_at=now,
        due_at=intake.due_at,
    )
    if rows == 0:  # the message was lost here and is told again, its turn has had its end
        return Intake(new=True, chat=arrival.key)
    if not arrival.begins or intake.due_at != now:
        return intake
    chat = msgspec.structs.replace(chat, name=arrival.message.sender.name or chat.name)
    opened = Opened(1, arrival.agent.agent_id, chat)
    begun = begin_opened(tx, arrival.key, turn_id, opened, now, arrival.defaults)
    if not isinstance(begun, Begun):
        return msgspec.structs.replace(intake, due_at=None, order=begun)
    return msgspec.structs.replace(intake, begun=begun)


def _raise(tx: Tx, arrival: _Arrival, turn: OpenTurn) -> Intake:
    """Let the open turn take in what changed; a draft that nobody sent starts anew with it."""
    first_at = turn.first_at if turn.state == "pending" else arrival.now
    intake = _schedule(arrival, turn.turn_id, first_at)
    tx.run(
        "turns.raise",
        tenant_id=arrival.key.tenant_id,
        turn_id=intake.turn_id,
        agent_id=arrival.agent.agent_id,
        first_at=first_at,
        due_at=intake.due_at,
    )
    return msgspec.structs.replace(intake, cancel_running=True)


def _schedule(arrival: _Arrival, turn_id: str, first_at: int) -> Intake:
    policy = arrival.rules.policy
    return Intake(
        new=True,
        chat=arrival.key,
        turn_id=turn_id,
        due_at=turns.due(policy, first_at, arrival.now),
        due_latest=turns.latest_due(policy, first_at),
        quiet_s=policy.debounce_s,
    )


def _take_change(tx: Tx, arrival: _Arrival) -> Intake:
    """Apply an edit or a revoke to the turn that covers its target, if it is still to be answered.

    The words themselves change when the chat is read (`transcript.fold`).
    """
    nothing = Intake(new=True, chat=arrival.key)
    at = records.where(arrival.key)
    target = tx.one("messages.turn_of", **at, wa_id=arrival.message.reply_to)
    if target is None or target["turn_id"] is None:
        return nothing
    turn_id, tenant_id = target["turn_id"], arrival.key.tenant_id
    turn = tx.one("turns.one", tenant_id=tenant_id, turn_id=turn_id)
    if turn is None or turn["state"] not in ("pending", "suggested"):
        return nothing
    standing = transcript.fold(records.recent(tx, arrival.key))
    if transcript.of_turn(standing, turn_id):
        return _raise(tx, arrival, OpenTurn(turn_id, turn["state"], turn["first_at"]))
    takeover.drop(tx, arrival.key, turn_id, Reason.REVOKED, arrival.now)
    return msgspec.structs.replace(nothing, turn_id=turn_id, cancel_running=True)


def _take_owner(tx: Tx, arrival: _Arrival) -> Intake:
    """Give the chat to the owner, who wrote on the phone."""
    message, key = arrival.message, arrival.key
    # Someone whom the owner wrote before the bot ever did is an acquaintance, not a customer taken
    # over: contact policy `unknown` keeps away from the former only.
    known = all(entry.author != "bot" for entry in records.recent(tx, key))
    takeover_s = arrival.rules.policy.takeover_s
    ended = takeover.take_over(tx, key, message.sent_at.ms, arrival.now, takeover_s, known=known)
    return Intake(new=True, chat=key, turn_id=ended, cancel_running=ended is not None)


def _is_newest(entries: list[Entry], turn_id: str, wa_id: str) -> bool:
    """Whether nothing came into the turn after this message."""
    return [e.wa_id for e in transcript.of_turn(entries, turn_id)][-1:] == [wa_id]


def _take_lost_reply(tx: Tx, arrival: _Arrival, source: str) -> Intake:
    """Remember a reply that was sent before the hub lost it, and end the turn that it answered."""
    key, message = arrival.key, arrival.message
    tx.run(
        "messages.adopt",
        **records.where(key),
        wa_id=message.wa_id,
        event_id=str(turns.reply_id(key, source)),
        state_at=arrival.now,
    )
    covered = tx.one("messages.turn_of", **records.where(key), wa_id=source)
    turn_id = None if covered is None else covered["turn_id"]
    if turn_id is None or not _is_newest(records.recent(tx, key), turn_id, source):
        return Intake(new=True, chat=key)
    ended = tx.run(
        "turns.answered_before",
        tenant_id=key.tenant_id,
        turn_id=turn_id,
        state="answered",
        reason=None,
        reply=message.text,
        finished_at=arrival.now,
    )
    return Intake(new=True, chat=key, turn_id=turn_id, cancel_running=ended == 1)
