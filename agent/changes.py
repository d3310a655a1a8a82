"""Customers' edits and revokes that a search finds: each is news once.

A search sees a chat as it reads now. A message that was told before it was changed is told of again
by the change; one that was never told needs only its present words.

Every function runs on the journal's thread inside the transaction of the message.
"""

from typing import Final
from uuid import uuid4

import msgspec

from agent.database import Tx
from protocol.ids import participant
from protocol.messages import MessageReceived

_FOUND: Final = frozenset({"edit", "revoke"})


def as_news(tx: Tx, message: MessageReceived, now_ms: int) -> MessageReceived | None:
    """The message that is to be recorded; None when the change says nothing new."""
    is_found = not (message.live or message.from_me) and message.kind in _FOUND
    if not is_found or message.reply_to is None:
        return message
    if message.kind == "revoke":
        return _revoke(tx, message, now_ms)
    if _is_known(tx, message, message.reply_to):
        return message
    _note(tx, message, message.wa_id, now_ms)
    return None


def _revoke(tx: Tx, message: MessageReceived, now_ms: int) -> MessageReceived | None:
    """Found under the key of what was revoked; the change itself gets a key as one that was heard.

    Never told before, it stands for the message itself, so that the message counts as known.
    """
    target = message.reply_to or message.wa_id
    change = f"{target}/revoke/{message.sent_at.ms}"
    where = {"account": message.account, "chat": message.chat, "who": _who(message)}
    if tx.one("seen_revoke", **where, target=f"{target}/revoke/", beyond=f"{target}/revoke0"):
        return None
    if not _is_known(tx, message, target):
        _note(tx, message, change, now_ms)
        return message
    return msgspec.structs.replace(message, wa_id=change)


def _is_known(tx: Tx, message: MessageReceived, wa_id: str) -> bool:
    where = {"account": message.account, "chat": message.chat, "who": _who(message)}
    return tx.one("seen_one", **where, wa_id=wa_id) is not None


def _note(tx: Tx, message: MessageReceived, wa_id: str, now_ms: int) -> None:
    """Know this key without telling of it."""
    tx.run(
        "seen_insert",
        account=message.account,
        chat=message.chat,
        participant=_who(message),
        wa_id=wa_id,
        from_me=message.from_me,
        sent_ms=min(message.sent_at.ms, now_ms),
        event_id=str(uuid4()),
    )


def _who(message: MessageReceived) -> str:
    return participant(message.chat, message.sender.id)
