"""What the hub may order besides messages, and how each ends."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.database import JournalError
from agent.journal import FILE_NAME, Journal
from protocol.messages import (
    Command,
)
from tests.agent.desk import Desk, Phone, open_paired, outcome_of
from tests.agent.stage import NOW_MS
from tests.fakes import FakeClock


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = FakeClock(NOW_MS)
    journal = await open_paired(tmp_path / FILE_NAME, clock, Journal)
    yield Desk(journal, clock)
    await journal.close()


async def test_commands_that_cannot_be_obeyed_say_why(desk: Desk) -> None:
    """Unknown, unsupported and interrupted commands end with their own codes."""
    interrupted = await desk.give(Command(name="pause", args={}))
    await desk.journal.mark(interrupted, "running")
    for name in ("dance", "reload", "screenshot_state"):
        await desk.give(Command(name=name, args={}))
    assert [outcome_of(end) for end in await desk.finished(4)] == [
        ("unknown", "interrupted"),
        ("failed", "unknown_command"),
        ("failed", "unsupported"),
        ("failed", "unsupported"),
    ]


async def test_a_driver_with_a_page_reloads_it_and_a_broken_one_fails(desk: Desk) -> None:
    """The command reaches a driver that can reload; what it raises stays in the log."""

    class Page(Phone):
        broken = False

        async def reload(self) -> None:
            self.asked.append(("reload", ""))
            if self.broken:
                raise RuntimeError("the page is gone")

    desk.phone = page = Page()
    await desk.give(Command(name="reload", args={}))
    async with desk.at_work():
        await desk.told(1)
        page.broken = True
        await desk.give(Command(name="reload", args={}))
        ends = await desk.told(2)
    assert [outcome_of(end) for end in ends] == [("done", None), ("failed", "internal")]
    assert page.asked == [("reload", "")] * 2


async def test_a_broken_journal_is_not_the_commands_fault(desk: Desk) -> None:
    """It ends the agent, as everywhere else: no result is made up for the command."""

    class Page(Phone):
        async def reload(self) -> None:
            raise JournalError("The journal cannot be used.")

    desk.phone = Page()
    await desk.give(Command(name="reload", args={}))
    with pytest.raises(ExceptionGroup) as caught:
        await desk.finished(1)
    assert caught.group_contains(JournalError)
    (job,) = await desk.journal.pending_jobs()
    assert job.state == "running"
