"""The items of a customer's message: each names one thing, how many of it, and what to do.

Whether a quantity is meant for one item or for all that were just listed is decided from the words
alone (`lists`); which products they are is not known here.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, pairwise
from typing import Final

import msgspec

from hub.assistant import signs
from hub.assistant.amounts import UNCOUNTED, Amount, Mark, find_amounts, is_size, marks_of
from hub.assistant.language import Language
from hub.assistant.lists import (
    Act,
    Part,
    acts,
    are_two,
    differ,
    goes_on,
    is_for_all,
    lenders,
    names_both,
    takes_back,
)
from hub.assistant.loosening import loosened
from hub.assistant.quantities import other_words, wanted
from hub.assistant.search import is_compound
from hub.assistant.tables import Kind, fold

_SAYING: Final[frozenset[Kind]] = frozenset(("remove", "add", "set", "only", "wish", "correct"))
"""What says whether something is wanted or not."""

ITEMS_MAX: Final = 60  # of one message; an order by hand is shorter

_BREAK: Final = re.compile(r"[,;&+?!|،؛؟।]+|(?<!rs)\.\s|[.]$", re.IGNORECASE)


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a message.

    `named` are the words that may name a product. `more`: it only says how many more there are of
    what stands before it, in another measure. `shared` is the amount of another item that
    counts for this one, too ("8x80, 8x100 10 ctns"), and `lender` the place of that item if it
    names a product itself, whose size a bare number may be. `for_all`: it names nothing, and its
    amount or act is meant for everything that is on the table.
    """

    words: tuple[str, ...]
    amounts: tuple[Amount, ...]
    named: tuple[str, ...]
    act: Act = Act.NAME
    shared: Amount | None = None
    lender: int | None = None
    for_all: bool = False
    more: bool = False

    @property
    def amount(self) -> Amount | None:
        """The amount that is meant when no product's name explains it."""
        return wanted(self.amounts, (), self.words) or self.shared


def items_of(
    text: str,
    language: Language,
    *,
    is_one: Callable[[list[str]], bool] = lambda _: False,
    sold: Callable[[str], bool] = lambda _: False,
    after_change: bool = False,
    most: int = ITEMS_MAX,
) -> list[Item]:
    """The items of a message, in order, at `most` so many.

    `is_one` tells of a line's words whether one product is called so, `sold` of a word whether any
    product is. After a change of a quantity (`after_change`) a bare number corrects it.
    """
    found = (
        part
        for number, line in enumerate(signs.without_counting(text.splitlines()))
        for part in _split_line(line, number, language, is_one, sold)
    )
    parts = list(islice(found, most))
    done, lent_by = acts(parts, after_change=after_change), lenders(parts)
    items = [_item(parts, done, at, lender) for at, lender in enumerate(lent_by)]
    absorbed = {at for at in lent_by if at is not None and not parts[at].named}
    spare = [at in absorbed or _is_bare_verb(items, at) for at in range(len(items))]
    return _without(items, spare)


def _item(parts: Sequence[Part], done: Sequence[Act], at: int, lender: int | None) -> Item:
    part, act, lent = parts[at], done[at], None
    if lender is not None:
        lent = wanted(parts[lender].amounts, (), parts[lender].words)
        act = done[lender] if act is Act.NAME else act
    return Item(
        words=part.words,
        amounts=part.amounts,
        named=part.named,
        act=act,
        shared=lent,
        lender=lender if lender is not None and parts[lender].named else None,
        for_all=is_for_all(part, done[at]),
        more=at > 0 and goes_on(parts[at - 1], part),
    )


def _part(
    words: list[str],
    line: int,
    language: Language,
    sold: Callable[[str], bool],
    *,
    joined: bool = False,
) -> Part:
    amounts = find_amounts(words, language)
    named = other_words(words, amounts, language, sold)
    sizes = [word for word in named if any(words[a.start] == word for a in amounts)]
    bare = bool(sizes) and len(sizes) == len(named)  # a weight alone names nothing
    return Part(
        words=tuple(words),
        amounts=tuple(amounts),
        named=() if bare else tuple(named),
        marks=tuple(marks_of(words, language)),
        line=line,
        joined=joined,
    )


def _is_bare_verb(items: Sequence[Item], at: int) -> bool:
    """Whether the item is but the verb of what stands before it."""
    item = items[at]
    holds = item.named or item.amounts or item.for_all
    return at > 0 and item.act is not Act.NAME and not holds


def _without(items: Sequence[Item], spare: Sequence[bool]) -> list[Item]:
    """The items that are not spare; what refers to others keeps doing so."""
    moved = [at - sum(spare[:at]) for at in range(len(items))]
    return [
        item if item.lender is None else msgspec.structs.replace(item, lender=moved[item.lender])
        for item, gone in zip(items, spare, strict=True)
        if not gone
    ]


