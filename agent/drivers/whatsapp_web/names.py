"""CORE: what people call themselves and others, made fit for a line of text.

Anybody may choose any name. What turns text around or breaks a line goes; emoji, and letters of
every script with what joins them, stay.
"""

import quopri
import re
import unicodedata
from collections.abc import Iterable
from typing import Final

NAME_MAX: Final = 200
_BREAKS: Final = frozenset({"Cc", "Zl", "Zp"})
_TURNS: Final = frozenset(
    "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_ESCAPED: Final = re.compile(r"\\(.)")
_NUMBER_MAX: Final = 40


def shown(name: str | None) -> str | None:
    """A name in one line; None when nothing is left of it."""
    kept = "".join(_letter(letter) for letter in name or "")
    return " ".join(kept.split())[:NAME_MAX].rstrip() or None


def _letter(letter: str) -> str:
    """The letter; nothing for one that turns the text, a space for one that ends the line."""
    category = unicodedata.category(letter)
    if letter in _TURNS or category == "Cs":
        return ""
    return " " if category in _BREAKS else letter


def contacts_text(cards: Iterable[str]) -> str | None:
    """Contacts as text, one a line: the name and the numbers, as whoever sent them wrote them."""
    lines = (_contact(card) for card in cards)
    return "\n".join(line for line in lines if line) or None


def _contact(card: str) -> str:
    """One vCard's FN and TEL (RFC 6350 §6.2.1, §6.4.1; the older encoding of names too)."""
    name, numbers = "", []
    for line in card.splitlines():
        head, _, value = line.partition(":")
        kind = head.partition(";")[0].rpartition(".")[2].upper()
        text = shown(_decoded(head, value)) or ""
        if kind == "FN":
            name = name or text
        elif kind == "TEL" and text:
            numbers.append(text.removeprefix("tel:")[:_NUMBER_MAX])
    return " ".join(part for part in (name, ", ".join(numbers)) if part)


def _decoded(head: str, value: str) -> str:
    if "QUOTED-PRINTABLE" in head.upper():
        return quopri.decodestring(value.encode()).decode("utf-8", "replace")
    return _ESCAPED.sub(lambda found: " " if found[1] in "nN" else found[1], value)
