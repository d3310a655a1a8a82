import asyncio
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from agent.database import (
    JournalDamagedError,
    JournalError,
    JournalFullError,
    JournalNewerError,
    move_aside,
)
from agent.journal import FILE_NAME, Journal
from tests.agent.journaled import all_rows
from tests.agent.stage import NOW_MS, received
from tests.fakes import FakeClock

ROOT = Path(__file__).parents[2]


def spoil(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database at all" * 100)


def is_spoiled(path: Path) -> bool:
    return path.exists() and path.read_bytes().startswith(b"this is no database")


def overwrite(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 20] = b"\xff" * (4096 * 17)
    path.write_bytes(content)


async def fill(journal: Journal) -> None:
    for number in range(100):
        await journal.record_inbound(received(f"B{number}", text="x" * 4000))


async def test_the_file_and_its_directory_belong_to_the_owner_only(
    journal: Journal, path: Path
) -> None:
    """Nobody else on the PC may read what customers wrote."""
    await journal.record_inbound(received("A1"))
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_every_commit_is_synced(journal: Journal) -> None:
    """The journal runs in WAL mode with synchronous=FULL."""
    connection = journal._database._connection
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2


async def test_a_damaged_file_is_refused_and_left_as_it_is(path: Path, clock: FakeClock) -> None:
    """A file that is no database gives one sentence with the remedy, and stays untouched."""
    spoil(path)
    with pytest.raises(JournalDamagedError, match="--move-journal-aside"):
        await Journal.open(path, clock)
    assert is_spoiled(path)


async def test_damage_inside_the_file_is_found_when_opening(path: Path, clock: FakeClock) -> None:
    """Overwritten pages are found by the check at the start, not in the middle of a sale."""
    journal = await Journal.open(path, clock)
    for number in range(200):
        await journal.record_inbound(received(f"A{number}", text="x" * 500))
    await journal.close()
    overwrite(path)
    with pytest.raises(JournalDamagedError):
        await Journal.open(path, clock)


async def test_a_foreign_database_is_refused(path: Path, clock: FakeClock) -> None:
    """A SQLite file of another program is not taken over."""
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(JournalDamagedError, match="another program"):
        await Journal.open(path, clock)


async def test_a_newer_schema_is_refused(path: Path, clock: FakeClock) -> None:
    """A downgrade must not write into a file that it does not understand."""
    await (await Journal.open(path, clock)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(JournalNewerError, match="schema 99"):
        await Journal.open(path, clock)


async def test_an_unusable_place_is_named(tmp_path: Path, clock: FakeClock) -> None:
    """A path that cannot be made is a sentence, not a traceback."""
    (tmp_path / "data").write_text("a file where the directory should be")
    with pytest.raises(JournalError, match="cannot be used"):
        await Journal.open(tmp_path / "data" / FILE_NAME, clock)


async def test_a_full_disk_changes_nothing(journal: Journal) -> None:
    """No room: JournalFullError, the log is as before and goes on when there is room again."""
    await journal.record_inbound(received("A1"))
    pages = journal._database._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._database._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(JournalFullError, match="free some space"):
        await fill(journal)
    head = (await journal.own_log()).head
    assert head == (await journal.facts()).outbox
    journal._database._connection.execute("PRAGMA max_page_count = 1000000")
    assert await journal.record_inbound(received("C1"))
    assert (await journal.own_log()).head == head + 1


LIMITED = """
import asyncio, sys
from pathlib import Path
from resource import RLIM_INFINITY, RLIMIT_FSIZE, setrlimit
from agent.clock import SystemClock
from agent.database import JournalFullError
from agent.journal import Journal
from tests.agent.stage import received

async def main():
    journal = await Journal.open(Path(sys.argv[1]), SystemClock())
    setrlimit(RLIMIT_FSIZE, (300_000, RLIM_INFINITY))
    kept = 0
    try:
        while kept < 1000:
            await journal.record_inbound(received(f"A{kept}", text="x" * 5000))
            kept += 1
    except JournalFullError:
        setrlimit(RLIMIT_FSIZE, (RLIM_INFINITY, RLIM_INFINITY))
    assert await journal.record_inbound(received("again"))
    assert (await journal.own_log()).head == kept + 1 < 1000
    await journal.close()

asyncio.run(main())
"""


def test_a_limit_on_the_files_size_is_a_full_disk(path: Path) -> None:
    """A quota or `ulimit -f` refuses the write itself: nothing is changed, and it can go on."""
    command = [sys.executable, "-c", LIMITED, str(path)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)


async def test_a_journal_moved_aside_keeps_everything(path: Path, clock: FakeClock) -> None:
    """Moving aside renames the file with its companions; a new journal starts empty."""
    journal = await Journal.open(path, clock)
    await journal.record_inbound(received("A1"))
    await journal.close()
    aside = move_aside(path, NOW_MS)
    assert not is_spoiled(path)
    old = await Journal.open(aside, clock)
    assert (await old.facts()).outbox == 1
    await old.close()


APPENDER = """
import asyncio, sys
from pathlib import Path
from agent.clock import SystemClock
from agent.journal import Journal
from tests.agent.stage import received

async def main():
    journal = await Journal.open(Path(sys.argv[1]), SystemClock())
    for number in range(100_000):
        await journal.record_inbound(received(f"A{number}"))
        print(number, flush=True)

asyncio.run(main())
"""


async def test_what_was_kept_survives_kill_9(path: Path, clock: FakeClock) -> None:
    """Every message whose recording returned is there after the process was killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", APPENDER, str(path), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    told = [await process.stdout.readline() for _ in range(40)]
    process.kill()
    told += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    kept = sum(line.endswith(b"\n") for line in told)
    journal = await Journal.open(path, clock)
    head = (await journal.own_log()).head
    await journal.close()
    assert head in (kept, kept + 1)  # the one after the last may have been kept, but not told


async def test_a_cancelled_caller_leaves_all_or_nothing(journal: Journal) -> None:
    """A task that is cancelled while it waits does not leave the file in the middle of anything."""
    for number in range(50):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(journal.record_inbound(received(f"A{number}")))
            group.create_task(cancel_after(number % 5, task))
    own, facts = await journal.own_log(), await journal.facts()
    assert own.head == facts.outbox == len(await all_rows(journal))


async def cancel_after(turns: int, task: "asyncio.Task[bool]") -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()


@pytest.mark.parametrize(
    ("version", "lacks"), [(1, "DROP TABLE arrivals; DROP TABLE begun;"), (2, "DROP TABLE begun;")]
)
async def test_a_journal_of_an_older_version_is_brought_up_to_date(
    path: Path, clock: FakeClock, version: int, lacks: str
) -> None:
    """With what it holds, and to the same schema as a new one."""
    journal = await Journal.open(path, clock)
    await journal.record_inbound(received("A1"))
    await journal.close()
    with closing(sqlite3.connect(path)) as connection:
        new = schema_of(connection)
        connection.executescript(f"{lacks} PRAGMA user_version = {version};")
    journal = await Journal.open(path, clock)
    assert len(await all_rows(journal)) == 1
    await journal.close()
    with closing(sqlite3.connect(path)) as connection:
        assert schema_of(connection) == new
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)


def schema_of(connection: sqlite3.Connection) -> list[str]:
    sql = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"
    return [row[0] for row in connection.execute(sql)]
