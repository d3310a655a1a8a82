"""The one writer: operations that gathered are committed together, each alone in its fate.

There is no task: an operation that is handed in starts a batch if none runs, and the end of a batch
starts the next one with what gathered meanwhile, so that the previous fsync is the only wait.
Nothing here can be cancelled, forgotten or left behind by a task that died. What can be cancelled
is waiting for a result; the operation itself is done all the same.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar, cast

import msgspec

from hub.clock import Clock
from hub.store.errors import StoreClosed, translated
from hub.store.held import Held, result_of
from hub.store.tx import Memory, Tx, load_queries

T = TypeVar("T")
Op = Callable[[Tx], T]
"""What to do inside a transaction: synchronous, quick, without any I/O of its own."""


class WriterStats(msgspec.Struct, frozen=True):
    """Counters; `busy_since` is in monotonic seconds, None while nothing is being written."""

    batches: int
    ops: int
    failed: int
    queued: int
    busy_since: float | None


class _Done(msgspec.Struct, frozen=True):
    result: Any


class _Failed(msgspec.Struct, frozen=True):
    error: Exception


_Outcome = _Done | _Failed


class _Waiter(msgspec.Struct, frozen=True):
    begin: Callable[[], Op[Any]]
    done: Callable[[Any], None]
    failed: Callable[[Exception], None]

    def answer(self, outcome: _Outcome) -> None:
        """Tell the caller."""
        if isinstance(outcome, _Failed):
            self.failed(outcome.error)
        else:
            self.done(outcome.result)


class Writer:
    """Commits operations in the order of `write`, up to `batch_max` at a time.

    `queue_max` operations may be waiting or under way; further callers wait for room.
    """

    def __init__(
        self, held: Held, clock: Clock, *, queue_max: int = 8192, batch_max: int = 2048
    ) -> None:
        self._held = held
        self._clock = clock
        self._batch_max = batch_max
        self._memory = Memory()
        self._room = asyncio.Semaphore(queue_max)
        self._queue: deque[_Waiter] = deque()
        self._running = False
        self._closing = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._batches = self._ops = self._failed = 0
        self._busy_since: float | None = None

    @property
    def stats(self) -> WriterStats:
        """The counters as they stand."""
        return WriterStats(
            self._batches, self._ops, self._failed, len(self._queue), self._busy_since
        )

    async def write(self, op: Op[T]) -> T:
        """The result of `op`, once it is on disk. Cancelling the wait does not cancel `op`.

        Raises:
            StoreBusy, StoreFull, StoreDamaged, StoreUnavailable: nothing of `op` was kept.
            StoreClosed: after `close`.
            Exception: whatever `op` itself raised; nothing of it was kept.
        """
        async with self._room:
            return await self._written(op)

    async def _written(self, op: Op[T]) -> T:
        if self._closing:
            raise StoreClosed("the store is closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._take(_Waiter(lambda: op, partial(_tell, future), partial(_fail, future)))
        return await future

    def submit(
        self,
        begin: Callable[[], Op[T]],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """As `write`, for callers that are no task: exactly one of the last two is called.

        `begin` makes the operation when its transaction starts, with what is known by then. All
        three are called on the loop. Nobody waits for room here: a caller submits nothing new
        before it was answered.
        """
        if self._closing:
            failed(StoreClosed("the store is closed"))
            return
        self._take(_Waiter(begin, done, failed))

    async def close(self) -> None:
        """Take nothing new and finish what was taken; when cancelled, refuse what has not begun."""
        self._closing = True
        try:
            await self._idle.wait()
        finally:
            for waiter in self._queue:
                waiter.answer(_Failed(StoreClosed("the store closed before this was written")))
            self._queue.clear()

    def _take(self, waiter: _Waiter) -> None:
        self._queue.append(waiter)
        if not self._running:
            self._running = True
            self._idle.clear()
            # One round of the loop later, so that callers who woke together share a batch.
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        """Start a batch with what gathered, or come to rest."""
        if not self._queue:
            self._running = False
            self._idle.set()
            return
        batch = [self._queue.popleft() for _ in range(min(len(self._queue), self._batch_max))]
        self._busy_since = self._clock.monotonic()
        ops = [waiter.begin() for waiter in batch]
        job = partial(commit_together, ops, load_queries(), memory=self._memory)
        self._held.submit(job).add_done_callback(partial(self._settle, batch))

    def _settle(self, batch: list[_Waiter], done: asyncio.Future[list[_Outcome]]) -> None:
        """Tell every caller of `batch` how it went, then start on what gathered meanwhile."""
        self._batches += 1
        self._ops += len(batch)
        self._busy_since = None
        loop = asyncio.get_running_loop()
        for waiter, outcome in zip(batch, _outcomes(done, len(batch)), strict=True):
            self._failed += isinstance(outcome, _Failed)
            try:
                waiter.answer(outcome)
            except Exception as error:  # noqa: BLE001 - one caller's defect is not the others'
                loop.call_exception_handler({"message": "after a write", "exception": error})
        loop.call_soon(self._next)  # last, so that what the answers lead to is in the next batch


def _tell(future: asyncio.Future[T], result: T) -> None:
    if not future.done():  # whoever waited may have gone away
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _outcomes(done: asyncio.Future[list[_Outcome]], count: int) -> list[_Outcome]:
    error = done.exception()
    if error is None:
        return done.result()
    return [_Failed(cast(Exception, error))] * count


def commit_together(
    ops: Sequence[Op[Any]],
    queries: Mapping[str, str],
    connection: sqlite3.Connection,
    memory: Memory | None = None,
) -> list[_Outcome]:
    """Run `ops` in one transaction; one that raises is undone alone, a failed COMMIT undoes all.

    An op may be run twice: first all are, as if none could fail, which saves the two statements
    that a savepoint takes; when one did fail, the transaction is undone and done again with care.
    """
    tx = Tx(connection, queries, memory)
    try:
        return _commit_plainly(ops, tx, connection)
    except Exception:  # noqa: BLE001 - whose it is and what it is comes out right below
        _undo(tx, connection)
    try:
        return _commit_each(ops, tx, connection)
    except sqlite3.Error as error:
        return [_Failed(translated(error)) for _ in ops]
    finally:
        _undo(tx, connection)


def _undo(tx: Tx, connection: sqlite3.Connection) -> None:
    """End a transaction that was not committed."""
    tx.memory.forget()  # a COMMIT that the disk refuses ends the transaction by itself
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _commit_plainly(
    ops: Sequence[Op[Any]], tx: Tx, connection: sqlite3.Connection
) -> list[_Outcome]:
    connection.execute("BEGIN IMMEDIATE")
    tx.memory.recall(connection)
    outcomes: list[_Outcome] = [_Done(result_of(op, tx)) for op in ops]
    connection.execute("COMMIT")
    return outcomes


def _commit_each(ops: Sequence[Op[Any]], tx: Tx, connection: sqlite3.Connection) -> list[_Outcome]:
    connection.execute("BEGIN IMMEDIATE")
    tx.memory.recall(connection)
    outcomes = [_run(op, tx, connection) for op in ops]
    connection.execute("COMMIT")
    return outcomes


def _run(op: Op[Any], tx: Tx, connection: sqlite3.Connection) -> _Outcome:
    """Run one op so that it can be undone alone."""
    connection.execute("SAVEPOINT op")
    try:
        outcome: _Outcome = _Done(result_of(op, tx))
    except Exception as error:
        if not connection.in_transaction:
            raise  # SQLite itself undid the whole transaction: a full disk, an I/O error
        tx.memory.forget()
        connection.execute("ROLLBACK TO op")
        outcome = _Failed(translated(error))
    connection.execute("RELEASE op")
    return outcome
