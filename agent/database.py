"""One SQLite file on one thread: every operation is one transaction that nobody can interrupt.

An operation is a plain function over `Tx`; it runs whole on the file's own thread, so cancelling
the task that waits for it leaves either all of it on disk or nothing. SQL stands in a file of named
queries (`-- name: …`), which `Tx` calls by their names.
"""

import asyncio
import os
import re
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Self, TypeVar

T = TypeVar("T")
Value = str | int | float | bytes | None

APPLICATION_ID = 0x53414B41  # "SAKA": tells our file from any other SQLite database
SCHEMA_VERSION = 3
BUSY_TIMEOUT_S = 10.0  # the command line may hold the file for a moment
# A quota or a limit on the size of files comes as a failed write, not as a full disk.
_FULL: Final = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE}
_DAMAGED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_PARTS: Final = ("-wal", "-shm", "")  # ends of the names, the file itself last
_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


class JournalError(Exception):
    """The journal cannot be used; the message is one sentence for the user, with the remedy."""


class JournalDamagedError(JournalError):
    """The file is no journal, or broken."""


class JournalNewerError(JournalError):
    """A later version of the program wrote the file."""


class JournalFullError(JournalError):
    """There is no room left on the disk; nothing was changed."""


def load_queries(path: Path) -> dict[str, str]:
    """The named queries of a file, without the comment that says what each answers."""
    parts = _NAME.split(path.read_text("utf-8"))
    return dict(zip(parts[1::2], (sql.strip() for sql in parts[2::2]), strict=True))


class Tx:
    """One open transaction; lives on the file's thread."""

    def __init__(self, connection: sqlite3.Connection, queries: dict[str, str]) -> None:
        self._connection = connection
        self._queries = queries

    def one(self, name: str, **params: Value) -> sqlite3.Row | None:
        """The first row that the query finds."""
        return next(iter(self.all(name, **params)), None)

    def only(self, name: str, **params: Value) -> sqlite3.Row:
        """The row of a query that always finds one."""
        return self.all(name, **params)[0]

    def all(self, name: str, **params: Value) -> list[sqlite3.Row]:
        """Every row that the query finds."""
        return self._connection.execute(self._queries[name], params).fetchall()

    def run(self, name: str, **params: Value) -> int:
        """Change something; returns how many rows."""
        return self._connection.execute(self._queries[name], params).rowcount


class Database:
    """The file, held open."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        queries: dict[str, str],
        thread: ThreadPoolExecutor,
    ) -> None:
        self.path = path
        self._connection = connection
        self._queries = queries
        self._thread = thread

    @classmethod
    async def open(cls, path: Path, schema: Path, queries: Path) -> Self:
        """Open the file, made with its directory if it is missing, and bring its schema up to date.

        Raises:
            JournalDamagedError, JournalNewerError, JournalError: the file was left as it is.
        """
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(thread, cls._opened, path, schema, queries, thread)
        except BaseException:
            thread.shutdown(wait=False)
            raise

    @classmethod
    def _opened(cls, path: Path, schema: Path, queries: Path, thread: ThreadPoolExecutor) -> Self:
        named = load_queries(queries)
        return cls(path, _connect(path, schema), named, thread)

    async def close(self) -> None:
        """Close the file; later calls fail."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown(wait=False)

    async def run(self, op: Callable[[Tx], T]) -> T:
        """Run `op` in one transaction; when this returns, its changes are on disk.

        Raises:
            JournalFullError, JournalDamagedError, JournalError: nothing was changed.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, op)

    def _run(self, op: Callable[[Tx], T]) -> T:
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = op(Tx(connection, self._queries))
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.DatabaseError as error:
            raise _explained(error, self.path) from error
        return result


def discard(path: Path) -> None:
    """Remove a journal that is closed and holds nothing."""
    for suffix in _PARTS:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def move_aside(path: Path, now_ms: int) -> Path:
    """Rename a journal with its companions so that a new one can begin; returns its new name."""
    target = path.with_name(f"{path.name}.aside-{now_ms}")
    for suffix in _PARTS:
        companion = path.with_name(path.name + suffix)
        if companion.exists():
            companion.rename(target.with_name(target.name + suffix))
    return target


def _connect(path: Path, schema: Path) -> sqlite3.Connection:
    connection: sqlite3.Connection | None = None
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        _prepare(connection, path, schema)
    except (sqlite3.Error, OSError, JournalError) as error:
        if connection is not None:
            connection.close()
        raise error if isinstance(error, JournalError) else _explained(error, path) from error
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, schema: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and owner != APPLICATION_ID:
        raise _damaged(path, "belongs to another program")
    if version > SCHEMA_VERSION:
        raise JournalNewerError(
            f"A newer sak-agent wrote the journal {path} (schema {version}, this one knows "
            f"{SCHEMA_VERSION}): install that version again."
        )
    if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise _damaged(path, "is damaged")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    if not tables:
        _run_script(connection, schema, SCHEMA_VERSION)
        return
    for older in range(version, SCHEMA_VERSION):
        script = schema.with_name(f"{schema.stem}_from_{older}.sql")
        _run_script(connection, script, older + 1)


def _run_script(connection: sqlite3.Connection, script: Path, version: int) -> None:
    """Bring the schema to a version, in one transaction."""
    mark = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version};"
    connection.executescript(f"BEGIN IMMEDIATE;\n{script.read_text('utf-8')}\n{mark}\nCOMMIT;")


def _explained(error: sqlite3.Error | OSError, path: Path) -> JournalError:
    code = getattr(error, "sqlite_errorcode", 0)
    if code & 0xFF in _DAMAGED:  # the low byte is the primary code
        return _damaged(path, "is damaged")
    if code in _FULL:
        return JournalFullError(f"The disk that holds {path} is full: free some space.")
    reason = getattr(error, "strerror", None) or error
    return JournalError(
        f"The journal {path} cannot be used ({reason}): check the disk and its rights."
    )


def _damaged(path: Path, what: str) -> JournalDamagedError:
    return JournalDamagedError(
        f"The journal {path} {what}: run `sak-agent doctor --move-journal-aside` to start a new "
        "one (what the hub has not taken yet stays in the old file), then pair again."
    )
