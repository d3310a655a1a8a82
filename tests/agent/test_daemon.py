import asyncio
import json
import os
import signal
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent import daemon as daemon_room
from agent.clock import SystemClock
from agent.daemon import Daemon, NotPairedError, is_account, run_agent
from agent.drivers.driver import (
    Driver,
    DriverStatus,
    FileGoneError,
    Lookup,
    Outcome,
    SendOrder,
    Sink,
    Unread,
)
from agent.drivers.memory import MemoryDriver, MemorySettings
from agent.journal import FILE_NAME, Journal
from agent.lock import AlreadyRunningError, DataDirLock
from agent.settings import Settings
from agent.status import read_status
from protocol.codec import encode_data
from protocol.messages import MessageReceived, MessageStatus, Typing
from tests.agent.scripted_hub import WAIT_S, ScriptedHub, scripted_hub
from tests.agent.stage import ACCOUNT, CHAT, order, received

READY = DriverStatus("ready", ACCOUNT)
TYPING = Typing(account=ACCOUNT, chat=CHAT, composing=True)


class ScriptedDriver:
    """A WhatsApp whose page does what the test says through `sink`."""

    def __init__(self) -> None:
        self.status = DriverStatus("starting")
        self.held: list[MessageReceived] = []  # what a sweep finds
        self.swept: list[int] = []
        self.shown: list[tuple[str, bool]] = []
        self.failure: Exception | None = None
        self.sink: Sink | None = None
        self.news = asyncio.Condition()
        self.ending = asyncio.Event()

    async def run(self, sink: Sink) -> None:
        self.sink = sink
        await self.become(READY)
        await self.ending.wait()
        if self.failure is not None:
            raise self.failure

    async def become(self, status: DriverStatus) -> None:
        assert self.sink is not None
        self.status = status
        await self.sink.changed(status)

    async def send(self, order: SendOrder) -> Outcome:
        return Outcome("sent")

    async def look_up(self, order: SendOrder) -> Lookup:
        return Lookup.ABSENT

    async def mark_read(self, chat: str) -> None:
        pass

    async def typing(self, chat: str, active: bool) -> None:
        async with self.news:
            self.shown.append((chat, active))
            self.news.notify_all()
        if len(self.shown) == 1:
            raise RuntimeError("the page is gone for a moment")

    async def sweep(self, since_ms: int) -> AsyncIterator[MessageReceived]:
        async with self.news:
            self.swept.append(since_ms)
            self.news.notify_all()
        for message in self.held:
            yield message

    async def fetch(self, message: MessageReceived) -> AsyncIterator[bytes]:
        for _ in self.held:
            yield b"half a file"
        raise FileGoneError


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        backoff_max_s=0.05,
        typing_max_s=0,
        typing_chars_per_s=0,
        send_gap_s=0,
        panel_port=0,
    )


async def pair(settings: Settings, socket_url: str) -> int:
    """Make this data directory's journal that of an agent; returns when."""
    clock = SystemClock()
    journal = await Journal.open(settings.data_dir / FILE_NAME, clock)
    await journal.save_identity(
        hub_url="http://127.0.0.1:1",
        socket_url=socket_url,
        agent_id="a1",
        tenant_id="t1",
        token="sak_a_invented",
        token_expires_ms=None,
    )
    identity = await journal.identity()
    await journal.close()
    assert identity is not None
    return identity.paired_ms


@asynccontextmanager
async def running(settings: Settings, driver: Driver) -> AsyncIterator[Journal]:
    """A daemon of its own journal, stopped at the end as SIGTERM would."""
    journal = await Journal.open(settings.data_dir / FILE_NAME, SystemClock())
    identity = await journal.identity()
    assert identity is not None
    daemon = Daemon(settings, journal, driver, SystemClock(), identity, roll=lambda: 0.1)
    async with asyncio.timeout(3 * WAIT_S), asyncio.TaskGroup() as group:
        group.create_task(daemon.run())
        yield journal
        daemon.stop()
    await journal.close()


@pytest.fixture
async def hub() -> AsyncIterator[ScriptedHub]:
    async with scripted_hub() as hub:
        yield hub


# --- the main way --------------------------------------------------------------------------------


