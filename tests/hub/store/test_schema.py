"""The migrations lead to schema.sql, and every query of the house fits it."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.store.schema import bring_up_to_date, migrations, statements
from hub.store.tx import load_queries, parse_queries

SCHEMA = Path(__file__).parents[3] / "schema.sql"


def described(connection: sqlite3.Connection) -> dict[str, str]:
    """Every object and the words that made it, without regard to spacing."""
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {name: " ".join(sql.split()) for name, sql in rows}


def migrated(path: Path, wait_s: float = 5.0) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=wait_s)
    assert bring_up_to_date(connection) == len(migrations())
    return connection


def test_migrating_from_nothing_gives_schema_sql(tmp_path: Path) -> None:
    """A database that went through every migration is the one that schema.sql describes."""
    reached = migrated(tmp_path / "a.db")
    wanted = sqlite3.connect(":memory:")
    wanted.executescript(SCHEMA.read_text("utf-8"))
    assert described(reached) == described(wanted)
    reached.close()
    wanted.close()


class AnyParameters(dict[str, None]):
    """Stands for the parameters of a query whose names do not matter here."""

    def __missing__(self, name: str) -> None:
        return None


@pytest.fixture(scope="module")
def empty() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA.read_text("utf-8"))
    yield connection
    connection.close()


@pytest.mark.parametrize("name", sorted(load_queries()))
def test_every_query_fits_the_schema(empty: sqlite3.Connection, name: str) -> None:
    """Each named query is one statement whose tables and columns exist."""
    empty.execute(f"EXPLAIN {load_queries()[name]}", AnyParameters())


def test_a_failing_migration_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Migrations are all or nothing: an error in the second undoes the first."""
    scripts = ("CREATE TABLE a (x);", "CREATE TABLE b (y); CREATE TABLE a (z);")
    monkeypatch.setattr("hub.store.schema.migrations", lambda: scripts)
    connection = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        bring_up_to_date(connection)
    assert described(connection) == {}
    assert connection.execute("PRAGMA user_version").fetchone()[0] == 0
    connection.close()


def test_only_what_is_missing_is_applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older database gets the later migrations only, once."""
    connection = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    first = (
        "CREATE TABLE tenants (x); CREATE TABLE agent_tokens (x); CREATE TABLE down_events (x);",
    )
    monkeypatch.setattr("hub.store.schema.migrations", lambda: first)
    assert bring_up_to_date(connection) == 1
    monkeypatch.setattr(
        "hub.store.schema.migrations", lambda: (*first, "ALTER TABLE tenants ADD COLUMN y;")
    )
    assert (bring_up_to_date(connection), bring_up_to_date(connection)) == (1, 0)
    connection.close()


def test_another_process_in_the_way_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite does not wait for the switch to a write-ahead log: the first start tries again."""
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr("hub.store.schema.time.sleep", lambda _: other.execute("ROLLBACK"))
    migrated(tmp_path / "a.db", wait_s=0).close()
    other.close()


def test_a_process_that_stays_in_the_way_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a bounded time of trying the start gives up with SQLite's word for it."""
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr("hub.store.schema.time.sleep", lambda _: None)
    connection = sqlite3.connect(tmp_path / "a.db", isolation_level=None, timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        bring_up_to_date(connection)
    connection.close()
    other.close()


def test_scripts_are_cut_at_statements_only() -> None:
    """Semicolons in comments, strings and triggers do not end a statement."""
    script = """
    -- one; two
    CREATE TABLE a (x TEXT DEFAULT ';'); -- three;
    CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM a; SELECT 1; END;
    -- the end
    """
    assert len(list(statements(script))) == 2
    with pytest.raises(ValueError, match="middle"):
        list(statements("CREATE TABLE a (x)"))


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1\n-- name: a\nSELECT 2",
        "-- name: a\n-- says nothing\n",
        "-- name: a\nSELECT 1\n-- name: a\nSELECT 2",
    ],
)
def test_a_wrong_query_file_is_named(text: str) -> None:
    """A query file that would hide a statement is refused when it is read."""
    with pytest.raises(ValueError, match=r"room\.sql"):
        parse_queries("room", text)


def test_query_files_are_read_as_described() -> None:
    """Name, comment, statement; a closing semicolon does not matter."""
    text = "-- Preamble.\n\n-- name: one\n-- Tells one.\nSELECT 1;\n\n-- name: two\nSELECT\n  2\n"
    assert parse_queries("room", text) == {"room.one": "SELECT 1", "room.two": "SELECT\n  2"}
