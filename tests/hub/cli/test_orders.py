"""`sak-hub orders`: over a shop in which customers ordered before."""

import sqlite3
from contextlib import closing
from decimal import Decimal

import pytest

from hub.store.schema import migrations
from tests.hub.cli.conftest import Cli
from tests.hub.commerce.counter import ANN, BEN, SHOP, Counter, product

NAME = f"Shop {SHOP}"


@pytest.fixture
def shop(cli: Cli) -> Cli:
    """Ann ordered A-1001 and A-1003, Ben A-1002; all of five things in stock are taken."""
    counter = Counter()
    counter.sells(product("P-1", 10_000, stock=Decimal(5), hsn="7318"), product("P-2", 500))
    counter.gives(name="Ten", pct=Decimal(10))
    counter.buys("P-1", 2)
    counter.buys("P-1", 3, alias=BEN)
    counter.buys("P-2", "7")
    counter.connection.execute(f"PRAGMA user_version = {len(migrations())}")
    cli.path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(cli.path)) as file:
        counter.connection.backup(file)
    return cli


def numbers(cli: Cli, *words: str) -> list[str]:
    return [order["order_no"] for order in cli.facts("orders", "list", NAME, *words)["orders"]]


def stock(cli: Cli) -> str:
    products = cli.facts("catalog", "list", NAME)["products"]
    found: str = products[0]["stock"]
    return found


def test_orders_are_listed(shop: Cli) -> None:
    """The newest first; by state, by customer, and only so many."""
    assert numbers(shop) == ["A-1003", "A-1002", "A-1001"]
    assert numbers(shop, "--state", "packed") == []
    assert numbers(shop, "--customer", BEN.value) == ["A-1002"]
    assert numbers(shop, "--customer", ANN.value, "--state", "confirmed") == ["A-1003", "A-1001"]
    (first, *_) = shop.facts("orders", "list", NAME)["orders"]
    assert (first["state"], first["paid"], first["currency"]) == ("confirmed", False, "INR")
    assert first["placed_at"].endswith("Z")
    lines = shop.lines("orders", "list", NAME, "--limit", "1")
    assert (len(lines), lines[-1]) == (3, "and more; --limit shows them")
    assert shop.lines("orders", "list", NAME, "--state", "packed") == ["No such orders."]
    assert shop.failure("orders", "list", NAME, "--customer", "nobody")[0] == "unknown_customer"


@pytest.mark.parametrize("text", ["A-1001", "a1001", "1001"])
def test_an_order_is_shown(shop: Cli, text: str) -> None:
    """Its bill line by line with every sum, where it goes, its papers, and what became of it."""
    facts = shop.facts("orders", "show", NAME, text)
    bill = facts["bill"]
    assert (facts["order_no"], bill["goods"], bill["discount"]) == ("A-1001", 20_000, 2_000)
    assert bill["total"] == 18_900 + 6_000
    assert facts["delivery"]["destination"] == "411004"
    assert facts["aliases"] == [ANN.value]
    papers = [(paper["kind"], paper["state"]) for paper in facts["papers"]]
    assert papers == [("invoice", "waiting"), ("payment_code", "waiting")]
    assert [step["to_state"] for step in facts["history"]] == ["confirmed"]


def test_a_person_reads_an_order(shop: Cli) -> None:
    """One line for each product and each sum, amounts as the shop writes them."""
    text = "\n".join(shop.lines("orders", "show", NAME, "A-1001"))
    for part in ("7318", "2 piece", "₹200.00", "Ten", "-₹20.00", "SGST", "₹249.00", "confirmed by"):
        assert part in text


def test_what_is_unknown_is_told(shop: Cli) -> None:
    """Another shop's order is no order of this one."""
    for words in (("show", NAME, "A-9"), ("show", "Shop ten_b", "A-1001")):
        assert shop.failure("orders", *words)[0] == "unknown_order"
    assert shop.failure("orders", "set", NAME, "B-1001", "packed")[0] == "unknown_order"
    assert shop.failure("orders", "set", NAME, "A-1001", "eaten")[0] == "usage"


