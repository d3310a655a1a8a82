"""What the parts of a customer's message ask for: which products, and how many."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from hub.assistant.engine import Line
from hub.assistant.language import Language
from hub.assistant.quantities import (
    SIZES,
    Amount,
    as_units,
    find_amounts,
    other_words,
    wanted,
    words_of,
)
from hub.assistant.search import (
    GOOD,
    STAGES,
    Match,
    Wish,
    best,
    find,
    has_digit,
    mentioned,
    names,
    rank,
)
from hub.commerce.products import Product
from hub.store.tx import Tx

PARTS_MAX: Final = 12  # of one message
WHOLE: Final = 90.0
"""A line that one product explains so far is one wish, whatever stands in it."""

_BREAK: Final = re.compile(r"[,;&+?!|]+(?!\d)|(?<!rs)\.\s|\band\b", re.IGNORECASE)


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a message: no product, the one that is meant, or those that it may mean.

    `exact` is False when a size that was asked for is in none of them.
    """

    words: tuple[str, ...]
    sought: tuple[str, ...]
    products: tuple[Product, ...] = ()
    amount: Amount | None = None
    exact: bool = True


class Reader:
    """Reads the messages of one turn in order; a part without a product speaks of the last one."""

    def __init__(self, tx: Tx, tenant_id: str, language: Language, history: Sequence[Line]) -> None:
        self._tx = tx
        self._tenant_id = tenant_id
        self._language = language
        self._history = history
        self._found: dict[Wish, list[Match]] = {}
        self._earlier: list[Product] | None = None
        self._focus: Product | None = None

    def read(self, text: str) -> Iterator[Reading]:
        """The parts of one message."""
        parts = [part for line in text.splitlines() for part in self._parts(line)]
        for words in parts[:PARTS_MAX]:
            reading = self._resolve(words)
            if len(reading.products) == 1:
                self._focus = reading.products[0]
            yield reading

    def _parts(self, line: str) -> list[list[str]]:
        whole = words_of(line)
        parts = [words for part in _BREAK.split(line) if (words := words_of(part))]
        if len(parts) < 2 or self._is_one_wish(whole):
            return [whole] if whole else []
        return parts

    def _is_one_wish(self, words: list[str]) -> bool:
        wish = self._wish(words, find_amounts(words, self._language))
        matches = find(self._tx, self._tenant_id, wish, STAGES[:1])
        return bool(matches) and matches[0].score >= WHOLE

    def _wish(self, words: Sequence[str], amounts: Sequence[Amount]) -> Wish:
        sizes = (words[amount.start] for amount in amounts if amount.measure in SIZES)
        sought = other_words(words, amounts, self._language)
        return Wish(tuple(sought), tuple(words), frozenset(sizes))

    def _find(self, wish: Wish) -> list[Match]:
        if wish not in self._found:
            self._found[wish] = find(self._tx, self._tenant_id, wish)
        return self._found[wish]

    def _resolve(self, words: list[str]) -> Reading:
        amounts = find_amounts(words, self._language)
        wish = self._wish(words, amounts)
        if not wish.words or self._is_more_of_it(wish, amounts):
            return self._of_the_last(words, amounts)
        close = self._narrowed(best(self._find(wish)), wish)
        if len(close) == 1:
            return self._one(wish, amounts, close[0])
        fits = [match for match in close if match.score >= GOOD and not _odd_sizes(match, wish)]
        return Reading(
            words=wish.spoken,
            sought=wish.words,
            products=tuple(match.product for match in close),
            exact=bool(fits) or not close,
        )

    def _is_more_of_it(self, wish: Wish, amounts: Sequence[Amount]) -> bool:
        """Whether only a weight or length is written, and the product in mind is sold by it."""
        known = self._in_mind()
        if len(known) != 1 or not wish.optional.issuperset(wish.words):
            return False
        return all(as_units(known[0], amount) is not None for amount in amounts)

    def _of_the_last(self, words: list[str], amounts: list[Amount]) -> Reading:
        """What a bare quantity or a bare "price?" is about."""
        asked = bool(amounts) or self._language.means(words, "price")
        products = self._in_mind() if asked else ()
        amount = wanted(amounts, (), words)
        return Reading(words=tuple(words), sought=(), products=products, amount=amount)

    def _in_mind(self) -> tuple[Product, ...]:
        return (self._focus,) if self._focus is not None else tuple(self._said())

    def _narrowed(self, close: list[Match], wish: Wish) -> list[Match]:
        """The one match that the shop's last words named, when the customer's alone do not tell."""
        if len(close) == 1 or not self._said():
            return close
        if not close:
            return best(rank(self._said(), wish))
        said = {product.sku for product in self._said()}
        known = [match for match in close if match.product.sku in said]
        return known if len(known) == 1 else close

    def _said(self) -> list[Product]:
        """The products that the shop's last words named."""
        if self._earlier is None:
            own = (line.text for line in reversed(self._history) if line.author != "customer")
            self._earlier = mentioned(self._tx, self._tenant_id, next(own, ""))
        return self._earlier

    def _one(self, wish: Wish, amounts: Sequence[Amount], match: Match) -> Reading:
        """What is wanted of the one product; an odd size is a quantity, or a product unknown."""
        words, product = wish.spoken, match.product
        odd = set(filter(has_digit, match.unexplained))
        countable = [a for a in amounts if a.measure not in SIZES or words[a.start] in odd]
        amount = wanted(countable, names(product), words)
        if amount is not None and amount.measure in SIZES and as_units(product, amount) is None:
            amount = None
        taken = set() if amount is None else set(words[amount.start : amount.end])
        return Reading(
            words=words,
            sought=wish.words,
            products=(product,),
            amount=amount or self._asked_before(product),
            exact=odd <= taken and match.score >= GOOD,
        )

    def _asked_before(self, product: Product) -> Amount | None:
        """The quantity in the customer's last message, when this one picks from our options."""
        said = {known.sku for known in self._said()} if self._history else set()
        if len(said) < 2 or product.sku not in said:
            return None
        before = next((ln.text for ln in reversed(self._history) if ln.author == "customer"), "")
        words = words_of(before)
        amounts = [a for a in find_amounts(words, self._language) if a.measure not in SIZES]
        return wanted(amounts, names(product), words)


def _odd_sizes(match: Match, wish: Wish) -> list[str]:
    """The sizes asked for that the product has not, and that are no quantity either."""
    return [word for word in match.unexplained if has_digit(word) and word not in wish.optional]
