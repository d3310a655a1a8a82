"""The loop that carries out orders: its order, its waits, its restarts."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from agent.database import JournalFullError
from agent.drivers.driver import DriverStatus, Lookup, Outcome, SendOrder
from agent.drivers.memory import Accepted
from agent.inbox import Send
from agent.journal import FILE_NAME, Journal
from protocol.ids import whatsapp_key
from protocol.messages import (
    Command,
    CommandResult,
    Instant,
    MessageSend,
    MessageStatus,
    SentMedia,
)
from tests.agent.desk import AT_ONCE, OTHER_CHAT, Desk, open_paired, outcome_of, to_chat
from tests.agent.samples import PDF
from tests.agent.stage import ACCOUNT, CHAT, NOW_MS, order, received
from tests.fakes import FakeClock


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = FakeClock(NOW_MS)
    journal = await open_paired(tmp_path / FILE_NAME, clock, Journal)
    yield Desk(journal, clock)
    await journal.close()


async def acknowledged(_order: SendOrder) -> Lookup:
    return Lookup.ACKNOWLEDGED


async def test_an_order_is_read_sent_and_reported_under_its_key(desk: Desk) -> None:
    """The chat is marked read, the text goes out once, the status names the derived key."""
    ref = await desk.give(order("hello"))
    assert await desk.finished(1) == [MessageStatus(ref=ref, wa_id=whatsapp_key(ref), state="sent")]
    assert desk.phone.asked == [("look_up", "hello"), ("mark_read", CHAT), ("send", "hello")]


async def test_what_a_lost_journal_sent_is_reported_and_not_repeated(desk: Desk) -> None:
    """A wiped or restored journal gets its orders again: WhatsApp has the key, so `sent`."""
    desk.phone.on_look_up = acknowledged
    ref = await desk.give(order("hello"))
    assert await desk.finished(1) == [MessageStatus(ref=ref, wa_id=whatsapp_key(ref), state="sent")]
    assert desk.phone.asked == [("look_up", "hello")]


async def test_a_chat_keeps_its_order_and_another_overtakes_it(desk: Desk) -> None:
    """While one chat is in doubt its next message waits; the other chat's goes out."""
    await desk.give(to_chat(CHAT, "a1"))
    await desk.give(to_chat(CHAT, "a2"))
    await desk.give(to_chat(OTHER_CHAT, "b1"))
    settled = asyncio.Event()

    async def send(order: SendOrder) -> Outcome:
        return Outcome("unknown" if order.text == "a1" else "sent")

    async def look_up(order: SendOrder) -> Lookup:
        known = settled.is_set() and order.text == "a1"
        return Lookup.ACKNOWLEDGED if known else Lookup.ABSENT

    desk.phone.on_send, desk.phone.on_look_up = send, look_up
    desk.policy = msgspec.structs.replace(AT_ONCE, lookup_every_s=50)
    async with desk.at_work():
        (first,) = await desk.told(1)
        assert outcome_of(first) == ("sent", None)
        assert desk.phone.sent() == ["a1", "b1"]
        settled.set()
        desk.clock.advance(51)
        desk.phone_becomes(desk.phone.status)
        await desk.told(3)
    assert desk.phone.sent() == ["a1", "b1", "a2"]


@pytest.mark.parametrize(
    ("found", "sent", "state"),
    [
        (Lookup.ACKNOWLEDGED, [], "sent"),
        (Lookup.ABSENT, ["hello"], "sent"),
        (Lookup.PENDING, [], "unknown"),
        (Lookup.UNAVAILABLE, [], "unknown"),
    ],
)
async def test_a_send_found_in_doubt_is_looked_up_first(
    desk: Desk, found: Lookup, sent: list[str], state: str
) -> None:
    """After a restart only a key that WhatsApp does not know goes out again."""
    ref = await desk.give(order("hello"))
    await desk.journal.mark(ref, "sending", 1)

    async def look_up(_order: SendOrder) -> Lookup:
        return found

    desk.phone.on_look_up = look_up
    (status,) = await desk.finished(1)
    assert isinstance(status, MessageStatus)
    assert (status.state, status.wa_id) == (state, whatsapp_key(ref))
    assert desk.phone.asked[0] == ("look_up", "hello")
    assert desk.phone.sent() == sent
    rung = [one.kind for one in desk.bell.open]
    assert rung == (["unknown_send"] if state == "unknown" else [])


