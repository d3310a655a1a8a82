"""Who a customer is, and what is remembered of them."""

from collections.abc import Iterator

import pytest

from hub.commerce import customers
from hub.commerce.errors import BadValueError
from tests.hub.commerce.people import CHAT, GSTIN, LID, PHONE, People, gathered

OTHER_CHAT = "919800000002@c.us"
OTHER_LID = "222222222222222@lid"


@pytest.fixture
def people() -> Iterator[People]:
    with gathered() as found:
        yield found


def test_a_customer_is_created_once(people: People) -> None:
    """The second message finds who the first one created; a later name fills the gap only."""
    assert people.finds(CHAT) is None
    first = people.hears(CHAT)
    assert (first.customer_id, first.name) == ("cus_1", None)
    assert people.hears(CHAT, name=" Asha ").name == "Asha"
    assert people.hears(CHAT, name="Shop next door").name == "Asha"
    assert people.finds(CHAT) == "cus_1"
    assert len(people.rows("SELECT 1 FROM customers")) == 1


def test_two_shops_know_the_same_person_apart(people: People) -> None:
    """An alias is one customer's within a shop; nothing crosses over."""
    here = people.hears(CHAT, name="Asha")
    there = people.hears(CHAT, tenant_id="ten_b")
    assert here.customer_id != there.customer_id
    assert there.name is None
    assert people.finds(CHAT, tenant_id="ten_b") == there.customer_id
    assert customers.current(people.tx, "ten_b", here.customer_id) is None
    with pytest.raises(LookupError):
        customers.remember(people.tx, "ten_b", here.customer_id, 1, address="1 Mill Road")


def test_an_identity_needs_an_alias(people: People) -> None:
    """A group is nobody: there is nothing to create."""
    with pytest.raises(ValueError, match="alias"):
        people.hears("1203630000@g.us", PHONE)


def test_failure_07_a_lid_is_never_guessed_from_recent_chats(people: People) -> None:
    """A hidden number is a customer of its own, whoever wrote just before under the same name."""
    known = people.hears(CHAT, name="Asha")
    customers.remember(people.tx, "ten_a", known.customer_id, people.tick(), tax_number=GSTIN)
    hidden = people.hears(LID, name="Asha")
    assert hidden.customer_id != known.customer_id
    assert hidden.tax_number is None
    assert people.finds(LID) == hidden.customer_id
    assert people.finds(CHAT) == known.customer_id
    assert people.audit() == []


def test_failure_18_all_forms_of_a_phone_are_one_profile_with_its_gst(people: People) -> None:
    """With the server, without, with a device or blanks: one customer, whose GSTIN stays."""
    known = people.hears(CHAT, name="Asha")
    told = {"tax_preference": "gst", "tax_number": GSTIN.lower()}
    customers.remember(people.tx, "ten_a", known.customer_id, people.tick(), **told)
    for chat, phone in (
        ("919800000001@s.whatsapp.net", None),
        ("919800000001:7@s.whatsapp.net", "919800000001"),
        (LID, "+91 98000 00001"),
        (LID, "919800000001@c.us"),
        (LID, None),
    ):
        again = people.hears(chat, phone)
        assert again.customer_id == known.customer_id
        assert (again.tax_preference, again.tax_number) == ("gst", GSTIN)
    assert people.names(known.customer_id) == [LID, PHONE]
    assert len(people.rows("SELECT 1 FROM customers")) == 1


def test_two_found_to_be_one_become_the_older(people: People) -> None:
    """One message that names the LID and the phone proves it; a reader of it sees so already."""
    by_lid = people.hears(LID)
    people.hears(CHAT)
    assert people.finds(LID, PHONE) == by_lid.customer_id
    assert people.hears(CHAT, None, LID).customer_id == by_lid.customer_id
    assert people.names(by_lid.customer_id) == [LID, PHONE]
    assert people.audit() == [(by_lid.customer_id, "merged")]
    assert people.finds(CHAT) == by_lid.customer_id