def _split_line(
    line: str,
    number: int,
    language: Language,
    is_one: Callable[[list[str]], bool],
    sold: Callable[[str], bool],
) -> Iterator[Part]:
    def read(text: str) -> list[str]:
        words = loosened(signs.words_of(text, language.tables), language, sold)
        return [single for word in words for single in _singled(word, language, sold)]

    whole = read(line)
    pieces = (
        _part(piece, number, language, sold, joined=at == 0 and joined)
        for plus, part in _at_breaks(line)
        for joined, words in _at_conjunctions(read(part), language, joined=plus)
        for at, piece in enumerate(_split(words, language))
    )
    parts = list(islice(pieces, ITEMS_MAX + 1))
    if len(parts) > 1 and names_both(parts[0], parts[1]):
        parts[0] = _part([*parts[0].words, *parts[1].named], number, language, sold)
    apart = any(
        goes_on(*two) or differ(*two) or are_two(*two) or takes_back(two[1])
        for two in pairwise(parts)
    )
    if len(parts) < 2 or (is_one(whole) and not apart):
        parts = [_part(whole, number, language, sold)] if whole else []
    yield from parts


def _at_breaks(line: str) -> Iterator[tuple[bool, str]]:
    """The line parted at its signs; with each part whether a sign for "and" is in front of it."""
    text, begin, plus = signs.held_together(line), 0, False
    for sign in _BREAK.finditer(text):
        yield plus, text[begin : sign.start()]
        begin, plus = sign.end(), sign[0] in ("+", "&")
    yield plus, text[begin:]


def _singled(word: str, language: Language, sold: Callable[[str], bool]) -> list[str]:
    """A word for two of a product as "2" and the word for one, which the shop must know."""
    for ending, single in language.tables.dual_endings:
        one = word.removesuffix(ending) + single
        if word.endswith(ending) and fold(word) not in language.tables.duals and sold(one):
            return [word] if sold(word) else ["2", one]
    return [word]


def _at_conjunctions(
    words: list[str], language: Language, *, joined: bool
) -> Iterator[tuple[bool, list[str]]]:
    """The words parted at each "and" that is neither in a number nor first nor last.

    With each part whether an "and" stands in front of it, with the first one `joined`.
    """
    amounts = find_amounts(words, language)
    inside = {at for amount in amounts for at in range(amount.start, amount.end)}
    begin = 0
    for mark in marks_of(words, language):
        between = mark.start > 0 and mark.end < len(words)
        if "and" in mark.kinds and between and mark.start not in inside:
            if mark.start > begin:
                yield joined or begin > 0, words[begin : mark.start]
            begin = mark.end
    if words[begin:]:
        yield joined or begin > 0, words[begin:]


def _split(words: list[str], language: Language) -> list[list[str]]:
    found = find_amounts(words, language)
    amounts = [a for a in found if not is_size(a, words) and a.measure != UNCOUNTED]
    cuts = [0, *_cuts(words, amounts, language), len(words)]
    pieces = [words[start:end] for start, end in pairwise(cuts)]
    return [part for piece in pieces for part in _at_refusals(piece, language)]


def _at_refusals(words: list[str], language: Language) -> list[list[str]]:
    """The words parted where what is not wanted ends, or begins: `tel nahi lena cheeni 10`."""
    marks = [mark for mark in marks_of(words, language) if not mark.kinds.isdisjoint(_SAYING)]
    for first, second in pairwise(marks):
        refusing = ["remove" in mark.kinds or _is_no(mark, words) for mark in (first, second)]
        if refusing[0] == refusing[1] or (first.kinds == {"only"} and refusing[1]):
            continue
        at = first.end if _names(words[: first.start], language) else second.start
        if all(_names(part, language) for part in (words[:at], words[at:])):
            return [words[:at], *_at_refusals(words[at:], language)]
    return [words]


def _is_no(mark: Mark, words: Sequence[str]) -> bool:
    """Whether the mark is a no that denies what it leads to, or ends with."""
    return "correct" in mark.kinds and (mark.start == 0 or mark.end == len(words))


def _names(words: Sequence[str], language: Language) -> bool:
    return bool(other_words(words, find_amounts(words, language), language))


def _cuts(words: Sequence[str], amounts: Sequence[Amount], language: Language) -> list[int]:
    """Where `6x40 8x80` and `2 soap 3 oil` go over from one wish to the next."""
    sizes = [at for at, word in enumerate(words) if is_compound(word)]
    if len({words[at] for at in sizes}) > 1:
        counted_before = bool(amounts) and amounts[0].start < sizes[0]
        behind = [] if counted_before else amounts
        ends = [
            [a.end for a in behind if at < a.start < next_at] for at, next_at in pairwise(sizes)
        ]
        return [max(found, default=at + 1) for at, found in zip(sizes, ends, strict=False)]
    if sizes or len(amounts) < 2:
        return []
    if not other_words(words[: amounts[0].start], (), language):
        return [amount.start for amount in amounts[1:]]
    return [amount.end for amount in amounts[:-1]]
