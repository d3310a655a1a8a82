"""What the keyless assistant says and understands in one language, read from `replies/`."""

import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Final

import msgspec

from hub.commerce.words import normalise

TALK: Final = ("bot", "greeting", "thanks", "bye")
"""What people say besides their errand."""

ASIDES: Final = ("outside", "discount", "list")
"""What is asked about the shop rather than of a product: delivery, a bargain, what it sells."""

INTENTS: Final = (*TALK, *ASIDES, "yes", "no", "person", "price", "have", "cheapest")

PLACES: Final[Mapping[str, frozenset[str]]] = {
    name: frozenset(places.split())
    for name, places in {
        "hello": "",
        "greeting": "",
        "bot": "",
        "thanks": "",
        "bye": "",
        "price": "product price unit tax",
        "slab_pct": "quantity unit pct",
        "slab_price": "quantity unit price",
        "minimum": "quantity unit",
        "line": "quantity unit product net discount tax",
        "line_pieces": "pieces quantity unit",
        "line_held": "pieces quantity unit held",
        "discount_pct": "pct quantity",
        "discount_price": "price quantity",
        "tax_plus": "pct tax",
        "tax_plus_amount": "pct tax amount total",
        "tax_with": "pct tax",
        "option": "product price unit",
        "options": "",
        "cheapest": "",
        "categories": "names",
        "categories_some": "names",
        "more": "",
        "which": "",
        "this_one": "",
        "which_product": "",
        "close": "",
        "out_of_stock": "product price unit",
        "over_stock": "product limit unit",
        "below_minimum": "product limit unit",
        "off_step": "product limit unit nearest",
        "not_positive": "product unit",
        "too_many": "product",
        "not_counted": "product unit measure price tax",
        "not_found": "",
        "discount": "",
        "foreign": "",
        "wordless": "",
        "unknown": "",
        "unknown_rest": "",
        "offer": "",
        "declined": "",
        "handover": "",
        "media": "",
        "or": "",
        "plural": "unit",
    }.items()
}
"""Every reply that a language file must have, and what may stand in its braces."""


class Language(msgspec.Struct, frozen=True, kw_only=True):
    """A language file, its words normalised as customers' are."""

    replies: Mapping[str, str]
    plurals: Mapping[str, str]
    intents: Mapping[str, tuple[tuple[str, ...], ...]]
    filler: frozenset[str]
    uncounted: frozenset[str]
    numbers: Mapping[str, int]
    times: Mapping[str, int]
    ordinals: Mapping[str, int]
    counts: Mapping[str, str]

    def say(self, reply: str, **values: object) -> str:
        """A reply with its places filled."""
        return self.replies[reply].format_map(values)

    def counted(self, unit: str, quantity: object) -> str:
        """The unit's name after `quantity`: 1 box, 10 boxes."""
        if quantity == 1:
            return unit
        return self.plurals.get(unit.casefold()) or self.say("plural", unit=unit)

    def means(self, words: Sequence[str], intent: str) -> bool:
        """Whether one of the intent's phrases stands in `words`."""
        return any(find_phrase(words, phrase) is not None for phrase in self.intents[intent])

    def is_only(self, words: Sequence[str], *intents: str) -> bool:
        """Whether `words` are phrases of these intents and fillers, and nothing else."""
        meant = self.places(words, *intents)
        rest = (word for at, word in enumerate(words) if at not in meant)
        return bool(meant) and all(word in self.filler for word in rest)

    def places(self, words: Sequence[str], *intents: str) -> set[int]:
        """Which of `words` belong to phrases of these intents."""
        phrases = [phrase for intent in intents for phrase in self.intents[intent]]
        return {
            at
            for phrase in phrases
            for start in range(len(words))
            if tuple(words[start : start + len(phrase)]) == phrase
            for at in range(start, start + len(phrase))
        }


def find_phrase(words: Sequence[str], phrase: Sequence[str]) -> int | None:
    """Where `phrase` begins in `words`, or None."""
    if not phrase:
        return None
    size, wanted = len(phrase), tuple(phrase)
    for at in range(len(words) - size + 1):
        if words[at] == wanted[0] and tuple(words[at : at + size]) == wanted:
            return at
    return None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    replies: dict[str, str]
    plurals: dict[str, str]
    intents: dict[str, list[str]]
    words: dict[str, list[str]]
    numbers: dict[str, int]
    times: dict[str, int]
    ordinals: dict[str, int]
    counts: dict[str, list[str]]


@lru_cache(maxsize=8)
def load(name: str) -> Language:
    """The language of the file `replies/{name}.toml`; ValueError names what is missing in it."""
    text = files("hub.assistant").joinpath("replies", f"{name}.toml").read_text("utf-8")
    return parse(text)


def parse(text: str) -> Language:
    """The language that a file's text describes.

    Raises:
        ValueError: a reply or an intent is missing, unknown, or has another place than it may.
    """
    file = msgspec.convert(tomllib.loads(text), _File)
    if file.replies.keys() != PLACES.keys() or file.intents.keys() != set(INTENTS):
        odd = (file.replies.keys() ^ PLACES.keys()) | (file.intents.keys() ^ set(INTENTS))
        raise ValueError(f"missing or unknown in the language file: {', '.join(sorted(odd))}")
    for reply, template in file.replies.items():
        _check_places(reply, template)
    return Language(
        replies=file.replies,
        plurals=file.plurals,
        intents={
            intent: tuple(
                words for phrase in phrases if (words := tuple(normalise(phrase).split()))
            )
            for intent, phrases in file.intents.items()
        },
        filler=frozenset([*file.words["filler"], *file.words["uncounted"], *file.ordinals]),
        uncounted=frozenset(file.words["uncounted"]),
        numbers=file.numbers,
        times=file.times,
        ordinals=file.ordinals,
        counts={word: unit for unit, words in file.counts.items() for word in words},
    )


def _check_places(reply: str, template: str) -> None:
    try:
        template.format_map(dict.fromkeys(PLACES[reply], ""))
    except (KeyError, ValueError, IndexError, AttributeError) as error:
        raise ValueError(f"the reply {reply!r} has a place that it may not have: {error}") from None
