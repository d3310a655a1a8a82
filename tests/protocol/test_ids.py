"""Derived identities: the worked example of the specification and what they must tell apart."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.ids import is_one_to_one, participant, reply_id, whatsapp_key

pytestmark = pytest.mark.core

PARTS = ("+919800000009", "919800000001@c.us", "", "3EB0C0FFEE0123456789AB")


def test_the_worked_example() -> None:
    """The published id and key come out of the published parts."""
    event_id = reply_id(*PARTS, 0)
    assert event_id == UUID("987ca6b0-19c2-5ff6-81b3-7ed854a948e8")
    assert whatsapp_key(event_id) == "3EB032261107F5FB06FFF1"


def test_each_part_makes_another_id() -> None:
    """Another account, chat, participant, message or index is another reply."""
    account, chat, member, wa_id = PARTS
    ids = {
        reply_id(account, chat, member, wa_id, 0),
        reply_id(account + "0", chat, member, wa_id, 0),
        reply_id(account, "0" + chat, member, wa_id, 0),
        reply_id(account, chat, member + "0", wa_id, 0),
        reply_id(account, chat, member, wa_id + "0", 0),
        reply_id(account, chat, member, wa_id, 1),
    }
    assert len(ids) == 6


@given(st.text(), st.text())
def test_quotes_cannot_make_two_chats_alike(left: str, right: str) -> None:
    """Parts never run into each other, whatever they contain."""
    if left != right and not any("\ud800" <= c <= "\udfff" for c in left + right):
        assert reply_id("a", left, "", "w", 0) != reply_id("a", right, "", "w", 0)


def test_only_conversations_with_one_person_count() -> None:
    """Groups, status, channels and broadcasts are everything else."""
    assert all(is_one_to_one(f"1{end}") for end in ("@c.us", "@s.whatsapp.net", "@lid"))
    others = ("1@g.us", "status@broadcast", "1@newsletter", "1@lid.x", "")
    assert not any(is_one_to_one(chat) for chat in others)
    assert participant("1@g.us", "2@lid") == "2@lid"
    assert participant("2@lid", "2@lid") == ""
