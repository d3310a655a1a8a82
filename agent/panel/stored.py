"""What the panel asks of the journal: figures, and the last messages without a word of them."""

import sqlite3
from typing import Final

import msgspec

from agent.database import Tx
from protocol.ids import is_one_to_one

RECENT_MAX: Final = 8
_DIGITS_SHOWN: Final = 2
_FILES: Final = {"image": "photo", "audio": "voice", "video": "video"}
_KINDS: Final = ("text", "location", "contact", "reaction", "edit", "revoke")


class Seen(msgspec.Struct, frozen=True):
    """A message as anybody may see it who looks over the shoulder.

    `way` is `in`, `out`, or `owner` for what was written on the phone; `letters` of its text;
    `state` of one that goes out.
    """

    at_ms: int
    way: str
    ending: str
    kind: str
    letters: int
    state: str = ""


class Stored(msgspec.Struct, frozen=True):
    """`*_since_ms` is how old the oldest is that waits, None when nothing does."""

    events_since_ms: int | None
    orders_since_ms: int | None
    quarantined: int
    recent: tuple[Seen, ...]


def stored(tx: Tx, quarantined_since_ms: int) -> Stored:
    """Everything at once, newest messages first."""
    oldest = tx.only("panel_oldest")
    found = [_received(row) for row in tx.all("panel_received", limit=RECENT_MAX)]
    found += [_sent(row) for row in tx.all("panel_sends", limit=RECENT_MAX)]
    found.sort(key=lambda one: one.at_ms, reverse=True)
    return Stored(
        events_since_ms=oldest["event_ms"],
        orders_since_ms=oldest["order_ms"],
        quarantined=tx.only("panel_quarantined", since_ms=quarantined_since_ms)["n"],
        recent=tuple(found[:RECENT_MAX]),
    )


def _received(row: sqlite3.Row) -> Seen:
    way = "owner" if row["from_me"] else "in"
    kind = _kind(row["kind"], row["mime"])
    return Seen(row["at_ms"], way, ending(row["person"]), kind, row["letters"])


def _sent(row: sqlite3.Row) -> Seen:
    kind = _kind("media" if row["mime"] else "text", row["mime"])
    return Seen(row["at_ms"], "out", ending(row["person"]), kind, row["letters"], row["state"])


def _kind(kind: str, mime: str | None) -> str:
    if mime is not None:
        return _FILES.get(mime.partition("/")[0], "document")
    return kind if kind in _KINDS else "other"


def ending(person: str | None) -> str:
    """The last two digits of a phone number or of WhatsApp's own name for somebody."""
    if person is None:
        return ""
    name = person.partition("@")[0] if is_one_to_one(person) else person
    digits = "".join(char for char in name if char.isascii() and char.isdigit())
    return digits[-_DIGITS_SHOWN:]
