"""What the keyless assistant says and understands in one language, read from `replies/`.

How quantities are given in it stands beside that, in `numbers/`. Words are compared folded: ways to
spell one that readers take for the same are the same.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from string import Formatter
from typing import Final

import msgspec

from hub.assistant import tables
from hub.assistant.reply_places import PLACES
from hub.assistant.signs import SIGNS
from hub.assistant.tables import LANGUAGES, Tables, fold
from hub.commerce.words import normalise

TALK: Final = ("bot", "greeting", "thanks", "bye", "small_talk")
"""What people say besides their errand."""

ASIDES: Final = ("outside", "discount", "list", "tax")
"""What is asked about the shop rather than of a product: delivery, a bargain, its goods, tax."""

TOPICS: Final = ("hours", "delivery", "payment", "address", "contact")
"""What is asked about the shop that it may have said something of."""

PAYMENTS: Final = ("cod", "upi", "bank", "card_link")
"""Ways to pay, by the names that the shop's settings have for them."""

ORDERING: Final = (
    "agree",
    "again",
    "question",
    "polite",
    "want",
    "checkout",
    "empty",
    "show_cart",
    "repeat",
    "status",
    "cancel_order",
    "change_order",
    "call_off",
    "no_tax_number",
    "tax_number",
    "coupon",
    "towards",
    "own_address",
    "address_word",
    "transporter",
    "paid",
    "abuse",
    "complaint",
    "how_to",
    "take_it",
    "all_there",
    "in_cart",
    "except",
    "upi_id",
    "tax_bill",
    "swap",
    "swap_for",
    "instead_of",
    "in_its_place",
    "cancel_it",
    "later",
)
"""What is said on the way from a cart to an order, and of orders."""

INTENTS: Final = (
    *(*TALK, "vocative", *ASIDES, "yes", "no", "person"),
    *("price", "have", "stock", "cheapest"),
    *(*(f"ask_{topic}" for topic in TOPICS), *(f"pay_{way}" for way in PAYMENTS), *ORDERING),
)

MIXED: Final[Mapping[str, tuple[str, ...]]] = {
    "hi": ("hi-Latn", "en"),
    "hi-Latn": ("en", "hi"),
    "ar": ("en",),
}
"""The languages whose words are understood within another: people mix them in one message. English
takes none, for short words of Hindi in Latin letters are English ones, too."""


FEW: Final[Mapping[str, range]] = {"ar": range(3, 11)}
"""Behind which numbers a unit stands in the plural, where that is not behind all but one."""

RIGHT_TO_LEFT: Final = frozenset(("ar",))
_ISOLATE: Final = "\u2068"
_END: Final = "\u2069"
_PERCENT: Final = re.compile(r"(?:\{tax\} )?\{pct\}%")
_LETTER: Final = re.compile(r"[^\W\d_]")
_ISOLATES: Final = str.maketrans("", "", _ISOLATE + _END)


