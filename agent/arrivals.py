"""Messages of WhatsApp on their way into the up log, inside the journal's transactions.

A message whose file has to be brought first stands in `arrivals`, and behind it whatever came later
in its chat, so that a chat keeps its order. It is known (`seen`) from its first moment, and becomes
an event when its file is at the hub, or when nobody waits for that any longer.

Every function runs on the journal's thread inside one transaction with what it causes.
"""

import sqlite3
from typing import Final, cast
from uuid import UUID, uuid4

import msgspec

from agent import changes, outbox
from agent.database import Tx
from agent.drivers.driver import Unread
from agent.files import FILE_MAX_BYTES
from protocol import codec
from protocol.ids import is_one_to_one, participant
from protocol.messages import MessageReceived, ReceivedMedia

FETCH_AGE_MS: Final = 86_400_000  # an older file is not fetched: a person answers, with the phone


class Arrival(msgspec.Struct, frozen=True):
    """A message whose file has to be brought. `sha256`: the file is on this PC."""

    event_id: UUID
    message: MessageReceived
    sha256: str | None


def record(tx: Tx, message: MessageReceived, now_ms: int, *, again: bool = False) -> bool:
    """Keep a message that is not known yet; False when it is known, or the echo of our own.

    With `again` one that the hub has acknowledged counts as not known: the hub lost it.
    """
    news = changes.as_news(tx, message, now_ms)
    if news is None:
        return False
    message, data = outbox.storable(news)
    if message.from_me and tx.one("inbox_by_key", wa_key=message.wa_id) is not None:
        return False  # the echo of a reply that went out from here
    event_id = uuid4()
    sent_ms = min(message.sent_at.ms, now_ms)  # a clock set wrong must not lift the watermark
    key = {
        "account": message.account,
        "chat": message.chat,
        "participant": participant(message.chat, message.sender.id),
        "wa_id": message.wa_id,
    }
    if again:
        tx.run("seen_forget", **key)
    new = tx.run(
        "seen_insert",
        **key,
        from_me=message.from_me,
        sent_ms=sent_ms,
        event_id=str(event_id),
    )
    if new:
        _append(tx, event_id, message, data, now_ms)
        if not message.from_me:
            tx.run("facts_inbound", sent_ms=sent_ms)
    return bool(new)


def _append(tx: Tx, event_id: UUID, message: MessageReceived, data: str, now_ms: int) -> None:
    wants = _wants_file(message, now_ms)
    account, chat = message.account, message.chat
    if not wants and tx.one("arrivals_of_chat", account=account, chat=chat) is None:
        outbox.append(tx, event_id, message.TYPE, data, now_ms)
        return
    tx.run(
        "arrivals_insert",
        event_id=str(event_id),
        account=account,
        chat=chat,
        data=data,
        wants=wants,
    )


def _wants_file(message: MessageReceived, now_ms: int) -> bool:
    media = message.media
    if media is None or media.sha256 is not None or media.unavailable:
        return False
    is_fresh = message.sent_at.ms > now_ms - FETCH_AGE_MS
    return is_fresh and media.size <= FILE_MAX_BYTES and is_one_to_one(message.chat)


def lacks(tx: Tx, account: str, unread: Unread, since_ms: int) -> bool:
    """Whether a message that WhatsApp shows as unread was written since, and is not known."""
    if unread.sent_ms < since_ms:
        return False
    key = {"account": account, "chat": unread.chat, "wa_id": unread.wa_id}
    return tx.one("seen_one_to_one", **key) is None


def wanting(tx: Tx, limit: int) -> list[Arrival]:
    """The oldest message of each chat that waits for its file, in the order of arrival."""
    return [_arrival(row) for row in tx.all("arrivals_heads", limit=limit)]


def _arrival(row: sqlite3.Row) -> Arrival:
    message = codec.decode_data(MessageReceived.TYPE, row["data"])
    return Arrival(UUID(row["event_id"]), cast(MessageReceived, message), row["sha256"])


def release(tx: Tx, arrival: Arrival, media: ReceivedMedia, now_ms: int) -> None:
    """Let a message go with what is known of its file now, and those that waited behind it."""
    message = msgspec.structs.replace(arrival.message, media=media)
    data = codec.encode_data(message)
    if not tx.run("arrivals_ready", event_id=str(arrival.event_id), data=data):
        return  # the PC was paired with another shop meanwhile
    where = {"account": message.account, "chat": message.chat}
    while (row := tx.one("arrivals_of_chat", **where)) is not None and not row["wants"]:
        outbox.append(tx, UUID(row["event_id"]), MessageReceived.TYPE, row["data"], now_ms)
        tx.run("arrivals_delete", arrival=row["arrival"])
