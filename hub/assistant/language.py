"""What the keyless assistant says and understands in one language, read from `replies/`.

How quantities are given in it stands beside that, in `numbers/`. Words are compared folded: ways to
spell one that readers take for the same are the same.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from string import Formatter
from typing import Final

import msgspec

from hub.assistant import tables
from hub.assistant.signs import SIGNS
from hub.assistant.tables import LANGUAGES, Tables, fold
from hub.commerce.order_states import STATES
from hub.commerce.words import normalise

TALK: Final = ("bot", "greeting", "thanks", "bye")
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
    *(*TALK, *ASIDES, "yes", "no", "person"),
    *("price", "have", "stock", "cheapest"),
    *(*(f"ask_{topic}" for topic in TOPICS), *(f"pay_{way}" for way in PAYMENTS), *ORDERING),
)

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
        "have_it": "",
        "instead": "",
        "over_stock": "product limit unit",
        "below_minimum": "product limit unit",
        "off_step": "product limit unit nearest",
        "not_positive": "product unit",
        "too_many": "product",
        "not_counted": "product unit measure price tax",
        "not_found": "",
        "discount": "",
        "tax_added": "tax",
        "tax_included": "tax",
        "foreign": "",
        "wordless": "",
        "unknown": "",
        "unknown_rest": "",
        "offer": "",
        "declined": "",
        "opted_out": "",
        "opted_in": "",
        "handover": "",
        "media": "",
        "delivery_extra": "",
        "add_quoted": "",
        "how_many": "unit product",
        "either": "first second unit product",
        "cart_hint": "",
        "cart_title": "",
        "cart_sum": "total",
        "cart_sum_shipped": "total",
        "cart_empty": "",
        "emptied": "",
        "how_to_empty": "",
        "how_to_order": "",
        "removed": "product",
        "not_in_cart": "",
        "not_there": "product",
        "how_to_remove": "product",
        "how_to_cancel": "",
        "rest_done": "count",
        "not_found_named": "names",
        "cart_full": "",
        "again": "",
        "gone": "names",
        "no_orders": "",
        "coupon_taken": "coupon amount",
        "coupon_noted": "coupon",
        "coupon_removed": "",
        "coupon_unknown": "",
        "ask_tax_number": "",
        "send_tax_number": "",
        "ask_place": "",
        "ask_payment": "ways",
        "ask_address": "",
        "tax_number_saved": "number",
        "tax_number_bad": "",
        "no_tax_number_saved": "",
        "tax_number_note": "",
        "address_saved": "",
        "transporter_saved": "name",
        "place_saved": "place",
        "undeliverable": "place",
        "ways": "ways",
        "hours": "hours",
        "address": "address",
        "contact": "phone",
        "upi_id": "vpa",
        "delivers": "",
        "delivers_there": "",
        "zone": "places fee",
        "zone_free": "places fee free_from",
        "per_unit": "rate_below rate_from threshold",
        "per_unit_free": "free_from",
        "confirm": "",
        "changed": "",
        "expired": "",
        "waiting": "total",
        "not_placed": "",
        "placed": "order_no total",
        "unsold": "",
        "too_large": "",
        "status": "order_no state total",
        "tracking": "tracking",
        "eta": "eta",
        "paid": "",
        "unpaid": "",
        "no_such_order": "",
        "cancel": "order_no total",
        "cancelled": "order_no",
        "kept": "order_no",
        "too_late": "order_no state",
        "rule_pct": "name pct",
        "rule_amount": "name amount",
        "rule_from": "amount",
        **{f"state_{state}": "" for state in STATES},
        "or": "",
        "plural": "unit",
    }.items()
}
"""Every reply that a language file must have, and what may stand in its braces."""


MIXED: Final[Mapping[str, tuple[str, ...]]] = {
    "hi": ("hi-Latn", "en"),
    "hi-Latn": ("en", "hi"),
    "ar": ("en",),
}
"""The languages whose words are understood within another: people mix them in one message. English
takes none, for short words of Hindi in Latin letters are English ones, too."""


class Language(msgspec.Struct, frozen=True, kw_only=True):
    """A language file, its words normalised and folded as customers' are compared.

    `assent` are the words that a yes may have around it and still be one.
    """

    code: str
    replies: Mapping[str, str]
    units: Mapping[str, str]
    plurals: Mapping[str, str]
    intents: Mapping[str, tuple[tuple[str, ...], ...]]
    filler: frozenset[str]
    assent: frozenset[str]
    tables: Tables

    def say(self, reply: str, **values: object) -> str:
        """A reply with its places filled."""
        return self.replies[reply].format_map(values)

    def counted(self, unit: str, quantity: object) -> str:
        """The unit's name after `quantity`: 1 box, 10 boxes."""
        name = self.units.get(unit.casefold(), unit)
        if quantity == 1:
            return name
        return self.plurals.get(unit.casefold()) or self.say("plural", unit=name)

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
    return any(_longest_piece(load(code).replies[reply]) in text for code in LANGUAGES)


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
