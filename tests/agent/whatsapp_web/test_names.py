"""Names and contacts as people choose them, and what of it stands in a line of text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.drivers.whatsapp_web.names import NAME_MAX, contacts_text, shown

CARD = (
    "FN:Ravi Traders\nTEL;type=CELL;type=VOICE;waid=919800000011:+91 98000 00011\n"
    "item1.TEL:+91 98000 00012"
)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Mona", "Mona"),
        ("Mo\x00na\x07\nShah\t\x1b[31m", "Mo na Shah [31m"),
        ("\u202egnp.exe", "gnp.exe"),
        ("\u2068محمد\u2069", "محمد"),
        ("سلیمان\u200cخان", "سلیمان\u200cخان"),  # joins letters
        ("👨‍👩‍👧 Family 🇮🇳", "👨‍👩‍👧 Family 🇮🇳"),
        ("राधा क्‍ष", "राधा क्‍ष"),
        ("half \ud83d a pair", "half a pair"),
        ("x" * 300, "x" * NAME_MAX),
        (" \r\n ", None),
        ("", None),
        (None, None),
    ],
)
def test_a_name_is_one_line_of_its_own_letters(name: str | None, line: str | None) -> None:
    """What breaks or turns a line goes, what joins letters and emoji stays."""
    assert shown(name) == line


@given(st.text(st.characters(codec=None), max_size=400))
def test_any_name_can_be_shown(name: str) -> None:
    """Whatever somebody calls themselves: encodable, bounded, without a control character."""
    line = shown(name)
    if line is None:
        return
    line.encode()
    assert len(line) <= NAME_MAX
    assert line == line.strip()
    assert not {unicodedata.category(letter) for letter in line} & {"Cc", "Cs", "Zl", "Zp"}
    assert shown(line) == line


@pytest.mark.parametrize(
    ("cards", "text"),
    [
        ([CARD], "Ravi Traders +91 98000 00011, +91 98000 00012"),
        ([CARD, "FN:Mona\nTEL:98"], "Ravi Traders +91 98000 00011, +91 98000 00012\nMona 98"),
        (["TEL;VALUE=uri:tel:+919800000011"], "+919800000011"),
        (["FN:Shah\\, Mona\\nPune"], "Shah, Mona Pune"),
        (["FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=E0=A4=B0=E0=A4=BE"], "रा"),
        (["FN:\x00\nTEL:", "TEL;:1"], "1"),
        (["", "nonsense", "FN"], None),
        ([], None),
    ],
)
def test_contacts_are_told_with_name_and_number(cards: list[str], text: str | None) -> None:
    """As they were written: a number is neither completed nor corrected."""
    assert contacts_text(cards) == text


@given(st.lists(st.text(st.characters(codec=None), max_size=200), max_size=5))
def test_any_card_can_be_read(cards: list[str]) -> None:
    """A broken card says nothing, or something that can be told."""
    (contacts_text(cards) or "").encode()
