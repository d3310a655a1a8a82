"""CORE: whether two words are the same one, spelled in another way or with a slip.

`cheeni` and `chini` sound alike; `القهوة` is `قهوة` with its article; `oyl` is a misspelt `oil`.
"""

from collections.abc import Sequence
from typing import Final

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from hub.assistant.lettering import is_heard_as, sound
from hub.commerce.products import singular

ALIKE_MIN: Final = 60.0
"""Words that are less alike are not looked at."""

_TYPO_PENALTY: Final = 1.5  # per point of likeness: `oyl` for `oil` counts half
_SOUND: Final = 95.0  # the same sounds in other letters
_SHORT: Final = 5  # letters: up to here one slip is forgiven, above two
_SOUNDS_MIN: Final = 4  # letters: shorter words sound like too many
_ARTICLE: Final = "ال"
_STEM_MIN: Final = 3  # letters that a word must have without its article


def ways(word: str) -> tuple[str, ...]:
    """The word and the forms in which it is the same: one for several, Arabic without article."""
    return _article_ways(word) if "ء" <= word[:1] <= "ي" else (word, singular(word))


def likeness(word: str, vocabulary: Sequence[str]) -> float:
    """How surely `word` is a misspelt one of the vocabulary's, 0 to 100."""
    if any(_sounds_like(word, other) for other in vocabulary):
        return _SOUND
    found = process.extractOne(word, vocabulary, scorer=fuzz.ratio, score_cutoff=ALIKE_MIN)
    if found is None or (found[1] < 100 and is_chance(word, found[0])):
        return 0.0
    return 100.0 - _TYPO_PENALTY * (100.0 - found[1])


def is_chance(word: str, other: str) -> bool:
    """Whether two words differ by more than a slip: `paint` is no `plain`, `why` no code WH."""
    if min(len(word), len(other)) >= _SHORT and (word in other or other in word):
        return False  # `flower` of `sunflower`
    if _sounds_like(word, other):
        return False
    slips = 1 if len(word) <= _SHORT else 2
    plural = singular(word)
    return len(other) < 3 or min(OSA.distance(w, other) for w in {word, plural}) > slips


def _sounds_like(word: str, other: str) -> bool:
    if not word.isascii():
        return is_heard_as(word, other)
    return min(len(word), len(other)) >= _SOUNDS_MIN and sound(word) == sound(other) != ""


def _article_ways(word: str) -> tuple[str, ...]:
    if not word.startswith(_ARTICLE):
        return (word, _ARTICLE + word)
    bare = word.removeprefix(_ARTICLE)
    return (word, bare) if len(bare) >= _STEM_MIN else (word,)
