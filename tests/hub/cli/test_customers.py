"""`sak-hub customer`."""

import asyncio
import json
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from hub.commerce import customers
from hub.store.database import Store
from tests.fakes import FakeClock
from tests.hub.cli.conftest import Cli
from tests.hub.commerce.ledger import INVOICE, PHOTO, SECRETS, SHARED, fill
from tests.hub.commerce.people import CHAT, LID, PHONE
from tests.hub.conversation.scene import open_scene

SHOP = "Shop A"
PERSON = "+91 98000 00001"


@pytest.fixture
def shop(cli: Cli) -> Cli:
    """A shop with the customers of `ledger.fill`, and their files."""

    async def prepare() -> None:
        async with open_scene(cli.path, FakeClock()) as scene:
            await fill(scene)

    cli.path.parent.mkdir(parents=True)
    asyncio.run(prepare())
    for name in (PHOTO, SHARED, INVOICE):
        file(cli, name).parent.mkdir(parents=True, exist_ok=True)
        file(cli, name).write_bytes(b"x")
    return cli


def file(cli: Cli, name: str, tenant_id: str = "ten_a") -> Path:
    """Where a shop's file is."""
    return cli.path.parent / "media" / tenant_id / name


def known(cli: Cli, *chats: str) -> list[str]:
    """Customers by the chats in which they wrote; their ids."""

    async def prepare() -> list[str]:
        clock = FakeClock(FakeClock().now_ms() + 1)
        async with Store.open(f"sqlite:///{cli.path}", clock) as store:
            ids = []
            for number, chat in enumerate(chats):
                aliases, new_id = customers.aliases_of(chat, None, None), f"cus_{number}"
                found = await store.write(
                    partial(
                        customers.ensure,
                        tenant_id="ten_a",
                        aliases=aliases,
                        name=None,
                        now_ms=clock.now_ms(),
                        new_id=new_id,
                    )
                )
                ids.append(found.customer_id)
            return ids

    return asyncio.run(prepare())


def test_customers_are_listed(shop: Cli) -> None:
    """Who they are and what they are known by; a limit says how many more there are."""
    facts = shop.facts("customer", "list", SHOP)
    assert facts["count"] == 2
    by_id = {one["customer_id"]: one for one in facts["customers"]}
    assert by_id["cus_a"]["name"] == "Asha"
    assert by_id["cus_a"]["aliases"] == [LID, PHONE]
    assert (by_id["cus_a"]["orders"], by_id["cus_b"]["orders"]) == (1, 0)
    assert by_id["cus_a"]["updated_at"].endswith("Z")
    assert (
        shop.lines("customer", "list", SHOP, "--limit", "1")[-1] == "and 1 more; --limit shows them"
    )
    shop.run("tenant", "add", "Empty")
    assert shop.lines("customer", "list", "Empty") == ["No customers yet."]


@pytest.mark.parametrize("ref", ["cus_a", PHONE, PERSON, "98000 00001", CHAT, LID])
def test_a_customer_is_shown_by_any_name(shop: Cli, ref: str) -> None:
    """By the id, the number with or without its country, or WhatsApp's ids."""
    facts = shop.facts("customer", "show", SHOP, ref)
    assert facts["customer_id"] == "cus_a"
    assert facts["address"] == "1 Mill Road"
    assert facts["orders"] == ["A-1001"]
    assert (facts["chats"], facts["messages"]) == (2, 7)


def test_a_person_reads_what_is_remembered(shop: Cli) -> None:
    """One line a fact."""
    lines = shop.lines("customer", "show", SHOP, PHONE)
    assert "name            Asha" in lines
    assert "cart            2.5 x P-1" in lines


@pytest.mark.parametrize("ref", ["cus_z", "+919800000077", "77@lid", "somebody", "12"])
def test_an_unknown_customer_is_told(shop: Cli, ref: str) -> None:
    """One sentence, for every command."""
    for words in (("show",), ("merge", "cus_a"), ("erase", "--yes")):
        command, *rest = words
        assert shop.failure("customer", command, SHOP, *rest, ref)[0] == "unknown_customer"
    assert shop.failure("customer", "show", "Nowhere", ref)[0] == "unknown_tenant"


def test_two_are_made_one_and_two_again(shop: Cli) -> None:
    """Merge keeps the older; splitting off what it brought undoes it; both stand in the audit."""
    known(shop, "919800000005@c.us")
    facts = shop.facts("customer", "merge", SHOP, "+919800000005", "cus_a")
    assert facts == {"customer_id": "cus_a", "merged": "cus_0"}
    assert shop.facts("customer", "show", SHOP, "cus_0")["merged"] == ["cus_0"]
    assert shop.failure("customer", "merge", SHOP, "cus_0", "cus_a")[0] == "same_customer"
    facts = shop.facts("customer", "split", SHOP, "cus_a", "98000 00005")
    assert facts == {"customer_id": "cus_0", "parted_from": "cus_a"}
    audit = shop.facts("customer", "show", SHOP, "cus_a")["audit"]
    assert [row["action"] for row in audit] == ["merged", "split"]
    assert shop.lines("customer", "show", SHOP, "cus_a")[-1].endswith("split cus_a")


