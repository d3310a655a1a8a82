"""CORE: what was said last, by either side, as the newest words may refer to it."""

from collections.abc import Sequence
from itertools import groupby

from hub.assistant.engine import Line
from hub.assistant.language import load
from hub.assistant.tables import LANGUAGES


def newest(history: Sequence[Line], *, own: bool) -> str:
    """The newest words of one side; the papers of an order ask and answer nothing."""
    words = [line for line in history if line.author != "bot" or line.kind == "text"]
    sides = groupby(reversed(words), key=lambda line: line.author != "customer")
    said = next((list(lines) for is_own, lines in sides if is_own is own), [])
    return said[0].text if own and said else "\n".join(line.text for line in reversed(said))


def options_in(text: str) -> str:
    """The lines of a reply that give products to choose from."""
    option = tuple(load(code).replies["option"].partition("{")[0] for code in LANGUAGES)
    return "\n".join(line for line in text.splitlines() if line.startswith(option))
