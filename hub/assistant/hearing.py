"""CORE: what a message says of an order besides goods: where to, how paid, whose bill, which order.

What is understood is cut out of the text; the rest is read for products. A question only asks: it
has a place and an order number, and nothing that would do something.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from hub.assistant.amounts import marks_of
from hub.assistant.language import PAYMENTS, Language
from hub.assistant.loosening import loosened_text
from hub.assistant.signs import words_of
from hub.assistant.tables import ALIKE, OPTIONAL
from hub.commerce.shipping import Shipping, place_in
from hub.commerce.words import MEASURES

Phrases = tuple[tuple[str, ...], ...]

_SENTENCE: Final = re.compile(r"[^?？؟\n]+[?？؟]*|\n")
_CLAUSE: Final = re.compile(r"[,;،؛।\n]+|\.(?=\s|$)")
_TAX_NUMBER: Final = re.compile(
    r"(?<!\w)\d{2} ?[a-z]{5} ?\d{4} ?[a-z] ?[0-9a-z] ?[a-z] ?[0-9a-z](?!\w)", re.IGNORECASE
)
_NUMBERED: Final = r"\W{0,3}((?=[^\s]*\d)[0-9a-z]{8,20})(?!\w)"
_POSTCODE: Final = re.compile(r"(?<![\w.,/+-])([1-8]\d{2}) ?(?!000)(\d{3})(?![\w]|[.,/-]\d)")
_TOWN: Final = re.compile(
    r"[\s,.;]*[^\W\d]+(?: [^\W\d]+){0,2}[\s-]+(?=[1-8]\d{2} ?(?!000)\d{3}(?!\w))"
)
_CLAUSE_END: Final = r"(?=\s*(?:[,;.،؛।\n]|$))"
_HOUSE_END: Final = r"(?=\s*(?:[,;.،؛।\n]|$|[1-8]\d{5}|(?:par|pe|me|mein|पर|पे|में)(?!\w)))"
_STUCK_TO: Final = re.compile(r"(?<!\w)ل(\w{3,})")
_BARE_NO: Final = re.compile(r"(?<![\w.,-])\d{3,9}(?![\w-]|[.,]\d)")
_MARKS: Final = f"[{OPTIONAL}]*"
_NAME_MAX_CHARS: Final = 80
_ADDRESS_MAX_CHARS: Final = 500


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence. `rest` is what is left of it, `words` all of it; `asks`: it is a question."""

    text: str
    words: tuple[str, ...]
    rest: str
    asks: bool
    place: str | None = None
    payment: str | None = None
    tax_number: str | None = None
    no_tax_number: bool = False
    coupon: str | None = None
    order_no: str | None = None
    transporter: str | None = None
    address: str | None = None
    checkout: bool = False

    @property
    def facts(self) -> bool:
        """Whether it says something of the customer or of the order's way."""
        told = (self.place, self.payment, self.tax_number, self.transporter, self.address)
        return any(told) or self.no_tax_number


def sentences(text: str) -> Iterator[str]:
    """The text in pieces, each of which asks or does not."""
    said = ""
    for piece in _SENTENCE.findall(text):
        said += piece
        if piece.rstrip().endswith(("?", "？", "؟")):
            yield said
            said = ""
    if said.strip():
        yield said


class Shop(msgspec.Struct, frozen=True):
    """What of the shop tells words apart: where it delivers, how its orders are numbered."""

    shipping: Shipping
    order_prefix: str


def hear(text: str, language: Language, shop: Shop, *, place_asked: bool) -> Heard:
    """What one sentence says. `place_asked`: it may be an answer to where the order shall go."""
    text = unicodedata.normalize("NFC", text)
    plain = loosened_text(text, language)
    words = tuple(words_of(plain))
    ear = _Ear(_with_places(plain, shop.shipping), language)
    asks = is_question(text, words, language)
    order_no = ear.order_no(shop.order_prefix, words)
    shipping = shop.shipping
    heard = Heard(text=text, words=words, rest=ear.rest, asks=asks, order_no=order_no)
    if asks:
        ear.house()
        place = ear.place(shipping, place_asked)
        return msgspec.structs.replace(heard, rest=ear.rest, place=place)
    number, none = ear.tax_number(), False
    if number is None and not language.means(words, "price"):
        none = ear.says("no_tax_number")
    address, transporter = ear.behind("own_address") or ear.house(), ear.behind("transporter")
    coupon = ear.coupon()
    payment = next((way for way in PAYMENTS if ear.says(f"pay_{way}")), None)
    checkout = order_no is None and ear.wants_checkout()
    anywhere = place_asked or checkout or payment is not None or address is not None
    place = ear.place(shipping, anywhere)
    return msgspec.structs.replace(
        heard,
        rest=ear.rest,
        place=place,
        payment=payment,
        tax_number=number,
        no_tax_number=none,
        coupon=coupon,
        transporter=transporter,
        address=address,
        checkout=checkout,
    )


