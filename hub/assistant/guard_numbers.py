"""CORE: the amounts, percentages and other numbers of a reply that nothing gave.

A number with a mark of money is an amount and nothing else is its ground. Any other number above
the days of a month has to be known as well: what a model made up may be a price without saying so.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from hub.assistant import tables
from hub.assistant.facts import Facts
from hub.assistant.guard_words import NUMBER, Offence, words
from hub.assistant.numbers import number_at
from hub.assistant.plain import plain
from hub.assistant.tables import Tables, fold
from hub.commerce.words import MEASURES, normalise

DIGITS_MAX: Final = 15
FREE_MAX: Final = 31
"""Days and hours may be said without a ground, unless they are priced."""

PRICED_CHARS: Final = 60
"""So far in front of a number the word that prices it may begin."""

SPELLED_ROW_MIN: Final = 5
"""So many numbers in words in a row are a phone's digits."""

_PERCENT: Final = re.compile(
    rf"((?:\d+ )?{NUMBER})\s?(?:%|٪|percent\b|per cent\b|pct\b|फीसदी|प्रतिशत|بالمئة|في المئة)",
    re.IGNORECASE,
)
_TAX_NUMBER: Final = re.compile(r"(?<!\w)\d{2}[A-Z]{5}\d{4}[A-Z][0-9A-Z]{3}(?!\w)")
_TIME: Final = re.compile(r"(?<![\d:])\d{1,2}:\d{2}(?![\d:])")
_BARE: Final = re.compile(rf"(?P<in>(?<=[^\W\d_]))?(?P<number>{NUMBER})(?!\d|%)")
_NEXT: Final = re.compile(r"[\s*-]*([^\W\d_]+)")
_STUCK: Final = frozenset("وبلكف")
_CLAUSES: Final = re.compile(r"[.!?;,\n।؟؛…]+(?=\s|$)|\s[-—]+\s|—")
_MARKUP: Final = re.compile(r"[*~`]+|(?<!\w)_+|_+(?!\w)")
_DIGITS_APART: Final = re.compile(r"(?<=\d)['_](?=\d)")


def find(text: str, facts: Facts, exponent: int) -> Iterator[Offence]:
    """Offences in a plain text that has no codes, links and phones any more."""
    written = unmarked(text)
    for hit in words().amount.finditer(written):
        if amount_of(hit, exponent) not in facts.amounts:
            yield Offence("amount", re.sub(r"[^\d.,]", "", hit[0]).strip(".,")[:24])
    rest = words().amount.sub(" ¤ ", written)
    for hit in _PERCENT.finditer(rest):
        if value_of(hit[1]) not in facts.percents:
            yield Offence("percent", hit[1][:12])
    rest = _TAX_NUMBER.sub(" ", _TIME.sub(" ", _PERCENT.sub(" ", rest)))
    yield from _bare(rest, facts, exponent)
    yield from _spelled(written, facts, exponent)


def unmarked(text: str) -> str:
    """The text without WhatsApp's signs for bold and the like."""
    return _MARKUP.sub("", _DIGITS_APART.sub(",", text))


def amounts_in(text: str, exponent: int) -> frozenset[int]:
    """The amounts that a plain text states."""
    found = {amount_of(hit, exponent) for hit in words().amount.finditer(unmarked(text))}
    return frozenset(amount for amount in found if amount is not None)


def percents_in(text: str) -> frozenset[Decimal]:
    """The percentages that a plain text states."""
    found = (value_of(hit[1]) for hit in _PERCENT.finditer(text))
    return frozenset(value for value in found if value is not None)


def numbers_in(texts: Iterable[str]) -> frozenset[Decimal]:
    """Every number that stands in the texts, whatever it counts."""
    hits = re.findall(NUMBER, plain("\n".join(texts)))
    return frozenset(value for hit in hits if (value := value_of(hit)) is not None)


def minor_in(text: str, exponent: int) -> frozenset[int]:
    """Every number of a plain text as if it were an amount."""
    found = (_minor(hit, 1, exponent) for hit in re.findall(NUMBER, text))
    return frozenset(amount for amount in found if amount is not None)


def amount_of(hit: re.Match[str], exponent: int) -> int | None:
    """The minor units of a hit of `Words.amount`; None when it can be read in two ways."""
    if hit["stuck"]:
        return None
    times = words().times.get((hit["times_a"] or hit["times_b"] or "").casefold(), 1)
    number = hit["after"] or hit["before"] or hit["slashed"]
    return _minor(number.replace(" ", ""), times, exponent)


def value_of(number: str) -> Decimal | None:
    """The value of what NUMBER found; None of one that no shop has."""
    if sum(map(str.isdigit, number)) > DIGITS_MAX:
        return None
    try:
        return Decimal(number.replace(",", ""))
    except InvalidOperation:
        return None


def _minor(number: str, times: int, exponent: int) -> int | None:
    value = value_of(number)
    places = len(number.partition(".")[2])
    if value is None or (times == 1 and places > max(exponent, 2)):
        return None  # 1.999 is two or two thousand
    minor = (value * times).scaleb(exponent)
    return int(minor) if minor == minor.to_integral_value() else None