def write_lines(path: Path, *messages: MessageReceived) -> None:
    path.write_text("".join(encode_data(message) + "\n" for message in messages), "utf-8")


def read_lines(path: Path) -> list[str]:
    return [json.loads(line)["text"] for line in path.read_text("utf-8").splitlines()]


async def test_a_message_goes_up_and_its_reply_goes_out(
    hub: ScriptedHub, settings: Settings
) -> None:
    """Page, journal, hub, journal, page; and the status goes back up."""
    now_ms = await pair(settings, hub.url) + 1
    source, target = settings.data_dir / "in.jsonl", settings.data_dir / "out.jsonl"
    write_lines(source, received("A1", now_ms))
    driver = MemoryDriver(MemorySettings(source, target, poll_s=0.01), SystemClock().now_ms)
    async with running(settings, driver):
        await hub.until(lambda: len(hub.received) == 1)
        one = await hub.order(order("hello to you"))
        await hub.until(lambda: len(hub.received) == 2)
    assert read_lines(target) == ["hello to you"]
    status = hub.received[1].data
    assert isinstance(status, MessageStatus)
    assert (status.ref, status.state) == (one.id, "sent")
    await hub.until(lambda: hub.closes == [1000])


async def test_a_restart_tells_nothing_twice(hub: ScriptedHub, settings: Settings) -> None:
    """The file is read again from its beginning; the journal knows every line."""
    now_ms = await pair(settings, hub.url) + 1
    source, target = settings.data_dir / "in.jsonl", settings.data_dir / "out.jsonl"
    write_lines(source, received("A1", now_ms))

    async def live_for_three_beats() -> None:
        memory = MemorySettings(source, target, poll_s=0.01)
        hub.beats.clear()
        async with running(settings, MemoryDriver(memory, SystemClock().now_ms)):
            await hub.until(lambda: len(hub.beats) >= 3 and len(hub.received) == 1)

    await live_for_three_beats()
    await hub.until(lambda: hub.closes == [1000])
    await live_for_three_beats()
    assert [hello.up.head for hello in hub.hellos][1:] == [1]


# --- starting and stopping -----------------------------------------------------------------------


async def test_an_unpaired_pc_says_so(settings: Settings) -> None:
    """One sentence with the command to run; no journal is made, and an empty one does not count."""
    path = settings.data_dir / FILE_NAME
    with pytest.raises(NotPairedError, match="sak-agent pair"):
        await run_agent(settings, ScriptedDriver(), SystemClock())
    assert not path.exists()
    await (await Journal.open(path, SystemClock())).close()
    with pytest.raises(NotPairedError, match="sak-agent pair"):
        await run_agent(settings, ScriptedDriver(), SystemClock())


async def test_two_agents_never_share_a_directory(settings: Settings) -> None:
    """The second one is told that the first one runs."""
    with (
        DataDirLock(settings.data_dir),
        pytest.raises(AlreadyRunningError, match="already running"),
    ):
        await run_agent(settings, ScriptedDriver(), SystemClock())
    with DataDirLock(settings.data_dir):
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_agent_cleanly(
    hub: ScriptedHub, settings: Settings, number: signal.Signals
) -> None:
    """C16: SIGTERM and Ctrl-C close 1000, and `run_agent` returns."""
    await pair(settings, hub.url)
    before = signal.getsignal(number)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(run_agent(settings, ScriptedDriver(), SystemClock()))
        await hub.until(lambda: len(hub.beats) > 0)
        os.kill(os.getpid(), number)
    await hub.until(lambda: hub.closes == [1000])
    assert signal.getsignal(number) is before
    status = read_status(settings.data_dir)
    assert status is not None
    assert status.hub.phase == "stopped"


class UnusablePageError(Exception):
    pass


async def test_a_driver_that_gives_up_ends_the_agent(hub: ScriptedHub, settings: Settings) -> None:
    """Its own reason comes out, so that the command line can show it."""
    await pair(settings, hub.url)
    driver = ScriptedDriver()
    driver.failure = UnusablePageError("no browser")
    driver.ending.set()
    with pytest.raises(UnusablePageError, match="no browser"):
        await run_agent(settings, driver, SystemClock())