def is_question(text: str, words: Sequence[str], language: Language) -> bool:
    """Whether a sentence asks; a polite request does not, however it ends."""
    if language.means(words, "polite"):
        return language.begins(words, "question")
    if text.rstrip().endswith(("?", "？", "؟")):
        return True
    return any(language.means(words, intent) for intent in ("question", "again"))


class _Ear:
    """A text from which what is understood is cut out."""

    def __init__(self, text: str, language: Language) -> None:
        self.rest = text
        self._language = language

    def take(self, pattern: re.Pattern[str]) -> str | None:
        """What the pattern finds, cut out."""
        found = pattern.search(self.rest)
        return None if found is None else self._cut(found)

    def order_no(self, prefix: str, words: Sequence[str]) -> str | None:
        """An order's number as the shop writes it; a bare one where the talk is of an order."""
        found = self.take(_order_no(prefix))
        talk = ("status", "cancel_order")
        if found is None and any(self._language.means(words, intent) for intent in talk):
            return self.take(_BARE_NO)
        return found

    def says(self, intent: str) -> bool:
        """Whether one of the intent's phrases stands there; it is cut out."""
        found = _find(self._language.intents[intent], self.rest)
        if found is not None:
            self._cut(found)
        return found is not None

    def tax_number(self) -> str | None:
        """A tax number, or what is given as one."""
        found = self.take(_TAX_NUMBER)
        if found is None:
            named = re.compile(
                f"(?:{_any(self._language.intents['tax_number'])}){_NUMBERED}", re.IGNORECASE
            ).search(self.rest)
            if named is None:
                return None
            self._cut(named)
            found = named[1]
        self.says("tax_number")
        return found

    def behind(self, intent: str) -> str | None:
        """What a clause says behind a phrase that it begins with: an address, a name."""
        pattern = re.compile(
            rf"(?:{_any(self._language.intents[intent])})\W+(\w.+)", re.IGNORECASE | re.DOTALL
        )
        most = _NAME_MAX_CHARS if intent == "transporter" else _ADDRESS_MAX_CHARS
        for clause in _CLAUSE.split(self.rest) if intent == "transporter" else [self.rest]:
            found = pattern.fullmatch(clause.strip())
            if found is not None:
                self.rest = self.rest.replace(clause, " ", 1)
                return " ".join(found[1].split())[:most]
        return None

    def coupon(self) -> str | None:
        """The code that is named as a coupon, before or behind that word."""
        phrases = _any(self._language.intents["coupon"])
        code = r"([0-9A-Za-z][0-9A-Za-z_-]{2,19})"
        behind = re.compile(rf"(?<!\w)(?:{phrases})(?:\s+is)?\W{{1,3}}{code}(?!\w)", re.IGNORECASE)
        found = behind.search(self.rest)
        if found is None:
            before = re.compile(rf"(?<!\w){code}\s+(?:{phrases})(?!\w)", re.IGNORECASE)
            found = before.search(self.rest)
        if found is None or not (any(map(str.isdigit, found[1])) or found[1].isupper()):
            return None
        self._cut(found)
        return found[1]

    def house(self) -> str | None:
        """An address with the number of a house or a street in it, as far as it goes on."""
        tables = self._language.tables
        intents = self._language.intents
        pattern = _house(
            intents["towards"], tables.houses, tables.house_numbers, intents["address_word"]
        )
        found = pattern.search(self.rest)
        if found is None:
            return None
        end = found.end()
        while (more := self._goes_on(end)) is not None:
            end = more
        said = self.rest[found.start("house") : end]
        self.rest = f"{self.rest[: found.start()]} , {self.rest[end:]}"
        return " ".join(filter(None, (" ".join(said.strip(" ,.;").split()), self.house())))

    def _goes_on(self, at: int) -> int | None:
        """Where an address that was found up to `at` ends, if the words behind belong to it."""
        town = _TOWN.match(self.rest, at)
        if town is not None:
            return town.end()
        begin = at
        while begin < len(self.rest) and self.rest[begin] in " ,.;،":
            begin += 1
        stop = _CLAUSE.search(self.rest, begin)
        end = len(self.rest) if stop is None else stop.start()
        words = words_of(self.rest[begin:end])
        same = not _CLAUSE.search(self.rest[at:begin])
        own = same or self._language.means(words, "address_word")
        marks = marks_of(words, self._language)
        numbered = any(map(str.isdecimal, "".join(words)))
        plain = all(mark.kinds <= {"to"} for mark in marks) and not numbered
        return end if words and own and plain else None

    def wants_checkout(self) -> bool:
        """Whether the order is to be made: by a phrase, or by a word that stands alone."""
        phrases = tuple(p for p in self._language.intents["checkout"] if len(p) > 1)
        found = _find(phrases, self.rest)
        if found is not None:
            self._cut(found)
            return True
        if self._language.is_only(words_of(self.rest), "checkout"):
            self.rest = " "
            return True
        return False

    def place(self, shipping: Shipping, anywhere: bool) -> str | None:
        """A postcode; or one of the shop's places, where it is said that it is one."""
        towards = rf"(?:(?<!\w)(?:{_any(self._language.intents['towards'])})\W{{1,3}})?"
        code = re.compile(f"{towards}{_POSTCODE.pattern}", re.IGNORECASE).search(self.rest)
        if code is not None:
            self._cut(code)
            return f"{code[1]}{code[2]}"
        place = (place_in(shipping, self.rest) or "").strip(" .,;:!?()،۔।")
        if not place:
            return None
        pattern = re.escape(place)
        found = re.search(f"{towards}{pattern}", self.rest, re.IGNORECASE)
        if found is None:
            return None
        led = len(found[0]) > len(place)
        alone = not self.rest.replace(place, "", 1).strip(" .,!")
        if not (led or alone or anywhere):
            return None
        self._cut(found)
        return place.strip(" .,;:!")

    def _cut(self, found: re.Match[str]) -> str:
        self.rest = f"{self.rest[: found.start()]} , {self.rest[found.end() :]}"
        return found[0]


