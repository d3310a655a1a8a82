"""What became of every message: the phones' count against the hub's database."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from tests.chaos.verdict import Verdict, reading
from tests.chaos_browser.phones import Phones


class _Stored(msgspec.Struct, frozen=True):
    """The hub's tables, as far as they are judged."""

    inbound: list[tuple[str, str]]  # chat, wa_id; as they arrived
    unknown: list[tuple[str, str]]  # event id, WhatsApp key
    doubted: set[str]  # wa_ids of messages whose turn waits because nobody knows what became of it


def judge(phones: Phones, hub: Path, pending: Sequence[str]) -> Verdict:
    """Count; `pending` is what did not come to rest."""
    stored = _stored(hub)
    return Verdict(
        lost=tuple(_lost(phones, stored)),
        duplicated=tuple(_duplicated(phones, stored)),
        out_of_order=tuple(_out_of_order(phones, stored)),
        unknown=tuple(f"{event_id} ({key})" for event_id, key in stored.unknown),
        stuck=tuple(pending),
    )


def unanswered(phones: Phones, hub: Path) -> list[str]:
    """The messages that wait for an answer, and not for a person."""
    quoted, stored = phones.quoted, _stored(hub)
    return [
        f"unanswered: {message.word}"
        for message in phones.written
        if not quoted[message.number] and message.key not in stored.doubted
    ]


def _stored(hub: Path) -> _Stored:
    with reading(hub) as database:
        inbound = database.execute(
            "SELECT chat, wa_id FROM messages WHERE direction = 'in' ORDER BY id"
        ).fetchall()
        unknown = database.execute(
            "SELECT event_id, wa_id FROM messages WHERE direction = 'out' AND state = 'unknown'"
        ).fetchall()
        doubted = database.execute(
            "SELECT m.wa_id FROM messages AS m JOIN turns AS t USING (turn_id) "
            "WHERE m.direction = 'in' AND t.state = 'waiting' AND t.reason = 'send_unknown'"
        ).fetchall()
    return _Stored(inbound, unknown, {row[0] for row in doubted})


def _lost(phones: Phones, stored: _Stored) -> Iterator[str]:
    held, quoted = {wa_id for _, wa_id in stored.inbound}, phones.quoted
    for message in phones.written:
        if message.key not in held:
            yield f"{message.word} never reached the hub"
        elif not quoted[message.number] and message.key not in stored.doubted:
            yield f"{message.word} was never answered"


def _duplicated(phones: Phones, stored: _Stored) -> Iterator[str]:
    held = Counter(wa_id for _, wa_id in stored.inbound)
    yield from (f"{wa_id} is stored {n} times" for wa_id, n in held.items() if n > 1)
    by_number = {message.number: message for message in phones.written}
    for number, n in phones.quoted.items():
        if n > 1:
            yield f"{by_number[number].word} was answered {n} times"


def _out_of_order(phones: Phones, stored: _Stored) -> Iterator[str]:
    """Within a chat: messages stored, or answered, in another order than written."""
    arrived: dict[str, list[str]] = defaultdict(list)
    for chat, wa_id in stored.inbound:
        arrived[chat].append(wa_id)
    for chat, written in phones.by_chat().items():
        order = [message.key for message in written]
        if arrived[chat] != [key for key in order if key in arrived[chat]]:
            yield f"{chat} is stored as {arrived[chat]} and was written as {order}"
        answered = phones.answered(chat)
        if answered != sorted(answered):
            yield f"{chat} was answered as {answered}"
