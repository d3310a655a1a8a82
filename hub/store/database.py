"""The store: one writer, a few readers, and word of what other processes changed.

    async with Store.open(url, clock) as store:
        await store.write(lambda tx: tx.run("tenants.insert", ...))
        row = await store.one("tenants.by_id", tenant_id=...)

A running hub also keeps `store.watch()` as a task; commands and tests need no task at all.
"""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn, Self, TypeVar
from urllib.parse import unquote, urlsplit

from hub.clock import Clock
from hub.store.errors import StoreClosed, StoreError, StoreUnavailable, translated
from hub.store.held import Held, ReaderConnection, WriterConnection
from hub.store.schema import bring_up_to_date
from hub.store.tx import Row, Tx, load_queries
from hub.store.writer import Op, Writer, WriterStats

BUSY_TIMEOUT_S: Final = 20.0
"""For another process's lock: the import of 50,000 products was measured to hold it for 1.5 s, and
an agent waits 30 s for its ack before it gives the connection up."""

T = TypeVar("T")


class Changes:
    """Counts what was noticed. Whoever remembers the count it has seen misses nothing."""

    def __init__(self) -> None:
        self.count = 0
        self._next = asyncio.Event()

    def notice(self) -> None:
        """Count one more and wake everybody who waits."""
        self.count += 1
        self._next.set()
        self._next = asyncio.Event()

    async def after(self, seen: int) -> int:
        """The count, as soon as it is above `seen`."""
        while self.count <= seen:
            await self._next.wait()
        return self.count


class Store:
    """An open database. Made by `Store.open` only."""

    def __init__(
        self, path: Path, clock: Clock, writer: Held, readers: list[Held], migrated: int
    ) -> None:
        self.path = path
        self.migrated = migrated
        """How many migrations were applied when it was opened."""
        self.changed = Changes()
        """Rises within half a second of another process's commit, while `watch` runs."""
        self._held = writer
        self._writer = Writer(writer, clock)
        self._closed = False
        self._readers: asyncio.LifoQueue[Held] = asyncio.LifoQueue()
        for reader in readers:
            self._readers.put_nowait(reader)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, clock: Clock, *, readers: int = 2, busy_timeout_s: float = BUSY_TIMEOUT_S
    ) -> AsyncIterator[Self]:
        """Open `sqlite:////absolute/path` or `sqlite:///relative`, created and migrated as needed.

        Raises:
            StoreUnavailable, StoreDamaged, SchemaTooNew, StoreBusy: nothing was changed.
        """
        path = database_path(url)
        async with AsyncExitStack() as stack:
            try:
                _create(path)
                held = await stack.enter_async_context(Held(path, WriterConnection, busy_timeout_s))
                migrated = await held.submit(bring_up_to_date)
                pool = [
                    await stack.enter_async_context(Held(path, ReaderConnection, busy_timeout_s))
                    for _ in range(readers)
                ]
            except (sqlite3.Error, OSError) as error:
                raise _refusal(path, error) from error
            store = cls(path, clock, held, pool, migrated)
            stack.push_async_callback(store._close)
            yield store

    @property
    def stats(self) -> WriterStats:
        """The writer's counters."""
        return self._writer.stats

    async def write(self, op: Op[T]) -> T:
        """The result of `op`, once it is on disk; see `Writer.write`."""
        return await self._writer.write(op)

    def submit(
        self,
        begin: Callable[[], Op[T]],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """The same for callers that are no task; see `Writer.submit`."""
        self._writer.submit(begin, done, failed)

    async def read(self, op: Op[T]) -> T:
        """The result of `op` over one unchanging view of the database; it may not change it."""
        return await self._on_reader(partial(_read, op))

    async def one(self, query: str, /, **params: Any) -> Row | None:
        """The first row that a named query answers with."""
        return await self._on_reader(lambda connection: _tx(connection).one(query, **params))

    async def all(self, query: str, /, **params: Any) -> list[Row]:
        """Every row that a named query answers with."""
        return await self._on_reader(lambda connection: _tx(connection).all(query, **params))

    async def watch(self, poll_s: float = 0.25) -> NoReturn:
        """Raise `changed` upon other processes' commits; a task of the running hub.

        The writer's own connection is asked, because its `data_version` moves by others' commits
        only.
        """
        seen = await self._held.submit(_data_version)
        while True:
            await asyncio.sleep(poll_s)
            if (now := await self._held.submit(_data_version)) != seen:
                seen = now
                self.changed.notice()

    async def _close(self) -> None:
        self._closed = True
        await self._writer.close()

    async def _on_reader(self, job: Callable[[sqlite3.Connection], T]) -> T:
        if self._closed:
            raise StoreClosed("the store is closed")
        reader = await self._readers.get()
        try:
            if self._closed:  # while it waited
                raise StoreClosed("the store is closed")
            return await reader.submit(job)
        except sqlite3.Error as error:
            if (own := translated(error)) is error:
                raise
            raise own from error
        finally:
            self._readers.put_nowait(reader)


def database_path(url: str) -> Path:
    """The file that a database URL names; StoreUnavailable when it names none."""
    parts = urlsplit(url)
    path = unquote(parts.path.removeprefix("/"))
    if (
        parts.scheme != "sqlite"
        or parts.netloc
        or parts.query
        or path in ("", ":memory:")
        or "\0" in path
    ):
        raise StoreUnavailable(
            "The database URL must be sqlite:////absolute/path or sqlite:///relative/path. "
            "Correct SAK_HUB_DATABASE_URL."
        )
    return Path(path)


def _create(path: Path) -> None:
    """Make the file for this user only; SQLite gives the files beside it the same rights."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    # What cannot be opened is told before aiosqlite starts a thread for it: the thread of a failed
    # opening ends by itself at some later time, often after the loop that it reports to.
    with closing(sqlite3.connect(path)) as probe:
        probe.execute("PRAGMA schema_version")


def _refusal(path: Path, error: Exception) -> StoreError:
    own = translated(error)
    if isinstance(own, StoreError):
        return own
    reason = getattr(error, "strerror", None) or error
    return StoreUnavailable(f"The database {path} cannot be opened: {reason}. Check its folder.")


def _tx(connection: sqlite3.Connection) -> Tx:
    return Tx(connection, load_queries())


def _read(op: Op[T], connection: sqlite3.Connection) -> T:
    connection.execute("BEGIN")
    try:
        return op(_tx(connection))
    finally:
        connection.execute("ROLLBACK")


def _data_version(connection: sqlite3.Connection) -> int:
    found: int = connection.execute("PRAGMA data_version").fetchone()[0]
    return found
