"""CORE: the Arabic "and" apart from the word that it is stuck to: `وقهوة`, `وكم`.

It is one only where the rest is a word of its own and the whole is none.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

from hub.assistant.language import Language, load
from hub.assistant.likeness import ways
from hub.assistant.tables import fold

AND: Final = "و"
REST_MIN: Final = 2
"""Letters that a word must have without it."""

_STUCK: Final = re.compile(rf"(?<!\w){AND}(\w{{{REST_MIN},}})")


def loosened(
    words: Iterable[str], language: Language, sold: Callable[[str], bool] = lambda _: False
) -> list[str]:
    """The words, each "and" apart; `sold` tells of a word whether a product is called so."""
    return [part for word in words for part in _parted(word, language, sold)]


def loosened_text(text: str, language: Language) -> str:
    """The text with a blank behind each "and" that is stuck to a word of the language."""
    if AND not in text:
        return text
    return _STUCK.sub(lambda hit: " ".join(_parted(hit[0], language, lambda _: False)), text)


def _parted(word: str, language: Language, sold: Callable[[str], bool]) -> list[str]:
    rest = word[1:]
    if not word.startswith(AND) or len(rest) < REST_MIN:
        return [word]
    if fold(word) in _known(language.code) or any(map(sold, ways(word))):
        return [word]
    known = fold(rest) in _known(language.code) or any(map(sold, ways(rest)))
    return [AND, rest] if known else [word]


@lru_cache(maxsize=8)
def _known(code: str) -> frozenset[str]:
    """The words with which something that the language says begins."""
    language = load(code)
    tables = language.tables
    firsts = {phrase[0] for phrases in language.intents.values() for phrase in phrases}
    marks = {word for phrase in tables.phrases.all() for word in phrase}
    counted = {*tables.counts, *tables.duals, *tables.ones, *tables.ordinals}
    return frozenset(firsts | marks | counted | language.filler)