async def test_no_task_ends_unnoticed(hub: ScriptedHub, settings: Settings) -> None:
    """A driver that just returns would leave a deaf agent: it ends the process."""
    await pair(settings, hub.url)
    driver = ScriptedDriver()
    driver.ending.set()
    with pytest.raises(RuntimeError, match="driver ended by itself"):
        await run_agent(settings, driver, SystemClock())


# --- sweeps --------------------------------------------------------------------------------------


async def test_missed_messages_are_found_when_whatsapp_is_ready(
    hub: ScriptedHub, settings: Settings
) -> None:
    """Each time it becomes ready; nothing from before the pairing, and nothing twice."""
    paired_ms = await pair(settings, hub.url)
    driver = ScriptedDriver()
    driver.held = [replace(received("A1", paired_ms + 5), live=False)]
    async with running(settings, driver):
        await hub.until(lambda: len(hub.received) == 1)
        await driver.become(DriverStatus("offline"))
        driver.held.append(replace(received("A2", paired_ms + 9), live=False))
        await driver.become(READY)
        await hub.until(lambda: len(hub.received) == 2)
        await hub.until(lambda: _found(hub) == 1)
    assert driver.swept == [paired_ms, paired_ms]


def _found(hub: ScriptedHub) -> int | None:
    sweep = hub.beats[-1].last_sweep if hub.beats else None
    return sweep.found if sweep is not None else None


async def test_a_search_begins_before_the_newest_known_message(
    hub: ScriptedHub, settings: Settings
) -> None:
    """The overlap reaches back for what was missed between messages that were not."""
    paired_ms = await pair(settings, hub.url)
    settings = replace(settings, sweep_overlap_s=0.002)
    journal = await Journal.open(settings.data_dir / FILE_NAME, SystemClock())
    await journal.record_inbound(received("A1", paired_ms + 3))
    await journal.note_searched()
    await journal.close()
    driver = ScriptedDriver()
    async with running(settings, driver), driver.news:
        await driver.news.wait_for(lambda: len(driver.swept) > 0)
    assert driver.swept[0] == paired_ms + 1


async def test_a_search_that_fails_is_made_again(hub: ScriptedHub, settings: Settings) -> None:
    """The agent stays; the next search looks as far back, whatever is told live meanwhile."""
    paired_ms = await pair(settings, hub.url)
    settings = replace(settings, sweep_every_s=0.05, sweep_overlap_s=0)

    class Flaky(ScriptedDriver):
        async def sweep(self, since_ms: int) -> AsyncIterator[MessageReceived]:
            self.swept.append(since_ms)
            if len(self.swept) == 1:
                assert self.sink is not None
                await self.sink.received(received("LIVE", paired_ms + 5))
                raise RuntimeError("the page is gone for a moment")
            yield received("A1", paired_ms + 1)

    driver = Flaky()
    async with running(settings, driver):
        await hub.until(lambda: len(hub.received) == 2)
    assert driver.swept[:2] == [paired_ms] * 2


# --- the sink and typing -------------------------------------------------------------------------


async def test_the_customers_typing_reaches_the_hub(hub: ScriptedHub, settings: Settings) -> None:
    """A number that the hub would not take is left out instead of ending the connection."""
    await pair(settings, hub.url)
    driver = ScriptedDriver()
    async with running(settings, driver):
        await hub.until(lambda: len(hub.beats) > 0)
        assert driver.sink is not None
        await driver.sink.composing("unknown", CHAT, True)
        await driver.sink.composing(ACCOUNT, CHAT, True)
        await hub.until(lambda: hub.typings == [TYPING])


async def test_the_hubs_typing_reaches_the_page(hub: ScriptedHub, settings: Settings) -> None:
    """A page that fails once is asked again; another account's chat is not touched."""
    await pair(settings, hub.url)
    driver = ScriptedDriver()
    async with running(settings, driver):
        await hub.until(lambda: len(hub.beats) > 0)
        await hub.say_typing(TYPING)
        await hub.say_typing(replace(TYPING, account="+919800000008"))
        await hub.say_typing(replace(TYPING, composing=False))
        async with driver.news:
            await driver.news.wait_for(lambda: len(driver.shown) == 2)
    assert driver.shown == [(CHAT, True), (CHAT, False)]


