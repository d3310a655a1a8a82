"""What became of every message: the phones' count against the hub's database and the journals."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from agent.journal import FILE_NAME
from tests.chaos.phones import Phones, Written


class Verdict(msgspec.Struct, frozen=True):
    """The figures of a run, each with the messages or keys that it counts."""

    lost: tuple[str, ...]
    duplicated: tuple[str, ...]
    out_of_order: tuple[str, ...]
    unknown: tuple[str, ...]
    stuck: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Every single thing that was counted."""
        return self.lost + self.duplicated + self.out_of_order + self.unknown + self.stuck

    def is_good(self, unknown_max: int) -> bool:
        """Whether every promise was kept."""
        broken = self.lost or self.duplicated or self.out_of_order or self.stuck
        return not broken and len(self.unknown) <= unknown_max


class _Stored(msgspec.Struct, frozen=True):
    """The hub's tables, as far as they are judged."""

    inbound: list[tuple[str, str]]  # chat, wa_id; as they arrived
    unknown: list[tuple[str, str]]  # event id, WhatsApp key
    doubted: set[str]  # wa_ids of messages whose turn waits because nobody knows what became of it


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A database that another process writes."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as connection:
        yield connection


def judge(phones: Phones, hub: Path, pending: Sequence[str]) -> Verdict:
    """Count; `pending` is what did not come to rest."""
    phones.look()
    stored = _stored(hub)
    return Verdict(
        lost=tuple(_lost(phones, stored)),
        duplicated=tuple(_duplicated(phones, stored)),
        out_of_order=tuple(_out_of_order(phones, stored)),
        unknown=tuple(f"{event_id} ({key})" for event_id, key in stored.unknown),
        stuck=tuple(pending),
    )


def still_pending(hub: Path, data_dirs: Sequence[Path]) -> list[str]:
    """What has not come to rest: turns, orders, events that nobody acknowledged, agents away."""
    found = []
    with reading(hub) as database:
        for sql, what in (
            ("SELECT turn_id FROM turns WHERE state = 'pending'", "turn pending"),
            (
                "SELECT turn_id || ' ' || coalesce(reason, '') FROM turns "
                "WHERE state = 'waiting' AND reason IS NOT 'send_unknown'",
                "turn waits for a person",
            ),
            ("SELECT turn_id FROM turns WHERE state = 'dropped'", "turn dropped"),
            (
                "SELECT agent_id || ' is ' || status FROM agent_status WHERE status <> 'online'",
                "agent away",
            ),
            ("SELECT wa_id FROM messages WHERE state = 'queued'", "no word of a reply"),
            ("SELECT event_id FROM quarantine", "event in quarantine"),
        ):
            found += [f"{what}: {row[0]}" for row in database.execute(sql)]
    for data_dir in data_dirs:
        with reading(data_dir / FILE_NAME) as journal:
            waiting: dict[str, Any] = {
                "events unacknowledged": "SELECT up_head - up_acked FROM facts",
                "orders open": "SELECT count(*) FROM inbox WHERE ended_ms IS NULL",
            }
            counts = {what: journal.execute(sql).fetchone()[0] for what, sql in waiting.items()}
        found += [f"{data_dir.name}: {n} {what}" for what, n in counts.items() if n]
    return found


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
    held = {wa_id for _, wa_id in stored.inbound}
    for message in phones.written:
        if message.wa_id not in held:
            yield f"{_name(message)} never reached the hub"
        elif not phones.quoted[message.number] and message.wa_id not in stored.doubted:
            yield f"{_name(message)} was never answered"


def _duplicated(phones: Phones, stored: _Stored) -> Iterator[str]:
    held = Counter(wa_id for _, wa_id in stored.inbound)
    yield from (f"{wa_id} is stored {n} times" for wa_id, n in held.items() if n > 1)
    keys = Counter(reply.key for replies in phones.accepted for reply in replies)
    yield from (f"key {key} was accepted {n} times" for key, n in keys.items() if n > 1)
    for number, n in phones.quoted.items():
        if n > 1:
            yield f"{_name(phones.written[number])} was answered {n} times"


def _out_of_order(phones: Phones, stored: _Stored) -> Iterator[str]:
    """Within a chat: messages stored, and messages answered, in another order than written."""
    arrived: dict[str, list[str]] = defaultdict(list)
    for chat, wa_id in stored.inbound:
        arrived[chat].append(wa_id)
    answered: dict[str, list[int]] = defaultdict(list)
    for replies in phones.accepted:
        for reply in replies:
            answered[reply.chat] += [n for n in reply.quotes if n not in answered[reply.chat]]
    for (_, chat), written in phones.by_chat().items():
        if arrived[chat] != sorted(arrived[chat]):
            yield f"{chat} is stored as {arrived[chat]}"
        if answered[chat] != sorted(answered[chat]):
            yield f"{chat} was answered as {answered[chat]} of {[m.number for m in written]}"


def _name(message: Written) -> str:
    return f"{message.word} to agent {message.agent} in {message.chat}"
