"""Group commit: together on disk, alone in failure, never cancelled."""

import asyncio
import signal
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from hub.clock import SystemClock
from hub.store.database import Store
from hub.store.errors import StoreBusy, StoreClosed, StoreDamaged, StoreFull
from hub.store.held import Held, WriterConnection
from hub.store.tx import Tx
from hub.store.writer import Writer, commit_together

QUERIES = {
    "t.add": "INSERT INTO t (x) VALUES (:x)",
    "t.all": "SELECT x FROM t ORDER BY rowid",
    "t.orphan": "INSERT INTO child (t) VALUES (99)",
    "t.fill": "INSERT INTO t (x) VALUES (hex(zeroblob(200000)))",
    "t.undo": "ROLLBACK",
}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store.open(f"sqlite:///{tmp_path}/hub.db", SystemClock()) as opened:
        yield opened


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "t.db", isolation_level=None, factory=WriterConnection)
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x UNIQUE)")
    connection.execute(
        "CREATE TABLE child (t INTEGER REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)"
    )
    yield connection
    connection.close()


def add(event_id: str) -> Callable[[Tx], int]:
    def op(tx: Tx) -> int:
        return tx.run(
            "logs.up_event_add",
            tenant_id="t1",
            agent_id="a1",
            event_id=event_id,
            type="message.received",
            now_ms=1,
        )

    return op


def fails(tx: Tx) -> None:
    add("never")(tx)
    raise KeyError("on purpose")


async def is_stored(store: Store, event_id: str) -> bool:
    found = await store.one("logs.up_event_known", tenant_id="t1", agent_id="a1", event_id=event_id)
    return found is not None


async def test_a_failing_op_is_undone_alone(store: Store) -> None:
    """Of three ops in one batch the failing one leaves no trace and its caller gets its error."""
    async with asyncio.TaskGroup() as tasks:
        before = tasks.create_task(store.write(add("before")))
        failing = tasks.create_task(refusal(store.write(fails)))
        behind = tasks.create_task(store.write(add("behind")))
    assert (before.result(), behind.result(), repr(failing.result())) == (
        1,
        1,
        "KeyError('on purpose')",
    )
    assert [await is_stored(store, name) for name in ("before", "never", "behind")] == [
        True,
        False,
        True,
    ]
    assert (store.stats.batches, store.stats.ops, store.stats.failed) == (1, 3, 1)


async def refusal(waiting: Awaitable[object]) -> Exception | None:
    try:
        await waiting
    except (KeyError, StoreClosed) as error:
        return error
    return None


async def test_ops_run_in_the_order_of_write(store: Store) -> None:
    """However they are grouped, ops of many callers run in the order in which they came."""
    order: list[int] = []

    def note(number: int, _: Tx) -> None:
        order.append(number)

    async with asyncio.TaskGroup() as tasks:
        for number in range(5000):
            tasks.create_task(store.write(partial(note, number)))
    assert order == list(range(5000))
    assert store.stats.batches == 3  # 2,048 at most in one


async def test_what_gathers_during_a_commit_shares_the_next(store: Store) -> None:
    """While one batch runs, later ops wait for each other and not for one commit each."""
    entered, go_on = threading.Event(), threading.Event()

    def slow(_: Tx) -> None:
        entered.set()
        go_on.wait(10)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(store.write(slow))
        await asyncio.to_thread(entered.wait, 10)
        for number in range(5):
            tasks.create_task(store.write(add(str(number))))
        await asyncio.to_thread(go_on.set)
    assert store.stats.batches == 2


async def test_a_cancelled_caller_does_not_cancel_its_op(store: Store) -> None:
    """An op whose caller was cancelled while it waited is committed all the same."""
    go_on = threading.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(store.write(lambda _: go_on.wait(10)))
        await asyncio.sleep(0)
        abandoned = tasks.create_task(store.write(add("abandoned")))
        await asyncio.sleep(0)
        abandoned.cancel()
        go_on.set()
    assert abandoned.cancelled()
    await store.write(add("after"))
    assert await is_stored(store, "abandoned")


async def test_a_full_queue_makes_callers_wait(tmp_path: Path) -> None:
    """With room for two, no more than two ops are ever taken, and all get their turn."""
    async with Held(tmp_path / "t.db", WriterConnection, 1.0) as held:
        writer = Writer(held, SystemClock(), queue_max=2)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(20):
                tasks.create_task(writer.write(lambda _: None))
        assert (writer.stats.ops, writer.stats.batches) == (20, 10)
        await writer.close()


async def test_close_finishes_what_was_taken_and_takes_nothing_new(tmp_path: Path) -> None:
    """Leaving the store commits every op that was handed in; later ones are refused."""
    url = f"sqlite:///{tmp_path}/hub.db"
    async with asyncio.TaskGroup() as tasks, Store.open(url, SystemClock()) as store:
        for number in range(300):
            tasks.create_task(store.write(add(str(number))))
        await asyncio.sleep(0)
    with pytest.raises(StoreClosed):
        await store.write(add("late"))
    async with Store.open(url, SystemClock()) as store:
        assert await is_stored(store, "299")


