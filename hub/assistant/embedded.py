"""The keyless engine: answers from the shop's catalog with rules and templates.

It keeps nothing between turns. What a short message ("and for 10?", "the 50 mm one", "yes") refers
to is read from the last reply in the turn's history. All work is done over one snapshot of the
database, in a reader's thread, so that the loop which calls it stays free.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Final

from hub.assistant.engine import Answer, Line, ToolCall, Turn
from hub.assistant.language import TALK, Language, load
from hub.assistant.quantities import Amount, as_units, words_of
from hub.assistant.reading import Reader, Reading
from hub.assistant.search import CANDIDATES_MAX, has_digit
from hub.assistant.wording import Wording
from hub.commerce.catalog import categories, price_policy
from hub.commerce.pricing import Line as PriceLine
from hub.commerce.pricing import Policy, quote
from hub.commerce.products import PIECE_WORDS, Product
from hub.store.database import Store
from hub.store.tx import Tx

TEXT_MAX_CHARS: Final = 1_000  # of one message that are read; nobody asks a price in more
MESSAGES_MAX: Final = 12  # of one turn that are read, the newest
REPLY_MAX_CHARS: Final = 800  # leaves room for an apology and the notice that replies are automatic

_LINK: Final = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+\.\S+", re.IGNORECASE)
"""Addresses are not read: what is in them is not what the customer says."""

FACTS: Final = ("price", "refused", "ask")
NOTES: Final = ("discount", "foreign", "not_found", "unknown")
"""What cannot be answered, and so comes with the offer to call someone."""

PATHS: Final = (*FACTS, "list", *NOTES, "declined", *TALK)
"""What a reply can be about, the weightiest first: the turn's path is named after it."""


class EmbeddedEngine:
    """Answers in English from the catalog in `store`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._language = load("en")

    async def answer(self, turn: Turn) -> Answer:
        """The answer to all messages of the turn."""
        return await self._store.read(partial(reply, turn=turn, language=self._language))


def reply(tx: Tx, turn: Turn, language: Language) -> Answer:
    """The answer to `turn`, from the database as `tx` shows it."""
    written = (_LINK.sub(" ", line.text[:TEXT_MAX_CHARS]) for line in turn.messages)
    texts = [text for text in written if text.strip()]
    if not texts:
        return Answer(text=language.say("media"), path="embedded.media")
    words = [word for text in texts for word in words_of(text)]
    if not words:
        return Answer(text=language.say("wordless"), path="embedded.wordless")
    if language.is_only(words, "person"):
        return _hand_over(turn, language, "customer_request")
    if _offered(turn.history, language):
        if language.is_only(words, "yes"):
            return _hand_over(turn, language, "unknown_question")
        if language.is_only(words, "no"):
            return Answer(text=language.say("declined"), path="embedded.declined")
    draft = _Draft(tx, turn, language)
    reader = Reader(tx, turn.tenant.tenant_id, language, turn.history)
    for text in texts[-MESSAGES_MAX:]:
        for reading in reader.read(text):
            draft.add(reading)
    return draft.answer()


def _hand_over(turn: Turn, language: Language, reason: str) -> Answer:
    call = ToolCall("handover", {"reason": reason}, "ok")
    text = turn.tenant.handover or language.say("handover")
    return Answer(text=text, path="embedded.handover", tool_calls=(call,), handover=reason)


def _offered(history: Sequence[Line], language: Language) -> bool:
    """Whether the shop's last words held the offer to call someone."""
    said = next((line.text for line in reversed(history) if line.author != "customer"), "")
    return language.say("offer") in said


