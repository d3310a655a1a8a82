"""Customers' files: fetched from WhatsApp, handed to the hub, and the message told in its order."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.arrivals import FETCH_AGE_MS
from agent.drivers.driver import FileGoneError, FileNotNowError
from agent.files import FILE_MAX_BYTES, Files, FileTooLargeError
from agent.journal import FILE_NAME, Journal
from agent.settings import Settings
from agent.transfer import HubMedia
from agent.uploads import Uploads
from protocol import codec
from protocol.messages import MessageReceived, Position, ReceivedMedia
from tests.agent.desk import OTHER_CHAT, Phone
from tests.agent.media_hub import MediaHub, media_hub, pair_with
from tests.agent.samples import PDF, PNG
from tests.agent.stage import CHAT, NOW_MS, order, received, welcome
from tests.fakes import FakeClock

PHOTO = ReceivedMedia(mime="image/png", size=len(PNG), name="a.png")


class Camera(Phone):
    """A WhatsApp that gives files as a test says: the bytes, or what goes wrong, one a call."""

    def __init__(self) -> None:
        super().__init__()
        self.gives: list[bytes | Exception] = []
        self.asked_for: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def fetch(self, message: MessageReceived) -> AsyncIterator[bytes]:
        self.asked_for.append(message.wa_id)
        await self.gate.wait()
        match self.gives.pop(0) if self.gives else PNG:
            case bytes(content):
                yield content[:10]
                yield content[10:]
            case error:
                raise error


class Counter:
    """The way from WhatsApp to the hub, and the messages that were told."""

    def __init__(self, journal: Journal, hub: MediaHub, settings: Settings) -> None:
        self.journal, self.hub, self.phone = journal, hub, Camera()
        self.settings = settings
        self.online = True
        self.files = Files(journal._database.path.parent / "media" / "up", reserve_bytes=0)

    def uploads(self) -> Uploads:
        return Uploads(
            files=self.files,
            hub=HubMedia(self.journal, self.settings, FakeClock(NOW_MS)),
            journal=self.journal,
            driver=self.phone,
            online=lambda: self.online,
            roll=lambda: 0.0,
        )

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            task = group.create_task(self.uploads().run())
            yield
            task.cancel()

    async def told(self, number: int) -> list[MessageReceived]:
        """Wait until so many messages are in the log; all of them, in order."""
        while True:
            self.journal.outbox_grew.clear()
            rows = await self.journal.unsent(0, 1000)
            if len(rows) >= number:
                return [codec.decode_data(row.type, row.data) for row in rows]  # type: ignore[misc]
            await self.journal.outbox_grew.wait()

    async def media_told(self) -> ReceivedMedia:
        """Work until one message was told; its media."""
        async with self.at_work():
            (message,) = await self.told(1)
        assert message.media is not None
        return message.media


def photo(wa_id: str, sent_ms: int = NOW_MS, **more: object) -> MessageReceived:
    """A customer's picture."""
    fields: dict[str, object] = {"kind": "media", "text": None, "media": PHOTO}
    return received(wa_id, sent_ms, **(fields | more))  # type: ignore[arg-type]


@pytest.fixture
def hub() -> Iterator[MediaHub]:
    with media_hub() as running:
        yield running


@pytest.fixture
def settings() -> Settings:
    return Settings(media_wait_s=10.0, backoff_max_s=0.05)


@pytest.fixture
async def counter(tmp_path: Path, hub: MediaHub, settings: Settings) -> AsyncIterator[Counter]:
    journal = await Journal.open(tmp_path / FILE_NAME, FakeClock(NOW_MS))
    await pair_with(journal, hub.url)
    await connect(journal)
    yield Counter(journal, hub, settings)
    await journal.close()


async def connect(journal: Journal) -> None:
    own = await journal.own_log()
    assert await journal.reconcile(welcome(Position(epoch=own.epoch, seq=0)))


def hasty(**changes: float) -> pytest.MarkDecorator:
    """Settings with little patience."""
    return pytest.mark.parametrize(
        "settings", [replace(Settings(media_wait_s=0.3, backoff_max_s=0.02), **changes)]
    )


