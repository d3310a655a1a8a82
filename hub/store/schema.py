"""Brings a database to this program's schema, or refuses it and leaves it as it was.

`migrations/NNNN_subject.sql` are applied in order; `PRAGMA user_version` holds the last number.
`schema.sql` at the project's root shows the result (a test compares them).
"""

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Final

from hub.store.errors import DAMAGED, SchemaTooNew, StoreDamaged

CHECKED_PAGES: Final = (
    16_384  # 64 MiB: a full check took 0.08 s; damage beyond shows when it is read
)
# Other programs number their schemas in `user_version`, too.
_TABLES: Final = (
    "SELECT count(*), total(name IN ('tenants', 'agent_tokens', 'down_events')) = 3"
    " FROM sqlite_master WHERE type = 'table'"
)
_WAL_TRIES: Final = 100
_WAL_WAIT_S: Final = 0.05


@cache
def migrations() -> tuple[str, ...]:
    """The scripts in order; the first one leads to version 1."""
    found = sorted(files("hub.store").joinpath("migrations").iterdir(), key=lambda file: file.name)
    return tuple(file.read_text("utf-8") for file in found if file.name.endswith(".sql"))


def bring_up_to_date(connection: sqlite3.Connection) -> int:
    """Check the database, then apply what it lacks; how many migrations were applied.

    Safe when several processes do it at once: what is lacking is counted under the write lock.

    Raises:
        SchemaTooNew, StoreDamaged: refused, nothing changed.
    """
    with _transaction(connection, "BEGIN"):
        missing = _check(connection)
    _switch_to_wal(connection)
    if not missing:
        return 0
    with _transaction(connection, "BEGIN IMMEDIATE"):
        return _migrate(connection)


def _check(connection: sqlite3.Connection) -> int:
    """How many migrations are missing, after a look at whether this is a sound database of ours."""
    tables, ours = connection.execute(_TABLES).fetchone()
    missing = None if tables and not ours else _missing(connection)
    if missing is None or (missing == len(migrations()) and tables):
        raise StoreDamaged(
            "The database belongs to another program. Set SAK_HUB_DATABASE_URL to another file."
        )
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    if pages <= CHECKED_PAGES:
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise StoreDamaged(DAMAGED)
    return missing


def _missing(connection: sqlite3.Connection) -> int:
    known = len(migrations())
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > known:
        raise SchemaTooNew(
            f"The database has schema {found}, this version of sak-hub knows only up to {known}. "
            "Install the newer version again, or restore an older backup."
        )
    return known - found


def _migrate(connection: sqlite3.Connection) -> int:
    missing = _missing(connection)
    for script in migrations()[len(migrations()) - missing :]:
        for statement in statements(script):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(migrations())}")
    return missing


def statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one: `executescript` would commit before it starts."""
    statement = ""
    for piece in re.split("(?<=;)", script):
        statement += piece
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if any(line.strip() and not line.lstrip().startswith("--") for line in statement.splitlines()):
        raise ValueError("a migration ends in the middle of a statement")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Make the file a write-ahead log database, which lasts; SQLite does not wait for this lock."""
    for tries_left in reversed(range(_WAL_TRIES)):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or not tries_left:
                raise
            time.sleep(_WAL_WAIT_S)  # in the connection's own thread
        else:
            return


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
