"""Files in both directions, in a real browser with the unmodified wa-js on the stand-in page.

This proves the driver against wa-js, not wa-js against WhatsApp: `docs/live-checklist.md` does.
"""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from agent.drivers.driver import FileGoneError, FileNotNowError, Lookup, OrderedFile
from agent.files import FILE_MAX_BYTES, PIECE_BYTES, FileTooLargeError
from protocol.messages import MessageReceived
from tests.agent.practice.stage import Person, Phone, practice_phone
from tests.agent.samples import PDF, PNG
from tests.agent.stage import received
from tests.agent.whatsapp_web.shop import ACCOUNT, Shop, open_shop, order, web_settings

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG = bytes(range(251)) * (2 * PIECE_BYTES // 251 + 1)  # three pieces, none like another


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def phone() -> AsyncIterator[Phone]:
    async with practice_phone() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(phone: Phone, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    settings = web_settings(
        tmp_path_factory.mktemp("shop"), phone.process.web_url, send_file_timeout_s=5.0
    )
    async with open_shop(settings) as running:
        await running.until("ready")
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def customer(phone: Phone) -> Person:
    return await phone.new_person()


def lay(folder: Path, content: bytes, mime: str, name: str | None = None) -> OrderedFile:
    """A file as the agent keeps it for an order."""
    sha256 = hashlib.sha256(content).hexdigest()
    path = folder / sha256
    path.write_bytes(content)
    return OrderedFile(path, sha256, mime, name)


async def bytes_of(shop: Shop, message: MessageReceived) -> bytes:
    return b"".join([piece async for piece in shop.driver.fetch(message)])


@pytest.mark.parametrize(
    ("key", "content", "mime", "name", "shown"),
    [
        ("C0", PNG, "image/png", "code.png", "code.png"),
        ("C1", PDF, "application/pdf", "INV-1001.pdf", "INV-1001.pdf"),
        ("C2", LONG, "application/pdf", None, "file.pdf"),
        ("C3", b"<svg/>", "image/svg+xml", "../\u202egnp.svg", "gnp.svg"),
        ("C4", b"OggS", "audio/ogg", "word.ogg", "word.ogg"),
    ],
)
async def test_a_file_goes_out_whole_under_the_chosen_key(
    shop: Shop,
    customer: Person,
    tmp_path: Path,
    key: str,
    content: bytes,
    mime: str,
    name: str | None,
    shown: str,
) -> None:
    """Each byte of it, with its type, a harmless name and its caption; once, and acknowledged."""
    wanted = order(key, customer.chat, "Your *invoice*", file=lay(tmp_path, content, mime, name))
    assert await shop.driver.look_up(wanted) is Lookup.ABSENT
    assert (await shop.driver.send(wanted)).state == "sent"
    seen = await customer.sees_until(lambda seen: seen["messages"][-1]["state"] == "delivered")
    (message,) = seen["messages"]
    assert (message["key"], message["text"]) == (wanted.key, "Your *invoice*")
    assert message["media"]["mime"] == mime
    assert (message["media"]["name"], message["media"]["size"]) == (shown, len(content))
    assert (await customer.opens_file(wanted.key)).content == content
    await customer.reads()
    assert await shop.sink.states_of(wanted.key, "read") == ["sent", "delivered", "read"]
    assert await shop.driver.look_up(wanted) is Lookup.ACKNOWLEDGED


async def test_without_a_caption_the_customer_sees_none(
    shop: Shop, customer: Person, tmp_path: Path
) -> None:
    """wa-js would put the file's name there."""
    wanted = order("C5", customer.chat, "", file=lay(tmp_path, PDF, "application/pdf", "a.pdf"))
    assert (await shop.driver.send(wanted)).state == "sent"
    assert (await customer.sees())["messages"][0]["text"] == ""


async def test_a_file_is_not_handed_over_again_under_its_key(
    shop: Shop, customer: Person, tmp_path: Path
) -> None:
    """What was acknowledged says `sent`; the customer gets it once."""
    wanted = order("C6", customer.chat, "", file=lay(tmp_path, PNG, "image/png"))
    assert (await shop.driver.send(wanted)).state == "sent"
    assert (await shop.driver.send(wanted)).state == "sent"
    assert [m["arrivals"] for m in (await customer.sees())["messages"]] == [1]


async def test_a_file_without_an_acknowledgement_is_in_doubt_and_never_hangs(
    shop: Shop, phone: Phone, customer: Person, tmp_path: Path
) -> None:
    """As with a text: unknown, then pending; and the next attempt is answered, not waited for."""
    wanted = order("C7", customer.chat, "", file=lay(tmp_path, PNG, "image/png"))
    await phone.set_faults(lose_ack=True)
    assert (await shop.driver.send(wanted)).state == "unknown"
    assert await shop.driver.look_up(wanted) is Lookup.PENDING
    await phone.set_faults()
    again = await shop.driver.send(wanted)
    assert (again.state, again.code) == ("unknown", "no_ack")
    assert [m["arrivals"] for m in (await customer.sees())["messages"]] == [1]


async def test_a_file_that_the_disk_lost_is_not_sent(
    shop: Shop, customer: Person, tmp_path: Path
) -> None:
    """Nothing reaches the page, and a lookup shows it."""
    file = lay(tmp_path, PNG, "image/png")
    file.path.unlink()
    wanted = order("C8", customer.chat, "look", file=file)
    outcome = await shop.driver.send(wanted)
    assert (outcome.state, outcome.code) == ("unknown", "file_unreadable")
    assert await shop.driver.look_up(wanted) is Lookup.ABSENT


async def test_a_file_with_a_quote_names_what_it_answers(
    shop: Shop, customer: Person, tmp_path: Path
) -> None:
    """A file may answer a message as a text does."""
    asked = (await shop.sink.message(await customer.write("the invoice?"))).wa_id
    file = lay(tmp_path, PDF, "application/pdf")
    wanted = order("C9", customer.chat, "here", reply_to=asked, file=file)
    assert (await shop.driver.send(wanted)).state == "sent"


@pytest.mark.parametrize(
    ("content", "mime", "about", "text", "seconds"),
    [
        (PNG, "image/png", {"caption": "is this 6x40?"}, "is this 6x40?", None),
        (PDF, "application/pdf", {"name": "list.pdf"}, None, None),
        (b"OggS", "audio/ogg", {"seconds": "3.5"}, None, 3.5),
        (LONG, "image/jpeg", {"name": "big.jpg"}, None, None),
    ],
)
async def test_a_customers_file_is_told_and_can_be_fetched(
    shop: Shop,
    customer: Person,
    content: bytes,
    mime: str,
    about: dict[str, str],
    text: str | None,
    seconds: float | None,
) -> None:
    """Photo, PDF and voice: what is known of them at once, and their bytes on request."""
    message = await shop.sink.message(await customer.sends_file(content, mime, **about))
    assert (message.kind, message.text) == ("media", text)
    assert message.media is not None
    assert (message.media.mime, message.media.size) == (mime, len(content))
    assert (message.media.name, message.media.seconds) == (about.get("name"), seconds)
    assert (message.media.sha256, message.media.unavailable) == (None, None)
    assert await bytes_of(shop, message) == content


async def test_a_file_can_be_fetched_after_a_reload(shop: Shop, customer: Person) -> None:
    """The page's memory is gone, what it has stored of the message is enough."""
    message = await shop.sink.message(await customer.sends_file(PNG, "image/png"))
    seen = len(shop.sink.statuses)
    await shop.driver.reload()
    await shop.until_again("ready", seen)
    assert await bytes_of(shop, message) == PNG


async def test_what_whatsapp_lost_is_gone(shop: Shop, phone: Phone, customer: Person) -> None:
    """A file that the network has dropped, and a message that nobody knows."""
    message = await shop.sink.message(await customer.sends_file(b"lost", "image/png"))
    await phone.set_faults(lose_files=True)
    with pytest.raises(FileGoneError):
        await bytes_of(shop, message)
    await phone.set_faults()
    with pytest.raises(FileGoneError):
        await bytes_of(shop, received("3A77", chat=customer.chat, account=ACCOUNT))
    text = await shop.sink.message(await customer.write("no file"))
    with pytest.raises(FileGoneError):
        await bytes_of(shop, text)


async def test_a_page_without_a_network_can_be_asked_again(
    shop: Shop, phone: Phone, customer: Person
) -> None:
    """Not ready, another account or a line that is down: not now, rather than gone."""
    message = await shop.sink.message(await customer.sends_file(b"later", "image/png"))
    elsewhere = received("3A78", chat=customer.chat, account="+919800000008")
    with pytest.raises(FileNotNowError):
        await bytes_of(shop, elsewhere)
    await phone.set_faults(offline=True)
    await shop.until("offline")
    with pytest.raises(FileNotNowError):
        await bytes_of(shop, message)
    await phone.set_faults()
    await shop.until("ready")
    assert await bytes_of(shop, message) == b"later"


async def test_a_file_at_the_limit_comes_whole_and_one_beyond_does_not_come(
    shop: Shop, customer: Person
) -> None:
    """16 MiB are taken; WhatsApp itself takes more, but no hub does."""
    most = await shop.sink.message(
        await customer.sends_file(bytes(FILE_MAX_BYTES), "application/zip")
    )
    assert await bytes_of(shop, most) == bytes(FILE_MAX_BYTES)
    beyond = shop.driver._ready_calls().fetch(most, limit_bytes=FILE_MAX_BYTES - 1)
    with pytest.raises(FileTooLargeError):
        await anext(beyond)
