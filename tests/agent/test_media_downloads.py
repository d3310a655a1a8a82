"""Orders with files: fetched from the hub, sent with their bytes, and removed afterwards."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agent.drivers.driver import DriverStatus, Lookup, Outcome, SendOrder
from agent.files import FILE_MAX_BYTES, Files
from agent.journal import FILE_NAME, Journal
from protocol.messages import Instant, MessageSend, Position, SentMedia
from tests.agent.desk import OTHER_CHAT, Desk, open_paired, outcome_of, to_chat
from tests.agent.media_hub import MediaHub, media_hub, pair_with
from tests.agent.samples import PDF, PNG
from tests.agent.stage import ACCOUNT, CHAT, NOW_MS, welcome
from tests.fakes import FakeClock


@pytest.fixture
def hub() -> Iterator[MediaHub]:
    with media_hub() as running:
        yield running


@pytest.fixture
async def desk(tmp_path: Path, hub: MediaHub) -> AsyncIterator[Desk]:
    clock = FakeClock(NOW_MS)
    journal = await open_paired(tmp_path / FILE_NAME, clock, Journal)
    await pair_with(journal, hub.url)
    own = await journal.own_log()
    assert await journal.reconcile(welcome(Position(epoch=own.epoch, seq=0)))
    yield Desk(journal, clock)
    await journal.close()


def with_file(sha256: str, text: str | None = None, **more: object) -> MessageSend:
    """An order to send a PDF, with a caption or without."""
    media = SentMedia(sha256=sha256, mime="application/pdf", name="INV-1001.pdf")
    fields: dict[str, object] = {"account": ACCOUNT, "chat": CHAT, "text": text, "media": media}
    return MessageSend(**(fields | more))  # type: ignore[arg-type]


async def test_a_file_is_fetched_and_goes_out_with_its_caption(desk: Desk, hub: MediaHub) -> None:
    """One call to the hub, the driver reads the bytes, and nothing stays on the disk."""
    sha256 = hub.hold(PDF)
    seen: list[SendOrder] = []

    async def send(order: SendOrder) -> Outcome:
        seen.append(order)
        if order.file is not None:
            assert order.file.path.read_bytes() == PDF
        return Outcome("sent")

    desk.phone.on_send = send
    await desk.give(with_file(sha256, "Your invoice"))
    await desk.give(to_chat(CHAT, "and thanks"))
    assert [outcome_of(end) for end in await desk.finished(2)] == [("sent", None)] * 2
    (order, thanks) = seen
    assert (order.text, thanks.file) == ("Your invoice", None)
    assert order.file is not None
    assert (order.file.mime, order.file.name) == ("application/pdf", "INV-1001.pdf")
    assert (hub.calls, desk.files.names()) == (["GET"], set())


async def test_a_file_that_is_needed_again_stays(desk: Desk, hub: MediaHub) -> None:
    """Two customers get the same picture: it is fetched once and removed after the second."""
    sha256 = hub.hold(PNG)
    await desk.give(with_file(sha256))
    await desk.give(with_file(sha256, chat=OTHER_CHAT))
    ends = await desk.finished(2)
    assert [end.state for end in ends] == ["sent", "sent"]
    assert (desk.phone.files, hub.calls) == ([PNG, PNG], ["GET"])


async def test_other_chats_go_on_while_a_file_comes(desk: Desk, hub: MediaHub) -> None:
    """A hub that is slow with one file holds nobody else up."""
    sha256 = hub.hold(PDF)
    hub.gate.clear()
    await desk.give(with_file(sha256, "slow"))
    await desk.give(to_chat(OTHER_CHAT, "quick"))
    async with desk.at_work():
        await desk.told(1)
        assert desk.phone.sent() == ["quick"]
        hub.gate.set()
        await desk.told(2)
    assert desk.phone.sent() == ["quick", "slow"]


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([404], "media_unknown"),
        ([413], "media_too_large"),
        (["other", "other", "other"], "media_different"),
        ([500] * 10, "media_unavailable"),
        (["cut"] * 10, "media_unavailable"),
    ],
)
async def test_a_file_that_cannot_be_had_fails_its_order_with_a_code(
    desk: Desk, hub: MediaHub, answers: list[int | str], code: str
) -> None:
    """And the next message of the chat goes out."""
    hub.answers = list(answers)
    await desk.give(with_file(hub.hold(PDF)))
    await desk.give(to_chat(CHAT, "next"))
    assert [outcome_of(end) for end in await desk.finished(2)] == [("failed", code), ("sent", None)]
    assert (desk.phone.sent(), len(hub.calls)) == (["next"], len(answers))


async def test_a_file_over_the_limit_is_not_read_on(desk: Desk, hub: MediaHub) -> None:
    """Its declared length is enough to refuse it."""
    await desk.give(with_file(hub.hold(bytes(FILE_MAX_BYTES + 1))))
    assert [outcome_of(end) for end in await desk.finished(1)] == [("failed", "media_too_large")]


async def test_a_hub_that_stumbles_is_asked_again(desk: Desk, hub: MediaHub) -> None:
    """Errors, a cut line and another content are tried again; then it is sent once."""
    hub.answers = [503, "cut", "other", 401]
    await desk.give(with_file(hub.hold(PDF), "here"))
    assert [outcome_of(end) for end in await desk.finished(1)] == [("sent", None)]
    assert (desk.phone.files, len(hub.calls)) == ([PDF], 5)


async def test_while_the_hub_is_out_of_reach_no_try_counts(desk: Desk, hub: MediaHub) -> None:
    """An agent that is offline waits with its order, however long; the hub is not to blame."""
    desk.online = False
    hub.answers = [500] * 15
    await desk.give(with_file(hub.hold(PDF)))
    assert [outcome_of(end) for end in await desk.finished(1)] == [("sent", None)]


async def test_an_order_expires_while_its_file_comes(desk: Desk, hub: MediaHub) -> None:
    """Too late is too late, with a file as without."""
    sha256 = hub.hold(PDF)
    hub.gate.clear()
    await desk.give(with_file(sha256, expires_at=Instant(NOW_MS + 1000)))
    async with desk.at_work():
        await desk.told(0)
        desk.clock.advance(2)
        desk.phone_becomes(DriverStatus("ready", ACCOUNT))
        (end,) = await desk.told(1)
        assert (end.state, desk.phone.sent()) == ("expired", [])
        hub.gate.set()


async def test_a_restart_needs_no_second_download(
    tmp_path: Path, desk: Desk, hub: MediaHub
) -> None:
    """The file was here and the message not yet gone: another process goes on from the disk."""
    sha256 = hub.hold(PDF)
    desk.phone.status = DriverStatus("syncing", ACCOUNT)
    ref = await desk.give(with_file(sha256))
    with desk.files.draft() as draft:
        draft.write(PDF)
        draft.keep(sha256)
    await desk.journal.mark(ref, "sending", 1)
    again = Desk(desk.journal, desk.clock)
    assert [end.state for end in await again.finished(1)] == ["sent"]
    assert (again.phone.files, hub.calls) == ([PDF], [])
    assert again.phone.asked[0][0] == "look_up"


async def test_what_went_out_already_needs_no_file(desk: Desk, hub: MediaHub) -> None:
    """A wiped journal gets an old order again: WhatsApp has the key, so the hub is not asked."""

    async def look_up(_order: SendOrder) -> Lookup:
        return Lookup.ACKNOWLEDGED

    desk.phone.on_look_up = look_up
    await desk.give(with_file("0" * 64))
    assert [outcome_of(end) for end in await desk.finished(1)] == [("sent", None)]
    assert hub.calls == []


async def test_a_full_disk_is_waited_for(
    desk: Desk, hub: MediaHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No room for the file is no failure: it comes when there is room again."""
    monkeypatch.setattr("agent.downloads._FULL_DISK_S", 0.01)
    folder = desk.files.path("x").parent
    folder.parent.mkdir()
    folder.write_text("in the way")
    await desk.give(with_file(hub.hold(PDF)))
    async with desk.at_work():
        await asyncio.to_thread(hub.called, 3)
        folder.unlink()
        (end,) = await desk.told(1)
    assert end.state == "sent"


async def test_what_failed_is_forgotten_with_its_order(desk: Desk, hub: MediaHub) -> None:
    """The hub did not have the file; ordered again later, it is asked again."""
    sha256 = hub.hold(PDF)
    hub.answers = [404]
    await desk.give(with_file(sha256))
    assert [end.state for end in await desk.finished(1)] == ["failed"]
    await desk.give(with_file(sha256))
    assert [end.state for end in await desk.finished(2)] == ["failed", "sent"]


async def test_files_without_an_order_are_removed_at_the_start(desk: Desk) -> None:
    """What a crash between the end of an order and the removal left behind."""
    with desk.files.draft() as draft:
        draft.write(b"old")
        draft.keep()
    await desk.give(to_chat(CHAT, "hello"))
    await desk.finished(1)
    assert desk.files.names() == set()


def test_the_folder_is_made_for_the_owner_only(tmp_path: Path) -> None:
    """Invoices are nobody else's business on the PC."""
    files = Files(tmp_path / "media" / "down", reserve_bytes=0)
    with files.draft() as draft:
        draft.keep()
    assert (tmp_path / "media").stat().st_mode & 0o077 == 0