def _find(phrases: Phrases, text: str) -> re.Match[str] | None:
    """The longest of the phrases that stands in the text as whole words."""
    for pattern in _patterns(phrases):
        for found in pattern.finditer(text):
            if not (_is_word(text, found.start() - 1) or _is_word(text, found.end())):
                return found
    return None


def _is_word(text: str, at: int) -> bool:
    """Whether a letter, a mark or a digit stands there."""
    return 0 <= at < len(text) and unicodedata.category(text[at])[0] in "LMN"


@lru_cache(maxsize=256)
def _order_no(prefix: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{prefix}\s?-\s?|#\s?)\d{{1,9}}(?![\w-])", re.IGNORECASE)


def _with_places(text: str, shipping: Shipping) -> str:
    """The text with the Arabic "to" apart from each place that it is stuck to: `لدبي`."""
    return _STUCK_TO.sub(lambda hit: _apart(hit, shipping), text)


def _apart(hit: re.Match[str], shipping: Shipping) -> str:
    rest = hit[1]
    for place in (f"ال{rest[1:]}" if rest.startswith("ل") else rest, rest):
        if place_in(shipping, place) is not None:
            return f"الى {place}"
    return hit[0]


@lru_cache(maxsize=16)
def _house(towards: Phrases, houses: Phrases, numbers: Phrases, words: Phrases) -> re.Pattern[str]:
    """The number of a house behind the word that says so, and where to in front of it."""
    measures = "|".join(map(re.escape, sorted(MEASURES, key=len, reverse=True)))
    return re.compile(
        rf"(?P<to>(?<!\w)(?:{_any(towards)})\W{{1,3}})?(?P<house>(?<!\w)(?:"
        rf"(?:{_any(houses)})(?P<no>\W{{1,3}}(?:{_any(numbers)}))?[\W_]{{0,3}}\d{{1,5}}[a-z]?(?!\w)"
        rf"(?!\W{{0,2}}(?:{measures}|x|\*)(?!\w))(?(to)|(?(no)|{_HOUSE_END}))"
        rf"|(?(to)|(?!))\d{{1,4}}[a-z]?(?:[ -][^\W\d]+){{1,3}}[ -](?:{_any(words)}){_CLAUSE_END}))",
        re.IGNORECASE,
    )


@lru_cache(maxsize=64)
def _patterns(phrases: Phrases) -> tuple[re.Pattern[str], ...]:
    longest = sorted(phrases, key=lambda phrase: -sum(map(len, phrase)))
    return tuple(re.compile(_spelled(phrase), re.IGNORECASE) for phrase in longest)


@lru_cache(maxsize=64)
def _any(phrases: Phrases) -> str:
    longest = sorted(phrases, key=lambda phrase: -sum(map(len, phrase)))
    return "|".join(map(_spelled, longest))


def _spelled(phrase: Sequence[str]) -> str:
    return r"[\W_]{1,3}".join("".join(map(_letter, word)) for word in phrase)


@lru_cache(maxsize=512)
def _letter(char: str) -> str:
    """A pattern for the letter in all spellings that are folded into it, with the marks on it."""
    if char.isascii():
        return re.escape(char)
    return f"[{re.escape(char + ALIKE.get(char, ''))}]{_MARKS}"
