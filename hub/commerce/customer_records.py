"""Everything that a shop holds on one customer: where it lies, and all of it in one document."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec

from hub.commerce import customer_rows as rows
from hub.commerce.aliases import Alias, alias_of_chat, aliases_of
from hub.store.tx import Row, Tx
from protocol.messages import Instant, Sender

JSON_COLUMNS: Final = frozenset(
    {"aliases", "answer", "bill", "data", "delivery", "error", "media", "sender", "trace"}
)


class ChatPlace(msgspec.Struct, frozen=True, order=True):
    """One conversation of the shop, by the shop's number and the chat's key."""

    account: str
    chat: str


class Located(msgspec.Struct, frozen=True, kw_only=True):
    """Where a customer's words lie. `messages` and `quarantined` are row ids."""

    family: tuple[str, ...]  # the customer and all who were merged into them
    aliases: tuple[Alias, ...]
    chats: tuple[ChatPlace, ...] = ()
    messages: tuple[int, ...] = ()  # outside of these chats: in groups
    quarantined: tuple[int, ...] = ()


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """How much was handed out: the audit's record."""

    messages: int
    orders: int


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """What a shop holds on a customer, as handed out: times RFC 3339, money minor units."""

    customer: dict[str, Any]
    aliases: list[dict[str, Any]]
    merged: list[dict[str, Any]]
    audit: list[dict[str, Any]]
    chats: list[dict[str, Any]]
    elsewhere: list[dict[str, Any]]
    not_understood: list[dict[str, Any]]
    cart: list[dict[str, Any]]
    coupons: list[str]
    drafts: list[dict[str, Any]]
    orders: list[dict[str, Any]]
    media: list[str]

    @property
    def summary(self) -> Exported:
        """How much it is."""
        said = sum(len(chat["messages"]) for chat in self.chats) + len(self.elsewhere)
        return Exported(messages=said, orders=len(self.orders))


def locate(tx: Tx, tenant_id: str, customer_id: str) -> Located:
    """Where a customer's words lie: in chats under their aliases, and under their name elsewhere.

    A chat whose key is nobody's belongs to whoever WhatsApp says wrote in it.
    """
    family = rows.family(tx, tenant_id, customer_id)
    aliases = rows.aliases(tx, tenant_id, customer_id)
    chats = {place for alias in aliases for place in _chats_named(tx, tenant_id, alias)}
    messages: set[int] = set()
    for row in _written(tx, tenant_id, aliases):
        place = ChatPlace(row["account"], row["chat"])
        if place in chats:
            continue
        own = alias_of_chat(place.chat)
        if own is not None and rows.owner(tx, tenant_id, own) is None:
            chats.add(place)
        else:
            messages.add(row["id"])
    return Located(
        family=family,
        aliases=aliases,
        chats=tuple(sorted(chats)),
        messages=tuple(sorted(messages)),
        quarantined=tuple(sorted(_quarantined(tx, tenant_id, aliases))),
    )


def chats_named(tx: Tx, tenant_id: str, alias: Alias) -> list[ChatPlace]:
    """The chats whose key is this alias, whoever is known by it."""
    return sorted(_chats_named(tx, tenant_id, alias))


def collect(tx: Tx, tenant_id: str, customer_id: str) -> Holdings:
    """Everything that the shop holds on a living customer.

    Raises:
        LookupError: the shop has no such customer.
    """
    return gather(tx, tenant_id, customer_id, locate(tx, tenant_id, customer_id))


def gather(tx: Tx, tenant_id: str, customer_id: str, found: Located) -> Holdings:
    """The same where it was found already."""
    where = {"tenant_id": tenant_id, "customer_id": customer_id}
    customer = tx.one("customers.row", **where)
    if customer is None:
        raise LookupError("the shop has no such customer")
    others = [{"tenant_id": tenant_id, "customer_id": other} for other in found.family[1:]]
    quarantined = _quarantined(tx, tenant_id, found.aliases)
    chats = [_chat(tx, tenant_id, place) for place in found.chats]
    elsewhere = [
        readable(row)
        for message_id in found.messages
        for row in tx.all("customers.message", tenant_id=tenant_id, id=message_id)
    ]
    orders = [_order(tx, tenant_id, row) for row in tx.all("customers.held_orders", **where)]
    return Holdings(
        customer=readable(customer),
        aliases=[readable(row) for row in tx.all("customers.aliases", **where)],
        merged=[readable(row) for other in others for row in tx.all("customers.row", **other)],
        audit=[
            readable(row) for who in (where, *others) for row in tx.all("customers.audited", **who)
        ],
        chats=chats,
        elsewhere=elsewhere,
        not_understood=[readable(quarantined[row_id]) for row_id in found.quarantined],
        cart=[readable(row) for row in tx.all("customers.held_cart", **where)],
        coupons=[row["coupon"] for row in tx.all("customers.held_coupons", **where)],
        drafts=[readable(row) for row in tx.all("customers.held_drafts", **where)],
        orders=orders,
        media=sorted(_files(chats, elsewhere, orders)),
    )


