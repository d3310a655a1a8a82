"""What the amounts in a message mean for a product: which one is meant, and how many units it is.

A number is a quantity unless a product's written name holds it. Sizes (`6x40`, `m8`) never are.
"""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from hub.assistant import signs
from hub.assistant.amounts import UNCOUNTED, Amount, Mark, is_size, marks_of, span
from hub.assistant.language import ASIDES, TALK, Language, find_phrase
from hub.assistant.numbers import SIZES
from hub.assistant.tables import fold
from hub.commerce.products import PIECE_WORDS, Product, units
from hub.commerce.words import MEASURES, normalise

CONTAINER: Final = "container"
"""What words like डिब्बा and علبة mean: a tin, a pack, a box, whatever a thing comes in."""

HOLDERS: Final = frozenset(("carton", "box", "case", "bundle"))
"""Units of many pieces: how many there are in one must be known before pieces can be sold."""

_SIZE_NUMBER: Final = re.compile(r"[^\W\d]*(\d+(?:\.\d+)?)[^\W\d]*")
_GLUED: Final = re.compile(r"(\d+(?:\.\d+)?)([^\d.]*)")
_PARTS: Final[dict[str, tuple[str, Decimal]]] = {
    "mg": ("g", Decimal("0.001")),
    "g": ("g", Decimal(1)),
    "kg": ("g", Decimal(1000)),
    "ml": ("ml", Decimal(1)),
    "l": ("ml", Decimal(1000)),
    "m": ("m", Decimal(1)),
    "ft": ("ft", Decimal(1)),
}
"""Measures of size as parts of the one that they can be counted in."""


def words_of(text: str) -> list[str]:
    """The words of a message; the signs that change what a number means are words, too."""
    return signs.words_of(text)


def other_words(
    words: Sequence[str],
    amounts: Sequence[Amount],
    language: Language,
    sold: Callable[[str], bool] = lambda _: False,
) -> list[str]:
    """The words that may name a product: neither fillers nor small talk nor a quantity.

    A measure of size (`1kg`) stays, for it is in names as often as it is a quantity. Questions
    about the shop (`delivery`) and what is to be done are left out but for words that a product is
    called by.
    """
    taken = {at for a in amounts if not is_size(a, words) for at in range(a.start, a.end)}
    taken |= language.places(words, *TALK, "again", "take_it", "repeat")
    taken |= {at for at in language.places(words, *ASIDES) if not sold(words[at])}
    said = [mark for mark in marks_of(words, language) if mark.kinds != {"to"}]
    taken |= {at for mark in said for at in span(mark) if not _named(mark, words, sold)}
    taken |= {a.end for a in amounts if a.measure == UNCOUNTED and a.end < len(words)} & {
        at for at, word in enumerate(words) if fold(word) in language.tables.uncounted
    }
    rest = [word for at, word in enumerate(words) if at not in taken]
    return [word for word in rest if fold(word) not in language.filler]


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
    two bags of 1 kg. What the product is itself counts as one: two boxes of `Gift Box`. Pieces of
    a carton that holds nobody knows how many are not cartons.
    """
    measure = amount.measure
    unknown = product.pieces_per_unit is None and product.unit.casefold() in HOLDERS
    if unknown and measure in PIECE_WORDS:
        return None
    counted = units(product, amount.number, measure)
    if counted is not None:
        return counted
    if measure == CONTAINER:
        return _contained(product, amount.number)
    if measure not in SIZES:
        return amount.number if measure in normalise(product.name).split() else None
    unit = MEASURES.get(product.unit.casefold())
    if unit in SIZES:
        return _converted(amount.number, measure, unit)
    held = _held(product, measure, exactly=product.unit in PIECE_WORDS)
    return amount.number / held if held is not None and amount.number % held == 0 else None


def _contained(product: Product, number: Decimal) -> Decimal | None:
    """How many units so many of whatever the product comes in are; None for what is measured out.

    Where several pieces come in packs, nobody knows which of both is meant.
    """
    boxes = units(product, number, "box")
    if boxes is not None:
        return boxes
    unit = product.unit.casefold()
    if MEASURES.get(unit) in SIZES or (product.packs and unit in PIECE_WORDS):
        return None
    return number


def _held(product: Product, measure: str, *, exactly: bool) -> Decimal | None:
    """How much of the measure is in one unit: 0.5 kg for `Tea 500 g`.

    `exactly`: only a size in the same measure counts, for nobody buys soap bars by the kilo.
    """
    hits = (_GLUED.fullmatch(word) for word in normalise(product.name).split())
    sizes = [(Decimal(hit[1]), hit[2]) for hit in hits if hit and hit[2] in _PARTS]
    sizes = [size for size in sizes if size[1] == measure or not exactly]
    found = [
        size for number, own in sizes if (size := _converted(number, own, measure)) is not None
    ]
    return found[0] if len(found) == 1 and found[0] > 0 else None


def _converted(number: Decimal, measure: str, into: str) -> Decimal | None:
    """The same weight, volume or length in another measure; None where it is of another kind."""
    (kind, part), (other, whole) = _PARTS[measure], _PARTS[into]
    return number * part / whole if kind == other else None


def sized(product: Product, number: Decimal) -> bool:
    """Whether a number of the product's name is this one: 12 is the size of `Bulb 12 W`."""
    hits = map(_SIZE_NUMBER.fullmatch, normalise(product.name).split())
    return any(hit is not None and Decimal(hit[1]) == number for hit in hits)


def _named(mark: Mark, words: Sequence[str], sold: Callable[[str], bool]) -> bool:
    """Whether a product is called by what else would say what is to be done."""
    return mark.end - mark.start == 1 and sold(words[mark.start])


def _rank(amount: Amount) -> int:
    if amount.measure is None:
        return 1
    return 2 if amount.measure in SIZES else 0
