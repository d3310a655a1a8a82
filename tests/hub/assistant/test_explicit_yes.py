"""Nothing is ordered or cancelled without an explicit yes to a total that was shown, ever."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.assistant import embedded
from hub.assistant.engine import Line, Turn
from hub.assistant.language import load
from hub.commerce import customers, drafts, effects, orders
from hub.commerce.aliases import aliases_of
from hub.commerce.catalog import import_file
from hub.commerce.drafts import Draft
from hub.commerce.effects import Outdated, Scene
from hub.commerce.money import format_money
from hub.commerce.orders import Order
from hub.store.database import Store
from hub.store.tx import Tx, load_queries
from tests.fakes import FakeClock
from tests.hub.assistant.shopper import PHONE, profile
from tests.hub.shops import add_shop

SHOP = profile("ten_a")
CHAT = f"{PHONE.removeprefix('+')}@c.us"
SETTINGS = {
    "pricing": {
        "shipping": {"type": "by_zone", "zones": [{"name": "a", "codes": ["411001"], "fee": 6_000}]}
    },
    "shop": {"payment": ["cod", "upi"]},
}
YES = ("yes", "Yes confirm", "ok", "go ahead", "place the order", "confirm", "yes please sir")
SECRETS = ("27AAPFU0939F1ZV", "Rose Building", "Asha Rao", "9800000055", "Fast Wheels")
OTHER = (
    *("5 sugar", "2 hill tea 250g", "neem soap 1 box", "add 3 more", "make it 4", "only 6", "12"),
    *("order", "checkout", "place order 411001 cod", "deliver to 411001", "411060", "cod", "upi"),
    *("no gst", f"my gstin is {SECRETS[0]}", "27AAPFU0939F1Z0", "no", "no thanks", "cancel"),
    *(
        "yes?",
        "ok wait",
        "yes but not now",
        "hmm",
        "good",
        "yes 2 sugar",
        "ok let me think",
        "fine",
    ),
    *("price of sugar?", "how do i confirm?", "should i say yes?", "cart", "empty my cart", "hi"),
    *("cancel my order", "cancel order A-1001", "where is my order?", "same as last time"),
    *("double it", "forget it", "can i cancel?", "what if I say yes?", "5 bulbs", "the 9 w one"),
    *("tell me a joke", "discount?", "do you deliver to 411001?", "thanks", "remove the sugar"),
    f"{SECRETS[2]}, Flat 4, {SECRETS[1]}, near market, call {SECRETS[3]}",
    f"transporter {SECRETS[4]}",
    f"do you know {SECRETS[2]} at +91{SECRETS[3]}?",
)
MESSAGES = st.sampled_from((*YES, *YES, *OTHER))
STEPS = st.lists(
    st.tuples(st.lists(MESSAGES, min_size=1, max_size=2), st.sampled_from((10, 60, 1_900))),
    min_size=1,
    max_size=12,
)


async def _fill(path: Path) -> None:
    clock = FakeClock()
    async with Store.open(f"sqlite:///{path}", clock) as store:
        await add_shop(store, clock)
        await import_file(store, "ten_a", Path(__file__).with_name("corner_shop.json"), 1)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """A shop that nobody has bought in."""
    path = tmp_path_factory.mktemp("yes") / "hub.db"
    asyncio.run(_fill(path))
    connection = sqlite3.connect(path)
    connection.execute("UPDATE tenants SET settings = ?", (json.dumps(SETTINGS),))
    connection.commit()  # a copy waits for open transactions
    yield connection
    connection.close()


class World:
    """One customer of a copy of the shop, and what the rules say of each turn."""

    def __init__(self, shop: sqlite3.Connection) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        shop.backup(self.connection)
        self.connection.row_factory = sqlite3.Row
        self.tx = Tx(self.connection, load_queries())
        self.now_ms = 1_800_000_000_000
        self.history: tuple[Line, ...] = ()
        self.ids = count()

    def draft(self) -> Draft | None:
        me = customers.find(self.tx, "ten_a", aliases_of(CHAT, PHONE, None))
        found = None if me is None else drafts.newest(self.tx, "ten_a", me.customer_id)
        return found if found is not None and found.state == "open" else None

    def orders(self) -> list[Order]:
        me = customers.find(self.tx, "ten_a", aliases_of(CHAT, PHONE, None))
        return [] if me is None else orders.all_of(self.tx, "ten_a", me.customer_id)

    def says(self, texts: list[str]) -> str:
        """One turn, its reply and its effects."""
        lines = tuple(Line("customer", text, self.now_ms) for text in texts)
        turn = Turn(
            turn_id=f"turn_{next(self.ids)}",
            tenant=SHOP,
            chat_key=CHAT,
            customer_name=None,
            phone=PHONE,
            messages=lines,
            history=self.history[-12:],
            now_ms=self.now_ms,
        )
        answer = embedded.reply(self.tx, turn, load("en"))
        trace = msgspec.json.encode(answer.tool_calls).decode()
        assert not [secret for secret in (*SECRETS, PHONE[3:], "411060") if secret in trace]
        assert 0 < len(answer.text) <= 800
        scene = Scene(
            tenant_id="ten_a",
            aliases=aliases_of(CHAT, PHONE, None),
            customer_name=None,
            turn_id=turn.turn_id,
            account="919800000099@c.us",
            chat=CHAT,
            agent_id="agt_a",
            now_ms=self.now_ms,
            new_ids=lambda: f"id_{next(self.ids)}",
        )
        try:
            text = effects.apply(self.tx, scene, answer.effects).worded(answer.text)
        except Outdated as outdated:
            raise AssertionError(f"nobody else was here, but {outdated.code}") from outdated
        self.history += (*lines, Line("bot", text, self.now_ms))
        return text


@given(steps=STEPS)
@settings(max_examples=150)
def test_no_order_without_an_explicit_yes(
    shop: sqlite3.Connection, steps: list[tuple[list[str], int]]
) -> None:
    """An order was shown with its total and a question, and the next words were a yes, only."""
    world = World(shop)
    for texts, seconds in steps:
        world.now_ms += seconds * 1_000
        shown, before = world.draft(), world.orders()
        asked = world.history[-1].text if world.history else ""
        said = [line.text for line in world.history]
        world.says(texts)
        after = world.orders()
        assert len(after) <= len(before) + 1
        if len(after) > len(before):
            assert shown is not None
            assert all(text in (*YES, "order") for text in texts)
            assert any(text in YES for text in texts)
            assert world.now_ms < shown.expires_at
            assert (after[0].bill, after[0].total) == (shown.bill, shown.bill.total)
            total = format_money(shown.bill.total, "INR", 2, "en_IN")
            assert any(f"*Total: {total}*" in text for text in said)
            assert "Shall I place this order?" in asked or texts != ["yes"]
        gone = {o.order_no for o in after if o.state == "cancelled"}
        gone -= {o.order_no for o in before if o.state == "cancelled"}
        for order_no in gone:
            assert f"Shall I cancel order {order_no}" in asked
            assert all(text in YES for text in texts)