def readable(row: Row) -> dict[str, Any]:
    """A row for people: times as RFC 3339, JSON as what it says, thousandths as numbers."""
    facts: dict[str, Any] = {}
    for name in row.keys():  # noqa: SIM118 - a row's own iteration gives its values
        value = row[name]
        if value is not None and (name == "at" or name.endswith("_at")):
            facts[name] = str(Instant(value))
        elif value and name in JSON_COLUMNS:
            facts[name] = msgspec.json.decode(value)
        elif name.endswith("_milli"):
            facts[name.removesuffix("_milli")] = None if value is None else Decimal(value) / 1000
        else:
            facts[name] = value
    return facts


def _chats_named(tx: Tx, tenant_id: str, alias: Alias) -> Iterator[ChatPlace]:
    for row in tx.all("customers.chats_like", tenant_id=tenant_id, tail=alias.tail):
        if alias_of_chat(row["chat"]) == alias:
            yield ChatPlace(row["account"], row["chat"])


def _written(tx: Tx, tenant_id: str, aliases: tuple[Alias, ...]) -> Iterator[Row]:
    """The messages whose sender is one of the aliases."""
    for alias in aliases:
        for row in tx.all("customers.messages_like", tenant_id=tenant_id, tail=alias.tail):
            if _is_by(row, aliases):
                yield row


def _is_by(row: Row, aliases: tuple[Alias, ...]) -> bool:
    """Whether a message is theirs: by its LID where both have one, else by any name."""
    names: set[Alias] = set()
    if row["sender"] is not None:
        sender = msgspec.json.decode(row["sender"], type=Sender)
        names.update(aliases_of(sender.id, sender.phone, sender.lid))
    if (own := alias_of_chat(row["participant"])) is not None:
        names.add(own)
    lids = {name for name in names if name.kind == "lid"}
    if lids and any(alias.kind == "lid" for alias in aliases):
        return not lids.isdisjoint(aliases)
    return not names.isdisjoint(aliases)


def _quarantined(tx: Tx, tenant_id: str, aliases: Iterable[Alias]) -> dict[int, Row]:
    return {
        row["id"]: row
        for alias in aliases
        for row in tx.all("customers.quarantined_like", tenant_id=tenant_id, tail=alias.tail)
        if alias.is_named_in(row["frame"])
    }


def _chat(tx: Tx, tenant_id: str, place: ChatPlace) -> dict[str, Any]:
    where = {"tenant_id": tenant_id, "account": place.account, "chat": place.chat}
    row = tx.one("customers.chat", **where)
    return {
        **({"account": place.account, "chat": place.chat} if row is None else readable(row)),
        "messages": [readable(one) for one in tx.all("customers.messages_of_chat", **where)],
        "turns": [readable(one) for one in tx.all("customers.turns_of_chat", **where)],
        "outgoing": [readable(one) for one in tx.all("customers.outgoing_of_chat", **where)],
    }


def _order(tx: Tx, tenant_id: str, row: Row) -> dict[str, Any]:
    where = {"tenant_id": tenant_id, "order_id": row["order_id"]}
    history = [readable(one) for one in tx.all("customers.held_history", **where)]
    papers = [readable(one) for one in tx.all("customers.held_papers", **where)]
    return readable(row) | {"history": history, "papers": papers}


def _files(
    chats: list[dict[str, Any]], elsewhere: list[dict[str, Any]], orders: list[dict[str, Any]]
) -> set[str]:
    """The SHA-256 of the files that these refer to."""
    messages = [*elsewhere, *(message for chat in chats for message in chat["messages"])]
    media = [message["media"] for message in messages if message["media"] is not None]
    papers = [paper for order in orders for paper in order["papers"]]
    return {item["sha256"] for item in (*media, *papers) if item.get("sha256")}
