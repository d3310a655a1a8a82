"""What a customer is known by, from WhatsApp's ids and from what people type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.commerce.aliases import Alias, alias_of_chat, aliases_of, typed

pytestmark = pytest.mark.core

PHONE = Alias("phone", "+919800000001")
LID = Alias("lid", "123456789012345@lid")


@pytest.mark.parametrize(
    "chat",
    ["919800000001@c.us", "919800000001@s.whatsapp.net", "919800000001:12@s.whatsapp.net"],
)
def test_a_chats_key_is_its_phone_in_e164(chat: str) -> None:
    """Servers and devices are no part of a number."""
    assert aliases_of(chat, None, None) == (PHONE,)


@pytest.mark.parametrize(
    "phone",
    ["+919800000001", "919800000001", "+91 98000 00001", "919800000001@c.us", "+٩١٩٨٠٠٠٠٠٠٠١"],
)
def test_a_senders_phone_may_be_written_in_any_way(phone: str) -> None:
    """A LID's chat gains the same phone from all of them."""
    assert aliases_of("123456789012345@lid", phone, None) == (LID, PHONE)


@pytest.mark.parametrize(
    ("alias", "tail"),
    [(PHONE, "0000001"), (LID, "123456789012345"), (Alias("username", "mona.shop"), "mona.shop")],
)
def test_every_form_of_an_alias_has_its_tail(alias: Alias, tail: str) -> None:
    """A phone's last digits, a LID without its server, a name as it is."""
    assert alias.tail == tail


@pytest.mark.parametrize("lid", ["123456789012345@lid", "123456789012345", "123456789012345:3@lid"])
def test_a_senders_lid_is_an_alias_too(lid: str) -> None:
    """With its server, without, and with a device."""
    assert aliases_of("919800000001@c.us", None, lid) == (PHONE, LID)


@pytest.mark.parametrize(
    "chat", ["1203630000@g.us", "status@broadcast", "1@newsletter", "", "@c.us"]
)
def test_only_a_conversation_with_one_person_names_one(chat: str) -> None:
    """A group's digits are nobody's number, whoever wrote in it."""
    assert aliases_of(chat, "+919800000001", "5@lid") == ()


def test_a_sender_who_contradicts_the_chat_is_not_believed() -> None:
    """The key rules on its own kind: WhatsApp opened the chat with that account."""
    assert aliases_of("919800000001@c.us", "+919800000002", None) == (PHONE,)
    assert aliases_of("123456789012345@lid", None, "999@lid") == (LID,)


@pytest.mark.parametrize("phone", ["", "hidden", "12", "09800000001", "+1234567890123456", "ten"])
def test_what_is_no_whole_number_is_no_alias(phone: str) -> None:
    """Nothing is completed: a number without its country stays unknown."""
    assert aliases_of("123456789012345@lid", phone, None) == (LID,)


def test_a_chat_of_no_known_number_stays_what_whatsapp_calls_it() -> None:
    """An id that no country has is still one person's."""
    assert aliases_of("12@c.us", None, None) == (Alias("username", "12"),)


@pytest.mark.parametrize(
    ("text", "region", "alias"),
    [
        ("+91 98000 00001", None, PHONE),
        ("98000 00001", "IN", PHONE),
        ("919800000001", "IN", PHONE),
        ("919800000001@c.us", None, PHONE),
        (" 123456789012345@lid ", None, LID),
        ("98000 00001", None, Alias("username", "98000 00001")),
        ("@asha.cups", "IN", Alias("username", "asha.cups")),
    ],
)
def test_an_operator_types_what_is_at_hand(text: str, region: str | None, alias: Alias) -> None:
    """A national number counts where the shop's country says which one is meant."""
    assert typed(text, region) == alias


@given(st.text(max_size=40), st.none() | st.text(max_size=40), st.none() | st.text(max_size=40))
def test_nothing_that_a_peer_writes_breaks_it(
    user: str, phone: str | None, lid: str | None
) -> None:
    """Any text is some alias or none; each kind comes once, the chat's own first."""
    for server in ("c.us", "lid", "s.whatsapp.net"):
        found = aliases_of(f"{user}@{server}", phone, lid)
        assert found[:1] == tuple(filter(None, [alias_of_chat(f"{user}@{server}")]))
        assert len({alias.kind for alias in found}) == len(found)


@given(st.integers(6_000_000_000, 9_999_999_999))
def test_a_number_is_found_by_its_tail_and_by_no_other(national: int) -> None:
    """What finds a chat in the database is in every form of its number; a longer one is not it."""
    alias = typed(f"+91{national}", None)
    for text in (f"91{national}@c.us", f'"phone":"+91{national}"'):
        assert alias.tail in text
        assert alias.is_named_in(text)
    assert not alias.is_named_in(f"91{national}7@c.us")


@pytest.mark.parametrize(
    ("alias", "text", "named"),
    [
        (Alias("lid", "123456789012345@lid"), '"lid":"123456789012345"', True),
        (Alias("lid", "5@lid"), '{"seq":5}', False),
        (Alias("lid", "5@lid"), '{"to":"5:2@lid"}', True),
        (Alias("username", "asha.cups"), '{"to":"asha.cups@c.us"}', True),
        (Alias("username", "asha.cups"), '{"text":"asha.cups"}', False),
        (Alias("username", "asha"), '{"to":"natasha@c.us"}', False),
    ],
)
def test_an_event_is_theirs_if_it_names_them_beyond_doubt(
    alias: Alias, text: str, named: bool
) -> None:
    """What is a word or a figure of anybody's is no name."""
    assert alias.tail in text
    assert alias.is_named_in(text) == named
