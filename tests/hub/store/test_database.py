"""Opening, refusing, reading, and word of other processes' commits."""

import asyncio
import sqlite3
import stat
import sys
import threading
import time
from pathlib import Path

import pytest

from hub.clock import SystemClock
from hub.store.database import BUSY_TIMEOUT_S, Changes, Store, database_path
from hub.store.errors import SchemaTooNew, StoreClosed, StoreDamaged, StoreError, StoreUnavailable
from hub.store.tx import Row, Tx

EVENT = {"tenant_id": "t1", "agent_id": "a1", "event_id": "e1"}


def add(tx: Tx) -> int:
    return tx.run("logs.up_event_add", **EVENT, type="x", now_ms=1)


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


async def refusal(path: Path) -> StoreError:
    with pytest.raises(StoreError) as caught:
        async with Store.open(url_of(path), SystemClock()):
            pass
    return caught.value


async def test_a_fresh_database_is_private_and_lasts(tmp_path: Path) -> None:
    """Folder and file are created for this user only, and what was written is there next time."""
    path = tmp_path / "not yet there" / "hub 100%.db"
    async with Store.open(url_of(path).replace("%", "%25"), SystemClock()) as store:
        assert (store.path, store.migrated > 0) == (path, True)
        assert await store.write(add) == 1
        modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        assert (modes, stat.S_IMODE(path.parent.stat().st_mode)) == ({0o600}, 0o700)
    async with Store.open(url_of(path).replace("%", "%25"), SystemClock()) as store:
        assert store.migrated == 0
        row = await store.one("logs.up_event_known", **EVENT)
        assert row is not None
        assert row["received_at"] == 1


async def test_a_store_that_was_closed_refuses_to_read(tmp_path: Path) -> None:
    """A request that comes in while the hub stops is told so, and does not end in a defect."""
    async with Store.open(url_of(tmp_path / "hub.db"), SystemClock()) as store:
        pass
    with pytest.raises(StoreClosed):
        await store.one("logs.up_event_known", **EVENT)


async def test_who_waits_for_a_reader_of_a_store_that_closes_is_told(tmp_path: Path) -> None:
    """The one that becomes free is closed by then."""
    gate, late = threading.Event(), "not asked"

    async def ask(store: Store) -> None:
        nonlocal late
        with pytest.raises(StoreClosed) as refused:
            await store.one("logs.up_event_known", **EVENT)
        late = refused.value.code

    async with (
        asyncio.TaskGroup() as tasks,
        Store.open(url_of(tmp_path / "hub.db"), SystemClock(), readers=1) as store,
    ):
        tasks.create_task(store.read(lambda _: gate.wait(5)))
        await asyncio.sleep(0)
        tasks.create_task(ask(store))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.05, gate.set)
    assert late == StoreClosed.code


async def test_the_connections_are_set_as_designed(tmp_path: Path) -> None:
    """WAL, full synchronisation and foreign keys for the writer; readers cannot write."""
    async with Store.open(url_of(tmp_path / "hub.db"), SystemClock()) as store:
        with pytest.raises(StoreUnavailable, match="may not be written"):
            await store.read(add)
        settings = await store._held.submit(
            lambda connection: {
                name: connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            }
        )
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 1000 * BUSY_TIMEOUT_S,
    }


async def test_reads_see_one_view_and_name_unknown_queries(tmp_path: Path) -> None:
    """`all` and `read` answer from what is committed; a query that does not exist is named."""
    async with Store.open(url_of(tmp_path / "hub.db"), SystemClock()) as store:
        await store.write(add)
        assert [row["type"] for row in await store.all("logs.up_event_known", **EVENT)] == ["x"]

        def both(tx: Tx) -> list[Row | None]:
            return [tx.one("logs.up_event_known", **EVENT), tx.one("logs.down_log", **EVENT)]

        found, missing = await store.read(both)
        assert (found is not None, missing) == (True, None)
        with pytest.raises(LookupError, match=r"'logs\.none'"):
            await store.one("logs.none")


async def test_many_readers_share_few_connections(tmp_path: Path) -> None:
    """A hundred reads at once are answered by the two readers, one after the other."""
    async with Store.open(url_of(tmp_path / "hub.db"), SystemClock()) as store:
        await store.write(add)
        async with asyncio.TaskGroup() as tasks:
            reads = [
                tasks.create_task(store.one("logs.up_event_known", **EVENT)) for _ in range(100)
            ]
        assert all(read.result() is not None for read in reads)


async def test_garbage_is_refused_and_left_alone(tmp_path: Path) -> None:
    """A file that is no database is refused with the remedy, and not one byte changes."""
    path = tmp_path / "hub.db"
    path.write_bytes(b"not a database, for certain. " * 400)
    before = path.read_bytes()
    error = await refusal(path)
    assert isinstance(error, StoreDamaged)
    assert "backup copy" in str(error)
    assert path.read_bytes() == before
    assert not (tmp_path / "hub.db-wal").exists()


