"""A customer's words, names, numbers and addresses leave the database; the books stay.

Chats, messages and turns are deleted, not emptied: their keys hold the number. What stays of them
is WhatsApp's random id of each message in `erased_messages`, where the intake looks before it
records one: an agent that finds an old message again reports it to deaf ears. An order keeps its
number, bill and states, and a customer's row without content that it refers to.
"""

from typing import Any, Final

import msgspec

from hub.commerce import customer_records as records
from hub.commerce import customer_rows as rows
from hub.commerce.customer_records import ChatPlace, Holdings, Located
from hub.store.tx import Tx

KEPT_OF_DELIVERY: Final = frozenset({"zone", "payment", "tax_preference"})
"""What the bill's amounts depended on; all else says where somebody lives or who they are."""


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What was erased: the audit's record. `files` are to be deleted when it is on disk."""

    chats: int = 0
    messages: int = 0
    orders_kept: int = 0
    not_understood: int = 0
    files: tuple[str, ...] = ()


def erase(tx: Tx, tenant_id: str, customer_id: str, now_ms: int) -> Erased:
    """Erase a living customer, with everybody who was merged into them.

    To do it again is harmless, and names the files that may still be there.

    Raises:
        LookupError: the shop has no such customer.
    """
    tx.one("customers.overwrite")
    tx.memory.forget()  # it may say that nothing was erased so far
    found = records.locate(tx, tenant_id, customer_id)
    held = records.gather(tx, tenant_id, customer_id, found)
    files = {*held.media, *_named_before(held)}
    said = sum(_erase_chat(tx, tenant_id, place) for place in found.chats)
    said += _erase_messages(tx, tenant_id, found)
    for row_id in found.quarantined:
        tx.run("customers.erase_quarantined", tenant_id=tenant_id, id=row_id)
    orders = _erase_trade(tx, tenant_id, customer_id)
    _erase_identity(tx, tenant_id, found, now_ms)
    in_use = {row["sha256"] for row in tx.all("customers.files_in_use", tenant_id=tenant_id)}
    erased = Erased(
        chats=len(found.chats),
        messages=said,
        orders_kept=orders,
        not_understood=len(found.quarantined),
        files=tuple(sorted(files - in_use)),
    )
    rows.audit(tx, tenant_id, customer_id, "erased", erased, now_ms)
    return erased


def _named_before(held: Holdings) -> list[str]:
    """The files that an earlier erasure was to delete, in case it came to an end before that."""
    past = [row["data"] for row in held.audit if row["action"] == "erased"]
    return [name for data in past for name in data["files"]]


def _erase_chat(tx: Tx, tenant_id: str, place: ChatPlace) -> int:
    """Delete a conversation, and the words in the orders to send them; how many messages."""
    where = {"tenant_id": tenant_id, "account": place.account, "chat": place.chat}
    tx.run("customers.bury_chat", **where)
    said = tx.run("customers.erase_messages", **where)
    tx.run("customers.erase_turns", **where)
    tx.run("outgoing.erase", **where)
    tx.run("customers.erase_notices", tenant_id=tenant_id, chat=place.chat)
    tx.run("customers.erase_chat", **where)
    tx.run(
        "customers.empty_sends",
        tenant_id=tenant_id,
        account=place.account,
        to_account=_member("account", place.account),
        to_chat=_member("chat", place.chat),
    )
    return said


def _member(name: str, value: str) -> str:
    """A member of an object as the wire's encoder writes it."""
    return msgspec.json.encode({name: value}).decode()[1:-1]


def _erase_messages(tx: Tx, tenant_id: str, found: Located) -> int:
    """Delete what they wrote in groups; how many messages."""
    for message_id in found.messages:
        tx.run("customers.bury_message", tenant_id=tenant_id, id=message_id)
        tx.run("customers.erase_message", tenant_id=tenant_id, id=message_id)
    return len(found.messages)


def _erase_trade(tx: Tx, tenant_id: str, customer_id: str) -> int:
    """Empty cart, drafts and the personal part of the orders; how many orders stay."""
    where = {"tenant_id": tenant_id, "customer_id": customer_id}
    for query in ("clear_cart", "clear_coupons", "erase_drafts"):
        tx.run(f"customers.{query}", **where)
    orders = tx.all("customers.held_orders", **where)
    for order in orders:
        key = {"tenant_id": tenant_id, "order_id": order["order_id"]}
        tx.run("customers.erase_delivery", **key, delivery=_for_the_books(order["delivery"]))
        tx.run("customers.erase_open_papers", **key)
        tx.run("customers.erase_papers", **key)
    return len(orders)


def _for_the_books(delivery: str) -> str:
    """An order's delivery without whatever is not known to be harmless."""
    facts: dict[str, Any] = msgspec.json.decode(delivery)
    kept = {name: value if name in KEPT_OF_DELIVERY else None for name, value in facts.items()}
    return msgspec.json.encode(kept).decode()


def _erase_identity(tx: Tx, tenant_id: str, found: Located, now_ms: int) -> None:
    for customer_id in found.family:
        where = {"tenant_id": tenant_id, "customer_id": customer_id}
        tx.run("customers.erase_profile", **where, now_ms=now_ms)
        tx.run("customers.erase_aliases", **where)
        tx.run("customers.erase_audit", **where)
    for alias in found.aliases:
        tx.run("customers.erase_alias_in_audit", tenant_id=tenant_id, value=alias.value)
