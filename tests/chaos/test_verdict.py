"""The judge of a run sees every broken promise; a blind one would make each run a good one."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.chaos.phones import Phones, Written
from tests.chaos.verdict import Verdict, judge

Spoil = Callable[[list[tuple[str, str]], list[tuple[str, str, str]]], object]


def played(folder: Path, spoil: Spoil) -> Verdict:
    """Three customers' messages stored and answered one by one, but for what `spoil` changes."""
    phones = Phones(folder, 1, 1)
    while len(written := phones.written) < 3 or len({one.chat for one in written}) > 1:
        phones.write()
        chat = phones.written[0].chat
        phones.written[:] = [one for one in phones.written if one.chat == chat][:3]
        phones.written[:] = [
            Written(n, 0, chat, f"IN{n}", one.at) for n, one in enumerate(phones.written)
        ]
    stored = [(one.chat, one.wa_id) for one in phones.written]
    replies = [(f"KEY{one.number}", one.chat, one.word) for one in phones.written]
    spoil(stored, replies)
    with phones.outgoing(0).open("w") as lines:
        for key, chat, text in replies:
            lines.write(json.dumps({"key": key, "chat": chat, "text": text}) + "\n")
    return judge(phones, _hub(folder / "hub.db", stored), ())


def _hub(path: Path, stored: list[tuple[str, str]]) -> Path:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            "CREATE TABLE messages (id INTEGER PRIMARY KEY, chat, wa_id, direction, state,"
            " event_id, turn_id); CREATE TABLE turns (turn_id, state, reason);"
        )
        database.executemany(
            "INSERT INTO messages (chat, wa_id, direction) VALUES (?, ?, 'in')", stored
        )
        database.commit()
    return path


def counts(verdict: Verdict) -> tuple[int, int, int]:
    return len(verdict.lost), len(verdict.duplicated), len(verdict.out_of_order)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda stored, replies: None, (0, 0, 0)),
        (lambda stored, replies: stored.pop(), (1, 0, 0)),
        (lambda stored, replies: replies.pop(), (1, 0, 0)),
        (lambda stored, replies: stored.append(stored[2]), (0, 1, 0)),
        (lambda stored, replies: replies.append(("KEY9", *replies[2][1:])), (0, 1, 0)),
        (lambda stored, replies: replies.append(replies[2]), (0, 2, 0)),
        (lambda stored, replies: stored.reverse(), (0, 0, 1)),
        (lambda stored, replies: replies.reverse(), (0, 0, 1)),
    ],
)
def test_a_broken_promise_is_counted(
    tmp_path: Path, spoil: Spoil, expected: tuple[int, int, int]
) -> None:
    """Lost on either way, stored or answered or accepted twice, stored or answered out of order."""
    verdict = played(tmp_path, spoil)
    assert counts(verdict) == expected
    assert verdict.is_good(0) == (expected == (0, 0, 0))