async def test_a_photo_is_at_the_hub_before_its_message_is_told(
    counter: Counter, hub: MediaHub
) -> None:
    """The hash names bytes that the hub has, the size is theirs, and the PC keeps nothing."""
    counter.phone.gives = [PNG + b"more than announced"]
    hub.gate.clear()
    await counter.journal.record_inbound(photo("A1", text="is this it?"))
    async with counter.at_work():
        await asyncio.to_thread(hub.called, 1)
        assert await counter.told(0) == []
        facts = await counter.journal.facts()
        assert (facts.outbox, facts.arrivals) == (0, 1)
        hub.gate.set()
        (message,) = await counter.told(1)
        await counter.journal.record_inbound(photo("A2"))
        await counter.told(2)
    assert message.media is not None
    sha256 = message.media.sha256
    assert sha256 is not None
    assert hub.held[sha256] == PNG + b"more than announced"
    assert not counter.files.holds(sha256)
    assert (message.text, message.media.name) == ("is this it?", "a.png")
    assert message.media.size == len(hub.held[sha256])
    assert message.media.unavailable is None


async def test_a_chat_keeps_its_order_and_others_do_not_wait(
    counter: Counter, hub: MediaHub
) -> None:
    """What was written after a photo is told after it; another chat's words go at once."""
    counter.phone.gate.clear()
    other = replace(received("B1"), chat=OTHER_CHAT)
    for message in (photo("A1"), received("A2"), photo("A3"), other, received("A4")):
        assert await counter.journal.record_inbound(message)
        assert not await counter.journal.record_inbound(message)
    async with counter.at_work():
        assert [m.wa_id for m in await counter.told(1)] == ["B1"]
        counter.phone.gate.set()
        messages = await counter.told(5)
    assert [m.wa_id for m in messages] == ["B1", "A1", "A2", "A3", "A4"]
    facts = await counter.journal.facts()
    assert (facts.outbox, facts.arrivals) == (5, 0)


async def test_a_file_that_whatsapp_lost_is_said_to_be_gone(counter: Counter) -> None:
    """`unavailable` is WhatsApp's word, not ours."""
    counter.phone.gives = [FileGoneError()]
    await counter.journal.record_inbound(photo("A1"))
    assert await counter.media_told() == replace(PHOTO, unavailable=True)


@pytest.mark.parametrize("failure", [FileTooLargeError(), [413], [422]])
async def test_a_file_that_nobody_takes_does_not_hold_its_message(
    counter: Counter, hub: MediaHub, failure: Exception | list[int]
) -> None:
    """Larger than agent or hub allow: the message goes without, and without a lie."""
    if isinstance(failure, list):
        hub.answers = list(failure)
    else:
        counter.phone.gives = [failure]
    await counter.journal.record_inbound(photo("A1"))
    assert await counter.media_told() == PHOTO