class Language(msgspec.Struct, frozen=True, kw_only=True):
    """A language file, its words normalised and folded as customers' are compared.

    `assent` are the words that a yes may have around it and still be one.
    """

    code: str
    replies: Mapping[str, str]
    units: Mapping[str, str]
    plurals: Mapping[str, str]
    greetings: Mapping[tuple[str, ...], str]
    intents: Mapping[str, tuple[tuple[str, ...], ...]]
    filler: frozenset[str]
    assent: frozenset[str]
    tables: Tables

    def say(self, reply: str, **values: object) -> str:
        """A reply with its places filled.

        Where it is read from right to left, what is put in stands apart: neither a name in Latin
        letters nor a price turns the signs around it.
        """
        template = self.replies[reply]
        if self.code not in RIGHT_TO_LEFT:
            return template.format_map(values)
        apart = {
            name: value if name in ("pct", "tax") else _set_apart(str(value))
            for name, value in values.items()
        }
        return _isolated(template).format_map(apart)

    def listed(self, names: Iterable[str]) -> str:
        """Names in a row, with the language's comma."""
        return self.say("comma").join(names)

    def counted(self, unit: str, quantity: object) -> str:
        """The unit's name after `quantity`: 1 box, 10 boxes."""
        name = self.units.get(unit.casefold(), unit)
        if quantity == 1:
            return name
        if self.code in FEW:
            return self.plurals.get(unit.casefold(), name) if quantity in FEW[self.code] else name
        return self.plurals.get(unit.casefold()) or self.say("plural", unit=name)

    def own_unit(self, unit: str, quantity: object) -> str | None:
        """The unit's name in this language after `quantity`; None where it has none."""
        return self.counted(unit, quantity) if unit.casefold() in self.units else None

    def hello(self, words: Sequence[str]) -> str:
        """A greeting for who greeted with `words`, in kind where that is known."""
        folded = [fold(word) for word in words]
        heard = [said for said in self.greetings if find_phrase(folded, said) is not None]
        return self.greetings[max(heard, key=len)] if heard else self.say("hello")

    def means(self, words: Sequence[str], intent: str) -> bool:
        """Whether one of the intent's phrases stands in `words`."""
        folded = [fold(word) for word in words]
        return any(find_phrase(folded, phrase) is not None for phrase in self.intents[intent])

    def begins(self, words: Sequence[str], intent: str) -> bool:
        """Whether `words` begin with one of the intent's phrases."""
        folded = tuple(fold(word) for word in words)
        return any(folded[: len(phrase)] == phrase for phrase in self.intents[intent])

    def is_only(self, words: Sequence[str], *intents: str) -> bool:
        """Whether `words` are phrases of these intents and fillers, and nothing else."""
        meant = self.places(words, *intents)
        rest = (word for at, word in enumerate(words) if at not in meant)
        return bool(meant) and all(fold(word) in self.filler for word in rest)

    def is_talk(self, words: Sequence[str]) -> bool:
        """Whether `words` but greet, thank or keep company: phrases of these and vocatives."""
        meant = self.places(words, *TALK)
        return bool(meant) and meant | self.places(words, "vocative") == set(range(len(words)))

    def agrees(self, words: Sequence[str]) -> bool:
        """Whether `words` are an explicit yes and nothing else: `ok wait` is none."""
        return self.says_only(words, "agree")

    def says_only(self, words: Sequence[str], *intents: str) -> bool:
        """Whether `words` are phrases of these and what may stand around a yes: no `ok wait`."""
        meant = self.places(words, *intents)
        return bool(meant) and all(
            at in meant or fold(word) in self.assent for at, word in enumerate(words)
        )

    def places(self, words: Sequence[str], *intents: str) -> set[int]:
        """Which of `words` belong to phrases of these intents."""
        folded = [fold(word) for word in words]
        known = set(folded)  # few phrases begin with a word that was written
        phrases = [p for intent in intents for p in self.intents[intent] if p[0] in known]
        return {
            at
            for phrase in phrases
            for start in range(len(words))
            if tuple(folded[start : start + len(phrase)]) == phrase
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
    units: dict[str, str]
    plurals: dict[str, str]
    greetings: dict[str, str]
    intents: dict[str, list[str]]
    words: dict[str, list[str]]


@lru_cache(maxsize=8)
def load(name: str) -> Language:
    """The language of the file `replies/{name}.toml`, with the words of those it is mixed with.

    Raises:
        ValueError: something is missing in a file; it is named.
    """
    every = [_alone(code) for code in (name, *MIXED.get(name, ()))]
    return msgspec.structs.replace(
        every[0],
        greetings={said: back for one in reversed(every) for said, back in one.greetings.items()},
        intents={
            intent: tuple(dict.fromkeys(words for one in every for words in one.intents[intent]))
            for intent in INTENTS
        },
        filler=frozenset(word for one in every for word in one.filler),
        assent=frozenset(word for one in every for word in one.assent),
    )


@lru_cache(maxsize=8)
def _alone(name: str) -> Language:
    text = files("hub.assistant").joinpath("replies", f"{name}.toml").read_text("utf-8")
    return parse(text, tables.load(name), name)


def was_said(reply: str, text: str) -> bool:
    """Whether `text` holds the reply, in whichever language: the customer may have changed it."""
    text = text.translate(_ISOLATES)
    return any(_longest_piece(load(code).replies[reply]) in text for code in LANGUAGES)


@lru_cache(maxsize=256)
def _isolated(template: str) -> str:
    """The template with percentages set apart: a % belongs to the number before it."""
    return _PERCENT.sub(lambda place: f"{_ISOLATE}{place[0]}{_END}", template)


def _set_apart(value: str) -> str:
    """A value between signs within which text has a direction of its own.

    One that begins in letters of the language has that of the sentence already.
    """
    first = _LETTER.search(value)
    own = first is not None and unicodedata.bidirectional(first[0]) in ("R", "AL")
    return f"{_ISOLATE}{value}{_END}" if value and not own else value


@lru_cache(maxsize=64)
def _longest_piece(template: str) -> str:
    """What of a template stands there whatever its places are filled with."""
    return max((words for words, *_ in Formatter().parse(template)), key=len)


def parse(text: str, known: Tables, code: str = "en") -> Language:
    """The language that a file's text describes, in which quantities are given as is `known`.

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
        code=code,
        replies=file.replies,
        units=file.units,
        plurals=file.plurals,
        greetings={tuple(_folded(said)): back for said, back in file.greetings.items()},
        intents={
            intent: tuple(words for phrase in phrases if (words := tuple(_folded(phrase))))
            for intent, phrases in file.intents.items()
        },
        filler=frozenset(
            [*_folded(*file.words["filler"]), *known.filler, *known.money, *known.ordinals, *SIGNS]
        ),
        assent=frozenset(_folded(*file.words["assent"])),
        tables=known,
    )


def _folded(*phrases: str) -> list[str]:
    return [fold(word) for phrase in phrases for word in normalise(phrase).split()]


def _check_places(reply: str, template: str) -> None:
    try:
        template.format_map(dict.fromkeys(PLACES[reply], ""))
    except (KeyError, ValueError, IndexError, AttributeError) as error:
        raise ValueError(f"the reply {reply!r} has a place that it may not have: {error}") from None