async def test_attempts_end(desk: Desk) -> None:
    """A message that WhatsApp never takes is failed after the last attempt, and said so."""

    async def send(_order: SendOrder) -> Outcome:
        return Outcome("unknown")

    desk.phone.on_send = send
    await desk.give(order("hello"))
    assert [outcome_of(end) for end in await desk.finished(1)] == [("failed", "not_sent")]
    assert desk.phone.sent() == ["hello", "hello"]


async def test_an_acknowledgement_between_lookup_and_repeat_stops_the_repeat(desk: Desk) -> None:
    """When WhatsApp's word comes after the lookup, the message is not handed over again."""
    ref = await desk.give(order("hello"))
    await desk.journal.mark(ref, "sending", 1)

    async def look_up(order: SendOrder) -> Lookup:
        if order.key == whatsapp_key(ref):
            await desk.journal.note_ack(order.key, "delivered")
        return Lookup.ABSENT

    desk.phone.on_look_up = look_up
    await desk.give(to_chat(OTHER_CHAT, "next"))
    first, second = await desk.finished(2)
    assert (first.ref, first.state, second.state) == (ref, "delivered", "sent")
    assert desk.phone.sent() == ["next"]


class BusyJournal(Journal):
    """A journal to which other things happen between two calls of the dispatcher."""

    acked_meanwhile: str | None = None
    fulls = 0

    async def owner_wrote_ms(self, account: str, chat: str) -> int | None:
        if self.acked_meanwhile is not None:
            await self.note_ack(self.acked_meanwhile, "sent")
        return await super().owner_wrote_ms(account, chat)

    async def pending_sends(self, limit: int = 1000) -> list[Send]:
        if self.fulls:
            self.fulls -= 1
            self.inbox_grew.set()
            raise JournalFullError("The disk is full: free some space.")
        return await super().pending_sends(limit)


async def test_an_acknowledgement_in_the_last_moment_stops_the_repeat(tmp_path: Path) -> None:
    """Even between the decision and its commit: what has ended is not handed over."""
    journal = await open_paired(tmp_path / FILE_NAME, FakeClock(NOW_MS), BusyJournal)
    desk = Desk(journal, FakeClock(NOW_MS))
    ref = await desk.give(order("hello"))
    await journal.mark(ref, "sending", 1)
    journal.acked_meanwhile = whatsapp_key(ref)
    await desk.give(to_chat(OTHER_CHAT, "next"))
    assert [end.state for end in await desk.finished(2)] == ["sent", "sent"]
    assert desk.phone.sent() == ["next"]
    await journal.close()


async def test_a_full_disk_is_waited_for(tmp_path: Path) -> None:
    """While nothing can be written nothing is sent; when it can, the work goes on."""
    journal = await open_paired(tmp_path / FILE_NAME, FakeClock(NOW_MS), BusyJournal)
    desk = Desk(journal, FakeClock(NOW_MS))
    journal.fulls = 2
    await desk.give(order("hello"))
    assert [end.state for end in await desk.finished(1)] == ["sent"]
    assert desk.phone.sent() == ["hello"]
    await journal.close()


async def test_an_acknowledgement_during_the_hand_over_is_not_taken_back(desk: Desk) -> None:
    """A delivery told before the driver returns stands; the later `sent` is not news."""

    async def send(order: SendOrder) -> Outcome:
        await desk.journal.note_ack(order.key, "delivered")
        return Outcome("sent")

    desk.phone.on_send = send
    await desk.give(order("hello"))
    await desk.give(to_chat(OTHER_CHAT, "next"))
    assert [end.state for end in await desk.finished(2)] == ["delivered", "delivered"]


