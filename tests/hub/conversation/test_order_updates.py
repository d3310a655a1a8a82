"""What a shop tells of orders by itself: once a state, in the customer's language, by day."""

from collections.abc import Iterator
from datetime import datetime
from string import Formatter
from zoneinfo import ZoneInfo

import msgspec
import pytest

from hub.commerce import customers, order_moves
from hub.commerce.order_states import OrderState
from hub.commerce.orders import Order
from hub.conversation import order_updates, outgoing, sending
from hub.conversation.order_updates import NEWS, News
from hub.store.policy import DEFAULTS
from tests.hub.commerce.counter import ANN, SHOP, Counter, product

ZONE = ZoneInfo("Asia/Kolkata")
ACCOUNT = "919800000099@c.us"
CHAT = f"{ANN.value[1:]}@c.us"


@pytest.fixture
def counter() -> Iterator[Counter]:
    """A shop that tells of orders, at noon; Ann ordered A-1001 there."""
    counter = Counter()
    counter.settings({"order_updates": True})
    counter.sells(product("P-1", 10_000))
    noon = datetime.fromisoformat("2026-11-22T12:00").replace(tzinfo=ZONE)
    counter.clock.advance(noon.timestamp() - counter.now / 1000)
    counter.buys("P-1", 2)
    yield counter
    counter.connection.close()


def moved(counter: Counter, state: OrderState, **delivery: str) -> Order:
    """The operator moves the order on, and nobody is told."""
    which = (counter.tx, SHOP, "A-1001")
    order = order_moves.set_state(*which, state, "operator", counter.now)
    if delivery:
        tracking, eta = delivery.get("tracking"), delivery.get("eta")
        order = order_moves.track(*which, tracking, eta, counter.now)
    return order


def tells(counter: Counter, news: News, **delivery: str) -> int | None:
    order = counter.orders()[0] if news == "paid" else moved(counter, news, **delivery)
    return order_updates.tell(counter.tx, SHOP, order, news, counter.now)


def waiting(counter: Counter) -> list[str]:
    sql = "SELECT text FROM outgoing WHERE done_at IS NULL ORDER BY rowid"
    return [row["text"] for row in counter.rows(sql)]


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)


def test_what_a_customer_reads(counter: Counter) -> None:
    """The order, its state, how it is followed and when it comes; and how to hear no more."""
    tells(counter, "packed")
    assert tells(counter, "shipped", tracking="TRK-1", eta="Friday") == counter.now
    assert waiting(counter) == [
        "Your order A-1001 is on its way.\n"
        "Tracking: TRK-1\n"
        "Expected: Friday\n\n"
        'This is an automatic message. To get no more of them, write "STOP".'
    ]
    tells(counter, "delivered")
    assert waiting(counter)[0].splitlines()[:2] == [
        "Your order A-1001 was delivered. Thank you!",
        "",
    ]


@pytest.mark.parametrize("code", sorted(order_updates.languages()))
def test_every_language_has_every_word(counter: Counter, code: str) -> None:
    """Each message names the order, and each language is one in which a shop may answer."""
    customer = counter.customer()
    customers.remember(counter.tx, SHOP, customer.customer_id, counter.now, language=code)
    words = order_updates.languages()[code]
    for news in NEWS:
        places = {place for _, place, *_ in Formatter().parse(getattr(words, news)) if place}
        assert places == {"order_no"}
    tells(counter, "packed", tracking="{eta}", eta="Friday")
    order = counter.orders()[0]
    assert waiting(counter) == [words.say(order, "packed")]
    assert "{eta}" in waiting(counter)[0]


def test_the_shops_own_language_where_the_customers_is_not_known(counter: Counter) -> None:
    """Its first one; a customer's is kept to what the shop speaks."""
    counter.settings({"order_updates": True, "shop": {"languages": ["hi", "ar"]}})
    customer = counter.customer()
    tells(counter, "packed")
    customers.remember(counter.tx, SHOP, customer.customer_id, counter.now, language="hi-Latn")
    tells(counter, "paid")
    words = order_updates.languages()["hi"]
    order = counter.orders()[0]
    assert waiting(counter) == [words.say(order, "packed"), words.say(order, "paid")]


def test_a_shop_that_only_replies_says_nothing(counter: Counter) -> None:
    """As every shop is unless its owner says otherwise."""
    counter.settings({})
    assert tells(counter, "packed") is None
    assert counter.rows("SELECT 1 FROM outgoing") == []


