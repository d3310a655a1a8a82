"""The driver on two files: what it tells, what it accepts, and what a kill leaves behind."""

import asyncio
import hashlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import structlog

from agent.drivers.driver import (
    DriverStatus,
    FileGoneError,
    FileNotNowError,
    Lookup,
    OrderedFile,
    Outcome,
    SendOrder,
    Unread,
)
from agent.drivers.memory import (
    DEFAULT_ACCOUNT,
    Accepted,
    AcceptedFile,
    MemoryDriver,
    MemorySettings,
)
from protocol.codec import encode_data
from protocol.messages import FRAME_MAX_BYTES, Instant, MessageReceived, Sender, SendState
from tests.agent.samples import PDF

NOW_MS = 1_800_000_000_123
CHAT = "919800000001@c.us"
ORDER = SendOrder(key="3EB0AA", account="+919800000009", chat=CHAT, text="namaste, 20 ₹")


class Heard:
    """A sink that keeps what it was told, and can be waited for."""

    def __init__(self) -> None:
        self.messages: list[MessageReceived] = []
        self.statuses: list[DriverStatus] = []
        self._news = asyncio.Condition()

    async def received(self, message: MessageReceived) -> None:
        self.messages.append(message)
        await self._tell()

    async def acknowledged(self, account: str, key: str, state: SendState) -> None:
        raise AssertionError("this driver acknowledges by its outcome")

    async def composing(self, account: str, chat: str, active: bool) -> None:
        raise AssertionError("nobody types here")

    async def changed(self, status: DriverStatus) -> None:
        self.statuses.append(status)
        await self._tell()

    async def lacks(self, account: str, unread: Sequence[Unread]) -> list[Unread]:
        return []

    async def until(self, met: Callable[[], bool]) -> None:
        """Return when `met` holds."""
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(met)

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()


def message(wa_id: str, **fields: object) -> MessageReceived:
    """A customer's message with some fields changed."""
    whole = MessageReceived(
        account="+919800000009",
        chat=CHAT,
        wa_id=wa_id,
        sender=Sender(id=CHAT),
        from_me=False,
        sent_at=Instant(NOW_MS),
        live=True,
        kind="text",
        text="hi",
    )
    return msgspec.structs.replace(whole, **fields)


def line(wa_id: str, **fields: object) -> bytes:
    """The line of the incoming file that tells such a message."""
    return encode_data(message(wa_id, **fields)).encode() + b"\n"


def make(folder: Path, send_s: float = 0.0) -> MemoryDriver:
    """A driver over the two files of a folder."""
    settings = MemorySettings(folder / "in.jsonl", folder / "out.jsonl", send_s, poll_s=0.005)
    return MemoryDriver(settings, lambda: NOW_MS)


def accepted(folder: Path) -> list[Accepted]:
    """What the outgoing file holds; every line of it must be whole."""
    raw = (folder / "out.jsonl").read_bytes()
    assert raw.endswith(b"\n") or not raw
    return [msgspec.json.decode(item, type=Accepted) for item in raw.splitlines()]


@asynccontextmanager
async def running(driver: MemoryDriver) -> AsyncIterator[Heard]:
    """The driver at work until the block ends."""
    heard = Heard()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(driver.run(heard))
        yield heard
        task.cancel()


async def test_lines_are_told_also_when_they_come_later(tmp_path: Path) -> None:
    """The file may be missing, grow, and hold half a line until its newline comes."""
    async with running(make(tmp_path)) as heard:
        await heard.until(lambda: heard.statuses[-1:] == [DriverStatus("ready", DEFAULT_ACCOUNT)])
        whole = line("B", text="दो किलो")
        with (tmp_path / "in.jsonl").open("ab", buffering=0) as file:
            file.write(line("A") + whole[:70])
            await heard.until(lambda: len(heard.messages) == 1)
            file.write(whole[70:])
            await heard.until(lambda: len(heard.messages) == 2)
    assert heard.messages == [message("A"), message("B", text="दो किलो")]


async def test_the_account_is_that_of_the_lines(tmp_path: Path) -> None:
    """It is not ready before the first pass, so that no send meets a wrong account."""
    (tmp_path / "in.jsonl").write_bytes(line("A", account="+919800000077"))
    driver = make(tmp_path)
    assert driver.status == DriverStatus("starting")
    async with running(driver) as heard:
        await heard.until(lambda: driver.status.whatsapp == "ready")
    assert driver.status == DriverStatus("ready", "+919800000077")
    assert heard.statuses[0] == DriverStatus("starting", "+919800000077")


