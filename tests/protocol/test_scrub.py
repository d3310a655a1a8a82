"""What a log may hold: no text, no number, no secret, and still something to follow."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.messages import Sender
from protocol.scrub import hush_event, hush_exceptions, scrub_event, scrub_text

pytestmark = pytest.mark.core

TOKEN = "sak_a_" + "Ab3-_" * 8


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("chat 919800000001@c.us", "chat [..01]@c.us"),
        ("919800000001:12@s.whatsapp.net", "[..12]@s.whatsapp.net"),
        ("120363000000000045@g.us", "[..45]@g.us"),
        ("no +919800000001!", "no [..01]!"),
        ("+91 98000 00001", "[..01]"),
        ("+91 (980) 000-0001", "[..01]"),
        ("91-98000-00001", "[..01]"),
        ("91 98000 00001", "[..01]"),
        ("phone=919800000001,", "phone=[..01],"),
        ("key true_919800000001@c.us_3EB0AA", "key [..01]@c.us_3EB0AA"),
        (f"with {TOKEN}.", "with [secret]."),
        ("Authorization: Bearer abc.d-e", "Authorization: Bearer [secret]"),
        ("key sk-proj-abcdefgh12345", "key [secret]"),
        ("code ABCD-1234 used", "code [secret] used"),
        ("http://u:p@proxy:1/", "http://[secret]@proxy:1/"),
        ("/x?token=abc&n=1", "/x?token=[secret]&n=1"),
        ('{"password": "a b"}', '{"password": "[secret] b"}'),
        (r'bad {"text":"say \"hi\" to me","n":1}', 'bad {"text":"[text]","n":1}'),
    ],
)
def test_numbers_and_secrets_are_masked(written: str, shown: str) -> None:
    """Whatever looks like a number of a person or a secret is masked wherever it stands."""
    assert scrub_text(written) == shown


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22 13:22:00.123Z and 2026-11-22T13:22:00",
        "192.168.100.200:8080",
        "987ca6b0-19c2-5ff6-81b3-7ed854a948e8",
        "12345678-1234-1234-1234-123456789012",
        "3EB032261107F5FB06FFF1",
        "took 1234567 ms, 0.1234567890123 s",
        "the token was refused",
        "12345 678",
        "",
    ],
)
def test_what_is_needed_for_reading_stays(text: str) -> None:
    """Times, ids, addresses and plain sentences are left as they are."""
    assert scrub_text(text) == text


def test_fields_go_by_their_names() -> None:
    """Text and secrets disappear by field name, deep inside too; the rest keeps its shape."""
    event = {
        "event": "stored",
        "text": "two kilos please",
        "Token": "x",
        "reply": None,
        "frame": object(),
        "messages": ["a", "b"],
        "body": 12,
        "phone": 919800000001,
        "at_ms": 1763817600000,
        "ok": True,
        "sender": Sender(id="919800000001@c.us", name="Somebody"),
        "inner": {"caption": "hush", "ids": ("919800000001@c.us", UUID(int=7)), 3: b"abc"},
        "unread": {"919800000001@c.us": 2},
    }
    assert scrub_event(None, "info", event) == {
        "event": "stored",
        "text": "[text, 16]",
        "Token": "[secret]",
        "reply": None,
        "frame": "[text]",
        "messages": "[text, 2]",
        "body": 12,
        "phone": "[..01]",
        "at_ms": 1763817600000,
        "ok": True,
        "sender": "<Sender>",
        "inner": {
            "caption": "[text, 4]",
            "ids": ["[..01]@c.us", str(UUID(int=7))],
            "3": "<3 bytes>",
        },
        "unread": {"[..01]@c.us": 2},
    }


def test_nothing_quoted_stays() -> None:
    """A library's sentence and nested exceptions keep their kind and lose what they quote."""
    spoken = {"event": "bad value 'two \"kilos\"' in line 3", "n": 1}
    assert hush_event(None, "warning", spoken) == {"event": "bad value '...' in line 3", "n": 1}
    trace = {"exc_type": "ValueError", "exc_value": 'no "x" here', "exc_notes": ["'y'"]}
    group = {"exc_type": "ExceptionGroup", "exc_value": "two", "exceptions": [[trace]]}
    (hushed,) = hush_exceptions(None, "error", {"exception": [group]})["exception"]
    assert hushed["exc_value"] == "two"
    (inner,) = hushed["exceptions"][0]
    assert (inner["exc_value"], inner["exc_notes"]) == ("no '...' here", ["'...'"])
    assert hush_exceptions(None, "error", {"exception": "text"}) == {"exception": "text"}


@given(
    before=st.text(st.characters(exclude_categories=["Nd", "Cs"]), max_size=20),
    number=st.integers(10**10, 10**14).map(str),
    server=st.sampled_from(["c.us", "s.whatsapp.net", "lid"]),
)
def test_no_id_survives_in_any_surroundings(before: str, number: str, server: str) -> None:
    """A WhatsApp id never stays readable, whatever precedes it."""
    assert number not in scrub_text(f"{before}{number}@{server}")
