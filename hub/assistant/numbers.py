"""CORE: the number that some words write: `25`, `two hundred and five`, `sadhe teen`, `٢٥`.

Values are exact. Words must be folded (`tables.fold`).
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Literal

import msgspec

from hub.assistant.tables import Kind, Tables
from hub.commerce.words import MEASURES

HUNDRED: Final = Decimal(100)
THOUSAND: Final = Decimal(1000)
DIGITS_MAX: Final = 9
"""More digits before the point are a phone or account number."""

DOING: Final[frozenset[Kind]] = frozenset(("add", "remove", "less", "only", "set"))
"""What is said beside a number that stands alone."""

SIZES: Final = frozenset(("mg", "g", "kg", "ml", "l", "m", "ft")) & set(MEASURES.values())
"""Measures that are in names (`Sugar 1 kg`) as often as they are a quantity (`2 kg sugar`)."""

_DIGITS: Final = re.compile(r"(\d+)(?:\.\d+)?")
_TENS: Final = frozenset(map(Decimal, range(20, 100, 10)))


class Number(msgspec.Struct, frozen=True):
    """A value, and the word behind the last one that writes it."""

    value: Decimal
    end: int


class _Piece(msgspec.Struct, frozen=True):
    """One word of a number, or a phrase."""

    role: Literal["digits", "small", "times", "after"]
    value: Decimal
    word: str
    end: int


class _Sum:
    """A number while its words are put together.

    `current` is what the next hundred or thousand multiplies. Below `_low` a number may still be
    added, below `_bound` a thousand or lakh may still follow.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._total = self.current = Decimal(0)
        self._low: Decimal | None = None  # nothing yet: anything fits
        self._bound: Decimal | None = None
        self._share = Decimal(1)  # what "and a half" is a half of
        self._unit = False  # a unit that tens may follow: five and twenty

    @property
    def value(self) -> Decimal:
        """The number so far."""
        return self._total + self.current

    def take(self, piece: _Piece, *, joined: bool) -> bool:
        """Add a piece; False when it does not belong to this number."""
        match piece.role:
            case "after":
                self.current += piece.value * self._share
                self._low = Decimal(0)
                return True
            case "times":
                return not joined and self._take_times(piece.value)
            case "digits" if self._low is not None and (joined or self._low < THOUSAND):
                return False
        return self._take_small(piece, joined=joined)

    def _take_small(self, piece: _Piece, *, joined: bool) -> bool:
        value, tens = piece.value, piece.value in _TENS
        if self._unit and joined and tens and piece.word in self._tables.units_tens:
            self.current, self._low, self._unit = self.current + value, Decimal(0), False
            return True
        if self._low is not None and not 1 <= value < self._low:
            return False
        if value >= THOUSAND and piece.role == "small":
            self._total, self._bound = self._total + value, THOUSAND
        else:
            self.current += value
        self._unit = piece.word in self._tables.units_tens and value < 10
        self._low = self._open(piece)
        return True

    def _open(self, piece: _Piece) -> Decimal:
        """Below which a number may be added to one that ends with this piece."""
        if piece.role == "digits":
            return Decimal(0)
        if piece.value >= HUNDRED:
            return THOUSAND if piece.value >= THOUSAND else HUNDRED
        tens = piece.value in _TENS and piece.word in self._tables.tens_units
        return Decimal(10) if tens else Decimal(0)

    def _take_times(self, factor: Decimal) -> bool:
        if self._bound == 0:
            return False
        if factor == HUNDRED:
            if self.current >= HUNDRED:
                return False
            self.current = (self.current or Decimal(1)) * factor
            self._low, self._share = HUNDRED, factor
        elif factor >= THOUSAND:
            if self._bound is not None and factor >= self._bound:
                return False
            self._total += (self.current or Decimal(1)) * factor
            self.current = Decimal(0)
            self._low = self._bound = self._share = factor
        else:  # a dozen ends the number
            self._total, self.current = (self.value or Decimal(1)) * factor, Decimal(0)
            self._low, self._bound, self._share = Decimal(0), Decimal(0), factor
        self._unit = False
        return True


def number_at(words: Sequence[str], at: int, tables: Tables) -> Number | None:
    """The number that is written from `at` on, the longest that its language allows."""
    number, end = _Sum(tables), at
    while end < len(words):
        joined = end > at and words[end] in tables.join
        piece = _piece(words, end, tables, first=end == at)
        if piece is None and joined:
            piece = _piece(words, end + 1, tables, first=False)
            joined = piece is not None and piece.role != "times"
        if piece is None and end > at and words[end] in tables.skip:
            piece = _times_behind(words, end, tables)
        if piece is None or not number.take(piece, joined=joined and piece.role != "after"):
            break
        end = piece.end
    return Number(number.value, end) if end > at else None


