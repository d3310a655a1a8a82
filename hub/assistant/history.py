"""CORE: what was said last, by either side, as the newest words may refer to it."""

from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import Final

from hub.assistant.engine import Line
from hub.assistant.language import load, was_said
from hub.assistant.tables import LANGUAGES

REPLIES_MAX: Final = 3
"""So many replies back may stand what is spoken of."""

FAILED: Final = (
    "unknown",
    "unknown_rest",
    "not_found",
    "not_found_named",
    "which_product",
    "waiting",
)
"""Replies to what was not understood."""


def newest(history: Sequence[Line], *, own: bool) -> str:
    """The newest words of one side; the papers of an order ask and answer nothing."""
    words = [line for line in history if line.author != "bot" or line.kind == "text"]
    sides = groupby(reversed(words), key=lambda line: line.author != "customer")
    said = next((list(lines) for is_own, lines in sides if is_own is own), [])
    return said[0].text if own and said else "\n".join(line.text for line in reversed(said))


def spoken_of(history: Sequence[Line]) -> Iterator[str]:
    """What the shop said last, and before that as long as it had but failed to understand."""
    shops = (line for line in reversed(history) if line.author != "customer")
    texts = (line.text for line in shops if line.author != "bot" or line.kind == "text")
    for text in islice(texts, REPLIES_MAX):
        yield text
        if not any(was_said(reply, text) for reply in FAILED):
            break


def options_in(text: str) -> str:
    """The lines of a reply that give products to choose from."""
    option = tuple(load(code).replies["option"].partition("{")[0] for code in LANGUAGES)
    return "\n".join(line for line in text.splitlines() if line.startswith(option))
