"""Two customers become one, and one becomes two again."""

import json
from collections.abc import Iterator

import pytest

from hub.commerce import customers
from hub.commerce.aliases import Alias
from hub.commerce.errors import BadValueError
from tests.hub.commerce.people import CHAT, GSTIN, LID, PHONE, People, gathered

pytestmark = pytest.mark.core

BY_PHONE = Alias("phone", PHONE)
BY_LID = Alias("lid", LID)


@pytest.fixture
def people() -> Iterator[People]:
    """With `cus_1` known by a phone and `cus_2`, younger, by a LID."""
    with gathered() as found:
        found.hears(CHAT)
        found.hears(LID)
        yield found


def merged(people: People, *ids: str) -> customers.Customer:
    one, other = ids or ("cus_2", "cus_1")
    return customers.merge(people.tx, "ten_a", one, other, people.tick())


def parted(people: People, *aliases: Alias) -> str:
    """Whoever `cus_1` loses these aliases to."""
    ids = ("ten_a", "cus_1", aliases, people.tick(), people.new_id())
    return customers.split(people.tx, *ids).customer_id


def test_the_newer_carts_quantities_stand(people: People) -> None:
    """Nothing is summed: what was ordered last counts, and what only the older has is added."""
    people.puts("cus_1", 1, 5_000)
    people.puts("cus_1", 2, 1_000)
    people.puts("cus_2", 3, 4_000)
    people.puts("cus_2", 1, 2_000)
    merged(people)
    assert people.cart("cus_1") == {3: 4_000, 1: 2_000, 2: 1_000}
    assert people.cart("cus_2") == {}


def test_the_older_customers_cart_may_be_the_newer_one(people: People) -> None:
    """The last change decides which cart is newer, not who came first."""
    people.puts("cus_2", 1, 2_000)
    people.puts("cus_1", 1, 5_000)
    merged(people)
    assert people.cart("cus_1") == {1: 5_000}


def test_coupons_of_both_carts_are_kept(people: People) -> None:
    """A coupon that was named is not lost, nor doubled."""
    for who, coupon in (("cus_1", "TEN"), ("cus_2", "TEN"), ("cus_2", "MAY")):
        people.do("INSERT INTO cart_coupons VALUES ('ten_a', ?, ?)", who, coupon)
    merged(people)
    assert people.rows("SELECT customer_id, coupon FROM cart_coupons ORDER BY coupon") == [
        {"customer_id": "cus_1", "coupon": "MAY"},
        {"customer_id": "cus_1", "coupon": "TEN"},
    ]


def test_of_two_open_drafts_the_older_is_replaced(people: People) -> None:
    """Only what was shown last may be said yes to; what ended before stays as it ended."""
    people.shows("cus_1", "d1", state="declined")
    people.shows("cus_2", "d2")
    people.shows("cus_1", "d3")
    merged(people)
    assert people.drafts_of("cus_1") == {"d1": "declined", "d2": "replaced", "d3": "open"}


def test_orders_move_and_keep_their_numbers(people: People) -> None:
    """An order belongs to whoever its customer became."""
    people.orders("cus_2", "d1")
    people.orders("cus_1", "d2")
    merged(people)
    assert people.orders_of("cus_1") == ["ord-d1", "ord-d2"]
    assert people.rows("SELECT customer_id FROM drafts WHERE draft_id = 'd1'") == [
        {"customer_id": "cus_1"}
    ]


def test_gaps_are_filled_and_nothing_is_overwritten(people: People) -> None:
    """A preference and its number, an address and its postcode, come together or not at all."""
    tell = customers.remember
    tell(people.tx, "ten_a", "cus_1", people.tick(), tax_preference="none", postcode="560001")
    told = {"tax_number": GSTIN, "tax_preference": "gst", "address": "1 Mill Road"}
    tell(people.tx, "ten_a", "cus_2", people.tick(), name="Asha", opted_out_at=7, **told)
    found = merged(people)
    assert found == customers.current(people.tx, "ten_a", "cus_2")
    assert (found.customer_id, found.name, found.opted_out_at) == ("cus_1", "Asha", 7)
    assert (found.tax_preference, found.tax_number) == ("none", None)
    assert (found.postcode, found.address) == ("560001", None)


