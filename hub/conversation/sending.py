"""The end of one outgoing message, inside the caller's transaction: the order to send it, or not.

Order, the words in the chat's history and the row's end are written together: a process that dies
before has done nothing, one that dies after has done it all.
"""

from typing import Literal, assert_never
from uuid import UUID

import msgspec

from hub.commerce import customer_rows, customers
from hub.commerce.aliases import alias_of_chat
from hub.conversation import outgoing, records, started, suggestions, takeover, turns
from hub.conversation.intake import Intake
from hub.conversation.outgoing import LIFE_MS, Due, Outcome, Outgoing
from hub.conversation.records import Shop
from hub.conversation.started import Later, Never, Send, Wish
from hub.conversation.turns import ChatKey
from hub.store.outbound import Order, enqueue_down
from hub.store.policy import TenantPolicy
from hub.store.tx import Tx
from protocol.messages import Instant, MessageSend


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a message; None: it waits on. `intake` is for the worker of turns."""

    outcome: str | None
    order: Order | None = None
    intake: Intake | None = None
    acted: bool = False


def end(tx: Tx, due: Due, now_ms: int, defaults: TenantPolicy) -> Ended:
    """Send a message whose time has come, or say why not.

    Raises:
        Outdated: what a suggestion says is not so any more: `overtake`.
    """
    one = due.one
    if tx.one("chats.one", **records.where(one.key)) is None:
        return _refuse(tx, one, Outcome.NO_CHAT, now_ms)
    if one.kind != "order_update" and now_ms - one.created_at >= LIFE_MS:
        return _refuse(tx, one, Outcome.TOO_OLD, now_ms)
    if due.agent_id is None:
        return _refuse(tx, one, Outcome.NO_AGENT, now_ms)
    shop = records.shop(tx, one.key.tenant_id, defaults)
    match one.kind:
        case "operator":
            return _say_for_operator(tx, one, due.agent_id, shop, now_ms)
        case "suggestion":
            return _send_suggestion(tx, one, due.agent_id, shop, now_ms)
        case "order_update":
            return _tell_of_order(tx, one, due.agent_id, shop, now_ms)
        case _:
            assert_never(one.kind)


def overtake(tx: Tx, one: Outgoing, now_ms: int) -> Ended:
    """Refuse a suggestion that the shop overtook, and have its turn answered anew."""
    if not suggestions.begin_anew(tx, one, now_ms):
        return _refuse(tx, one, Outcome.CHANGED, now_ms)
    anew = Intake(new=True, chat=one.key, turn_id=one.turn_id, due_at=now_ms, due_latest=now_ms)
    outgoing.finish(tx, one, Outcome.OVERTAKEN, now_ms)
    return Ended(outcome=Outcome.OVERTAKEN, intake=anew)


def _refuse(tx: Tx, one: Outgoing, outcome: str, now_ms: int) -> Ended:
    outgoing.finish(tx, one, outcome, now_ms)
    return Ended(outcome=outcome)


def _say_for_operator(tx: Tx, one: Outgoing, agent_id: str, shop: Shop, now_ms: int) -> Ended:
    """The operator's own words: the chat is theirs from the moment at which they were written.

    Whoever is written to from the desk is no acquaintance of the owner's for that: the desk is
    where customers are answered.
    """
    if not outgoing.finish(tx, one, Outcome.ORDERED, now_ms):
        return Ended(outcome=None)
    takeover_s = shop.rules.policy.takeover_s
    ended = takeover.take_over(tx, one.key, one.created_at, now_ms, takeover_s, known=False)
    intake = Intake(new=True, chat=one.key, turn_id=ended, cancel_running=ended is not None)
    order = _say(tx, one, agent_id, "owner", now_ms)
    return Ended(outcome=Outcome.ORDERED, order=order, intake=intake)


def _send_suggestion(tx: Tx, one: Outgoing, agent_id: str, shop: Shop, now_ms: int) -> Ended:
    """The draft that a person approved, with all that it says was done."""
    found = suggestions.current(tx, one)
    if found is None:
        return _refuse(tx, one, Outcome.CHANGED, now_ms)
    if not outgoing.finish(tx, one, Outcome.ORDERED, now_ms):
        return Ended(outcome=None)
    policy, event_id = shop.rules.policy, UUID(one.outgoing_id)
    words = suggestions.take(tx, one, found, now_ms)
    expires_at = turns.expires_at((one.created_at,), now_ms, policy)
    order = _order(tx, one, agent_id, words, expires_at, now_ms)
    records.say(tx, one.key, agent_id, found.turn_id, event_id, "queued", words, now_ms)
    suggestions.remember_told(tx, one, found, policy.takeover_s, now_ms)
    acted = one.text is None and bool(found.kept.effects)
    return Ended(outcome=Outcome.ORDERED, order=order, acted=acted)


def _tell_of_order(tx: Tx, one: Outgoing, agent_id: str, shop: Shop, now_ms: int) -> Ended:
    """News of an order, which the shop tells by itself: `started.py` says whether and when."""
    wish, zone = wish_of(tx, one.key, one.created_at, shop), shop.profile.timezone
    verdict = started.verdict(shop.rules.policy, wish, now_ms=now_ms, timezone=zone)
    match verdict:
        case Later(at_ms):
            outgoing.put_off(tx, one, at_ms)
            return Ended(outcome=None)
        case Never(reason):
            return _refuse(tx, one, reason.value, now_ms)
        case Send():
            if not outgoing.finish(tx, one, Outcome.ORDERED, now_ms):
                return Ended(outcome=None)
            order = _say(tx, one, agent_id, "bot", now_ms)
            return Ended(outcome=Outcome.ORDERED, order=order)
        case _:
            assert_never(verdict)


def wish_of(tx: Tx, key: ChatKey, created_at: int, shop: Shop) -> Wish:
    """What is wanted, and from whom: a customer who is not known has refused nothing."""
    tenant_id, alias = key.tenant_id, alias_of_chat(key.chat)
    customer = None if alias is None else customers.find(tx, tenant_id, (alias,))
    known = () if customer is None else customer_rows.aliases(tx, tenant_id, customer.customer_id)
    phones = [alias.value for alias in known if alias.kind == "phone"]
    mode = records.chat(tx, key).state.mode or shop.rules.mode
    return Wish(
        off=mode == "off",
        barred=turns.is_barred(shop.rules.policy, key.chat, phones),
        opted_out=customer is not None and customer.opted_out_at is not None,
        created_at=created_at,
    )


def _say(
    tx: Tx, one: Outgoing, agent_id: str, author: Literal["owner", "bot"], now_ms: int
) -> Order:
    """Order words that answer no turn, and put them into the chat's history."""
    words, expires_at = one.text or "", one.due_at + LIFE_MS
    order = _order(tx, one, agent_id, words, expires_at, now_ms)
    records.send(tx, one.key, agent_id, UUID(one.outgoing_id), author, words, now_ms)
    return order


def _order(tx: Tx, one: Outgoing, agent_id: str, words: str, expires_at: int, now_ms: int) -> Order:
    """The order to send these words, in the log of the agent."""
    key, event_id = one.key, UUID(one.outgoing_id)
    data = MessageSend(
        account=key.account, chat=key.chat, text=words, expires_at=Instant(expires_at)
    )
    return enqueue_down(tx, key.tenant_id, agent_id, event_id, data, now_ms)
