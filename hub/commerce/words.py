"""The words of a product or of a question, in the one form in which both are compared.

`M8 × 50 mm`, `m8x50` and `M8*50mm` are the same size; `500 gms` is `500g`; digits of every script
become 0-9. The search index is written and read through this file alone.
"""

import re
import tomllib
import unicodedata
from functools import lru_cache
from importlib.resources import files
from typing import Final


def _load_measures() -> dict[str, str]:
    text = files("hub.commerce").joinpath("measures.toml").read_text("utf-8")
    table: dict[str, list[str]] = tomllib.loads(text)["measures"]
    return {spelling: short for short, spellings in table.items() for spelling in spellings}


MEASURES: Final = _load_measures()
"""Every spelling of a measure and its short form."""

_NUMBER: Final = r"\d+(?:\.\d+)?"
_SPELLING: Final = "|".join(sorted(map(re.escape, MEASURES), key=len, reverse=True))
_THOUSANDS: Final = re.compile(r"(?<=\d),(?=(?:\d\d,)*\d{3}(?![\dx*×]))")
_POINT: Final = re.compile(r"(?<=\d)\.(?=\d)")
# "5 x 500 g" is five times a weight, not a size.
_WEIGHT: Final = "|".join(
    re.escape(spelling) for spelling, short in MEASURES.items() if short != "mm"
)
_TIMES: Final = re.compile(
    rf"({_NUMBER}(?: ?mm)?) ?(?:[x*×]|by) ?(?=\d++(?:\.\d++)?+(?! ?(?:{_WEIGHT})(?![^\W_])))"
)
_SIZE: Final = re.compile(rf"(?<![^ ])m?{_NUMBER}(?: ?mm)?(?:x{_NUMBER}(?: ?mm)?)+(?= |$)")
_MEASURED: Final = re.compile(rf"(?<![^ ])({_NUMBER}) ?({_SPELLING})(?= |$)")
_PARTS: Final = re.compile(rf"(m?)({_NUMBER})x({_NUMBER})")


def normalise(text: str) -> str:
    """`text` in small letters without signs, its digits folded, its sizes and measures joined."""
    plain = unicodedata.normalize("NFKC", text.replace("\0", " ")).casefold()
    folded = _THOUSANDS.sub("", plain)
    timed = _TIMES.sub(r"\1x", folded)
    clean = " ".join("".join(map(_kept, _POINT.sub("\0", timed))).split()).replace("\0", ".")
    sized = _SIZE.sub(lambda hit: hit[0].replace("mm", "").replace(" ", ""), clean)
    return _MEASURED.sub(lambda hit: hit[1] + MEASURES[hit[2]], sized)


def search_text(text: str) -> str:
    """What the index holds of `text`: its words, and the other names of the sizes among them."""
    words = normalise(text).split()
    return " ".join([*words, *(name for word in words for name in other_names(word))])


def other_names(word: str) -> tuple[str, ...]:
    """How else customers write a size: a bolt `m8x50` is also `8x50`, `m8` and `50mm`."""
    parts = _PARTS.fullmatch(word)
    if parts is None:
        return ()
    thread, width, length = parts.groups()
    bare = (f"{width}x{length}", f"m{width}") if thread else ()
    return (*bare, f"{length}mm")


@lru_cache(maxsize=4096)
def _kept(char: str) -> str:
    """The character as the search keeps it: letters and marks, 0-9 for any digit, else a space."""
    if char == "\0":
        return char
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    return char if unicodedata.category(char)[0] in "LNM" else " "