# --- numbers without a mark --------------------------------------------------------------------


def _bare(text: str, facts: Facts, exponent: int) -> Iterator[Offence]:
    known = facts.known_numbers
    units = _units(facts)
    for clause in _CLAUSES.split(text):
        folded = " ".join(fold(word) for word in clause.casefold().split(" "))
        near = words().near.search(folded) is not None
        for hit in _BARE.finditer(clause):
            value, counted = _multiplied(clause, hit, units)
            inside = hit.start() > 0 and clause[hit.start() - 1].isalpha()
            if value is None:
                yield Offence("number", hit[0][:24])
                continue
            money = int(value.scaleb(exponent)) in facts.amounts
            priced = not counted and not inside and _is_priced(clause[: hit.start()])
            if money or (value in known and not priced):
                continue
            precise = re.search(r"\.\d\d$", hit[0]) is not None
            if priced or ((near or precise) and not counted and not inside):
                yield Offence("amount", hit[0][:24])
            elif not counted and not _is_free(hit[0], value) and value not in facts.heard:
                yield Offence("number", hit[0][:24])


def _is_free(number: str, value: Decimal) -> bool:
    """Whether it is as small as a day or an hour, and written so."""
    return value <= FREE_MAX and len(number.partition(".")[0]) <= len(str(FREE_MAX))


def _multiplied(
    clause: str, hit: re.Match[str], units: frozenset[str]
) -> tuple[Decimal | None, bool]:
    """A number's value with the thousand or lakh behind it, and whether something is counted."""
    value, behind = value_of(hit["number"]), _NEXT.match(clause, hit.end())
    times = None if behind is None else words().times.get(behind[1].casefold())
    if behind is not None and times is not None:
        value = None if value is None else value * times
        behind = _NEXT.match(clause, behind.end())
    word = "" if behind is None else fold(behind[1].casefold())
    return value, word in units or word in words().counts or word in MEASURES


def _is_priced(before: str) -> bool:
    """Whether a number behind these words can only be what they ask: `total: 720`."""
    front = " ".join(fold(word) for word in before[-PRICED_CHARS:].casefold().split(" "))
    return words().priced.search(front) is not None


def _units(facts: Facts) -> frozenset[str]:
    """The words for what is sold: a number in front of one of them counts it."""
    said = {fold(word) for unit in facts.units for word in plain(unit).casefold().split()}
    return frozenset(word + end for word in said for end in ("", "s", "es"))


# --- numbers in words --------------------------------------------------------------------------


def _spelled(text: str, facts: Facts, exponent: int) -> Iterator[Offence]:
    signed = re.sub("[₹$€£¥﷼]", " rs ", text).replace("%", " percent ")
    every, hindi = tables.load("en"), tables.load("hi-Latn")
    said = [_loose(fold(word), every) for word in normalise(signed).split()]
    units, row, at = _units(facts), 0, 0
    while at < len(said):
        end, value = _number(said, at, every, hindi)
        is_digit = said[at] in words().zeros
        row = row + 1 if is_digit or (end > at and not said[at][0].isdigit()) else 0
        if row >= SPELLED_ROW_MIN:
            yield Offence("phone")
            return
        if (
            end > at
            and row
            and (offence := _in_words(said, at, end, value, facts, units, exponent))
        ):
            yield offence
        at = max(end, at + 1)


def _loose(word: str, every: Tables) -> str:
    """The word without what Arabic sticks to the front of a number: and, for, with."""
    if word[0] not in _STUCK or number_at([word], 0, every) is not None:
        return word
    return word[1:] if len(word) > 1 and number_at([word[1:]], 0, every) is not None else word


def _number(said: Sequence[str], at: int, every: Tables, hindi: Tables) -> tuple[int, Decimal]:
    """Where the number at `at` ends, which is `at` where none is; short words need money beside."""
    found = number_at(said, at, every)
    if found is None:
        found = number_at(said, at, hindi)
        if found is not None and not _is_money(said, at, found.end):
            found = None
    return (at, Decimal(0)) if found is None else (found.end, found.value)


def _is_money(said: Sequence[str], at: int, end: int) -> bool:
    beside = {*said[max(at - 1, 0) : at], *said[end : end + 1]}
    return not beside.isdisjoint(words().marks)


def _in_words(
    said: Sequence[str],
    at: int,
    end: int,
    value: Decimal,
    facts: Facts,
    units: frozenset[str],
    exponent: int,
) -> Offence | None:
    minor = value.scaleb(exponent)
    money = minor == minor.to_integral_value() and int(minor) in facts.amounts
    behind = said[end] if end < len(said) else ""
    if behind in words().percents:
        return None if value in facts.percents else Offence("percent", "in words")
    if _is_money(said, at, end):
        return None if money else Offence("amount", "an amount in words")
    counted = behind in units or behind in words().counts or behind in MEASURES
    grounded = money or counted or value in facts.known_numbers or value in facts.heard
    return None if value <= FREE_MAX or grounded else Offence("amount", "an amount in words")