async def test_what_fails_for_a_moment_is_tried_again(
    counter: Counter, hub: MediaHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that is not ready, a driver that breaks, a hub that stumbles."""
    monkeypatch.setattr("agent.uploads._FULL_DISK_S", 0.01)
    counter.phone.gives = [FileNotNowError("not ready"), RuntimeError("broken"), PDF]
    hub.answers = [503, 401, 500]
    await counter.journal.record_inbound(photo("A1"))
    media = await counter.media_told()
    assert media.sha256 in hub.held
    assert len(hub.calls) == 4


@hasty()
async def test_no_message_waits_for_ever_for_whatsapp(counter: Counter) -> None:
    """A page that never gives the file costs the file, not the message."""
    counter.phone.gate.clear()
    await counter.journal.record_inbound(photo("A1"))
    assert await counter.media_told() == PHOTO


@hasty()
async def test_no_message_waits_for_ever_for_the_hub(counter: Counter, hub: MediaHub) -> None:
    """A hub in reach that never takes the file: the same."""
    hub.answers = [503] * 100
    await counter.journal.record_inbound(photo("A1"))
    assert await counter.media_told() == PHOTO
    assert hub.calls


@hasty(media_wait_s=0.0)
async def test_files_can_stay_on_the_phone(counter: Counter, hub: MediaHub) -> None:
    """With no time given to it, nothing is fetched."""
    await counter.journal.record_inbound(photo("A1"))
    assert await counter.media_told() == PHOTO
    assert hub.calls == []


@hasty()
async def test_an_offline_agent_keeps_file_and_message_for_later(
    counter: Counter, hub: MediaHub
) -> None:
    """Time without the hub does not count: nothing could be told anyway."""
    counter.online = False
    hub.answers = [500] * 40
    await counter.journal.record_inbound(photo("A1"))
    async with counter.at_work():
        await asyncio.to_thread(hub.called, 41)
        counter.online = True
        (message,) = await counter.told(1)
    assert message.media is not None
    assert message.media.sha256 in hub.held


async def test_a_restart_goes_on_where_it_was(counter: Counter, hub: MediaHub) -> None:
    """The file was fetched, the hub did not have it yet: it is not fetched again."""
    hub.gate.clear()
    await counter.journal.record_inbound(photo("A1"))
    async with counter.at_work():
        await asyncio.to_thread(hub.called, 1)
    hub.gate.set()
    left = counter.files.path("0011.part")
    left.write_bytes(b"half")
    media = await counter.media_told()
    assert media.sha256 in hub.held
    assert counter.phone.asked_for == ["A1"]
    assert not left.exists()


async def test_a_file_that_the_disk_lost_is_fetched_again(counter: Counter, hub: MediaHub) -> None:
    """The journal says that it is here, and it is not."""
    hub.gate.clear()
    await counter.journal.record_inbound(photo("A1"))
    async with counter.at_work():
        await asyncio.to_thread(hub.called, 1)
    counter.files.remove(counter.files.names())
    hub.gate.set()
    assert (await counter.media_told()).sha256 in hub.held
    assert counter.phone.asked_for == ["A1", "A1"]


async def test_a_disk_without_room_costs_the_file(counter: Counter) -> None:
    """Files never take the journal's last room; the message goes without."""
    counter.files.path("x").parent.parent.mkdir()
    counter.files.path("x").parent.write_text("in the way")
    await counter.journal.record_inbound(photo("A1"))
    assert await counter.media_told() == PHOTO


@pytest.mark.parametrize(
    "message",
    [
        photo("A1", media=replace(PHOTO, size=FILE_MAX_BYTES + 1)),
        photo("A1", NOW_MS - FETCH_AGE_MS),
        photo("A1", chat="120363000000000001@g.us"),
        photo("A1", media=replace(PHOTO, unavailable=True)),
        photo("A1", media=replace(PHOTO, sha256="0" * 64)),
        received("A1"),
    ],
)
async def test_what_is_not_fetched_is_told_at_once(
    counter: Counter, message: MessageReceived
) -> None:
    """Too large, a day old, a group's, gone or known: no wait for what will not come."""
    await counter.journal.record_inbound(message)
    assert await counter.told(1) == [message]


async def test_the_owner_is_heard_although_a_photo_waits(counter: Counter) -> None:
    """An order given before the owner's words behind a photo must not go out."""
    counter.phone.gate.clear()
    await counter.journal.record_inbound(photo("A1"))
    await counter.journal.record_inbound(received("A2", from_me=True))
    wrote_ms = await counter.journal.owner_wrote_ms(order().account, CHAT)
    assert wrote_ms is not None
    assert wrote_ms >= NOW_MS


async def test_another_shop_does_not_get_what_waited(counter: Counter, hub: MediaHub) -> None:
    """Paired anew with another tenant, messages and files of the former one are dropped."""
    hub.gate.clear()
    await counter.journal.record_inbound(photo("A1"))
    async with counter.at_work():
        await asyncio.to_thread(hub.called, 1)
        await counter.journal.save_identity(
            hub_url=hub.url,
            socket_url="ws://127.0.0.1:1/agent",
            agent_id="a2",
            tenant_id="t2",
            token="sak_a_invented",
            token_expires_ms=None,
        )
        await connect(counter.journal)
        hub.gate.set()
        await counter.journal.record_inbound(received("B1"))
        assert [m.wa_id for m in await counter.told(1)] == ["B1"]
    async with counter.at_work():
        await counter.journal.record_inbound(photo("B2"))
        assert [m.wa_id for m in await counter.told(2)] == ["B1", "B2"]