def test_an_order_goes_its_way(shop: Cli) -> None:
    """State by state, with its tracking number, and paid beside that; all in its history."""
    assert shop.lines("orders", "set", NAME, "A-1001", "packed") == ["A-1001 is packed."]
    sent = ("orders", "set", NAME, "A-1001", "shipped", "--tracking", " TRK1 ", "--eta", "Friday")
    delivery = shop.facts(*sent)["delivery"]
    assert (delivery["tracking"], delivery["eta"]) == ("TRK1", "Friday")
    again = shop.facts("orders", "set", NAME, "A-1001", "shipped", "--eta", "")
    assert (again["delivery"]["tracking"], again["delivery"].get("eta")) == ("TRK1", None)
    assert shop.lines("orders", "set", NAME, "A-1001", "paid") == ["A-1001 is shipped, paid."]
    history = shop.facts("orders", "show", NAME, "A-1001")["history"]
    states = [(step["to_state"], step["actor"]) for step in history]
    assert states == [
        ("confirmed", "customer"),
        ("packed", "operator"),
        ("shipped", "operator"),
        ("paid", "operator"),
    ]


def test_an_illegal_move_names_the_legal_ones(shop: Cli) -> None:
    """Nothing is changed by it, its notes are not kept either."""
    move = ("orders", "set", NAME, "A-1001", "delivered", "--tracking", "X")
    code, message = shop.failure(*move)
    assert code == "illegal_move"
    assert message == "A-1001 is confirmed: it can become packed or cancelled or paid."
    assert "tracking" not in shop.facts("orders", "show", NAME, "A-1001")["delivery"]
    shop.run("orders", "set", NAME, "A-1001", "cancelled")
    assert shop.failure("orders", "set", NAME, "A-1001", "packed")[1].endswith("that is its end.")
    assert shop.failure("orders", "set", NAME, "A-1001", "paid")[0] == "illegal_move"


def test_a_cancelled_order_gives_its_stock_back(shop: Cli) -> None:
    """And the use of its discount."""
    assert stock(shop) == "0"
    uses = shop.facts("discount", "list", NAME)["discounts"][0]["uses"]
    assert shop.run("orders", "set", NAME, "1002", "cancelled").exit_code == 0
    assert stock(shop) == "3"
    assert shop.facts("discount", "list", NAME)["discounts"][0]["uses"] == uses - 1


def test_who_paid_for_a_cancelled_order_is_owed_money(shop: Cli) -> None:
    """Nothing here pays it back, so the shop is told."""
    shop.run("orders", "set", NAME, "A-1001", "paid")
    told = shop.lines("orders", "set", NAME, "A-1001", "cancelled")
    assert (told[0], "give the money back" in told[1]) == ("A-1001 is cancelled, paid.", True)
    assert len(shop.lines("orders", "set", NAME, "A-1002", "cancelled")) == 1


@pytest.mark.parametrize("text", ["x" * 101, "two\nlines"])
def test_a_note_that_no_customer_could_read(shop: Cli, text: str) -> None:
    """Too long, or more than a line."""
    move = ("orders", "set", NAME, "A-1001", "packed", "--tracking", text)
    assert shop.failure(*move)[0] == "bad_value"
    assert shop.facts("orders", "show", NAME, "A-1001")["state"] == "confirmed"


def test_papers_are_told_by_their_fate(shop: Cli) -> None:
    """Sent, given up, or not needed any more; what the agent reports is in test_worker.py."""
    fates = ((None, 3, "given_up"), ("e", 0, "sent"), (None, 0, "not_needed"))
    for event_id, tries, state in fates:
        with closing(sqlite3.connect(shop.path)) as connection, connection:
            change = "UPDATE order_papers SET done_at = 5, event_id = ?, tries = ?"
            connection.execute(change, (event_id, tries))
        paper, _ = shop.facts("orders", "show", NAME, "A-1001")["papers"]
        assert (paper["state"], paper["at"]) == (state, "1970-01-01T00:00:00.005Z")


