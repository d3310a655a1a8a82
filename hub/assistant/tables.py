"""The words in which customers give quantities, read from `numbers/`: one file a language.

People mix languages within a message. So every language is read together with all others; where a
word means two things, the language that is spoken goes first.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from typing import Final, Generic, Literal, TypeVar

import msgspec

from hub.commerce.words import normalise

LANGUAGES: Final = ("en", "hi", "hi-Latn", "ar")

Kind = Literal[
    "add",
    "more",
    "set",
    "only",
    "remove",
    "less",
    "double",
    "each",
    "both",
    "all",
    "and",
    "or",
    "to",
    "per",
    "correct",
    "wish",
]

T = TypeVar("T")

ALIKE: Final[Mapping[str, str]] = {"ا": "أإآٱ", "ي": "ىئ", "ه": "ة", "و": "ؤ", "ं": "ँ"}
"""Letters, each with those that are written for it and mean the same."""

OPTIONAL: Final = "\u093c\u0640\u064b-\u065f"
"""Marks that may be left out, as a range of characters: nukta, tatweel, the Arabic vowels."""

_FOLDS: Final = str.maketrans({other: char for char, all_ in ALIKE.items() for other in all_})
_OPTIONAL: Final = re.compile(f"[{OPTIONAL}]")


class Book(Generic[T]):
    """Phrases with what they mean; the longest one that fits is the one that is found."""

    def __init__(self, entries: Iterable[tuple[tuple[str, ...], T]]) -> None:
        self._by_first: dict[str, list[tuple[tuple[str, ...], T]]] = {}
        for words, meaning in entries:
            self._by_first.setdefault(words[0], []).append((words, meaning))
        for phrases in self._by_first.values():
            phrases.sort(key=lambda entry: -len(entry[0]))

    def all(self) -> Iterator[tuple[str, ...]]:
        """Every phrase."""
        return (words for phrases in self._by_first.values() for words, _ in phrases)

    def at(self, words: Sequence[str], at: int) -> tuple[T, int] | None:
        """What the phrase that begins at `at` means, and where it ends."""
        for phrase, meaning in self._by_first.get(words[at], ()) if at < len(words) else ():
            end = at + len(phrase)
            if tuple(words[at:end]) == phrase:
                return meaning, end
        return None


class Tables(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known of quantities to someone who speaks one of the languages.

    All words are folded. `tens_units` and `units_tens` are the number words that are put together
    so (twenty five; five and twenty), `paired` those that in a row mean one or the other.
    Behind `prices` a bare number is a price, behind `prices_of_each` one that is said of each, and
    so is one before `prices_behind`. `houses` are what a number of an address stands behind.
    `careful` words are numbers only in front of what is counted, `strict` ones, of another
    language in the same script, only in front of a word for a measure.
    """

    numbers: Book[Decimal]
    times: Book[Decimal]
    before: Book[Decimal]
    after: Book[Decimal]
    ordinals: Mapping[str, int]
    counts: Mapping[str, str]
    duals: Mapping[str, str]
    ones: Mapping[str, str]
    phrases: Book[frozenset[Kind]]
    join: frozenset[str]
    skip: frozenset[str]
    tens_units: frozenset[str]
    units_tens: frozenset[str]
    paired: frozenset[str]
    careful: frozenset[str]
    strict: frozenset[str]
    dual_endings: tuple[tuple[str, str], ...]
    money: frozenset[str]
    uncounted: frozenset[str]
    prices: Book[bool]
    prices_of_each: Book[bool]
    prices_behind: Book[bool]
    houses: tuple[tuple[str, ...], ...]
    house_numbers: tuple[tuple[str, ...], ...]
    filler: frozenset[str]


class _Grammar(msgspec.Struct, forbid_unknown_fields=True):
    order: Literal["", "tens-units", "units-tens"]
    join: list[str]
    skip: list[str]
    pairs: bool
    careful: list[str]
    dual: list[tuple[str, str]] = []


class _Words(msgspec.Struct, forbid_unknown_fields=True):
    money: list[str]
    uncounted: list[str]
    filler: list[str]
    prices: list[str] = []
    prices_of_each: list[str] = []
    prices_behind: list[str] = []
    houses: list[str] = []
    house_numbers: list[str] = []


class File(msgspec.Struct, forbid_unknown_fields=True):
    """One language's tables as they are written."""

    numbers: dict[str, list[str]]
    times: dict[str, list[str]]
    before: dict[str, list[str]]
    after: dict[str, list[str]]
    grammar: _Grammar
    ordinals: dict[str, list[str]]
    counts: dict[str, list[str]]
    duals: dict[str, list[str]]
    ones: dict[str, list[str]]
    phrases: dict[Kind, list[str]]
    words: _Words