async def test_a_cancelled_close_refuses_what_has_not_begun(tmp_path: Path) -> None:
    """An impatient shutdown leaves nobody waiting: what runs is finished, the rest is refused."""
    go_on = threading.Event()
    async with Held(tmp_path / "t.db", WriterConnection, 1.0) as held, asyncio.TaskGroup() as tasks:
        writer = Writer(held, SystemClock())
        running = tasks.create_task(writer.write(lambda _: go_on.wait(10)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting = tasks.create_task(refusal(writer.write(lambda _: None)))
        await asyncio.sleep(0)
        closing = tasks.create_task(writer.close())
        await asyncio.sleep(0)
        closing.cancel()
        refused = await waiting
        go_on.set()
    assert isinstance(refused, StoreClosed)
    assert running.result() is True


def test_a_failed_commit_undoes_all_and_leaves_no_transaction(plain: sqlite3.Connection) -> None:
    """When COMMIT itself fails every caller learns it, and the next batch is not held up."""
    outcomes = commit_together(
        [lambda tx: tx.run("t.add", x=1), lambda tx: tx.run("t.orphan")], QUERIES, plain
    )
    assert [type(outcome.error) for outcome in outcomes] == [sqlite3.IntegrityError] * 2  # type: ignore[union-attr]
    assert not plain.in_transaction
    assert plain.execute("SELECT count(*) FROM t").fetchone()[0] == 0


def test_a_full_disk_is_named(plain: sqlite3.Connection) -> None:
    """The op that finds no room gets StoreFull; an op that needs none is kept."""
    plain.execute("PRAGMA max_page_count = 20")
    small, large = commit_together(
        [lambda tx: tx.run("t.add", x=1), lambda tx: tx.run("t.fill")], QUERIES, plain
    )
    assert isinstance(large.error, StoreFull)  # type: ignore[union-attr]
    stored = [row["x"] for row in plain.execute("SELECT x FROM t")]
    assert stored == ([1] if hasattr(small, "result") else [])
    assert not plain.in_transaction


def test_an_op_that_ends_the_transaction_fails_the_batch(plain: sqlite3.Connection) -> None:
    """When the transaction is gone, nobody is told that anything was stored."""

    def undo(tx: Tx) -> None:
        tx.run("t.undo")
        raise sqlite3.OperationalError("as after an I/O error")

    outcomes = commit_together([lambda tx: tx.run("t.add", x=1), undo], QUERIES, plain)
    assert not any(hasattr(outcome, "result") for outcome in outcomes)
    assert plain.execute("SELECT count(*) FROM t").fetchone()[0] == 0


async def test_a_lock_held_elsewhere_ends_in_store_busy(tmp_path: Path) -> None:
    """Another process's write lock is waited for within a bound; afterwards writing goes on."""
    url = f"sqlite:///{tmp_path}/hub.db"
    async with Store.open(url, SystemClock(), busy_timeout_s=0.1) as store:
        other = sqlite3.connect(tmp_path / "hub.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy):
            await store.write(add("refused"))
        other.execute("ROLLBACK")
        other.close()
        assert await store.write(add("accepted")) == 1
        assert not await is_stored(store, "refused")


async def test_whatever_an_op_raises_the_writer_goes_on(store: Store) -> None:
    """Even an error that nobody catches undoes the batch, reaches the caller and stops nothing."""

    class Gone(BaseException):
        pass

    def op(tx: Tx) -> None:
        add("undone")(tx)
        raise Gone

    with pytest.raises(Gone):
        await store.write(op)
    assert await store.write(add("next")) == 1
    assert not await is_stored(store, "undone")


@pytest.mark.parametrize("call", ["write", "read"])
async def test_an_iterator_that_ran_out_holds_nobody_up(store: Store, call: str) -> None:
    """No future carries a StopIteration: it is told as another error, and the next op is done."""
    with pytest.raises(RuntimeError, match="iterator"):
        await getattr(store, call)(lambda _: next(iter(())))
    assert await getattr(store, call)(lambda _: "next") == "next"


async def test_damage_found_while_running_is_named(store: Store) -> None:
    """A page that turns out to be damaged gives StoreDamaged, not a riddle."""

    def op(_: Tx) -> None:
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    with pytest.raises(StoreDamaged):
        await store.write(op)


CHILD = """
import asyncio, sys
from hub.clock import SystemClock
from hub.store.database import Store

async def main():
    async with Store.open(sys.argv[1], SystemClock()) as store, asyncio.TaskGroup() as tasks:
        async def produce(agent):
            for number in range(10**9):
                event = f"{agent}-{number}"
                await store.write(lambda tx: tx.run("logs.up_event_add", tenant_id="t1",
                    agent_id="a1", event_id=event, type="x", now_ms=1))
                print(event, flush=True)
        for agent in range(8):
            tasks.create_task(produce(agent))

asyncio.run(main())
"""


async def test_what_was_reported_as_written_survives_a_kill(tmp_path: Path) -> None:
    """After `kill -9` in the middle of writing, every op whose caller was answered is there."""
    url = f"sqlite:///{tmp_path}/hub.db"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, url, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    answered = [(await child.stdout.readline()).decode().strip() for _ in range(200)]
    child.send_signal(signal.SIGKILL)
    answered += (await child.stdout.read()).decode().split("\n")[:-1]
    await child.wait()
    async with Store.open(url, SystemClock()) as store:
        assert [event for event in answered if not await is_stored(store, event)] == []
