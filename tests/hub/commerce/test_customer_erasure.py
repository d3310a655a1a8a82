"""What a shop holds on a customer is handed out whole, and erased so that it does not come back."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub.commerce import customer_records, customers
from hub.commerce.customer_erasure import Erased, erase
from hub.commerce.customer_records import Holdings
from hub.store import outbound
from protocol.codec import decode_data
from protocol.messages import Instant, MessageSend
from tests.fakes import FakeClock
from tests.hub.commerce.ledger import (
    BILL,
    INVOICE,
    OTHER,
    PHOTO,
    SECRETS,
    SHARED,
    fill,
    take,
    told,
)
from tests.hub.commerce.people import CHAT, LID, PHONE
from tests.hub.conversation.scene import ACCOUNT, Gate, Scene, open_scene, running


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path / "hub.db", FakeClock()) as opened:
        await fill(opened)
        yield opened


async def collected(scene: Scene) -> Holdings:
    return await scene.store.read(lambda tx: customer_records.collect(tx, "ten_a", "cus_a"))


async def erased(scene: Scene) -> Erased:
    now = scene.clock.now_ms()
    return await scene.store.write(lambda tx: erase(tx, "ten_a", "cus_a", now))


def everything(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with closing(sqlite3.connect(path)) as connection:
        named = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: connection.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608
            for (name,) in named
        }


def on_disk(folder: Path) -> bytes:
    """Every byte of every file."""
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def test_an_export_holds_all_of_a_customers_and_nothing_of_anybody_elses(
    scene: Scene,
) -> None:
    """Profile, aliases, both chats, the group's message, cart, draft, order, papers, files."""
    held = await collected(scene)
    assert held.customer["address"] == "1 Mill Road"
    assert [alias["value"] for alias in held.aliases] == [LID, PHONE]
    said = {chat["chat"]: [m["wa_id"] for m in chat["messages"]] for chat in held.chats}
    assert said == {LID: ["M2"], CHAT: ["M1", "E1", "O1", "P1", "P2"]}
    assert [message["wa_id"] for message in held.elsewhere] == ["G1"]
    assert held.cart[0]["sku"] == "P-1"
    assert str(held.cart[0]["quantity"]) == "2.5"
    assert held.coupons == ["TEN"]
    assert held.drafts[0]["bill"]["total"] == 5_000
    assert held.orders[0]["order_no"] == "A-1001"
    assert [paper["kind"] for paper in held.orders[0]["papers"]] == ["invoice", "payment_code"]
    assert held.media == [PHOTO, SHARED, INVOICE]
    assert len(held.not_understood) == 1
    assert held.summary.messages == 7
    words = [sent["text"] for chat in held.chats for sent in chat["outgoing"]]
    assert words == ["secret of the operator"]
    assert held.chats[1]["turns"][0]["answer"] == {"effects": ["secret"]}
    document = msgspec.json.encode(held).decode()
    assert "another's words" not in document
    assert "919800000002" not in document
    assert all(word in document for word in SECRETS)


async def test_nothing_of_an_erased_customer_is_left_in_any_row(scene: Scene) -> None:
    """No word, name, number, address or GSTIN, in no table; the shop's other customer keeps all."""
    before = await scene.rows("SELECT * FROM messages WHERE chat = '919800000002@c.us'")
    facts = await erased(scene)
    assert (facts.chats, facts.messages, facts.orders_kept, facts.not_understood) == (2, 7, 1, 1)
    for table, rows in everything(scene.store.path).items():
        for word in SECRETS:
            assert word not in repr(rows), table
    assert await scene.rows("SELECT * FROM messages WHERE chat = '919800000002@c.us'") == before
    assert await scene.rows("SELECT name FROM customers WHERE customer_id = 'cus_b'") == [
        {"name": "Bo"}
    ]
    (group,) = await scene.rows("SELECT wa_id FROM messages WHERE chat LIKE '%@g.us'")
    assert group == {"wa_id": "X1"}
    assert len(await scene.rows("SELECT 1 FROM quarantine")) == 1
    for table in ("outgoing", "operator_notices"):
        assert len(await scene.rows(f"SELECT 1 FROM {table}")) == 1, table  # noqa: S608


async def test_the_erased_words_are_overwritten_on_the_disk(tmp_path: Path) -> None:
    """Not only unlinked: once the database is closed no byte of them is in its files."""
    path = tmp_path / "hub.db"
    async with open_scene(path, FakeClock()) as scene:
        await fill(scene)
        for number in range(20):  # long enough for pages of their own
            await scene.says(f"L{number}", "secret " * 3_000, chat=LID)
        await erased(scene)
    content = on_disk(tmp_path)
    assert b"another's words" in content
    for word in SECRETS:
        assert word.encode() not in content


async def test_orders_stay_for_the_books(scene: Scene) -> None:
    """Number, bill, total, states, zone and way of payment; a paper that was not sent yet goes."""
    await erased(scene)
    (order,) = await scene.rows("SELECT order_no, bill, total, delivery FROM orders")
    assert (order["order_no"], order["bill"], order["total"]) == ("A-1001", BILL, 5_000)
    assert msgspec.json.decode(order["delivery"]) == {
        "destination": None,
        "zone": "South",
        "address": None,
        "payment": "upi",
    }
    papers = await scene.rows("SELECT kind, chat, sha256 FROM order_papers")
    assert papers == [{"kind": "invoice", "chat": "", "sha256": None}]


async def test_only_files_that_nobody_else_needs_are_to_be_deleted(scene: Scene) -> None:
    """A file that somebody else was sent stays; a second erasure names the same ones again."""
    assert (await erased(scene)).files == (PHOTO, INVOICE)
    assert (await erased(scene)).files == (PHOTO, INVOICE)


