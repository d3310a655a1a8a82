"""Identities that both sides derive, so that a repeated send is recognised as the same one."""

import hashlib
from uuid import UUID

import msgspec

REPLY_NAMESPACE = UUID("6f0d1c1e-8a53-4c0e-9d5b-2f6b6a1c7e42")
ONE_TO_ONE = ("@c.us", "@s.whatsapp.net", "@lid")


def is_one_to_one(chat: str) -> bool:
    """Whether `chat` is a conversation with one person; all others are recorded, never answered."""
    return chat.endswith(ONE_TO_ONE)


def participant(chat: str, sender_id: str) -> str:
    """The third part of a message's natural key: the sender in a group, empty one-to-one."""
    return "" if is_one_to_one(chat) else sender_id


def reply_id(account: str, chat: str, participant: str, wa_id: str, index: int) -> UUID:
    """The id of the `index`-th reply (from 0) to the turn whose newest message is `wa_id`."""
    return name_based(msgspec.json.encode([account, chat, participant, wa_id, index]))


def name_based(name: bytes) -> UUID:
    """UUIDv5 in the namespace of replies; `uuid.uuid5` at a third of its time."""
    digest = hashlib.sha1(REPLY_NAMESPACE.bytes + name, usedforsecurity=False).digest()
    return UUID(bytes=digest[:16], version=5)


def whatsapp_key(event_id: UUID) -> str:
    """The WhatsApp message id under which the `message.send` with this id goes out."""
    return "3EB0" + hashlib.sha256(event_id.bytes).hexdigest()[:18].upper()