async def test_bad_lines_are_named_by_number_and_skipped(tmp_path: Path) -> None:
    """A bad line never hides a good one, and its text does not reach the log."""
    bad = [
        b"no json of ours\n",
        b"\n",
        b'{"account":1}\n',
        b"\xff\xfe\n",
        line("N").replace(b'"hi"', b'"secret \\u0000"'),
        b'{"text":"' + b"x" * FRAME_MAX_BYTES + b'"}\n',
    ]
    (tmp_path / "in.jsonl").write_bytes(b"".join(bad) + line("A"))
    with structlog.testing.capture_logs() as logs:
        async with running(make(tmp_path)) as heard:
            await heard.until(lambda: len(heard.messages) == 1)
    assert [entry["line"] for entry in logs] == [1, 3, 4, 5, 6]
    assert "secret" not in str(logs)
    assert "ours" not in str(logs)


async def test_a_replaced_file_is_read_anew(tmp_path: Path) -> None:
    """A file put in place of the old one is told from its beginning."""
    (tmp_path / "in.jsonl").write_bytes(line("A") + line("B"))
    async with running(make(tmp_path)) as heard:
        await heard.until(lambda: len(heard.messages) == 2)
        (tmp_path / "new").write_bytes(line("C"))
        (tmp_path / "new").rename(tmp_path / "in.jsonl")
        await heard.until(lambda: len(heard.messages) == 3)
    assert [m.wa_id for m in heard.messages] == ["A", "B", "C"]


async def test_a_send_stands_in_the_file_with_its_fields(tmp_path: Path) -> None:
    """A send appends key, account, chat, text and time; the lookup then knows the key."""
    driver = make(tmp_path)
    assert await driver.look_up(ORDER) is Lookup.ABSENT
    assert await driver.send(ORDER) == Outcome("sent")
    assert await driver.look_up(ORDER) is Lookup.ACKNOWLEDGED
    assert accepted(tmp_path) == [
        Accepted(ORDER.key, ORDER.account, ORDER.chat, ORDER.text, str(Instant(NOW_MS)))
    ]


async def test_a_file_is_read_and_its_facts_stand_beside_the_text(tmp_path: Path) -> None:
    """Hash and size are of the bytes that were read; a file that is not there fails the send."""
    path = tmp_path / "file"
    path.write_bytes(PDF)
    file = OrderedFile(path, "0" * 64, "application/pdf", "a.pdf")
    driver, order = make(tmp_path), msgspec.structs.replace(ORDER, file=file)
    assert await driver.send(order) == Outcome("sent")
    sha256 = hashlib.sha256(PDF).hexdigest()
    (line,) = accepted(tmp_path)
    assert line.media == AcceptedFile(sha256, "application/pdf", len(PDF), "a.pdf")
    path.unlink()
    assert (await driver.send(order)).state == "failed"
    assert len(accepted(tmp_path)) == 1


async def test_an_incoming_file_lies_beside_the_messages(tmp_path: Path) -> None:
    """Under the message's id; what is not there, or no plain name, is gone."""
    driver = make(tmp_path)
    (tmp_path / "in.jsonl.files").mkdir()
    (tmp_path / "in.jsonl.files" / "A1").write_bytes(PDF)
    (tmp_path / "in.jsonl.files" / "A2").mkdir()
    assert [piece async for piece in driver.fetch(message("A1"))] == [PDF]
    for wa_id, error in (("B1", FileGoneError), ("../in", FileGoneError), ("A2", FileNotNowError)):
        with pytest.raises(error):
            await anext(driver.fetch(message(wa_id)))


async def test_a_repeated_send_is_not_hidden(tmp_path: Path) -> None:
    """The file counts what the agent did: a second send under a key is a second line."""
    driver = make(tmp_path)
    await driver.send(ORDER)
    await driver.send(ORDER)
    assert [entry.key for entry in accepted(tmp_path)] == [ORDER.key, ORDER.key]


async def test_before_its_moment_a_send_is_pending_and_a_cancelled_one_absent(
    tmp_path: Path,
) -> None:
    """Until the wait is over nothing is accepted, and a cancelled wait leaves nothing behind."""
    driver = make(tmp_path, send_s=3600)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(driver.send(ORDER))
        await asyncio.sleep(0)
        assert await driver.look_up(ORDER) is Lookup.PENDING
        task.cancel()
    assert await driver.look_up(ORDER) is Lookup.ABSENT
    assert accepted(tmp_path) == []


async def test_a_torn_last_line_is_cut_off(tmp_path: Path) -> None:
    """What a power cut left half written was not accepted and does not spoil the next line."""
    whole = msgspec.json.encode(Accepted("K1", "a", "c", "t", "z")) + b"\n"
    (tmp_path / "out.jsonl").write_bytes(whole + whole[:20])
    driver = make(tmp_path)
    assert (tmp_path / "out.jsonl").read_bytes() == whole
    await driver.send(ORDER)
    assert [entry.key for entry in accepted(tmp_path)] == ["K1", ORDER.key]


