"""Every kind of message from a customer's phone to the hub's `messages`, with the real wa-js.

Practice phone, Chromium with the stand-in page, driver, journal, and the hub's intake on its store.
"""

import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agent.clock import SystemClock
from agent.drivers.whatsapp_web import PageUnavailableError
from agent.journal import FILE_NAME, Journal
from hub.clock import SystemClock as HubClock
from hub.conversation.intake import AgentRef, take_message
from hub.store.database import Store
from protocol.codec import decode_data
from protocol.messages import MessageReceived
from tests.agent.practice.stage import Person, Phone, practice_phone
from tests.agent.samples import PDF, PNG
from tests.agent.whatsapp_web.shop import ACCOUNT, Recorder, Shop, open_shop, web_settings
from tests.hub.shops import add_agent, add_shop, lay_tables

pytestmark = pytest.mark.asyncio(loop_scope="module")

AGENT = AgentRef("ten_a", "agt_a")
LONG = "बड़ा order 📦 " * 4_616  # 60,008 characters, more than 130,000 bytes


class Line(Recorder):
    """From the driver's sink through a real journal into the hub's store."""

    def __init__(self, journal: Journal, store: Store) -> None:
        super().__init__()
        self._journal, self._store = journal, store
        self._told = 0

    async def received(self, message: MessageReceived) -> None:
        await self.keep(message)
        await super().received(message)

    async def keep(self, message: MessageReceived) -> bool:
        """Record it, and let the hub have what is new."""
        new = await self._journal.record_inbound(message)
        await self._pass_on()
        return new

    async def _pass_on(self) -> None:
        """What the journal has for the hub, as it would travel, without waiting for files."""
        for arrival in await self._journal.messages_wanting_files():
            assert arrival.message.media is not None
            await self._journal.release(arrival, arrival.message.media)
        after = self._told
        rows = await self._journal._do(lambda tx: tx.all("outbox_after", seq=after, limit=1000))
        for row in rows:
            message = decode_data(row["type"], row["data"])
            assert isinstance(message, MessageReceived)
            take = partial(take_message, agent=AGENT, message=message, now_ms=HubClock().now_ms())
            await self._store.write(take)
            self._told = row["seq"]

    async def row(self, wa_id: str) -> dict[str, Any]:
        """The hub's row of a message, as soon as the driver has told of it."""
        await self.message(wa_id)
        return (await self.rows(f"wa_id = '{wa_id}'"))[0]

    async def rows(self, where: str) -> list[dict[str, Any]]:
        """The hub's rows, in order of arrival."""
        sql = f"SELECT * FROM messages WHERE {where} ORDER BY id"  # noqa: S608 - a test's own
        return await self._store.read(
            lambda tx: [dict(row) for row in tx._connection.execute(sql).fetchall()]
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def phone() -> AsyncIterator[Phone]:
    async with practice_phone() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def line(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Line]:
    folder: Path = tmp_path_factory.mktemp("line")
    lay_tables(folder / "hub.db")
    journal = await Journal.open(folder / FILE_NAME, SystemClock())
    async with Store.open(f"sqlite:///{folder / 'hub.db'}", HubClock()) as store:
        await add_shop(store, HubClock())
        await add_agent(store, HubClock())
        yield Line(journal, store)
    await journal.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(
    phone: Phone, line: Line, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shop]:
    settings = web_settings(tmp_path_factory.mktemp("shop"), phone.process.web_url, sweep_page=25)
    async with open_shop(settings, line) as running:
        await running.until("ready")
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def customer(phone: Phone, shop: Shop) -> Person:
    return await phone.new_person(name="Mona")


async def swept(shop: Shop, line: Line) -> int:
    """Search everything as the daemon does; how many messages were new."""
    return sum([await line.keep(message) async for message in shop.driver.sweep(0)])


async def test_a_text_and_a_quote(customer: Person, line: Line) -> None:
    """The words, the direction, and which message a reply answers."""
    asked = await customer.write("which one?")
    row = await line.row(await customer.write("this one", reply_to=asked))
    assert (row["kind"], row["text"], row["reply_to"]) == ("text", "this one", asked)
    assert (row["direction"], row["author"], row["live"]) == ("in", "customer", 1)
    sender = json.loads(row["sender"])
    assert (sender["lid"], sender["name"]) == (customer.chat, "Mona")
    assert sender["phone"].startswith("+9198000000")


@pytest.mark.parametrize(
    ("content", "mime", "about", "text"),
    [
        (PNG, "image/png", {"name": "bolt.png", "caption": "6x40?"}, "6x40?"),
        (b"OggS", "audio/ogg", {"seconds": "3.5"}, None),
        (b"ftyp", "video/mp4", {"name": "shelf.mp4", "caption": "see"}, "see"),
        (PDF, "application/pdf", {"name": "list.pdf"}, None),
    ],
)
async def test_a_file_with_its_caption(
    customer: Person, line: Line, content: bytes, mime: str, about: dict[str, str], text: str | None
) -> None:
    """Picture, voice, video, document: what is known of it, and the words beside it."""
    row = await line.row(await customer.sends_file(content, mime, **about))
    media = json.loads(row["media"])
    assert (row["kind"], row["text"]) == ("media", text)
    assert (media["mime"], media["size"], media.get("name")) == (
        mime,
        len(content),
        about.get("name"),
    )


async def test_a_place(customer: Person, line: Line) -> None:
    """Its name and where it is; without a name the place alone."""
    place = {"lat": 18.5204, "lng": 73.8567}
    row = await line.row(await customer.write("", place={**place, "name": "Godown 3, Pune"}))
    assert (row["kind"], row["text"]) == ("location", "Godown 3, Pune 18.5204,73.8567")
    assert (await line.row(await customer.write("", place=place)))["text"] == "18.5204,73.8567"


async def test_contacts(customer: Person, line: Line) -> None:
    """One or several, with names and numbers as they were written."""
    ravi = {"name": "Ravi, Traders", "phone": "+91 98000 00077"}
    row = await line.row(await customer.write("", cards=[ravi]))
    assert (row["kind"], row["text"]) == ("contact", "Ravi, Traders +91 98000 00077")
    two = await line.row(await customer.write("", cards=[ravi, {"name": "راशि", "phone": "98"}]))
    assert two["text"] == "Ravi, Traders +91 98000 00077\nराशि 98".replace("रा", "را")


async def test_a_reaction_names_its_target(customer: Person, line: Line) -> None:
    """A reaction is told, also the one that takes the emoji back."""
    target = await customer.write("thanks")
    await line.row(target)
    for emoji in ("👍🏽", ""):
        row = await line.row(await customer.changes("reaction", target, emoji))
        assert (row["kind"], row["text"], row["reply_to"]) == ("reaction", emoji, target)


async def test_an_edit_and_a_revoke_are_told_once(shop: Shop, customer: Person, line: Line) -> None:
    """Heard as they happen, and no news to the next search."""
    target = await customer.write("10 boxes")
    await line.row(target)
    edit = await line.row(await customer.changes("edit", target, "100 boxes"))
    assert (edit["kind"], edit["text"], edit["reply_to"]) == ("edit", "100 boxes", target)
    await customer.changes("revoke", target)
    await line.until(lambda: any(m.kind == "revoke" for m in line.messages))
    assert await swept(shop, line) == 0
    rows = await line.rows(f"reply_to = '{target}'")
    assert [(row["kind"], row["author"]) for row in rows] == [
        ("edit", "customer"),
        ("revoke", "customer"),
    ]


async def test_what_changed_while_nobody_listened_is_found(
    shop: Shop, customer: Person, line: Line
) -> None:
    """The page was deaf: the search tells the edit of what was known, and the rest as it reads."""
    known, gone = await customer.write("1 box"), await customer.write("no, wait")
    await line.row(gone)
    await _evaluate(shop, "() => WPP.removeAllListeners()")
    edit = await customer.changes("edit", known, "2 boxes")
    await customer.changes("revoke", gone)
    unheard = await customer.write("and a lid")
    await customer.changes("edit", unheard, "and two lids")
    await _until_held(shop, customer.chat, "and two lids")
    assert await swept(shop, line) == 3
    assert await swept(shop, line) == 0
    rows = await line.rows(f"chat = '{customer.chat}' AND live = 0")
    assert [(row["wa_id"], row["kind"], row["text"]) for row in rows] == [
        (edit, "edit", "2 boxes"),
        (rows[1]["wa_id"], "revoke", None),
        (unheard, "text", "and two lids"),
    ]
    assert (rows[1]["reply_to"], rows[1]["wa_id"].split("/")[:2]) == (gone, [gone, "revoke"])
    seen = len(line.statuses)
    await shop.driver.reload()
    await shop.until_again("ready", seen)


async def test_a_long_absence_is_read_page_by_page(
    shop: Shop, customer: Person, line: Line
) -> None:
    """More pages than one, in a chat that goes on meanwhile: each message once and in order."""
    keys = [await customer.write(f"number {n}") for n in range(60)]
    await line.row(keys[-1])
    found = [message async for message in shop.driver.sweep(0) if message.chat == customer.chat]
    assert [message.wa_id for message in found] == keys
    assert await swept(shop, line) == 0


async def test_sixty_thousand_characters(customer: Person, line: Line) -> None:
    """Whole, with every letter."""
    assert len(LONG) > 60_000
    assert (await line.row(await customer.write(LONG)))["text"] == LONG


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Mo\x07na\u0000\nSh\x1b[31mah", "Mo na Sh [31mah"),
        ("\u202egnp.exe", "gnp.exe"),
        ("محمد 👨‍👩‍👧", "محمد 👨‍👩‍👧"),
    ],
)
async def test_a_name_with_anything_in_it(
    phone: Phone, shop: Shop, line: Line, name: str, shown: str
) -> None:
    """What breaks or turns a line is gone; emoji and every script are as they were."""
    odd = await phone.new_person(name=name)
    row = await line.row(await odd.write("hi"))
    assert json.loads(row["sender"])["name"] == shown


async def test_a_chat_by_phone_number_carries_the_lid_that_the_page_knows(
    phone: Phone, shop: Shop, line: Line
) -> None:
    """Both names of one person, so that the hub can join them; unknown, the LID stays unknown."""
    for lid in (None, "300000000000777@lid"):
        person = await phone.new_person(by_phone=True)
        if lid is not None:
            await _evaluate(shop, "([chat, lid]) => standin.pair(chat, lid)", [person.chat, lid])
        sender = json.loads((await line.row(await person.write("hi")))["sender"])
        assert (sender["id"], sender.get("lid")) == (person.chat, lid)
        assert sender["phone"] == f"+{person.chat.removesuffix('@c.us')}"


async def test_a_hidden_phone_is_not_guessed(phone: Phone, shop: Shop, line: Line) -> None:
    """The LID alone, although other customers are known by both."""
    hidden = await phone.new_person(hidden_phone=True)
    sender = json.loads((await line.row(await hidden.write("hi")))["sender"])
    assert (sender["lid"], sender.get("phone")) == (hidden.chat, None)


async def test_statuses_channels_and_broadcasts_never_leave_the_page(
    shop: Shop, customer: Person, line: Line
) -> None:
    """A group is recorded and no turn begins; of the others nothing is told at all."""
    for chat in ("status@broadcast", "91980000@broadcast", "120363@newsletter"):
        await _evaluate(
            shop,
            """(chat) => standin.ingest({
              id: new standin.MsgKey({fromMe: false, remote: standin.widOf(chat), id: '3AFF'}),
              from: standin.widOf(chat), to: standin.me.lid, type: 'chat', body: 'to all',
              t: Math.floor(Date.now() / 1000), isNewMsg: true, notifyName: 'Somebody',
            })""",
            chat,
        )
    await line.row(await customer.write("after them"))
    assert "3AFF" not in {message.wa_id for message in line.messages}
    assert await swept(shop, line) == 0


async def test_who_wrote_before_is_known_to_the_page(phone: Phone, shop: Shop, line: Line) -> None:
    """Whatever the journal knows: somebody who wrote is a customer, somebody new is not."""
    wrote, silent = await phone.new_person(), await phone.new_person()
    await line.row(await wrote.write("hi"))
    await line.message(await silent.owner_writes("a word first"))
    assert await shop.driver.customer_wrote(ACCOUNT, wrote.chat)
    assert not await shop.driver.customer_wrote(ACCOUNT, silent.chat)
    with pytest.raises(PageUnavailableError):
        await shop.driver.customer_wrote("+919800000008", wrote.chat)


async def test_a_group_is_recorded_without_a_turn(phone: Phone, shop: Shop, line: Line) -> None:
    """Whoever wrote in it, the bot has no say."""
    group = await phone.new_group("c11")
    row = await line.row(await group.write("price?", author="c11"))
    assert (row["chat"], row["turn_id"]) == (group.chat, None)


async def _evaluate(shop: Shop, expression: str, argument: object = None) -> Any:
    calls = shop.driver._calls
    assert calls is not None
    return await calls._page.evaluate(expression, argument)


async def _until_held(shop: Shop, chat: str, text: str) -> None:
    """Wait until the page's own store reads so."""
    calls = shop.driver._calls
    assert calls is not None
    await calls._page.wait_for_function(
        "([chat, text]) => WPP.chat.get(chat).msgs.getModelsArray().some((m) => m.body === text)",
        arg=[chat, text],
    )
