"""CORE: a chat's rows as a conversation reads now: edits applied, revoked messages gone."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from hub.assistant.engine import Author, Line
from hub.conversation.turns import TURN_KINDS

HISTORY_MAX: Final = 12  # lines before the turn that an engine sees (docs/rules.md §3, context)
UNSENT: Final = ("failed", "expired")  # states in which the customer never saw our words


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded message of a one-to-one chat, of any kind."""

    wa_id: str
    author: Author
    kind: str
    text: str | None
    reply_to: str | None
    sent_at: int
    turn_id: str | None
    state: str | None
    phone: str | None
    lid: str | None = None


def fold(entries: Iterable[Entry]) -> list[Entry]:
    """What still stands, in order of arrival; only words, files, places and contacts.

    An edit or a revoke counts only from the side that wrote its target, whichever came first.
    """
    entries = list(entries)
    words: dict[tuple[bool, str | None], str] = {}
    revoked: set[tuple[bool, str | None]] = set()
    for entry in entries:
        target = (entry.author == "customer", entry.reply_to)
        if entry.kind == "revoke":
            revoked.add(target)
        elif entry.kind == "edit" and entry.text is not None:
            words[target] = entry.text
    standing = [e for e in entries if e.kind in TURN_KINDS and e.state not in UNSENT]
    if not words and not revoked:
        return standing
    return [
        msgspec.structs.replace(entry, text=words.get(_own(entry), entry.text))
        for entry in standing
        if _own(entry) not in revoked
    ]


def _own(entry: Entry) -> tuple[bool, str | None]:
    return (entry.author == "customer", entry.wa_id)


def of_turn(standing: Sequence[Entry], turn_id: str) -> list[Entry]:
    """The customer's messages that the turn covers, oldest first."""
    return [e for e in standing if e.turn_id == turn_id and e.author == "customer"]


def before(standing: Sequence[Entry], covered: Sequence[Entry]) -> list[Entry]:
    """The newest other lines of the chat, oldest first: the answer's context."""
    ids = {entry.wa_id for entry in covered}
    return [entry for entry in standing if entry.wa_id not in ids][-HISTORY_MAX:]


def lines(entries: Iterable[Entry]) -> tuple[Line, ...]:
    """The same as an engine reads them."""
    return tuple(Line(e.author, e.text or "", e.sent_at, e.kind) for e in entries)