async def test_it_waits_for_whatsapp_and_for_the_pause_to_end(desk: Desk) -> None:
    """Not ready and paused both hold a message back; each change is noticed at once."""
    await desk.journal.set_paused(True)
    desk.phone.status = DriverStatus("syncing", ACCOUNT)
    await desk.give(order("hello"))
    async with desk.at_work():
        desk.phone_becomes(DriverStatus("ready", ACCOUNT))
        paused = await desk.give(Command(name="pause", args={}))
        assert (await desk.told(1))[0] == CommandResult(ref=paused, state="done")
        assert desk.phone.asked == []
        resumed = await desk.give(Command(name="resume", args={}))
        ends = await desk.told(3)
    assert [end.state for end in ends] == ["done", "done", "sent"]
    assert ends[1].ref == resumed
    assert desk.phone.sent() == ["hello"]


async def test_an_expired_order_is_reported_and_not_sent(desk: Desk) -> None:
    """Too late is too late, for a message and for a command."""
    ref = await desk.give(order("hello", expires_ms=NOW_MS - 1))
    other = await desk.give(Command(name="pause", args={}, expires_at=Instant(NOW_MS)))
    ends = await desk.finished(2)
    assert ends == [
        CommandResult(ref=other, state="expired"),
        MessageStatus(ref=ref, state="expired"),
    ]
    assert desk.phone.asked == []
    assert not await desk.journal.paused()


async def test_the_owner_who_writes_during_the_typing_stops_it(desk: Desk) -> None:
    """Recheck before the send: the bot does not talk over the owner, and stops typing."""
    desk.policy = msgspec.structs.replace(AT_ONCE, typing_max_s=30, typing_chars_per_s=1)

    async def typing(_chat: str, active: bool) -> None:
        if active:
            await desk.journal.record_inbound(received("W1", NOW_MS + 5, from_me=True))
            desk.clock.advance(31)
            desk.phone_becomes(desk.phone.status)

    desk.phone.on_typing = typing
    await desk.give(order("hello"))
    assert [outcome_of(end) for end in await desk.finished(1)] == [("failed", "owner_replied")]
    assert desk.phone.asked[1:] == [("mark_read", CHAT), ("typing", CHAT), ("paused", CHAT)]


async def test_a_wrong_account_fails_with_its_code(desk: Desk) -> None:
    """What this agent must not send is failed at once, not left waiting."""
    await desk.give(MessageSend(account="+919800000008", chat=CHAT, text="hello"))
    ends = await desk.finished(1)
    assert [outcome_of(end) for end in ends] == [("failed", "wrong_account")]
    assert desk.phone.asked == []


async def test_a_driver_that_breaks_leaves_doubt_not_a_dead_agent(desk: Desk) -> None:
    """An exception from send is an unknown outcome; the lookup tells, and the loop goes on."""

    async def broken(*_what: object) -> Outcome:
        desk.clock.advance(1)
        desk.phone.on_look_up = broken  # type: ignore[assignment]
        raise RuntimeError("the page is gone")

    desk.phone.on_send, desk.phone.on_typing = broken, broken  # type: ignore[assignment]
    desk.policy = msgspec.structs.replace(AT_ONCE, typing_max_s=1)
    await desk.give(order("hello"))
    ends = await desk.finished(1)
    assert [outcome_of(end) for end in ends] == [("unknown", "unknown_outcome")]
    assert [what for what, _ in desk.phone.asked] == [
        *("look_up", "mark_read", "typing", "send"),
        *["look_up"] * 3,
    ]


async def test_the_refusal_of_whatsapp_is_told_in_its_words(desk: Desk) -> None:
    """A definite refusal ends the send with the driver's code."""

    async def send(_order: SendOrder) -> Outcome:
        return Outcome("failed", "chat_not_found", "no such chat")

    desk.phone.on_send = send
    await desk.give(order("hello"))
    assert [outcome_of(end) for end in await desk.finished(1)] == [("failed", "chat_not_found")]


