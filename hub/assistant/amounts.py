"""CORE: the amounts in a customer's words: `10 cartons`, `1lac pcs`, `do darjan`, `علبتين`.

Prices, percentages, phone numbers and postcodes are no quantities: they are found as `UNCOUNTED`,
so that nothing else is made of them.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from hub.assistant.language import Language
from hub.assistant.numbers import DIGITS_MAX, SIZES, Number, is_counted, number_at
from hub.assistant.signs import EITHER, MINUS
from hub.assistant.tables import Kind, Tables, fold
from hub.commerce.words import MEASURES

UNCOUNTED: Final = "uncounted"
"""The measure of money, percentages and postcodes: no quantity, and no price of ours either."""

_GLUED: Final = re.compile(r"(\d+(?:\.\d+)?)([^\d.]*)")
_FOLD: Final = re.compile(r"x(\d+)|(\d+)x")
_BETWEEN: Final[frozenset[Kind]] = frozenset(("and", "or", "to", "per", "correct"))
"""What stands between numbers rather than holding them."""


class Amount(msgspec.Struct, frozen=True):
    """So many of `measure` (None: a bare number), written by the words from `start` to `end`.

    `either`: another number that it may be as well ("2 or 3"), so that the customer must be asked.
    `each`: said twice ("2-2 packet"), which means so many of every one.
    """

    number: Decimal
    measure: str | None
    start: int
    end: int
    either: Decimal | None = None
    each: bool = False


class Mark(msgspec.Struct, frozen=True):
    """What the words from `start` to `end` say is to be done."""

    kinds: frozenset[Kind]
    start: int
    end: int


def marks_of(words: Sequence[str], language: Language) -> list[Mark]:
    """The phrases in `words` that say what is to be done with the quantities beside them."""
    folded, tables = [fold(word) for word in words], language.tables
    found: list[Mark] = []
    at = 0
    while at < len(folded):
        hit = tables.phrases.at(folded, at)
        if hit is not None:
            found.append(Mark(hit[0], at, hit[1]))
        at = at + 1 if hit is None else hit[1]
    return found


def find_amounts(words: Sequence[str], language: Language) -> list[Amount]:
    """Every amount in `words`, in order."""
    marks = marks_of(words, language)
    held = {at for mark in marks if _holds(mark) for at in span(mark)}
    finder = _Finder(words, language.tables, held)
    amounts, at = [], 0
    while at < len(words):
        amount = finder.at(at)
        if amount is not None:
            amounts.append(amount)
        at = at + 1 if amount is None else amount.end
    return amounts


def is_size(amount: Amount, words: Sequence[str]) -> bool:
    """Whether the amount is one word like `1kg`, which may belong to a name."""
    first = words[amount.start]
    return amount.measure in SIZES and amount.end - amount.start == 1 and first[0].isdigit()


class _Finder:
    """Reads amounts out of words; those at `held` say something else."""

    def __init__(self, words: Sequence[str], tables: Tables, held: set[int]) -> None:
        self._words = [fold(word) for word in words]
        self._tables = tables
        self._held = held

    def at(self, at: int) -> Amount | None:
        """The amount that begins at `at`, with the one that it may be as well."""
        first = self._amount(at)
        if first is None or first.measure == UNCOUNTED:
            return first
        while (instead := self._instead(first.end)) is not None:
            first = msgspec.structs.replace(instead, start=first.start)
        behind = self._behind_or(first.end)
        second = None if behind is None else self._amount(behind)
        if second is None or UNCOUNTED in (first.measure, second.measure):
            return self._paired(first)
        if None not in (first.measure, second.measure) and first.measure != second.measure:
            return first
        return self._combined(first, second, self._words[first.end] == EITHER)

    def _combined(self, first: Amount, second: Amount, dashed: bool) -> Amount:
        measure, end = second.measure or first.measure, second.end
        if first.number == second.number:
            return Amount(first.number, measure, first.start, end, None, dashed)
        mark = self._tables.phrases.at(self._words, first.end)
        if mark is not None and "to" in mark[0] and self._changes(first.start):
            return Amount(second.number, measure, first.start, end)  # "change 15 to 10"
        return Amount(first.number, measure, first.start, end, second.number)

    def _instead(self, at: int) -> Amount | None:
        """What takes the place of an amount that ends at `at`: of `5 nahi 10` the 10."""
        mark = self._tables.phrases.at(self._words, at)
        return self._amount(mark[1]) if mark is not None and "correct" in mark[0] else None

    def _changes(self, at: int) -> bool:
        """Whether what stands in front of `at` says that one number takes another's place."""
        places = (self._tables.phrases.at(self._words, before) for before in range(at))
        return any(mark is not None and "set" in mark[0] for mark in places)

    def _paired(self, first: Amount) -> Amount:
        """`do teen packet` as two or three, `do do packet` as two of each."""
        words, paired = self._words, self._tables.paired
        if first.measure is not None or first.end - first.start != 1 or first.each:
            return first
        if first.end >= len(words) or not {words[first.start], words[first.end]} <= paired:
            return first
        second = self._tables.numbers.at(words, first.end)
        if second is None or second[0] - first.number not in (0, 1) or first.end in self._held:
            return first
        again = self._measured(Number(second[0], second[1]))
        if first.number == second[0]:
            counted = again[1] is not None
            return (
                Amount(first.number, again[1], first.start, again[0], None, True)
                if counted
                else first
            )
        return Amount(first.number, again[1], first.start, again[0], second[0])

    def _behind_or(self, at: int) -> int | None:
        """Where what follows an "or" begins."""
        if at + 1 >= len(self._words):
            return None
        if self._words[at] == EITHER:
            return at + 1
        mark = self._tables.phrases.at(self._words, at)
        return mark[1] if mark is not None and not mark[0].isdisjoint({"or", "to"}) else None

    def _amount(self, start: int) -> Amount | None:
        words = self._words
        if start >= len(words) or start in self._held:
            return None
        if words[start] in self._tables.duals:
            return Amount(Decimal(2), self._tables.duals[words[start]], start, start + 1)
        if words[start] in self._tables.ones and not self._is_per(start):
            one = self._and_a_half(Decimal(1), self._tables.ones[words[start]], start + 1)
            return Amount(one[0], one[1], start, one[2])
        negative = words[start] == MINUS and start + 1 < len(words)
        at = start + 1 if negative else start
        found = self._stuck(at) or self._shifted(at) or self._spelled(at)
        if found is None:
            return None
        number, measure, end = found
        bare = measure is None and (self._is_uncounted(start, end) or self._is_bid(start, end))
        if bare or self._is_priced(end):
            measure = UNCOUNTED
        return Amount(-number if negative else number, measure, start, end)

    def _is_uncounted(self, start: int, end: int) -> bool:
        beside = {*self._words[max(start - 1, 0) : start], *self._words[end : end + 1]}
        behind = self._words[end : end + 1]
        return not (
            beside.isdisjoint(self._tables.money) and self._tables.uncounted.isdisjoint(behind)
        )

    def _is_bid(self, start: int, end: int) -> bool:
        """Whether the number is what somebody would pay: `at 200 each`, `40 ke bhav se`."""
        words, tables = self._words, self._tables
        if tables.prices_behind.at(words, end) is not None:
            return True
        mark = tables.phrases.at(words, end) if end < len(words) else None
        of_each = mark is not None and not mark[0].isdisjoint(("each", "per"))
        if not of_each and end < len(words):
            return False
        books = [tables.prices, tables.prices_of_each] if of_each else [tables.prices]
        hits = (book.at(words, before) for book in books for before in range(start))
        return any(hit is not None and hit[1] == start for hit in hits)

    def _is_per(self, at: int) -> bool:
        """Whether the word in front says that what follows is a price's measure: `per kilo`."""
        before = self._tables.phrases.at(self._words, at - 1) if at else None
        return before is not None and "per" in before[0]

    def _is_priced(self, at: int) -> bool:
        """Whether the number is so much per one: `1.55 per pc`."""
        mark = self._tables.phrases.at(self._words, at)
        return mark is not None and "per" in mark[0]

    def _spelled(self, at: int) -> tuple[Decimal, str | None, int] | None:
        number = number_at(self._words, at, self._tables)
        if number is None or any(place in self._held for place in range(at, number.end)):
            return None
        end, measure = self._measured(number)
        return number.value, measure, end

    def _shifted(self, at: int) -> tuple[Decimal, str | None, int] | None:
        """A number in one word with its measure behind a word that adds to it: `sadhe 3kg`."""
        shift = self._tables.before.at(self._words, at)
        found = None if shift is None or shift[1] >= len(self._words) else self._stuck(shift[1])
        return None if shift is None or found is None else (found[0] + shift[0], *found[1:])

    def _measured(self, number: Number) -> tuple[int, str | None]:
        """Where the amount ends, and what it counts."""
        words, end = self._words, number.end
        while end < len(words) and words[end] in self._tables.skip:
            end += 1
        if end >= len(words) or not is_counted(words, end, self._tables):
            return number.end, None
        word = words[end]
        measure = self._tables.counts.get(word) or MEASURES.get(word)
        return (number.end, None) if measure is None else (end + 1, measure)

    def _stuck(self, at: int) -> tuple[Decimal, str | None, int] | None:
        """A number in one word with its measure: `10ctns`, `1lac`, `2.5kg`, `x2`."""
        word, tables = self._words[at], self._tables
        if (fold_hit := _FOLD.fullmatch(word)) is not None:
            return Decimal(fold_hit[1] or fold_hit[2]), None, at + 1
        hit = _GLUED.fullmatch(word)
        if hit is None or not hit[2] or len(hit[1].partition(".")[0]) > DIGITS_MAX:
            return None
        number, suffix = Decimal(hit[1]), hit[2]
        if suffix in SIZES:
            return self._and_a_half(number, suffix, at + 1)
        if suffix in tables.counts:
            return number, tables.counts[suffix], at + 1
        if suffix in tables.uncounted or suffix in tables.money:
            return number, UNCOUNTED, at + 1
        times = tables.times.at((suffix,), 0)
        if times is None:
            return None
        end, measure = self._measured(Number(number * times[0], at + 1))
        return number * times[0], measure, end

    def _and_a_half(self, number: Decimal, measure: str, at: int) -> tuple[Decimal, str, int]:
        """`2 kg and a half`."""
        more = self._tables.after.at(self._words, at)
        return (number, measure, at) if more is None else (number + more[0], measure, more[1])


def _holds(mark: Mark) -> bool:
    """Whether the words of a mark are no numbers, whatever else they may be."""
    return mark.end - mark.start > 1 or mark.kinds.isdisjoint(_BETWEEN)


def span(mark: Mark) -> range:
    """The places of the words of a mark."""
    return range(mark.start, mark.end)