async def test_foreign_lines_do_not_confuse_the_lookup(tmp_path: Path) -> None:
    """A line that is none of ours, or has no newline yet, holds no key."""
    driver = make(tmp_path)
    ours = msgspec.json.encode(Accepted(ORDER.key, "a", "c", "t", "z"))
    (tmp_path / "out.jsonl").write_bytes(b"note\n" + ours)
    assert await driver.look_up(ORDER) is Lookup.ABSENT


async def test_an_unwritable_file_fails_the_send_and_is_said(tmp_path: Path) -> None:
    """When the line cannot be written, nothing went out and the outcome says why."""
    driver = make(tmp_path)
    (tmp_path / "out.jsonl").unlink()
    assert await driver.look_up(ORDER) is Lookup.ABSENT
    (tmp_path / "out.jsonl").mkdir()
    outcome = await driver.send(ORDER)
    assert (outcome.state, outcome.code) == ("failed", "not_written")
    assert await driver.look_up(ORDER) is Lookup.UNAVAILABLE


async def test_a_full_disk_takes_the_half_line_back(tmp_path: Path) -> None:
    """A write that stops in the middle leaves the file as it was."""
    resource = pytest.importorskip("resource")
    driver = make(tmp_path)
    await driver.send(ORDER)
    before = (tmp_path / "out.jsonl").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (before + 10, hard))
    try:
        outcome = await driver.send(msgspec.structs.replace(ORDER, key="3EB0BB"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert outcome.state == "failed"
    assert [entry.key for entry in accepted(tmp_path)] == [ORDER.key]


async def test_a_sweep_tells_the_one_to_one_messages_since_a_moment(tmp_path: Path) -> None:
    """Oldest first, marked as swept, without groups and without what is older."""
    (tmp_path / "in.jsonl").write_bytes(
        line("new", sent_at=Instant(NOW_MS + 5))
        + line("group", chat="120363000000000001@g.us")
        + line("old", sent_at=Instant(NOW_MS - 1))
        + line("edge")
        + b"".join(line(f"pad{n}", sent_at=Instant(0), text="x" * 60_000) for n in range(9))
    )
    found = [m async for m in make(tmp_path).sweep(NOW_MS)]
    assert [(m.wa_id, m.live) for m in found] == [("edge", False), ("new", False)]


async def test_who_wrote_is_known_from_the_file(tmp_path: Path) -> None:
    """By account and chat; what the owner wrote says nothing of the customer."""
    (tmp_path / "in.jsonl").write_bytes(line("A1") + line("A2", chat="2@lid", from_me=True))
    driver, one = make(tmp_path), message("A1")
    assert await driver.customer_wrote(one.account, one.chat)
    assert not await driver.customer_wrote(one.account, "2@lid")
    assert not await driver.customer_wrote("+919800000008", one.chat)


SENDER = """
import asyncio, sys
from pathlib import Path
from agent.drivers.driver import SendOrder
from agent.drivers.memory import MemoryDriver, MemorySettings

async def main():
    folder = Path(sys.argv[1])
    driver = MemoryDriver(MemorySettings(folder / "in.jsonl", folder / "out.jsonl"), lambda: 0)
    print("up", flush=True)
    for number in range(10**9):
        order = SendOrder(f"{sys.argv[2]}-{number}", "+919800000009", "c@c.us", "x" * 5000)
        print(order.key, (await driver.send(order)).state, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("lines", [1, 7, 40])
def test_kill_9_leaves_whole_lines_and_every_told_send(tmp_path: Path, lines: int) -> None:
    """Killed in the middle of sending, twice: each line is whole, each reported send is there."""
    told: list[str] = []
    for life in ("a", "b"):
        process = subprocess.Popen(
            [sys.executable, "-c", SENDER, str(tmp_path), life],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        assert process.stdout is not None
        with process.stdout as output:
            assert output.readline() == b"up\n"
            told += [output.readline().decode().split()[0] for _ in range(lines)]
            process.kill()
            rest = output.read().decode().splitlines(keepends=True)
        told += [line.split()[0] for line in rest if line.endswith("sent\n")]
        assert process.wait() == -signal.SIGKILL
    keys = [entry.key for entry in accepted(tmp_path)]
    assert set(told) <= set(keys)
    assert len(keys) == len(set(keys))
    assert len(keys) - len(told) <= 2  # at most the one in flight of each life