@pytest.mark.parametrize("damage", ["cut", "overwritten"])
async def test_a_damaged_database_is_refused(tmp_path: Path, damage: str) -> None:
    """A file that lost its end or some pages in the middle is refused before anything is used."""
    path = tmp_path / "hub.db"
    async with Store.open(url_of(path), SystemClock()) as store:
        await store.write(add)
    whole = path.read_bytes()
    if damage == "cut":
        broken = whole[: len(whole) // 2]
    else:
        middle = len(whole) // 2 // 4096 * 4096
        broken = whole[:middle] + b"\xa5" * 8192 + whole[middle + 8192 :]
    path.write_bytes(broken)
    assert isinstance(await refusal(path), StoreDamaged)
    assert path.read_bytes() == broken


async def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    """Tables without our version number are somebody else's and are not built upon."""
    path = tmp_path / "hub.db"
    foreign = sqlite3.connect(path)
    foreign.execute("CREATE TABLE theirs (x)")
    foreign.close()
    before = path.read_bytes()
    assert "another program" in str(await refusal(path))
    assert path.read_bytes() == before


async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """A database of a later version is refused with the remedy and stays as it is."""
    path = tmp_path / "hub.db"
    async with Store.open(url_of(path), SystemClock()):
        pass
    raised = sqlite3.connect(path)
    raised.execute("PRAGMA user_version = 9999")
    raised.close()
    error = await refusal(path)
    assert isinstance(error, SchemaTooNew)
    assert "newer version" in str(error)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hub.db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://host/x",
        "mysql:///x",
    ],
)
def test_other_urls_are_refused(url: str) -> None:
    """Anything but a path to a SQLite file is refused with the form that is expected."""
    with pytest.raises(StoreUnavailable, match="SAK_HUB_DATABASE_URL"):
        database_path(url)


def test_both_forms_of_the_url() -> None:
    """Four slashes give an absolute path, three a relative one."""
    assert database_path("sqlite:////var/a%20b.db") == Path("/var/a b.db")
    assert database_path("sqlite:///data/hub.db") == Path("data/hub.db")


async def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    """A path that cannot be opened gives one sentence, not a traceback."""
    (tmp_path / "hub.db").mkdir()
    assert isinstance(await refusal(tmp_path / "hub.db"), StoreUnavailable)
    (tmp_path / "file").touch()
    assert isinstance(await refusal(tmp_path / "file" / "hub.db"), StoreUnavailable)


OPENER = """
import asyncio, sys
from hub.clock import SystemClock
from hub.store.database import Store

async def main():
    print("ready", flush=True)
    sys.stdin.readline()
    async with Store.open(sys.argv[1], SystemClock()) as store:
        print(store.migrated, flush=True)

asyncio.run(main())
"""


async def test_a_fresh_database_may_be_opened_by_many_at_once(tmp_path: Path) -> None:
    """Of several processes that meet at an empty folder exactly one migrates, and all succeed."""
    pipe = asyncio.subprocess.PIPE
    url = url_of(tmp_path / "hub.db")
    children = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", OPENER, url, stdin=pipe, stdout=pipe
        )
        for _ in range(4)
    ]
    for child in children:
        assert child.stdout is not None
        await child.stdout.readline()
    answers = []
    async with asyncio.TaskGroup() as tasks:
        answers = [tasks.create_task(child.communicate(b"go\n")) for child in children]
    assert sorted(int(answer.result()[0]) for answer in answers) == [0, 0, 0, 1]
    assert [child.returncode for child in children] == [0] * 4


@pytest.mark.alone
async def test_another_process_is_noticed_and_oneself_is_not(tmp_path: Path) -> None:
    """A foreign commit raises `changed` within 500 ms; the store's own commits do not."""
    path = tmp_path / "hub.db"
    async with Store.open(url_of(path), SystemClock()) as store, asyncio.TaskGroup() as tasks:
        watch = tasks.create_task(store.watch(poll_s=0.02))
        await store.write(add)
        other = sqlite3.connect(path)
        began = time.monotonic()
        other.execute("DELETE FROM up_events")
        other.commit()
        other.close()
        async with asyncio.timeout(5):
            assert await store.changed.after(0) == 1
        assert time.monotonic() - began < 0.5
        await store.write(add)
        await store._held.submit(lambda _: None)
        assert store.changed.count == 1
        watch.cancel()


async def test_no_change_is_missed_between_two_waits() -> None:
    """Whoever names the count it has seen is told at once of what happened meanwhile."""
    changes = Changes()
    changes.notice()
    changes.notice()
    assert await changes.after(0) == 2
    assert await changes.after(1) == 2


@pytest.mark.parametrize("version", [1, 7])
async def test_another_programs_numbered_schema_is_not_ours(tmp_path: Path, version: int) -> None:
    """Others count in `user_version`, too; their file is refused and left as it was."""
    path = tmp_path / "notes.db"
    other = sqlite3.connect(path)
    other.executescript(f"CREATE TABLE notes (x); PRAGMA user_version = {version};")
    other.close()
    before = path.read_bytes()
    assert "another program" in str(await refusal(path))
    assert path.read_bytes() == before


def test_a_file_that_can_have_no_name_is_refused() -> None:
    """A zero byte ends a name for the system, so nobody could find that file."""
    with pytest.raises(StoreUnavailable, match="SAK_HUB_DATABASE_URL"):
        database_path("sqlite:////tmp/%00.db")
