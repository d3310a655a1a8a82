"""What the parts of a customer's message ask for: which products, and how many."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from hub.assistant.amounts import UNCOUNTED, Amount, find_amounts, is_size, marks_of
from hub.assistant.engine import Line
from hub.assistant.history import newest, options_in, spoken_of
from hub.assistant.language import ASIDES, Language, was_said
from hub.assistant.lists import Act
from hub.assistant.numbers import SIZES
from hub.assistant.parts import Item, items_of
from hub.assistant.quantities import as_units, other_words, wanted
from hub.assistant.search import (
    GOOD,
    WORDS_MAX,
    Match,
    Wish,
    best,
    find,
    find_all_of,
    has_digit,
    match_query,
    mentioned,
    names,
    other_size,
    rank,
)
from hub.assistant.sizing import is_foreign, not_its_size, odd_sizes, runs_of, sized_so
from hub.assistant.tables import fold
from hub.commerce.catalog import candidates
from hub.commerce.products import Product
from hub.commerce.words import normalise
from hub.store.tx import Tx

PARTS_MAX: Final = 60  # of one turn; each may cost some milliseconds
STRAY_MAX: Final = 4  # words that nobody knows, around a product and an amount
WHOLE: Final = 97.0
"""A line that one product explains so far is one wish, whatever stands in it."""


_OF_THE_LAST: Final = ("price", "have", "cheapest", "tax", "take_it")
"""What may be asked without naming the product again."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a message: no product, the one that is meant, or those that it may mean.

    `exact` is False when a size that was asked for is in none of them. `asides` are the questions
    about the shop in it, `foreign` the words in another script that no product is called by.
    `act` says what is to be done with the amount. `unsure` is one that may be either of two: the
    customer must be asked, and `amount` is None. `for_all`: said of everything that was listed.
    `carried`: the customer picked from our options, and said before what to do with it. `more`: so
    many more than the part before said. `instead`: the product that another one was taken for.
    """

    words: tuple[str, ...]
    sought: tuple[str, ...]
    products: tuple[Product, ...] = ()
    amount: Amount | None = None
    exact: bool = True
    asides: frozenset[str] = frozenset()
    foreign: tuple[str, ...] = ()
    act: Act = Act.NAME
    unsure: Amount | None = None
    for_all: bool = False
    carried: bool = False
    more: bool = False
    instead: Product | None = None


class Reader:
    """Reads the messages of one turn in order; a part without a product speaks of the last one."""

    def __init__(self, tx: Tx, tenant_id: str, language: Language, history: Sequence[Line]) -> None:
        self._tx = tx
        self._tenant_id = tenant_id
        self._language = language
        self._history = history
        self._left = PARTS_MAX
        self.overflowed = False  # whether more was written than was read
        self._found: dict[Wish, list[Match]] = {}
        self._sold: dict[str, bool] = {}
        self._earlier: list[Product] | None = None
        self._listed: dict[str, Product] = {}
        self._focus: Product | None = None
        self._amount: Amount | None = None
        self._corrects = False

    def read(self, text: str, *, after_change: bool = False) -> Iterator[Reading]:
        """The parts of one message; after a change of a quantity a bare number corrects it."""
        items = items_of(
            text,
            self._language,
            is_one=self._is_one_wish,
            sold=self._is_sold,
            after_change=after_change,
            most=self._left + 1,
        )
        self._corrects = any(map(self._says_wrong, items))
        self.overflowed |= len(items) > self._left
        items = items[: self._left]
        self._left -= len(items)
        readings = [reading for item in items for reading in self._read(item)]
        yield from _with_shared(readings, items)

    def _read(self, item: Item) -> list[Reading]:
        words = list(item.words)
        if self._is_denied(item):
            return []
        asides = self._asides(words)
        if item.act is Act.REMOVE and item.amount is not None:
            asides -= {"discount"}  # "rice 1 kam kar do" is no bargaining
        found = self._all_of_them(item) or [self._resolve(words, list(item.amounts), item.act)]
        said = [
            self._going_on(
                msgspec.structs.replace(
                    reading, asides=asides, act=item.act, for_all=item.for_all, more=item.more
                )
            )
            for reading in map(_settled, found)
        ]
        for reading in said:
            if len(reading.products) == 1:
                self._focus, self._amount = reading.products[0], reading.amount
                self._listed[self._focus.sku] = self._focus
        return said

    def _all_of_them(self, item: Item) -> list[Reading]:
        """One reading for each product that an amount for all of them is about."""
        known = list(self._listed.values()) or self._said()
        if not (item.for_all or self._picks_all(item)) or len(known) < 2:
            return []
        amount = wanted(item.amounts, (), item.words)
        return [
            Reading(words=item.words, sought=(), products=(product,), amount=amount)
            for product in known
        ]

    def _picks_all(self, item: Item) -> bool:
        """Whether both of what the shop just gave to choose from are meant, or all."""
        if item.named or item.amounts or self._listed:
            return False
        kinds = {kind for mark in marks_of(item.words, self._language) for kind in mark.kinds}
        asked = was_said("which", newest(self._history, own=True))
        return asked and not kinds.isdisjoint(("both", "all"))

    def _says_wrong(self, item: Item) -> bool:
        """Whether a part says that what was understood is not what was meant."""
        return any("correct" in mark.kinds for mark in marks_of(item.words, self._language))

    def _is_denied(self, item: Item) -> bool:
        """Whether a part only says which size is not meant: `not 500g`."""
        known = self._in_mind()
        sizes = [word for word in item.words if has_digit(word)]
        if len(known) != 1 or item.named or not sizes or not self._says_wrong(item):
            return False
        own = normalise(known[0].name).split()
        return all(word in own for word in sizes)

    def _is_one_wish(self, words: list[str]) -> bool:
        if self._asides(words):
            return False
        wish = self._wish(words, find_amounts(words, self._language))
        matches = find_all_of(self._tx, self._tenant_id, wish)
        return bool(matches) and matches[0].score >= WHOLE

    def _wish(self, words: Sequence[str], amounts: Sequence[Amount]) -> Wish:
        sizes = (words[amount.start] for amount in amounts if is_size(amount, words))
        sought = other_words(words, amounts, self._language, self._is_sold)
        return Wish(tuple(sought), tuple(words), frozenset(sizes))

    def _is_sold(self, word: str) -> bool:
        """Whether a product of the shop is called by the word."""
        if word not in self._sold:
            known = fold(word) not in self._language.filler
            query = match_query([[word]], every=True)
            self._sold[word] = known and bool(candidates(self._tx, self._tenant_id, query, 1))
        return self._sold[word]

    def _asides(self, words: Sequence[str]) -> frozenset[str]:
        """What is asked about the shop, in words that are not its products'."""
        places = {aside: self._language.places(words, aside) for aside in ASIDES}
        return frozenset(
            aside
            for aside, at in places.items()
            if not all(self._is_sold(words[place]) for place in at)
        )

    def _find(self, wish: Wish) -> list[Match]:
        if wish not in self._found:
            self._found[wish] = find(self._tx, self._tenant_id, wish)
        return self._found[wish]

    def _resolve(self, words: list[str], amounts: list[Amount], act: Act) -> Reading:
        wish = self._wish(words, amounts)
        agrees = self._language.is_only(words, "yes", "no")
        if (other := self._other_size(wish)) is not None:
            return self._of_other_size(wish, amounts, other)
        if agrees or not wish.words or self._is_more_of_it(wish, amounts):
            return self._of_the_last(words, amounts, act)
        reading = self._among(wish, amounts)
        if not (reading.products and reading.exact):
            reading = self._without_strays(wish, amounts) or reading
        if reading.products and reading.exact:
            return reading
        sought = wish.words[:WORDS_MAX]
        code = self._language.code
        foreign = tuple(w for w in sought if is_foreign(w, code) and not self._is_sold(w))
        if foreign and len(foreign) < len(sought):
            rest = tuple(word for word in sought if word not in foreign)
            reading = self._among(msgspec.structs.replace(wish, words=rest), amounts)
        return msgspec.structs.replace(reading, foreign=foreign)

    def _among(self, wish: Wish, amounts: Sequence[Amount]) -> Reading:
        """What the shop has of what is named, and how many of it are wanted."""
        close = self._narrowed(best(self._find(wish)), wish)
        if len(close) > 1:
            begin = wish.spoken.index(wish.words[0])
            behind = [a for a in amounts if a.start > begin or a.measure in SIZES]
            products = sized_so([match.product for match in close], behind)
            close = [match for match in close if match.product in products]
            amounts = amounts if len(close) > 1 else not_its_size(amounts, close[0].product)
        if len(close) == 1:
            return self._one(wish, amounts, close[0])
        fits = [match for match in close if match.score >= GOOD and not odd_sizes(match, wish)]
        return Reading(
            words=wish.spoken,
            sought=wish.words,
            products=tuple(match.product for match in close),
            exact=bool(fits) or not close,
        )

    def _without_strays(self, wish: Wish, amounts: Sequence[Amount]) -> Reading | None:
        """The one product beside an amount, if nobody knows the words that are apart from it."""
        runs = runs_of(wish)
        counted = any(not is_size(a, wish.spoken) and a.measure != UNCOUNTED for a in amounts)
        if len(runs) < 2 or not counted:
            return None
        readings = [self._among(msgspec.structs.replace(wish, words=run), amounts) for run in runs]
        known = [each for each in readings if each.products]
        strays = [
            w for run, each in zip(runs, readings, strict=True) if not each.products for w in run
        ]
        odd = (
            len(strays) > STRAY_MAX
            or any(map(has_digit, strays))
            or any(map(self._is_sold, strays))
        )
        if odd or len(known) != 1 or len(known[0].products) != 1 or not known[0].exact:
            return None
        return known[0]

    def _other_size(self, wish: Wish) -> Product | None:
        """What the shop has in the size that alone is written, of the product in mind."""
        known = self._in_mind()
        if len(known) != 1 or not wish.words or not all(map(has_digit, wish.words)):
            return None
        return other_size(self._tx, self._tenant_id, known[0], wish.words)

    def _of_other_size(self, wish: Wish, amounts: Sequence[Amount], other: Product) -> Reading:
        counted = [a for a in amounts if not is_size(a, wish.spoken)]
        return Reading(
            words=wish.spoken,
            sought=wish.words,
            products=(other,),
            amount=wanted(counted, (), wish.spoken),
            instead=self._in_mind()[0] if self._corrects else None,
        )

    def _is_more_of_it(self, wish: Wish, amounts: Sequence[Amount]) -> bool:
        """Whether only a weight or length is written, and the product in mind is sold by it."""
        known = self._in_mind()
        if len(known) != 1 or not wish.optional.issuperset(wish.words):
            return False
        return all(as_units(known[0], amount) is not None for amount in amounts)

    def _of_the_last(self, words: list[str], amounts: list[Amount], act: Act) -> Reading:
        """What a bare quantity, a bare "price?", "delete it" or "the first one" is about."""
        agrees = self._language.is_only(words, "yes", "no")  # "got it" asks for nothing
        asked = not agrees and any(self._language.means(words, sense) for sense in _OF_THE_LAST)
        asked |= len(self._in_mind()) == 1 and self._language.means(words, "discount")
        asked |= act in (Act.REMOVE, Act.DENY, Act.DOUBLE)
        picked = self._picked(words, amounts)
        if picked is not None:
            amount = wanted(not_its_size(amounts, picked), (), words)
            return Reading(words=tuple(words), sought=(), products=(picked,), amount=amount)
        asked = (asked or bool(amounts)) and not self._language.means(words, "list")
        products = self._in_mind() if asked else ()
        amount = wanted(amounts, (), words) or (self._amount if products else None)
        return Reading(words=tuple(words), sought=(), products=products, amount=amount)

    def _picked(self, words: Sequence[str], amounts: Sequence[Amount]) -> Product | None:
        """The product that a yes, "the first one" or a size picks from what the shop just named."""
        said = [] if self._focus is not None else self._said()
        if len(said) == 1 and self._language.is_only(words, "yes") and self._proposed():
            return said[0]
        ordinals = self._language.tables.ordinals
        place = next((ordinals[word] for word in words if word in ordinals), 0)
        if len(said) > 1 and 0 < place <= len(said):
            return said[place - 1]
        fits = sized_so(said, amounts)
        return fits[0] if len(said) > 1 and len(fits) == 1 else None

    def _proposed(self) -> bool:
        """Whether the shop's last words asked if its one product is the one."""
        return was_said("this_one", newest(self._history, own=True))

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
        """The products that the shop's last words named; a failure to understand forgets none."""
        if self._earlier is None:
            told = (options_in(words) or words for words in spoken_of(self._history))
            found = (mentioned(self._tx, self._tenant_id, words) for words in told)
            self._earlier = next(filter(None, found), [])
        return self._earlier

    def _one(self, wish: Wish, amounts: Sequence[Amount], match: Match) -> Reading:
        """What is wanted of the one product; an odd size is a quantity, or a product unknown."""
        words, product = wish.spoken, match.product
        odd = set(filter(has_digit, match.unexplained))
        countable = [a for a in amounts if not is_size(a, words) or words[a.start] in odd]
        amount = wanted(countable, names(product), words)
        if amount and is_size(amount, words) and as_units(product, amount) is None:
            amount = None
        taken = set() if amount is None else set(words[amount.start : amount.end])
        return Reading(
            words=words,
            sought=wish.words,
            products=(product,),
            amount=amount,
            exact=odd <= taken and match.score >= GOOD,
        )

    def _going_on(self, reading: Reading) -> Reading:
        """The reading of a pick from our options with what the customer had said to do with it."""
        if len(reading.products) != 1 or reading.act is not Act.NAME:
            return reading
        if self._focus is not None or reading.amount is not None or reading.unsure is not None:
            return reading
        before = self._wish_before(reading.products[0])
        if before is None:
            return reading
        amounts = [a for a in before.amounts if not is_size(a, before.words)]
        amount = wanted(amounts, names(reading.products[0]), before.words) or before.shared
        carried = msgspec.structs.replace(reading, amount=amount, act=before.act, carried=True)
        return _settled(carried)

    def _wish_before(self, product: Product) -> Item | None:
        """The part of the customer's last message that made us name this product to choose."""
        options = options_in(newest(self._history, own=True))
        if product not in mentioned(self._tx, self._tenant_id, options):
            return None
        said = newest(self._history, own=False)
        items = items_of(said, self._language, is_one=self._is_one_wish, sold=self._is_sold)
        named = [item for item in items if rank([product], self._wish(item.words, item.amounts))]
        return next(iter(named or (items if len(items) == 1 else ())), None)


def _settled(reading: Reading) -> Reading:
    """The reading without an amount that may be another one as well."""
    if reading.amount is None or reading.amount.either is None:
        return reading
    return msgspec.structs.replace(reading, amount=None, unsure=reading.amount)


def _with_shared(readings: Sequence[Reading], items: Sequence[Item]) -> list[Reading]:
    """The readings, each without an amount of its own with the one that it shares.

    A bare number that turned out to be the size of the product beside it is shared by nobody.
    """
    if len(readings) != len(items):
        return list(readings)
    found = []
    for reading, item in zip(readings, items, strict=True):
        lender = None if item.lender is None else readings[item.lender]
        free = reading.products and reading.amount is None and reading.unsure is None
        if item.shared is not None and free and (lender is None or lender.amount or lender.unsure):
            shared = msgspec.structs.replace(reading, amount=item.shared, for_all=True)
            found.append(_settled(shared))
        else:
            found.append(reading)
    return found