async def test_a_stop_in_the_middle_leaves_the_send_in_doubt(desk: Desk) -> None:
    """Cancelled while handing over: the row stays `sending`, so that the next start looks it up."""
    reached = asyncio.Event()

    async def send(_order: SendOrder) -> Outcome:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError("cancelled before")

    desk.phone.on_send = send
    await desk.give(order("hello"))
    async with desk.at_work():
        await reached.wait()
    (row,) = await desk.journal.pending_sends()
    assert (row.state, row.attempts) == ("sending", 1)


WORKER = """
import asyncio, sys
from pathlib import Path
from agent.clock import SystemClock
from agent.database import JournalFullError
from agent.dispatch import Dispatcher
from agent.downloads import Downloads
from agent.drivers.memory import MemoryDriver, MemorySettings
from agent.files import Files
from agent.journal import FILE_NAME, Journal
from agent.pacing import Policy
from agent.settings import Settings
from agent.transfer import HubMedia

class Deaf:
    def __init__(self, told): self.told = told
    async def changed(self, status): self.told(status)

async def main(folder):
    clock = SystemClock()
    journal = await Journal.open(folder / FILE_NAME, clock)
    files = MemorySettings(folder / "in.jsonl", folder / "out.jsonl")
    driver = MemoryDriver(files, clock.now_ms)
    downloads = Downloads(
        files=Files(folder / "media" / "down"),
        hub=HubMedia(journal, Settings(), clock),
        journal=journal,
        online=lambda: True,
        roll=lambda: 0.0,
    )
    dispatcher = Dispatcher(
        journal=journal,
        driver=driver,
        downloads=downloads,
        clock=clock,
        policy=Policy(typing_max_s=0, gap_s=0, lookup_every_s=0, begun_max=1000),
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(driver.run(Deaf(dispatcher.driver_changed)))
        work = group.create_task(dispatcher.run())
        while left := len(await journal.pending_sends()):
            print(left, flush=True)
            await asyncio.sleep(0.002)
        print("done", flush=True)
        await asyncio.sleep(60)

asyncio.run(main(Path(sys.argv[1])))
"""
ORDERS = 60


def one_life(folder: Path, lines: int) -> bool:
    """Start the worker and kill it after so many lines; True when it said that all is done."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(folder)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    with process.stdout as output:
        said = list(islice(iter(output.readline, b"done\n"), lines))
        process.kill()
    process.wait()
    return len(said) < lines


async def test_kill_9_again_and_again_sends_each_message_once(tmp_path: Path) -> None:
    """A real journal and real files: however often it is killed, each key goes out exactly once.

    With its file, which is removed when nothing needs it any more.
    """
    journal = await open_paired(tmp_path / FILE_NAME, FakeClock(NOW_MS), Journal)
    desk = Desk(journal, FakeClock(NOW_MS))
    with desk.files.draft() as draft:
        draft.write(PDF)
        file = SentMedia(sha256=draft.keep(), mime="application/pdf")
    keys = []
    for n in range(ORDERS):
        order = to_chat(f"91980000{n:04}@c.us", "hello")
        media = file if n % 3 == 0 else None
        keys.append(whatsapp_key(await desk.give(msgspec.structs.replace(order, media=media))))
    await journal.close()
    lives = 0
    while not await asyncio.to_thread(one_life, tmp_path, 3 + lives * 3):
        lives += 1
    content = (tmp_path / "out.jsonl").read_bytes()
    accepted = [msgspec.json.decode(line, type=Accepted) for line in content.splitlines()]
    assert sorted(line.key for line in accepted) == sorted(keys)
    files = [line.media.sha256 for line in accepted if line.media is not None]
    assert files == [file.sha256] * (ORDERS // 3)
    assert not desk.files.holds(file.sha256)
    assert lives >= 2