class _Draft:
    """The answer to one turn while its parts are put together."""

    def __init__(self, tx: Tx, turn: Turn, language: Language) -> None:
        self._tx = tx
        self._turn = turn
        self._policy: Policy = price_policy(tx, turn.tenant.tenant_id)
        self._language = language
        self._wording = Wording(turn.tenant, self._policy, language)
        self._said: dict[str, tuple[str, str]] = {}
        """What it is about -> (path, words): a later word on the same product replaces a former."""
        self._calls: list[ToolCall] = []
        self._wants_person = False

    def add(self, reading: Reading) -> None:
        """Answer one part of what the customer wrote."""
        if reading.sought:
            outcome = f"{len(reading.products)} found"
            query = " ".join(reading.sought)
            self._calls.append(ToolCall("search_products", {"query": query}, outcome))
        self._add_notes(reading)
        if "outside" in reading.asides and reading.amount is None:
            return  # the product is not what is asked about
        if len(reading.products) == 1 and reading.exact:
            self._add_price(reading.products[0], reading.amount)
        elif reading.products:
            self._add_options(reading)
        elif reading.foreign or "discount" in reading.asides or "outside" in reading.asides:
            return  # the note says it
        else:
            self._add_talk(reading)

    def _add_notes(self, reading: Reading) -> None:
        """Say of what is asked besides products and prices that it is not known here."""
        if "outside" in reading.asides:
            self._say("unknown", "unknown", self._language.say("unknown"))
        if "discount" in reading.asides:
            self._say("discount", "discount", self._language.say("discount"))
        if reading.foreign:
            self._say("foreign", "foreign", self._language.say("foreign"))

    def answer(self) -> Answer:
        """The reply to all parts; a call for a person wins when nothing else was understood."""
        paths = {path for path, _ in self._said.values()}
        if self._wants_person and paths.isdisjoint(FACTS):
            return _hand_over(self._turn, self._language, "customer_request")
        path = min(paths or {"unknown"}, key=PATHS.index)
        text = fit(self._lines(path), self._language.say("more"))
        return Answer(text=text, path=f"embedded.{path}", tool_calls=tuple(self._calls))

    def _add_price(self, product: Product, amount: Amount | None) -> None:
        if amount is None:
            self._add_list_price(product)
        elif (quantity := as_units(product, amount)) is not None:
            self._add_quote(product, quantity, amount)
        else:
            measure = amount.measure or product.unit
            self._called("get_price", product, amount.number, "not_counted")
            self._say("refused", product.sku, self._wording.not_counted(product, measure))

    def _add_list_price(self, product: Product) -> None:
        offer = quote([PriceLine(product, product.least)], self._policy)
        outcome = offer.refusals[0].reason.value if offer.refusals else "ok"
        self._called("get_price", product, Decimal(1), outcome)
        if offer.refusals:  # as little as may be ordered cannot be had
            self._say("refused", product.sku, self._wording.quoted(offer))
        else:
            self._say("price", product.sku, self._wording.price(product))

    def _add_quote(self, product: Product, quantity: Decimal, amount: Amount) -> None:
        priced = quote([PriceLine(product, quantity)], self._policy)
        in_pieces = amount.measure in PIECE_WORDS and product.unit not in PIECE_WORDS
        pieces = amount.number if in_pieces else None
        outcome = priced.refusals[0].reason.value if priced.refusals else "ok"
        self._called("get_price", product, quantity, outcome)
        path = "refused" if priced.refusals else "price"
        self._say(path, product.sku, self._wording.quoted(priced, pieces))

    def _add_options(self, reading: Reading) -> None:
        products: Sequence[Product] = reading.products
        heading = "options" if reading.exact else "close"
        if self._language.means(reading.words, "cheapest") and len(products) < CANDIDATES_MAX:
            products = sorted(products, key=lambda product: product.price)
            heading = "cheapest" if len(products) > 1 else heading
        about = " ".join(product.sku for product in products)
        self._say("ask", about, self._wording.options(products, heading))

    def _add_talk(self, reading: Reading) -> None:
        """Answer a part that names no product of the shop."""
        words, language = reading.words, self._language
        said = next((path for path in TALK if language.means(words, path)), None)
        if language.means(words, "person"):
            self._wants_person = True
        elif said is not None and not reading.sought:
            own = self._turn.tenant.greeting if said == "greeting" else ""
            self._say(said, said, own or language.say(said))
        elif language.is_only(words, "yes", "no"):
            self._say("declined", "", language.say("declined"))
        elif "list" in reading.asides and not reading.sought:
            self._say("list", "list", self._list())
        elif reading.amount is not None or language.is_only(words, "price"):
            self._say("ask", "", language.say("which_product"))
        else:
            shopping = language.means(words, "price") or language.means(words, "have")
            sized = any(has_digit(word) for word in reading.sought)
            path = "not_found" if shopping or sized else "unknown"
            stray = len(reading.sought) < 2
            self._say(path, "stray" if stray else "unknown", language.say(path))

    def _list(self) -> str:
        names = categories(self._tx, self._turn.tenant.tenant_id)
        return self._wording.list(names) or self._language.say("which_product")

    def _say(self, path: str, about: str, words: str) -> None:
        self._said.pop(about, None)
        self._said[about] = (path, words)

    def _called(self, tool: str, product: Product, quantity: Decimal, outcome: str) -> None:
        args = {"sku": product.sku, "quantity": f"{quantity.normalize():f}"}
        self._calls.append(ToolCall(tool, args, outcome))

    def _lines(self, path: str) -> list[str]:
        """The words to say, product facts first; small talk only where nothing else is said."""
        facts = [words for kind, words in self._said.values() if kind in (*FACTS, "list")]
        if path in TALK or path == "declined":
            return [words for kind, words in self._said.values() if kind == path]
        hello = [self._language.say("hello")] if "greeting" in self._said else []
        return hello + facts + self._ending(found=bool(facts))

    def _ending(self, *, found: bool) -> list[str]:
        """That something was not understood, and the offer to call someone."""
        notes = [self._said[note] for note in ("discount", "foreign") if note in self._said]
        stray = None if found or notes else self._said.get("stray", ("unknown", ""))
        if (unknown := self._said.get("unknown") or stray) is not None:
            rest = (found or bool(notes)) and unknown[0] == "unknown"
            notes.append(("", self._language.say("unknown_rest" if rest else unknown[0])))
        if not notes:
            return []
        return [" ".join([*(words for _, words in notes), self._language.say("offer")])]


def fit(parts: Sequence[str], more: str) -> str:
    """The parts as one message; those that would make it too long give way to `more`."""
    text = parts[0]
    for part in parts[1:]:
        if len(text) + len(part) + 1 > REPLY_MAX_CHARS - len(more):
            return f"{text}\n{more}"
        text = f"{text}\n{part}"
    return text