def test_a_paper_that_did_not_go_out_says_why(shop: Cli) -> None:
    """What the agent reported of its message stands beside it, for a program and for a person."""
    with closing(sqlite3.connect(shop.path)) as connection, connection:
        connection.execute("UPDATE order_papers SET done_at = 5, event_id = order_id || kind")
        connection.execute(
            """INSERT INTO messages (tenant_id, agent_id, account, chat, wa_id, direction, author,
                   kind, sent_at, received_at, event_id, state, state_at, error)
               SELECT tenant_id, agent_id, account, chat, event_id, 'out', 'bot', 'media', 5, 5,
                   event_id, 'failed', 6, '{"code": "media_unknown", "message": "no such file"}'
               FROM order_papers WHERE kind = 'invoice'"""
        )
    invoice, code = shop.facts("orders", "show", NAME, "A-1001")["papers"]
    assert (invoice["state"], invoice["reason"]) == ("failed", "no such file")
    assert (code["state"], code["reason"]) == ("sent", None)
    text = "\n".join(shop.lines("orders", "show", NAME, "A-1001"))
    assert "1970-01-01T00:00:00.006Z  invoice failed: no such file" in text


def test_the_customer_is_told_where_the_shop_wants_that(shop: Cli) -> None:
    """A shop only replies until it says otherwise; then a move is told once, and no other word."""
    assert shop.facts("orders", "set", NAME, "A-1001", "packed")["customer_told_at"] is None
    for key, value in (("order_updates", "yes"), ("quiet_from", "")):
        assert shop.run("tenant", "set", NAME, key, value).exit_code == 0
    assert shop.facts("orders", "set", NAME, "A-1001", "packed")["customer_told_at"] is None
    sent = shop.lines("orders", "set", NAME, "A-1001", "shipped", "--tracking", "TRK1")
    assert (sent[0], "is told at" in sent[1]) == ("A-1001 is shipped.", True)
    assert len(shop.lines("orders", "set", NAME, "A-1001", "shipped", "--eta", "Friday")) == 1
    shop.run("orders", "set", NAME, "A-1001", "paid")
    shop.run("orders", "set", NAME, "A-1002", "packed", "--tracking", "x" * 101)
    shop.run("orders", "set", NAME, "A-1003", "shipped")
    with closing(sqlite3.connect(shop.path)) as file:
        texts = [text for (text,) in file.execute("SELECT text FROM outgoing ORDER BY rowid")]
    assert len(texts) == 2
    assert texts[0].startswith("Your order A-1001 is on its way.\nTracking: TRK1\nExpected: Friday")
    assert "A-1001" in texts[1]


def test_who_is_not_told_is_said_with_the_reason(shop: Cli) -> None:
    """The hub knows who opted out and where it is off: it promises nothing then."""
    for key, value in (("order_updates", "yes"), ("quiet_from", "")):
        shop.run("tenant", "set", NAME, key, value)
    with closing(sqlite3.connect(shop.path)) as file, file:
        file.execute("UPDATE customers SET opted_out_at = 1")
    facts = shop.facts("orders", "set", NAME, "A-1001", "packed")
    assert (facts["customer_told_at"], facts["customer_not_told"]) == (None, "opted_out")
    told = shop.lines("orders", "set", NAME, "A-1003", "packed")
    assert told[1] == "The customer is not told: the customer does not want to hear from the shop."
    shop.run("tenant", "set", NAME, "mode", "off")
    told = shop.lines("orders", "set", NAME, "A-1001", "shipped")
    assert "off in this chat" in told[1]
