"""CHAT on the command line: a phone, a customer's or a WhatsApp id, to the chat that is meant."""

import msgspec

from hub.cli import customer_refs as refs
from hub.cli.command import Failure, printable
from hub.commerce import customer_records, customer_rows
from hub.commerce.aliases import typed
from hub.commerce.customer_records import ChatPlace
from hub.conversation import records
from hub.conversation.records import Chat
from hub.conversation.turns import ChatKey
from hub.store.tx import Row, Tx
from protocol.ids import is_one_to_one


class Found(msgspec.Struct, frozen=True):
    """The chat that was meant, of this shop, and what is kept of it."""

    shop: Row
    key: ChatKey
    agent_id: str
    chat: Chat

    @property
    def name(self) -> str:
        """What to call it in a sentence."""
        name, chat = self.chat.name, self.key.chat
        return printable(f"{name} ({chat})" if name else chat)


def chat(tx: Tx, shop: Row, ref: str) -> Found:
    """The chat with the person whom `ref` means; of several the one that was last alive. Failure.

    One person may have written to two numbers of the shop, or under a hidden number and a plain
    one; a WhatsApp id as `list --json` shows it means that chat alone.
    """
    places = _places(tx, shop, ref)
    if not places:
        raise Failure(
            "unknown_chat",
            f"{printable(shop['name'])} has no chat {printable(ref)}. "
            "'sak-hub chats list SHOP' shows them; a phone number needs its country code.",
        )
    place = max(places, key=lambda place: (_last_said(tx, shop, place), place))
    return _found(tx, shop, place)


def _found(tx: Tx, shop: Row, place: ChatPlace) -> Found:
    key = ChatKey(shop["tenant_id"], place.account, place.chat)
    row = tx.one("chats.one", **records.where(key))
    if row is None:
        raise LookupError("a chat that was listed is not there")
    return Found(shop, key, row["agent_id"], records.chat_of(row))


def _places(tx: Tx, shop: Row, ref: str) -> set[ChatPlace]:
    tenant_id, alias = shop["tenant_id"], typed(ref, refs.region(shop))
    named = customer_records.chats_named(tx, tenant_id, alias)
    if exact := {place for place in named if place.chat == ref.strip()}:
        return exact
    who = customer_rows.current(tx, tenant_id, ref) or customer_rows.owner(tx, tenant_id, alias)
    known = () if who is None else customer_rows.aliases(tx, tenant_id, who.customer_id)
    others = (p for one in known for p in customer_records.chats_named(tx, tenant_id, one))
    return {place for place in (*named, *others) if is_one_to_one(place.chat)}


def _last_said(tx: Tx, shop: Row, place: ChatPlace) -> int:
    key = ChatKey(shop["tenant_id"], place.account, place.chat)
    row = tx.one("chats.last_said", **records.where(key))
    return 0 if row is None else row["id"] or 0
