"""The parts of a customer's line: each names one thing that is wanted."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from hub.assistant.language import Language
from hub.assistant.quantities import SIZES, Amount, find_amounts, words_of
from hub.assistant.search import is_compound

_BREAK: Final = re.compile(r"[,;&+?!|]+(?!\d)|(?<!rs)\.\s|\band\b", re.IGNORECASE)


def parts_of(line: str, language: Language) -> list[list[str]]:
    """The words of each part: parted by signs, by `and`, or by a size or quantity of their own."""
    parts = [words for part in _BREAK.split(line) if (words := words_of(part))]
    return [piece for words in parts for piece in _split(words, language)]


def _split(words: list[str], language: Language) -> list[list[str]]:
    amounts = [a for a in find_amounts(words, language) if a.measure not in SIZES]
    cuts = [0, *_cuts(words, amounts, language), len(words)]
    return [words[start:end] for start, end in pairwise(cuts)]


def _cuts(words: Sequence[str], amounts: Sequence[Amount], language: Language) -> list[int]:
    """Where `6x40 8x80` and `2 soap 3 oil` go over from one wish to the next."""
    sizes = [at for at, word in enumerate(words) if is_compound(word)]
    if len({words[at] for at in sizes}) > 1:
        counted_before = bool(amounts) and amounts[0].start < sizes[0]
        behind = {} if counted_before else {amount.start: amount.end for amount in amounts}
        return [behind.get(at + 1, at + 1) for at in sizes[:-1]]
    if sizes or len(amounts) < 2:
        return []
    if all(word in language.filler for word in words[: amounts[0].start]):
        return [amount.start for amount in amounts[1:]]
    return [amount.end for amount in amounts[:-1]]
