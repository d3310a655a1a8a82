"""What the shop tells a customer by itself when the operator moves an order on.

Each move is told once: its message has an id derived from order and state. Whether and when it may
go out is `started.py`'s to say, and the customer's to refuse; here it is put where the hub looks.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final, Literal, get_args
from uuid import UUID

import msgspec

from hub.assistant.detection import detect
from hub.assistant.tables import LANGUAGES
from hub.commerce import customer_records, customer_rows, drafts
from hub.commerce.orders import Order
from hub.conversation import outgoing, records, sending, started
from hub.conversation.outgoing import Outcome, Outgoing
from hub.conversation.started import Never, Silence
from hub.conversation.turns import ChatKey
from hub.store.policy import DEFAULTS
from hub.store.tx import Tx
from protocol.ids import name_based

News = Literal["packed", "shipped", "delivered", "cancelled", "paid"]
NEWS: Final[tuple[News, ...]] = get_args(News)
"""What customers are told; that goods came back is a matter between people."""

ON_ITS_WAY: Final = ("packed", "shipped")
"""When it matters how a parcel is followed and when it is expected."""


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language of `order_updates.toml`."""

    packed: str
    shipped: str
    delivered: str
    cancelled: str
    paid: str
    tracking: str
    eta: str
    ending: str

    def say(self, order: Order, news: News) -> str:
        """The message about an order."""
        template: str = getattr(self, news)
        lines = [template.format(order_no=order.order_no)]
        tracking, eta = order.delivery.tracking, order.delivery.eta
        if news in ON_ITS_WAY and tracking:
            lines.append(self.tracking.format(tracking=tracking))
        if news in ON_ITS_WAY and eta:
            lines.append(self.eta.format(eta=eta))
        return "\n".join(lines) + f"\n\n{self.ending}"


@cache
def languages() -> Mapping[str, Words]:
    """Every language by its code."""
    text = files("hub.conversation").joinpath("order_updates.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Words])


def tell(tx: Tx, tenant_id: str, order: Order, news: News, now_ms: int) -> int | None:
    """Have the customer told that their order is so now; when that is due, if ever.

    What was not sent yet of an earlier state is news no more. None: the shop tells nothing by
    itself, or there is no chat with the customer.
    """
    shop = records.shop(tx, tenant_id, DEFAULTS)
    key = _chat_of(tx, tenant_id, order)
    if not shop.rules.policy.order_updates or key is None:
        return None
    _take_back(tx, order, news, now_ms)
    quiet_until = started.quiet_until(shop.rules.policy, now_ms, shop.profile.timezone)
    due_at = now_ms if quiet_until is None else quiet_until
    one = Outgoing(
        outgoing_id=str(update_id(order, news)),
        key=key,
        kind="order_update",
        text=_language(tx, tenant_id, order).say(order, news),
        order_id=order.order_id,
        due_at=due_at,
        created_at=now_ms,
    )
    outgoing.put(tx, one)
    return due_at


def silence(tx: Tx, tenant_id: str, order: Order, now_ms: int) -> Silence | None:
    """Why the customer would not be told of an order, as things stand; None: they would."""
    shop, key = records.shop(tx, tenant_id, DEFAULTS), _chat_of(tx, tenant_id, order)
    if key is None:
        return None
    wish, zone = sending.wish_of(tx, key, now_ms, shop), shop.profile.timezone
    verdict = started.verdict(shop.rules.policy, wish, now_ms=now_ms, timezone=zone)
    return verdict.reason if isinstance(verdict, Never) else None


def update_id(order: Order, news: News) -> UUID:
    """The id of the one message that says so of an order."""
    return name_based(msgspec.json.encode(["order_update", order.order_id, news]))


def _take_back(tx: Tx, order: Order, news: News, now_ms: int) -> None:
    """End the messages about states that the order has left; a payment stays news."""
    if news == "paid":
        return
    for earlier in NEWS:
        if earlier not in (news, "paid"):
            which = {"outgoing_id": str(update_id(order, earlier)), "now_ms": now_ms}
            tx.run("outgoing.finish", **which, outcome=Outcome.SUPERSEDED)


def reword(tx: Tx, tenant_id: str, order: Order, news: News) -> None:
    """Tell how the order is followed and when it is expected in a message that waits to be sent."""
    text = _language(tx, tenant_id, order).say(order, news)
    tx.run("order_updates.reword", outgoing_id=str(update_id(order, news)), text=text)


def _chat_of(tx: Tx, tenant_id: str, order: Order) -> ChatKey | None:
    """The chat in which the order was placed; else the customer's with the newest message."""
    row = tx.one("order_updates.placed_in", tenant_id=tenant_id, order_id=order.order_id)
    if row is not None:
        return ChatKey(tenant_id, row["account"], row["chat"])
    places = customer_records.locate(tx, tenant_id, order.customer_id).chats
    keys = [ChatKey(tenant_id, place.account, place.chat) for place in places]
    return max(keys, key=lambda key: _last_said(tx, key), default=None)


def _last_said(tx: Tx, key: ChatKey) -> int:
    row = tx.one("chats.last_said", **records.where(key))
    return 0 if row is None or row["id"] is None else int(row["id"])


def _language(tx: Tx, tenant_id: str, order: Order) -> Words:
    """The customer's language, or what the shop speaks instead."""
    customer = customer_rows.current(tx, tenant_id, order.customer_id)
    spoken = [c for c in drafts.profile_of(tx, tenant_id).languages if c in LANGUAGES] or ["en"]
    return languages()[detect((), spoken, None if customer is None else customer.language)]