def test_discounts_made_for_one_hold_for_the_other(people: People) -> None:
    """A rule that names the one who goes names who stays; undone, it names only its own again."""
    for rule_id, rule in (
        ("r1", {"customers": ["cus_2"]}),
        ("r2", {"customers": ["cus_1"]}),
        ("r3", {"pct": "5"}),
    ):
        people.do(
            "INSERT INTO discount_rules (rule_id, tenant_id, name, rule, created_at)"
            " VALUES (?, 'ten_a', ?, ?, 0)",
            rule_id,
            rule_id,
            json.dumps(rule),
        )
    merged(people)

    def rules() -> list[object]:
        found = people.rows("SELECT rule FROM discount_rules ORDER BY rule_id")
        return [json.loads(row["rule"]) for row in found]

    assert rules() == [{"customers": ["cus_2", "cus_1"]}, {"customers": ["cus_1"]}, {"pct": "5"}]
    parted(people, BY_LID)
    assert rules() == [{"customers": ["cus_2"]}, {"customers": ["cus_1"]}, {"pct": "5"}]


def test_a_merge_with_oneself_changes_nothing(people: People) -> None:
    """Under the old id or the new one."""
    merged(people)
    assert merged(people, "cus_1", "cus_2").customer_id == "cus_1"
    assert people.audit() == [("cus_1", "merged")]
    with pytest.raises(LookupError):
        merged(people, "cus_1", "cus_9")


def test_a_split_of_what_a_merge_brought_undoes_it(people: People) -> None:
    """The other one is back with profile and orders; what was taken from them is asked anew."""
    customers.remember(people.tx, "ten_a", "cus_2", people.tick(), tax_number=GSTIN, name="Asha")
    people.orders("cus_2", "d1", LID)
    merged(people)
    people.orders("cus_1", "d2", LID)
    people.orders("cus_1", "d3", CHAT)
    customers.remember(people.tx, "ten_a", "cus_1", people.tick(), name="Asha of Cups")
    assert parted(people, BY_LID) == "cus_2"
    back = customers.current(people.tx, "ten_a", "cus_2")
    stayed = customers.current(people.tx, "ten_a", "cus_1")
    assert back is not None
    assert stayed is not None
    assert (back.name, back.tax_number) == ("Asha", GSTIN)
    assert (stayed.name, stayed.tax_number) == ("Asha of Cups", None)
    assert people.orders_of("cus_2") == ["ord-d1", "ord-d2"]
    assert people.orders_of("cus_1") == ["ord-d3"]
    assert people.finds(LID) == "cus_2"
    assert people.audit() == [("cus_1", "merged"), ("cus_1", "split")]


def test_any_other_split_makes_somebody_new(people: People) -> None:
    """Nothing is known of them but the aliases and what was ordered in their chats."""
    people.hears(CHAT, None, "5@lid", name="Asha")
    people.shows("cus_1", "d1", "5@lid")
    people.puts("cus_1", 1, 1_000)
    new = parted(people, Alias("lid", "5@lid"))
    found = customers.current(people.tx, "ten_a", new)
    assert found == customers.Customer(new)
    assert people.drafts_of(new) == {"d1": "open"}
    assert people.cart("cus_1") == {1: 1_000}
    assert people.cart(new) == {}


def test_merges_of_merges_come_apart_in_any_order(people: People) -> None:
    """Each split undoes the merge that brought just these aliases, and the rest the next one."""
    customers.remember(people.tx, "ten_a", "cus_2", people.tick(), address="1 Mill Road")
    people.hears("919800000003@c.us")
    merged(people, "cus_3", "cus_2")
    merged(people, "cus_2", "cus_1")
    assert people.names("cus_1") == [LID, PHONE, "+919800000003"]
    assert parted(people, Alias("phone", "+919800000003")) == "cus_3"
    assert parted(people, BY_LID) == "cus_2"
    stayed = customers.current(people.tx, "ten_a", "cus_1")
    assert stayed == customers.Customer("cus_1")
    assert merged(people, "cus_2", "cus_1").address == "1 Mill Road"


@pytest.mark.parametrize("aliases", [(), (BY_PHONE,), (BY_LID,), (Alias("phone", "+9198"),)])
def test_a_split_that_cannot_be_is_refused(people: People, aliases: tuple[Alias, ...]) -> None:
    """No alias, the only one, another's, an unknown one: nothing changes."""
    with pytest.raises(BadValueError):
        parted(people, *aliases)
    assert people.audit() == []
    with pytest.raises(LookupError):
        customers.split(people.tx, "ten_b", "cus_1", [BY_PHONE], 1, "cus_9")