@lru_cache(maxsize=8192)
def fold(word: str) -> str:
    """The word as it is compared: spellings that readers of its script take for one are one."""
    if word.isascii():
        return word
    return _OPTIONAL.sub("", unicodedata.normalize("NFKD", word).translate(_FOLDS))


@lru_cache(maxsize=8)
def load(name: str) -> Tables:
    """The tables for someone who speaks the language of `numbers/{name}.toml`."""
    return merged(file_of(name), [file_of(other) for other in LANGUAGES if other != name])


@lru_cache(maxsize=8)
def file_of(name: str) -> File:
    """The tables of `numbers/{name}.toml` as they are written."""
    return read(files("hub.assistant").joinpath("numbers", f"{name}.toml").read_text("utf-8"))


def read(text: str) -> File:
    """A file's tables as they are written.

    Raises:
        ValueError: a table is missing or unknown, or has another shape than it must.
    """
    return msgspec.convert(tomllib.loads(text), File)


def merged(own: File, others: Sequence[File]) -> Tables:
    """One's own tables, and from the others whatever does not contradict them."""
    every = (own, *others)
    strict = frozenset(
        word for file in others for word in _folded(file.grammar.careful) if word.isascii()
    )
    return Tables(
        numbers=_values(file.numbers for file in every),
        times=_values(file.times for file in every),
        before=_values(file.before for file in every),
        after=_values(file.after for file in every),
        ordinals={word: int(n) for file in reversed(every) for word, n in _each(file.ordinals)},
        counts={word: name for file in reversed(every) for word, name in _each(file.counts)},
        duals={word: name for file in reversed(every) for word, name in _each(file.duals)},
        ones={word: name for file in reversed(every) for word, name in _each(file.ones)},
        phrases=_phrases(own, others, strict),
        join=frozenset(word for file in every for word in _folded(file.grammar.join)),
        skip=frozenset(word for file in every for word in _folded(file.grammar.skip)),
        tens_units=_ordered(every, "tens-units"),
        units_tens=_ordered(every, "units-tens"),
        paired=frozenset(w for f in every if f.grammar.pairs for w, _ in _each(f.numbers)),
        careful=frozenset(word for file in every for word in _folded(file.grammar.careful)),
        strict=strict - frozenset(_folded(own.grammar.careful)),
        dual_endings=tuple(ending for file in every for ending in file.grammar.dual),
        money=frozenset(word for file in every for word in _folded(file.words.money)),
        uncounted=frozenset(word for file in every for word in _folded(file.words.uncounted)),
        prices=_book(file.words.prices for file in every),
        prices_of_each=_book(file.words.prices_of_each for file in every),
        prices_behind=_book(file.words.prices_behind for file in every),
        houses=tuple(_key(words) for file in every for words in file.words.houses),
        house_numbers=tuple(_key(words) for file in every for words in file.words.house_numbers),
        filler=frozenset(word for word in _folded(own.words.filler)),
    )


def _phrases(own: File, others: Sequence[File], strict: frozenset[str]) -> Book[frozenset[Kind]]:
    """Every phrase with what it may mean; one's own meanings go before those of the others."""
    known: dict[tuple[str, ...], frozenset[Kind]] = {}
    for file in (own, *others):
        found: dict[tuple[str, ...], set[Kind]] = {}
        for kind, phrases in file.phrases.items():
            for phrase in map(_key, phrases):
                found.setdefault(phrase, set()).add(kind)
        for phrase, kinds in found.items():
            clear = kinds <= {"or", "to"}  # which are looked for between numbers only
            if file is own or clear or len(phrase) > 1 or phrase[0] not in strict:
                known.setdefault(phrase, frozenset(kinds))
    return Book(known.items())


def _values(tables: Iterable[Mapping[str, Sequence[str]]]) -> Book[Decimal]:
    known: dict[tuple[str, ...], Decimal] = {}
    for table in tables:
        for value, spellings in table.items():
            for spelling in spellings:
                known.setdefault(_key(spelling), Decimal(value))
    return Book(known.items())


def _book(lists: Iterable[Sequence[str]]) -> Book[bool]:
    return Book((_key(phrase), True) for phrases in lists for phrase in phrases)


def _ordered(every: Sequence[File], order: str) -> frozenset[str]:
    return frozenset(w for f in every if f.grammar.order == order for w, _ in _each(f.numbers))


def _each(table: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Every folded word of a table with its key."""
    return ((word, key) for key, words in table.items() for word in _folded(words))


def _folded(words: Iterable[str]) -> Iterator[str]:
    return (" ".join(_key(word)) for word in words)


def _key(phrase: str) -> tuple[str, ...]:
    return tuple(fold(word) for word in normalise(phrase).split())