def is_counted(words: Sequence[str], at: int, tables: Tables) -> bool:
    """Whether from `at` on stands what a number multiplies or counts: dozen, boxes, kg."""
    while at < len(words) and words[at] in tables.skip:
        at += 1
    if at >= len(words):
        return False
    word = words[at]
    counted = word in tables.counts or MEASURES.get(word) in SIZES
    return counted or tables.times.at(words, at) is not None


def _times_behind(words: Sequence[str], at: int, tables: Tables) -> _Piece | None:
    """The dozen of `half a dozen`."""
    while at < len(words) and words[at] in tables.skip:
        at += 1
    found = tables.times.at(words, at)
    return None if found is None else _Piece("times", found[0], words[at], found[1])


def _piece(words: Sequence[str], at: int, tables: Tables, *, first: bool) -> _Piece | None:
    if at >= len(words):
        return None
    word = words[at]
    if not first and (found := tables.after.at(words, at)) is not None:
        return _Piece("after", found[0], word, found[1])
    if (found := tables.times.at(words, at)) is not None and not (first and word in tables.careful):
        return _Piece("times", found[0], word, found[1])
    if (found := tables.before.at(words, at)) is not None:
        return _shifted(words, found, tables)
    if (hit := _DIGITS.fullmatch(word)) is not None:
        return _Piece("digits", Decimal(word), word, at + 1) if len(hit[1]) <= DIGITS_MAX else None
    found = tables.numbers.at(words, at)
    if found is None or (first and not _is_number(words, at, found, tables)):
        return None
    return _Piece("small", found[0], word, found[1])


def _shifted(words: Sequence[str], shift: tuple[Decimal, int], tables: Tables) -> _Piece | None:
    """`sadhe teen`, or `sava` alone before what it counts."""
    more, at = shift
    number = tables.numbers.at(words, at)
    if number is None and at < len(words) and _DIGITS.fullmatch(words[at]) is not None:
        number = Decimal(words[at]), at + 1
    if number is not None:
        return _Piece("small", number[0] + more, words[at], number[1])
    return _Piece("small", 1 + more, words[at - 1], at) if is_counted(words, at, tables) else None


def _is_number(words: Sequence[str], at: int, found: tuple[Decimal, int], tables: Tables) -> bool:
    """Whether a word that means other things, too, is a number here."""
    word, (value, end) = words[at], found
    if word not in tables.careful and word not in tables.strict:
        return True
    if is_counted(words, end, tables) or _is_paired(words, at, end, tables):
        return True
    if value < 1 or (word in tables.strict and not _is_changed_by(words, at, end, tables)):
        return False
    if len(words) == 1 or _is_all_that_is_said(words, at, end, tables):
        return True
    return end < len(words) and _leads(words, at, end, tables)


def _is_changed_by(words: Sequence[str], at: int, end: int, tables: Tables) -> bool:
    """Whether nothing is said but a number and more or less: `one less`."""
    behind = tables.phrases.at(words, end) if at == 0 and end < len(words) else None
    less = behind is not None and not behind[0].isdisjoint(("more", "less"))
    return less and behind is not None and behind[1] == len(words)


def _is_paired(words: Sequence[str], at: int, end: int, tables: Tables) -> bool:
    """Whether two numbers in front of what is counted mean "this or that": `do teen packet`."""
    if end >= len(words) or not {words[at], words[end]} <= tables.paired:
        return False
    first, second = tables.numbers.at(words, at), tables.numbers.at(words, end)
    if first is None or second is None or second[0] - first[0] not in (0, 1):
        return False
    return is_counted(words, second[1], tables)


def _is_all_that_is_said(words: Sequence[str], at: int, end: int, tables: Tables) -> bool:
    """Whether a number stands with nothing but what is to be done: `one more`, `remove one`."""
    behind = tables.phrases.at(words, end) if end < len(words) else None
    alone = at == 0 or (behind is not None and "and" not in behind[0])
    ends = behind is not None and behind[1] == len(words) and alone
    more = ends and behind is not None and not behind[0].isdisjoint(("more", "less", "add"))
    place, done = 0, False
    while place < at:
        mark = tables.phrases.at(words, place)
        if mark is None and words[place] not in tables.filler:
            return False
        done |= mark is not None and not mark[0].isdisjoint(DOING)
        place = place + 1 if mark is None else mark[1]
    return more or (done and end == len(words))


def _leads(words: Sequence[str], at: int, end: int, tables: Tables) -> bool:
    """Whether the word stands in front of a name: `do sabun`, `add one drill`."""
    before = 0
    while before < at:
        mark = tables.phrases.at(words, before)
        if mark is None and words[before] not in tables.filler:
            return False
        before = before + 1 if mark is None else mark[1]
    named = tables.phrases.at(words, end) is None and words[end] not in tables.filler
    return named and words[end] not in tables.uncounted
