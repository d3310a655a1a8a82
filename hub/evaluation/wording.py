"""CORE: the amounts and the language of a message, as the judge reads them.

It shares no code with the assistant that it judges.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from typing import Final

import msgspec

_NUMBER: Final = r"\d{1,3}(?:,\d{2,3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_FOREIGN_POINTS: Final = str.maketrans({"٫": ".", "٬": ",", "\N{NO-BREAK SPACE}": " "})
_SCRIPTS: Final = ("DEVANAGARI", "ARABIC", "LATIN")
SURE_MIN: Final = 2
"""So many words of one language and none of the other make a Latin message sure."""


class Lexicon(msgspec.Struct, frozen=True):
    """The words by which languages are told apart, and those for money by currency."""

    words: Mapping[str, frozenset[str]]
    money: Mapping[str, tuple[str, ...]]


class Amounts(msgspec.Struct, frozen=True):
    """The numbers of a message in minor units: with a currency beside them, and all of them."""

    marked: frozenset[int]
    all: frozenset[int]


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The lexicon of this house."""
    text = files("hub.evaluation").joinpath("lexicon.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), Lexicon)


def plain(text: str) -> str:
    """The text in small letters, digits of every script as 0-9, without invisible signs."""
    folded = unicodedata.normalize("NFC", text).translate(_FOREIGN_POINTS).casefold()
    return "".join(
        str(unicodedata.decimal(char)) if char.isdecimal() else char
        for char in folded
        if unicodedata.category(char) != "Cf"
    )


def amounts_in(text: str, currency: str, exponent: int) -> Amounts:
    """The amounts that the text states; percentages, and numbers inside of codes, are none."""
    marked: set[int] = set()
    everything: set[int] = set()
    for hit in _pattern(currency).finditer(_spaced(plain(text))):
        minor = Decimal(hit["number"].replace(",", "")).scaleb(exponent)
        if hit["percent"] or minor != minor.to_integral_value():
            continue
        everything.add(int(minor))
        if hit["before"] or hit["after"]:
            marked.add(int(minor))
    return Amounts(frozenset(marked), frozenset(everything))


def _spaced(text: str) -> str:
    """The text with one form, ¤, for every currency sign."""
    return "".join("¤" if unicodedata.category(char) == "Sc" else char for char in text)


@lru_cache(maxsize=64)
def _pattern(currency: str) -> re.Pattern[str]:
    words = (currency.casefold(), *lexicon().money.get(currency, ()))
    mark = "|".join(("¤", *map(re.escape, sorted(words, key=len, reverse=True))))
    return re.compile(
        rf"(?:(?<!\w)(?P<before>{mark})\.?\s*|(?<![\w.,-]))(?P<number>{_NUMBER})(?!\d)"
        rf"(?P<percent>\s?(?:%|٪|percent\b))?"
        rf"(?:(?:/-)?\s?(?P<after>{mark})(?!\w)(?!\.?\s*\d))?"
    )


def language_of(text: str, names: Iterable[str] = ()) -> str | None:
    """en, hi, hi-Latn or ar; None when nothing tells. Names of products and shops do not count.

    The script that most words have decides, between the two that use Latin letters the lexicon.
    """
    words = _words(text, names)
    scripts = {script: sum(_script(word) == script for word in words) for script in _SCRIPTS}
    most = max(scripts.values())
    if most == 0:
        return None
    if scripts["DEVANAGARI"] == most:
        return "hi"
    if scripts["ARABIC"] == most:
        return "ar"
    hindi, english = _counted(words)
    if hindi == english:
        return None
    return "hi-Latn" if hindi > english else "en"


def surely(text: str) -> str | None:
    """The language that a customer's message demands of its answer; None when it may be several."""
    found = language_of(text)
    if found in ("hi", "ar", None):
        return found
    hindi, english = _counted(_words(text, ()))
    sure = min(hindi, english) == 0 and max(hindi, english) >= SURE_MIN
    return found if sure else None


def _counted(words: list[str]) -> tuple[int, int]:
    known = lexicon().words
    return (
        sum(word in known["hi-Latn"] for word in words),
        sum(word in known["en"] for word in words),
    )


def _words(text: str, names: Iterable[str]) -> list[str]:
    rest = plain(text)
    for name in sorted(map(plain, names), key=len, reverse=True):
        rest = rest.replace(name, " ")
    parts = (part.strip(".,;:!?()[]\"'،؛؟।*_-") for part in re.split(r"[\s/]+", rest))
    return [part for part in parts if part and not any(map(str.isdecimal, part))]


def _script(word: str) -> str | None:
    letter = next((char for char in word if char.isalpha()), None)
    name = "" if letter is None else unicodedata.name(letter, "")
    return next((script for script in _SCRIPTS if name.startswith(script)), None)


def names_product(text: str, names: Iterable[str]) -> bool:
    """Whether the text has one of a product's names or codes as whole words."""
    said = f" {_joined(text)} "
    return any(f" {_joined(name)} " in said for name in names)


def _joined(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", plain(text)))
