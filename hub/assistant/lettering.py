"""CORE: how a word sounds, written in Latin letters, whatever script it came in.

Names of goods are written as they are heard: `बोल्ट` is `bolt`, `cheeni` is `chini`.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

_SAME: Final = (
    ("ee", "i"), ("ii", "i"), ("ea", "i"), ("oo", "u"), ("ou", "u"), ("aa", "a"), ("ph", "f"),
    ("w", "v"), ("z", "j"), ("ck", "k"), ("q", "k"), ("sh", "s"),
)  # fmt: skip
_ACROSS: Final = (("ce", "s"), ("ci", "si"), ("ch", "C"), ("c", "k"), ("C", "ch"), ("ai", "e"))
"""What is heard alike as well, once a word was carried over from another script."""

_DOUBLED: Final = re.compile(r"(.)\1")
_VOWELS: Final = re.compile("[aeiouy]")
_DEVANAGARI: Final = "DEVANAGARI "
_CONSONANTS_SURE: Final = 3
"""With so many of them alike, vowels may differ in two places."""


@lru_cache(maxsize=8192)
def sound(word: str) -> str:
    """A word in Latin letters as it sounds, however it is spelled; empty for any other."""
    if not (word.isascii() and word.isalpha()):
        return ""
    for spelled, heard in _SAME:
        word = word.replace(spelled, heard)
    return _DOUBLED.sub(r"\1", word)


@lru_cache(maxsize=8192)
def latin(word: str) -> str:
    """A Devanagari word in Latin letters, by the names that Unicode gives to its letters."""
    said: list[str] = []
    silent = False  # whether the last consonant waits for its vowel
    for char in word:
        name = unicodedata.name(char, "")
        if not name.startswith(_DEVANAGARI):
            return ""
        kind, _, letter = name.removeprefix(_DEVANAGARI).partition(" ")
        if kind == "SIGN":
            said += ["n"] if letter in ("ANUSVARA", "CANDRABINDU") else []
            silent = False
        elif kind == "VOWEL" or letter.removeprefix("CANDRA ")[0] in "AEIOU":
            said.append(letter.removeprefix("SIGN ").removeprefix("CANDRA ").lower())
            silent = False
        elif kind == "LETTER":
            said += ["a"] if silent else []
            said.append("ch" if letter == "CA" else letter.lower().removesuffix("a"))
            silent = True
        else:
            return ""
    return "".join(said)


def is_heard_as(word: str, other: str) -> bool:
    """Whether a Devanagari word is one in Latin letters, as it is heard."""
    first, second = _carried(latin(word)), _carried(other)
    if not first or not second or first[0] != second[0]:
        return False
    bones = _VOWELS.sub("", first)
    if bones != _VOWELS.sub("", second):
        return False
    slips = 2 if len(bones) >= _CONSONANTS_SURE else len(bones) - 1
    return abs(len(first) - len(second)) <= slips


@lru_cache(maxsize=8192)
def _carried(word: str) -> str:
    heard = sound(word)
    for spelled, alike in _ACROSS:
        heard = heard.replace(spelled, alike)
    return _DOUBLED.sub(r"\1", heard)
