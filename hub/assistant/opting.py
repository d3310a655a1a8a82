"""Whether a message says that the shop must not write by itself any more, or may again.

Only as a whole message: `stop` within a sentence is about something else. The words are in
`opting.toml`; those of every language count, whichever is spoken.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Final, Literal

import msgspec

from hub.assistant.tables import fold
from hub.commerce.words import normalise

Opting = Literal["out", "in"]

CHARS_MAX: Final = 60  # of such a message; every longer one says something else
_DIGIT: Final = re.compile(r"\d")


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language of the file."""

    out: tuple[str, ...]
    again: tuple[str, ...] = msgspec.field(name="in")


def opting(text: str) -> Opting | None:
    """What a message says of that; None for almost all of them."""
    if len(text) > CHARS_MAX or _DIGIT.search(text) is not None:  # most messages, and at once
        return None
    return phrases().get(_words(text))


def newest(texts: Sequence[str]) -> Opting | None:
    """What the newest of the messages that says so says of that."""
    return next(filter(None, map(opting, reversed(texts))), None)


@cache
def phrases() -> Mapping[tuple[str, ...], Opting]:
    """Every such message by its words, with what it says."""
    text = files("hub.assistant").joinpath("opting.toml").read_text("utf-8")
    every = msgspec.convert(tomllib.loads(text), dict[str, _Words]).values()
    told: dict[tuple[str, ...], Opting] = {
        _words(text): "in" for one in every for text in one.again
    }
    return told | {_words(text): "out" for one in every for text in one.out}


def _words(text: str) -> tuple[str, ...]:
    return tuple(map(fold, normalise(text).split()))
