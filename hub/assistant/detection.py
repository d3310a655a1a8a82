"""CORE: in which language a customer writes: by the script, then by words of `detection.toml`.

The newest message that shows a language decides. Names of goods, sizes, amounts, codes and words
that everybody uses show none: then it stays the language that was spoken before.
"""

import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Final

import msgspec

from hub.assistant import tables
from hub.assistant.signs import words_of

SCRIPTS: Final = {"en": "LATIN", "hi-Latn": "LATIN", "hi": "DEVANAGARI", "ar": "ARABIC"}
"""The script of each language, as Unicode names its letters."""

INSTEAD: Final[Mapping[str, tuple[str, ...]]] = {"hi": ("hi-Latn",), "hi-Latn": ("hi",)}
"""What a shop that lacks a language answers in, if it can: the same one in another script."""

LATIN_MIN: Final = 3
TRADE_MIN: Final = 2  # so many words of trade, and nothing else, are English
CHARS_MAX: Final = 1_000  # of one message that are looked at


class Lexicon(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The words by which languages in Latin letters are told apart."""

    english: frozenset[str]
    trade: frozenset[str]
    shared: frozenset[str]
    hinglish: frozenset[str]
    lean: frozenset[str]
    goods: frozenset[str]
    either: frozenset[str]


def detect(texts: Sequence[str], languages: Sequence[str], before: str | None = None) -> str:
    """The one of `languages` to answer in; `before` was spoken so far, None where nobody knows."""
    for text in reversed(texts):
        shown = language_of(text)
        if shown is not None:
            return _spoken(shown, languages, before)
    return _kept(texts, languages, before)


def language_of(text: str) -> str | None:
    """The language that a message shows, or None where it shows none."""
    words = [word for word in words_of(text[:CHARS_MAX]) if _is_plain(word)]
    latin = [word for word in words if word.isascii()]
    for language in ("hi", "ar"):
        own = [word for word in words if script_of(word) == SCRIPTS[language]]
        if own and not _is_framed(latin, len(own)):
            return language
    return _latin(latin)


def script_of(word: str) -> str:
    """The script of a word's first letter: LATIN, DEVANAGARI, ARABIC and so on; empty for none."""
    letter = next((char for char in word if char.isalpha()), "")
    return unicodedata.name(letter, "").partition(" ")[0] if letter else ""


def reads(word: str, language: str) -> bool:
    """Whether the word is in a script of the language; Latin letters are read in all of them."""
    return script_of(word) in ("", "LATIN", SCRIPTS.get(language, "LATIN"))


def _latin(words: Sequence[str]) -> str | None:
    """English, Hinglish, or None where the words are but names and what everybody says.

    A Hindi sentence borrows words of trade; an English one has words between them that Hindi does
    not borrow. So those are weighed against each other.
    """
    known = lexicon()
    sure, lean, either, trade = (
        sum(word in words_of_kind for word in words)
        for words_of_kind in (known.hinglish, known.lean | known.goods, known.either, known.trade)
    )
    framing = _framing(words)
    if (sure or lean) and 2 * sure + lean + either > framing:
        return "hi-Latn"
    return "en" if framing or trade >= TRADE_MIN else None


def _framing(words: Sequence[str]) -> int:
    return sum(word in lexicon().english for word in words)


def _is_framed(words: Sequence[str], own: int) -> bool:
    """Whether Latin words are an English sentence around `own` words in another script."""
    framing = _framing(words)
    return framing > 0 and framing + sum(word in lexicon().trade for word in words) > own


def _spoken(shown: str, languages: Sequence[str], before: str | None) -> str:
    """A language that the shop has, for one that was shown."""
    for language in (shown, *INSTEAD.get(shown, ())):
        if language in languages:
            return language
    return before if before is not None and before in languages else languages[0]


def _kept(texts: Sequence[str], languages: Sequence[str], before: str | None) -> str:
    """The language of the conversation; at its begin the shop's first one in the same script."""
    if before is not None:
        changed = _is_changed(texts, before) and "en" in languages
        return "en" if changed else _spoken(before, languages, None)
    scripts = {script_of(word) for text in texts for word in words_of(text[:CHARS_MAX])} - {""}
    fits = (language for language in languages if SCRIPTS.get(language) in scripts)
    return next(fits, languages[0])


def _is_changed(texts: Sequence[str], before: str) -> bool:
    """Whether somebody of another script wrote several words in Latin letters, one of trade."""
    words = [word for text in texts for word in words_of(text[:CHARS_MAX]) if _is_plain(word)]
    if SCRIPTS.get(before, "LATIN") == "LATIN" or len(words) < LATIN_MIN:
        return False
    return all(map(str.isascii, words)) and any(word in lexicon().trade for word in words)


def _is_plain(word: str) -> bool:
    """Whether a word is of letters, and the marks that scripts like Devanagari write with them."""
    return any(map(str.isalpha, word)) and not any(map(str.isdigit, word))


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The words of `detection.toml`; number words of Hindi are Hindi."""
    text = files("hub.assistant").joinpath("detection.toml").read_text("utf-8")
    known = msgspec.convert(tomllib.loads(text), Lexicon)
    return msgspec.structs.replace(known, hinglish=known.hinglish | (_number_words() - known.lean))


def _number_words() -> frozenset[str]:
    """Words for numbers that only Hindi has."""
    numbers = {name: tables.file_of(name) for name in ("hi-Latn", "en")}
    hindi, english = (
        {
            word
            for table in (file.numbers, file.times, file.before)
            for row in table.values()
            for word in row
        }
        for file in numbers.values()
    )
    return frozenset(hindi - english - set(numbers["hi-Latn"].grammar.careful))