def test_a_state_is_told_once(counter: Counter) -> None:
    """Whatever is done again: the message's id is that of the order and its state."""
    for _ in range(3):
        tells(counter, "packed")
        tells(counter, "paid")
    assert len(waiting(counter)) == 2
    first, _ = counter.rows("SELECT outgoing_id FROM outgoing ORDER BY rowid")
    counter.tx.run("outgoing.finish", outgoing_id=first[0], outcome="ordered", now_ms=counter.now)
    tells(counter, "packed")
    assert len(counter.rows("SELECT 1 FROM outgoing")) == 2


def test_what_happens_at_night_is_told_in_the_morning(counter: Counter) -> None:
    """Of several states the last, a payment apart; with what was added in the meantime."""
    counter.clock.advance(10 * 3600)
    assert tells(counter, "packed") == at("2026-11-23T09:00")
    tells(counter, "paid")
    order = moved(counter, "shipped")
    order_updates.tell(counter.tx, SHOP, order, "shipped", counter.now)
    told = moved(counter, "shipped", tracking="TRK-1")
    order_updates.reword(counter.tx, SHOP, told, "shipped")
    words = order_updates.languages()["en"]
    assert waiting(counter) == [words.say(told, "paid"), words.say(told, "shipped")]
    assert "TRK-1" in waiting(counter)[1]
    rows = counter.rows("SELECT outcome FROM outgoing WHERE done_at IS NOT NULL")
    assert [row["outcome"] for row in rows] == ["superseded"]


def put_chat(counter: Counter, chat: str, account: str = ACCOUNT) -> None:
    """A chat with the shop's agent in which something was said."""
    where = (SHOP, account, chat)
    counter.connection.execute(
        "INSERT OR IGNORE INTO agents VALUES ('agt_a', ?, 'PC', 'OS', '1', 1, NULL)", (SHOP,)
    )
    counter.connection.execute(
        "INSERT INTO chats (tenant_id, account, chat, agent_id) VALUES (?, ?, ?, 'agt_a')", where
    )
    counter.connection.execute(
        "INSERT INTO messages (tenant_id, account, chat, agent_id, wa_id, direction, author, kind,"
        " sent_at, received_at) VALUES (?, ?, ?, 'agt_a', 'A', 'in', 'customer', 'text', 1, 1)",
        where,
    )


def test_where_it_is_told(counter: Counter) -> None:
    """Where the order was placed; else in the customer's newest chat; else nowhere."""
    order = moved(counter, "packed")
    put_chat(counter, CHAT, "919800000077@c.us")
    put_chat(counter, CHAT, "919800000088@c.us")
    order_updates.tell(counter.tx, SHOP, order, "packed", counter.now)
    counter.connection.execute("DELETE FROM order_papers")
    order_updates.tell(counter.tx, SHOP, order, "shipped", counter.now)
    found = counter.rows("SELECT account, chat, order_id FROM outgoing ORDER BY rowid")
    placed, newest = (tuple(row) for row in found)
    assert placed == (ACCOUNT, CHAT, order.order_id)
    assert newest == ("919800000088@c.us", CHAT, order.order_id)
    counter.connection.execute("DELETE FROM chats")
    counter.connection.execute("DELETE FROM messages")
    assert order_updates.tell(counter.tx, SHOP, order, "delivered", counter.now) is None


def test_a_stop_counts_to_the_last_moment(counter: Counter) -> None:
    """The customer writes it while the message waits: it is not sent, and that is kept."""
    put_chat(counter, CHAT)
    tells(counter, "packed")
    customer = counter.customer()
    customers.remember(counter.tx, SHOP, customer.customer_id, counter.now, opted_out_at=1)
    [due] = outgoing.due(counter.tx, counter.now, (0, 0), 10)
    assert sending.end(counter.tx, due, counter.now, DEFAULTS).outcome == "opted_out"
    customers.remember(counter.tx, SHOP, customer.customer_id, counter.now, opted_out_at=None)
    tells(counter, "shipped")
    [due] = outgoing.due(counter.tx, counter.now, (0, 0), 10)
    order = sending.end(counter.tx, due, counter.now, DEFAULTS).order
    assert order is not None
    [said] = counter.rows("SELECT author, text FROM messages WHERE author = 'bot'")
    assert said["text"] == due.one.text
    assert msgspec.structs.asdict(due.one)["order_id"] == counter.orders()[0].order_id