def test_a_split_of_nothing_or_all_is_refused(shop: Cli) -> None:
    """Another's alias and the last one are told."""
    code, message = shop.failure("customer", "split", SHOP, "cus_a", "+919800000002")
    assert (code, "+919800000002" in message) == ("bad_alias", True)
    assert shop.failure("customer", "split", SHOP, "cus_a", PHONE, LID)[0] == "bad_alias"


def test_an_export_is_one_new_file(shop: Cli) -> None:
    """JSON that only its owner can read; a file that is there is never written over."""
    target = shop.directory / "asha.json"
    facts = shop.facts("customer", "export", SHOP, PERSON, str(target))
    assert (facts["customer_id"], facts["messages"], facts["orders"]) == ("cus_a", 7, 1)
    document = json.loads(target.read_text("utf-8"))
    assert document["customer"]["name"] == "Asha"
    assert document["media"] == [PHOTO, SHARED, INVOICE]
    assert target.stat().st_mode & 0o077 == 0
    assert shop.failure("customer", "export", SHOP, PERSON, str(target))[0] == "file_exists"
    nowhere = shop.directory / "no" / "asha.json"
    assert shop.failure("customer", "export", SHOP, PERSON, str(nowhere))[0] == "system"
    nobody = shop.directory / "nobody.json"
    assert shop.failure("customer", "export", SHOP, "nobody", str(nobody))[0] == "unknown_customer"
    assert not nobody.exists()
    audit = shop.facts("customer", "show", SHOP, "cus_a")["audit"]
    assert [row["action"] for row in audit] == ["exported"]


def test_nothing_is_erased_without_yes(shop: Cli) -> None:
    """It says what would go."""
    code, message = shop.failure("customer", "erase", SHOP, PHONE)
    assert code == "unconfirmed"
    assert "7 messages" in message
    assert "1 orders" in message
    assert shop.facts("customer", "show", SHOP, PHONE)["messages"] == 7


def test_an_erasure_leaves_no_word_and_no_file(shop: Cli) -> None:
    """Database and files; what somebody else was sent stays. Again, by the id, is harmless."""
    facts = shop.facts("customer", "erase", SHOP, PERSON, "--yes")
    assert (facts["customer_id"], facts["messages"], facts["files"]) == ("cus_a", 7, 2)
    kept = [name for name in (PHOTO, SHARED, INVOICE) if file(shop, name).exists()]
    assert kept == [SHARED]
    content = b"".join(path.read_bytes() for path in shop.path.parent.glob("hub.db*"))
    for word in SECRETS:
        assert word.encode() not in content
    assert shop.facts("customer", "list", SHOP)["count"] == 1
    assert shop.failure("customer", "erase", SHOP, PERSON)[0] == "unknown_customer"
    again = shop.facts("customer", "erase", SHOP, "cus_a", "--yes")
    assert (again["messages"], again["files"]) == (0, 0)


def test_who_only_ever_chatted_is_a_customer_to_the_law(shop: Cli) -> None:
    """Nobody made them one, but their words are there: exported and erased by the number."""
    with closing(sqlite3.connect(shop.path)) as connection, connection:
        connection.execute("DELETE FROM customer_aliases WHERE value = ?", ("+919800000002",))
    assert shop.failure("customer", "show", SHOP, "+919800000002")[0] == "unknown_customer"
    assert shop.failure("customer", "erase", SHOP, "+919800000002")[0] == "unconfirmed"
    assert shop.failure("customer", "show", SHOP, "+919800000002")[0] == "unknown_customer"
    target = shop.directory / "bo.json"
    assert shop.facts("customer", "export", SHOP, "+919800000002", str(target))["messages"] == 2
    assert shop.facts("customer", "erase", SHOP, "+919800000002", "--yes")["messages"] == 2


def test_a_customer_opts_out_and_in(shop: Cli) -> None:
    """By what the operator heard of them; the first time stays."""
    told = shop.facts("customer", "opt-out", SHOP, PERSON)
    assert told["opted_out_at"].endswith("Z")
    assert shop.facts("customer", "opt-out", SHOP, PERSON) == told
    assert shop.facts("customer", "show", SHOP, PERSON)["opted_out_at"] == told["opted_out_at"]
    assert "by itself" in shop.lines("customer", "opt-in", SHOP, PERSON)[0]
    assert shop.facts("customer", "show", SHOP, PERSON)["opted_out_at"] is None
