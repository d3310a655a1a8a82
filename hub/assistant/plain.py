"""CORE: a text as it is judged, and as it may be sent: without signs that hide or turn others.

What a reader sees and what code compares must be the same: letters of other alphabets that look
Latin, digits of any script, keycaps and blank letters are read as what they look like.
"""

import re
import unicodedata
from typing import Final

_SIGNS: Final = {
    **dict(zip("٬٫’‘–‑−،。\u2044·", ",.''---,./.", strict=True)),
    "\u0640": "",  # makes Arabic words longer, and nothing else
    **dict.fromkeys("\u115f\u1160\u3164\uffa0\u2800", " "),  # letters that nobody sees
}
_LATIN: Final = dict(
    zip(
        "аеіоорсухѕјһкмтвнгАВЕКМНОРСТХУІЅЈοανρτικΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
        "aeioopcyxsjhkmtbhrABEKMHOPCTXYISJoavptikABEZHIKMNOPTYX",
        strict=True,
    )
)
_TABLE: Final = str.maketrans({**_SIGNS, **_LATIN})
_UNSEEN: Final = re.compile("[\u034f\u180b-\u180d\ufe00-\ufe0f\u20d0-\u20ff\U000e0100-\U000e01ef]")
_ACCENTS: Final = re.compile("(?<=[A-Za-z])[\u0300-\u036f]+")
_JOINERS: Final = "\u200c\u200d"
_MARKS: Final = "\u200e\u200f\u061c"
_TURNED: Final = re.compile(rf"(?<=[\d.,٬٫])[{_MARKS}]+(?=[\d.,٬٫])")
_JOINED: Final = re.compile(rf"(?<=[\x00-\x7f\d])[{_JOINERS}]+|[{_JOINERS}]+(?=[\x00-\x7f\d])")


def plain(text: str) -> str:
    """The text with ASCII digits, one kind of space, and without what is not seen."""
    apart = unicodedata.normalize("NFKD", text)
    folded = unicodedata.normalize("NFKC", _ACCENTS.sub("", apart)).translate(_TABLE)
    kept = (
        str(unicodedata.decimal(char)) if char.isdecimal() else char
        for char in _UNSEEN.sub("", folded)
        if char in "\n\t" or unicodedata.category(char) not in ("Cf", "Cc")
    )
    return re.sub(r"[^\S\n]+", " ", "".join(kept)).strip()


def clean(text: str) -> str:
    """The text without controls and what turns or parts its signs.

    Joiners stay where scripts and pictures need them, marks of direction outside of numbers.
    """
    stay = frozenset(f"\n{_JOINERS}{_MARKS}")
    kept = "".join(
        char for char in text if char in stay or unicodedata.category(char) not in ("Cf", "Cc")
    )
    return _JOINED.sub("", _TURNED.sub("", kept)).strip()
