"""Databases of hubs that have been in use for months: shops, chats, messages, turns and orders."""

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from bench.hub import prepare
from hub.clock import SystemClock

DAY_MS: Final = 86_400_000
USED_DAYS: Final = 90  # the messages are spread evenly over them
KEPT_DAYS: Final = 7  # for so long the hub keeps acknowledged orders (retention_s)
LOOP_WINDOW_MS: Final = 60_000  # the hub stops after six replies to a chat within it
WORDS: Final = "please send two boxes of the long screws and tell me what they cost " * 6
SQL: Final = Path(__file__).with_suffix(".sql")
FAST: Final = (  # what fills a database in one go; the hub opens it with settings of its own
    "foreign_keys = ON",
    "journal_mode = OFF",
    "synchronous = OFF",
    "cache_size = -512000",
    "temp_store = MEMORY",
)


class Stored(msgspec.Struct, frozen=True):
    """What a database is to hold.

    The chats are those of the customers that `bench.agents` lets write; with `apart` they belong
    to other customers of the same shops, whose numbers lie between theirs.
    """

    messages: int
    shops: int
    chats: int
    apart: bool = False


def make(folder: Path, stored: Stored) -> None:
    """Make `folder/hub.db` and `folder/tokens.json` anew; on disk when this returns."""
    folder.mkdir(exist_ok=True)
    for old in folder.glob("hub.db*"):
        old.unlink()
    clock = SystemClock()
    asyncio.run(prepare(folder, stored.shops, clock))
    fill(folder / "hub.db", stored, clock.now_ms())


def fill(database: Path, stored: Stored, now_ms: int) -> None:
    """Put the messages, and all that the hub keeps of them, into a prepared database."""
    times = (now_ms - USED_DAYS * DAY_MS, now_ms - DAY_MS // 24, now_ms - KEPT_DAYS * DAY_MS)
    wish = (stored.messages, stored.shops, stored.chats, stored.apart, *times, WORDS)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        for pragma in FAST:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(
            "CREATE TEMP TABLE wish"
            " (messages, shops, chats, apart, from_ms, until_ms, kept_ms, words)"
        )
        connection.execute("INSERT INTO wish VALUES (?, ?, ?, ?, ?, ?, ?, ?)", wish)
        connection.executescript(SQL.read_text())
        connection.execute("PRAGMA journal_mode = WAL")
    with database.open("rb") as file:
        os.fsync(file.fileno())


def let_time_pass(database: Path, stored: Stored) -> None:
    """Make what happened since `fill` history: the bot's replies are old, and read."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "UPDATE messages SET sent_at = sent_at - ? WHERE id > ? AND author = 'bot'",
            (LOOP_WINDOW_MS, stored.messages),
        )
        connection.execute("UPDATE down_events SET result = 'read' WHERE result IS NULL")


def size_mib(folder: Path) -> float:
    """What the database in the folder takes on the disk."""
    return round(sum(file.stat().st_size for file in folder.glob("hub.db*")) / 2**20, 1)