async def test_a_tick_of_whatsapp_goes_up(hub: ScriptedHub, settings: Settings) -> None:
    """Delivered and read follow the sent."""
    await pair(settings, hub.url)
    driver = ScriptedDriver()
    async with running(settings, driver):
        await hub.until(lambda: len(hub.beats) > 0)
        await hub.order(order())
        await hub.until(lambda: len(hub.received) == 1)
        assert driver.sink is not None
        key = hub.received[0].data
        assert isinstance(key, MessageStatus)
        assert key.wa_id is not None
        await driver.sink.acknowledged(ACCOUNT, key.wa_id, "read")
        await hub.until(lambda: len(hub.received) == 2)
    states = [e.data.state for e in hub.received if isinstance(e.data, MessageStatus)]
    assert states == ["sent", "read"]


async def test_a_message_waits_for_room_on_the_disk(
    hub: ScriptedHub, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver is told that a message is kept only when it is."""
    monkeypatch.setattr(daemon_room, "FULL_DISK_S", 0.01)
    await pair(settings, hub.url)
    driver = ScriptedDriver()
    async with running(settings, driver) as journal, asyncio.TaskGroup() as group:
        await hub.until(lambda: len(hub.beats) > 0)
        assert driver.sink is not None
        database = journal._database._connection
        pages = database.execute("PRAGMA page_count").fetchone()[0]
        database.execute(f"PRAGMA max_page_count = {pages}")
        message = received("A1", text="x" * 60_000)
        task = group.create_task(driver.sink.received(message))
        done, _ = await asyncio.wait([task], timeout=0.2)
        assert not done
        database.execute("PRAGMA max_page_count = 1000000")
        await hub.until(lambda: len(hub.received) == 1)


async def test_what_whatsapp_shows_as_unread_is_compared_with_the_journal(
    hub: ScriptedHub, settings: Settings
) -> None:
    """Known messages, those from before the pairing and those of long ago prove nothing."""
    paired_ms = await pair(settings, hub.url)
    driver = ScriptedDriver()
    async with running(settings, driver):
        await hub.until(lambda: len(hub.beats) > 0)
        assert driver.sink is not None
        await driver.sink.received(received("A1", paired_ms + 1))
        shown = [
            Unread(CHAT, f"A{n}", sent_ms=paired_ms + n - 1, since_ms=paired_ms - 5)
            for n in range(4)
        ]
        lacking = [replace(one, since_ms=paired_ms) for one in shown]
        await driver.sink.received(received("A3", paired_ms + 2))
        assert await driver.sink.lacks(ACCOUNT, shown) == [lacking[2]]
        assert await driver.sink.lacks("+919800000008", shown[:2]) == [lacking[1]]


def test_numbers_are_taken_as_the_wire_takes_them() -> None:
    """E.164 with a plus, nothing else."""
    assert is_account("+919800000009")
    for wrong in (None, "", "919800000009", "+0123", "+91980000000912345", "+91 98"):
        assert not is_account(wrong)


# --- the status file -----------------------------------------------------------------------------


async def test_the_status_file_tells_how_things_are(hub: ScriptedHub, settings: Settings) -> None:
    """For its owner only, without the token and without a word of a message."""
    await pair(settings, hub.url)
    driver = ScriptedDriver()
    async with running(settings, driver):
        await hub.until(lambda: len(hub.beats) > 0)
        assert driver.sink is not None
        await driver.sink.received(received("A1", text="a private word"))
        await hub.until(lambda: len(hub.received) == 1)
    path = settings.data_dir / "status.json"
    content = path.read_text("utf-8")
    assert "private" not in content
    assert "sak_a_" not in content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    status = read_status(settings.data_dir)
    assert status is not None
    assert (status.agent_id, status.whatsapp, status.account) == ("a1", "ready", ACCOUNT)
    assert status.rss_mib > 0


def test_a_missing_or_strange_status_file_is_none(tmp_path: Path) -> None:
    """`sak-agent status` then knows that it knows nothing."""
    assert read_status(tmp_path) is None
    (tmp_path / "status.json").write_text("{}")
    assert read_status(tmp_path) is None
