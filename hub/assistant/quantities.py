"""Quantities in a customer's words: `10 cartons`, `1lac pcs`, `two dozen`, `2 kg`.

A number is a quantity unless a product's written name holds it. Sizes (`6x40`, `m8`) never are.
"""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from hub.assistant.language import ASIDES, TALK, Language, find_phrase
from hub.commerce.products import Product, units
from hub.commerce.words import MEASURES, normalise

SIZES: Final = frozenset(("mg", "g", "kg", "ml", "l", "m", "ft")) & set(MEASURES.values())
"""Measures that are in names (`Sugar 1 kg`) as often as they are a quantity (`2 kg sugar`)."""

DIGITS_MAX: Final = 12
"""A longer run of digits is a phone or account number, not a quantity."""

MINUS: Final = "minus"
CURRENCY: Final = "rs"
PERCENT: Final = "percent"
APPROVAL: Final = "thumbsup"
UNCOUNTED: Final = "uncounted"
"""The measure of money and percentages: no quantity, and no price of ours either."""

_MINUS_SIGN: Final = re.compile(r"(?<!\S)[-−](?=\d)")
_CURRENCY_SIGN: Final = re.compile(r"[₹$€£¥]")
_APPROVAL_SIGN: Final = re.compile("[👍👌]")
_INCH_SIGN: Final = re.compile(r'(?<![\w.*×"])(\d+(?:\.\d+)?)["″”](?!\w)')
_SIZE_NUMBER: Final = re.compile(r"[^\W\d]*(\d+(?:\.\d+)?)[^\W\d]*")
_GLUED: Final = re.compile(r"(\d+(?:\.\d+)?)([^\d.]*)")


class Amount(msgspec.Struct, frozen=True):
    """So many of `measure` (None: a bare number), written by the words from `start` to `end`."""

    number: Decimal
    measure: str | None
    start: int
    end: int


def words_of(text: str) -> list[str]:
    """The words of a message; the signs that change what a number means are words, too."""
    signed = _MINUS_SIGN.sub(f"{MINUS} ", text)
    currency = _CURRENCY_SIGN.sub(f" {CURRENCY} ", signed)
    measured = _INCH_SIGN.sub(r"\1 inch", currency)
    approved = _APPROVAL_SIGN.sub(f" {APPROVAL} ", measured)
    return normalise(approved.replace("%", f" {PERCENT} ")).split()


def find_amounts(words: Sequence[str], language: Language) -> list[Amount]:
    """Every amount in `words`, in order."""
    amounts = []
    at = 0
    while at < len(words):
        amount = _amount_at(words, at, language)
        if amount is not None:
            amounts.append(amount)
        at = at + 1 if amount is None else amount.end
    return amounts


def other_words(
    words: Sequence[str],
    amounts: Sequence[Amount],
    language: Language,
    sold: Callable[[str], bool] = lambda _: False,
) -> list[str]:
    """The words that may name a product: neither fillers nor small talk nor a quantity.

    A measure of size (`1kg`) stays, for it is in names as often as it is a quantity. Questions
    about the shop (`delivery`) are left out but for words that a product is called by.
    """
    taken = {at for a in amounts if a.measure not in SIZES for at in range(a.start, a.end)}
    taken |= language.places(words, *TALK)
    taken |= {at for at in language.places(words, *ASIDES) if not sold(words[at])}
    rest = [word for at, word in enumerate(words) if at not in taken]
    return [word for word in rest if word not in language.filler]


def wanted(
    amounts: Sequence[Amount], product_names: Sequence[Sequence[str]], words: Sequence[str]
) -> Amount | None:
    """The amount that is meant: one that is counted before a bare number before a weight.

    Those inside a name of the product that was written in full are part of the name.
    """
    written = max(
        (name for name in product_names if find_phrase(words, name) is not None),
        key=len,
        default=(),
    )
    begin = find_phrase(words, written) or 0
    outside = [a for a in amounts if not begin <= a.start < begin + len(written)]
    free = [amount for amount in outside if amount.measure != UNCOUNTED]
    return min(free, key=_rank, default=None)


def as_units(product: Product, amount: Amount) -> Decimal | None:
    """How many units of the product the amount is, or None when it is not counted so.

    A weight or length is divided by the one in the product's name, if it goes into it: 2 kg are
    two bags of 1 kg.
    """
    counted = units(product, amount.number, amount.measure)
    if counted is not None or amount.measure not in SIZES:
        return counted
    if MEASURES.get(product.unit.casefold()) == amount.measure:
        return amount.number
    held = [
        Decimal(hit[1])
        for word in normalise(product.name).split()
        if (hit := _GLUED.fullmatch(word)) and hit[2] == amount.measure
    ]
    if len(held) != 1 or held[0] <= 0 or amount.number % held[0] != 0:
        return None
    return amount.number / held[0]


def sized(product: Product, number: Decimal) -> bool:
    """Whether a number of the product's name is this one: 12 is the size of `Bulb 12 W`."""
    hits = map(_SIZE_NUMBER.fullmatch, normalise(product.name).split())
    return any(hit is not None and Decimal(hit[1]) == number for hit in hits)


def _rank(amount: Amount) -> int:
    if amount.measure is None:
        return 1
    return 2 if amount.measure in SIZES else 0


def _amount_at(words: Sequence[str], at: int, language: Language) -> Amount | None:
    negative = words[at] == MINUS and at + 1 < len(words)
    number_at = at + 1 if negative else at
    number, glued = _number(words[number_at], language)
    if number is None:
        return None
    end = number_at + 1
    while not glued and end < len(words) and words[end] in language.times:
        number *= language.times[words[end]]
        end += 1
    if not glued and end < len(words) and words[end] in language.counts:
        glued = language.counts[words[end]]
        end += 1
    if not glued and _is_uncounted(words, at, end, language):
        glued = UNCOUNTED
    return Amount(-number if negative else number, glued or None, at, end)


def _is_uncounted(words: Sequence[str], start: int, end: int, language: Language) -> bool:
    beside = {*words[max(start - 1, 0) : start], *words[end : end + 1]}
    return not beside.isdisjoint(language.uncounted)


def _number(word: str, language: Language) -> tuple[Decimal | None, str]:
    """The number that `word` writes and the measure stuck to it."""
    if word in language.numbers or (word in language.times and len(word) > 1):  # "k" means "ok"
        return Decimal(language.numbers.get(word) or language.times[word]), ""
    hit = _GLUED.fullmatch(word)
    if hit is None or len(hit[1]) > DIGITS_MAX:
        return None, ""
    number, suffix = Decimal(hit[1]), hit[2]
    if suffix in language.times:
        return number * language.times[suffix], ""
    if suffix in language.counts:
        return number, language.counts[suffix]
    return (number, suffix) if not suffix or suffix in SIZES else (None, "")