def test_the_younger_lid_joins_the_older_phone(people: People) -> None:
    """Age decides who stays, not the kind of alias."""
    by_phone = people.hears(CHAT)
    people.hears(LID)
    assert people.finds(LID, PHONE) == by_phone.customer_id
    assert people.hears(LID, PHONE).customer_id == by_phone.customer_id


def test_a_number_that_changed_hands_takes_nothing_along(people: People) -> None:
    """Another account under a known number is another person: the history stays where it was."""
    before = people.hears(CHAT, None, LID, name="Asha")
    order = people.orders(before.customer_id, "d1")
    assert people.finds(CHAT, None, OTHER_LID) is None
    after = people.hears(CHAT, None, OTHER_LID)
    assert after.customer_id != before.customer_id
    assert after.name is None
    assert people.names(before.customer_id) == [LID]
    assert people.finds(CHAT) == after.customer_id
    assert people.orders_of(before.customer_id) == [order]
    assert people.audit() == [(before.customer_id, "split")]


def test_a_known_account_with_somebody_elses_number_gets_the_number_only(people: People) -> None:
    """Two customers who each have a phone are not made one because a phone moved."""
    mover = people.hears(CHAT, None, LID)
    holder = people.hears(OTHER_CHAT)
    assert people.hears(OTHER_CHAT, None, LID).customer_id == mover.customer_id
    assert people.names(mover.customer_id) == [LID, PHONE, "+919800000002"]
    assert people.names(holder.customer_id) == []


def test_an_accounts_new_number_is_added(people: People) -> None:
    """The LID says that it is the same person."""
    known = people.hears(CHAT, None, LID)
    assert people.hears(OTHER_CHAT, None, LID).customer_id == known.customer_id
    assert people.finds(CHAT) == people.finds(OTHER_CHAT) == known.customer_id


def test_what_was_said_once_is_remembered(people: People) -> None:
    """Each field by itself; None forgets it; blanks around it are nobody's wish."""
    who = people.hears(CHAT).customer_id
    tx = people.tx
    customers.remember(tx, "ten_a", who, 1, address=" 1 Mill Road ", postcode="560001")
    customers.remember(tx, "ten_a", who, 2, tax_preference="none", transporter="Blue Carriers")
    customers.remember(tx, "ten_a", who, 3, language="hi-Latn", postcode=None)
    found = customers.current(tx, "ten_a", who)
    assert found is not None
    assert (found.address, found.postcode, found.transporter) == (
        "1 Mill Road",
        None,
        "Blue Carriers",
    )
    assert (found.tax_preference, found.language) == ("none", "hi-Latn")
    (row,) = people.rows("SELECT updated_at FROM customers")
    customers.remember(tx, "ten_a", who, 99, language="hi-Latn")
    assert people.rows("SELECT updated_at FROM customers") == [row]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tax_number", "27AAPFU0939F1ZX"),
        ("tax_number", "no gst"),
        ("tax_preference", "vat"),
        ("address", "x" * 1_001),
        ("postcode", "9" * 17),
    ],
)
def test_what_does_not_fit_is_refused_with_a_remedy(people: People, field: str, value: str) -> None:
    """A GSTIN is checked to its last character; nothing is stored."""
    who = people.hears(CHAT)
    with pytest.raises(BadValueError) as caught:
        customers.remember(people.tx, "ten_a", who.customer_id, 1, **{field: value})
    assert caught.value.remedy
    assert customers.current(people.tx, "ten_a", who.customer_id) == who


def test_a_field_that_nobody_keeps_is_our_mistake(people: People) -> None:
    """Neither an id nor an unknown name is remembered."""
    who = people.hears(CHAT).customer_id
    for field in ("customer_id", "shoe_size"):
        with pytest.raises(TypeError, match=field):
            customers.remember(people.tx, "ten_a", who, 1, **{field: "x"})


def test_an_old_id_means_who_it_became(people: People) -> None:
    """What was noted under a merged customer's id is still theirs."""
    people.hears(CHAT)
    people.hears(LID)
    people.hears(LID, PHONE)
    customers.remember(people.tx, "ten_a", "cus_2", people.tick(), address="1 Mill Road")
    found = customers.current(people.tx, "ten_a", "cus_1")
    assert found is not None
    assert found.address == "1 Mill Road"