async def test_a_sweep_that_finds_the_messages_again_brings_nothing_back(scene: Scene) -> None:
    """Every one is known: no row, no chat, no turn, no name. What is written next is new."""
    before = await erased(scene)
    for message in told(scene):
        assert not await take(scene, message)
    for table, rows in everything(scene.store.path).items():
        for word in SECRETS:
            assert word not in repr(rows), table
    assert before.messages == 7
    assert (await scene.says("M9", "hello again")).new
    assert [row["text"] for row in await scene.messages() if row["chat"] == CHAT] == ["hello again"]


async def test_a_customer_who_comes_back_is_somebody_new(scene: Scene) -> None:
    """Nothing of before is theirs, not even the orders."""
    await erased(scene)
    found = await scene.store.write(
        lambda tx: customers.ensure(
            tx, "ten_a", customers.aliases_of(CHAT, PHONE, LID), "Asha", 1, "cus_new"
        )
    )
    assert found == customers.Customer("cus_new", "Asha")
    held = await scene.store.read(lambda tx: customer_records.collect(tx, "ten_a", "cus_new"))
    assert (held.chats, held.orders, held.elsewhere) == ([], [], [])


async def test_an_answer_under_way_to_an_erased_customer_is_not_sent(scene: Scene) -> None:
    """The turn is gone when the engine returns: nothing is stored, nothing ordered."""
    gate = Gate(parties=2)
    async with running(scene, gate) as hub:
        await hub.says("M5", "secret again", chat=LID, phone=PHONE)
        hub.later(60)
        await gate.entered.wait()
        await erased(scene)
        gate.open.set()
        await hub.settles()
        chats = [row["chat"] for row in await scene.rows("SELECT chat FROM turns")]
        assert (chats, [order.chat for order in await scene.orders()][2:]) == ([OTHER], [OTHER])


async def test_an_order_to_send_keeps_its_place_and_loses_its_words(scene: Scene) -> None:
    """An agent that has yet to get it reads an order that expired long ago, to nobody."""
    await erased(scene)
    first, second = await scene.store.read(lambda tx: outbound.after(tx, "ten_a", "agt_a", 0, 9))
    empty = MessageSend(account=ACCOUNT, chat="erased@c.us", text="", expires_at=Instant(0))
    assert decode_data("message.send", first.data) == empty
    kept = decode_data("message.send", second.data)
    assert isinstance(kept, MessageSend)
    assert kept.chat == OTHER


async def test_whoever_was_merged_is_erased_too(scene: Scene) -> None:
    """The rows that a merge kept for its undoing are theirs as well, and what the audit quotes."""

    def join(tx: Any) -> None:
        chat = "919800000003@c.us"
        customers.ensure(tx, "ten_a", customers.aliases_of(chat, None, None), "Asha", 1, "cus_c")
        customers.remember(tx, "ten_a", "cus_c", 1, address="2 Mill Road")
        customers.merge(tx, "ten_a", "cus_a", "cus_c", 2)
        # A number that was theirs for a while, and then another's.
        customers.ensure(tx, "ten_a", customers.aliases_of(CHAT, None, "7@lid"), None, 3, "cus_d")
        customers.ensure(tx, "ten_a", customers.aliases_of(CHAT, None, LID), None, 4, "cus_e")

    await scene.store.write(join)
    kept = await scene.store.read(lambda tx: customers.current(tx, "ten_a", "cus_a"))
    assert kept is not None
    now = scene.clock.now_ms()
    await scene.store.write(lambda tx: erase(tx, "ten_a", kept.customer_id, now))
    left = everything(scene.store.path)
    for table in ("customers", "customer_aliases", "customer_audit"):
        for word in (*SECRETS, "9800000003"):
            assert word not in repr(left[table]), table
    actions = await scene.rows("SELECT action FROM customer_audit ORDER BY id")
    assert [row["action"] for row in actions] == ["merged", "split", "split", "erased"]


async def test_another_shops_customer_cannot_be_reached(scene: Scene) -> None:
    """An id of another tenant is nobody, to an export and to an erasure."""
    with pytest.raises(LookupError):
        await scene.store.read(lambda tx: customer_records.collect(tx, "ten_b", "cus_a"))
    with pytest.raises(LookupError):
        await scene.store.write(lambda tx: erase(tx, "ten_b", "cus_a", 1))
    assert (await collected(scene)).summary.messages == 7


async def test_a_chat_that_is_nobodys_by_its_key_is_whose_who_wrote_there(scene: Scene) -> None:
    """WhatsApp said whose phone is behind the LID: that chat is erased whole, replies included."""
    await scene.says("N1", "secret", chat="7@lid", phone=PHONE)
    await scene.says("N2", "a reply", chat="7@lid", from_me=True, phone=None)
    await scene.change("DELETE FROM customer_aliases WHERE kind = 'lid'")
    assert (await erased(scene)).chats == 3
    assert await scene.rows("SELECT 1 FROM messages WHERE chat LIKE '%@lid'") == []


async def test_another_accounts_words_under_the_same_number_are_not_theirs(scene: Scene) -> None:
    """Who had the number before keeps what was said in a chat of their own."""
    await scene.says("N1", "another's words", chat="7@lid", phone=PHONE)
    now = scene.clock.now_ms()
    aliases = customers.aliases_of("7@lid", None, None)
    await scene.store.write(lambda tx: customers.ensure(tx, "ten_a", aliases, None, now, "cus_f"))
    assert (await erased(scene)).chats == 2
    assert len(await scene.rows("SELECT 1 FROM messages WHERE chat = '7@lid'")) == 1
