"""Finding the products that a customer means: FTS5 gathers candidates, rapidfuzz ranks them.

Words with digits (sizes, codes) must stand in the product; other words forgive typing errors. What
has all the words is looked for first, for that is little; then what has words like them; and only
then whatever has one of them, beginning with the rarest.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

import msgspec
from rapidfuzz import fuzz, process

from hub.assistant.language import find_phrase
from hub.assistant.lettering import is_heard_as, latin
from hub.assistant.likeness import ALIKE_MIN, is_chance, likeness, ways
from hub.commerce.catalog import candidates
from hub.commerce.products import Product, singular
from hub.commerce.words import normalise, other_names, search_text
from hub.store.tx import Tx

CANDIDATES_MAX: Final = 50
WORDS_MAX: Final = 24
ALTERNATIVES_MAX: Final = 3
MENTION_PAIRS_MAX: Final = 80
MENTION_WORDS_MAX: Final = 60  # a reply of ours lists five products with prices
GOOD: Final = 65.0
"""From this score on a product is what was asked for: two words of three, or one typing error."""

FAIR: Final = 50.0
"""From this score on it may be shown as something near: half of what was asked for."""

CLOSE: Final = 3.0
"""Scores that differ by less do not tell products apart: the customer is asked."""

ROWS_MAX: Final = 3_000
"""Of the index that one query for any of several words may look through: some milliseconds."""

_CERTAIN: Final = 90.0
"""From this score on no other spelling of a word is tried."""

_SPELLINGS_MAX: Final = 12
_SURE_MIN: Final = 70.0  # at least one word must be this sure: two vague ones are chance
_KIND_SHARE: Final = 0.85  # a word of the category says less than one of the name
_HEAD_WORDS_MAX: Final = 4
_HEAD_MIN: Final = 86.0  # a word of the category is not the thing itself


class Match(msgspec.Struct, frozen=True):
    """A product and how well it fits: `score` is the share of the words that it explains.

    `sized`: it has every size like `6x40` that was written, the strongest evidence. `sizes`
    counts the optional ones among the words, `phrase` the words of its longest name or alias that
    was written in full.
    """

    product: Product
    score: float
    sizes: int
    phrase: int
    unexplained: tuple[str, ...]
    sized: bool = False


class Wish(msgspec.Struct, frozen=True):
    """What to look for: `words` name the product, `spoken` is all that was written around them.

    Of the words, those in `optional` may be its size or as well a quantity (`1kg`): they tell
    products apart and are not held against any.
    """

    words: tuple[str, ...]
    spoken: tuple[str, ...]
    optional: frozenset[str] = frozenset()


def find(tx: Tx, tenant_id: str, wish: Wish) -> list[Match]:
    """The shop's products that fit, best first, none below FAIR."""
    wish = _bounded(wish)
    known: dict[str, Match | None] = {}
    for query, enough in _queries(tx, wish):
        products = candidates(tx, tenant_id, query, CANDIDATES_MAX)
        look = [product for product in products if product.sku not in known]
        known |= dict.fromkeys((product.sku for product in look), None)
        known |= {match.product.sku: match for match in rank(look, wish)}
        matches = sorted((match for match in known.values() if match is not None), key=_rank)
        if matches and matches[0].score >= enough:
            return matches
    return sorted((match for match in known.values() if match is not None), key=_rank)


def find_all_of(tx: Tx, tenant_id: str, wish: Wish) -> list[Match]:
    """The shop's products that have every word of the wish, best first."""
    wish = _bounded(wish)
    if not wish.words:
        return []
    query = match_query([[word] for word in wish.words], every=True)
    return rank(candidates(tx, tenant_id, query, CANDIDATES_MAX), wish)


def mentioned(tx: Tx, tenant_id: str, text: str) -> list[Product]:
    """The shop's products whose full names stand in `text`, in its order: what a reply said."""
    spoken = normalise(text).split()
    if not spoken:
        return []
    near = candidates(tx, tenant_id, _mention_query(spoken), CANDIDATES_MAX)
    places = {p.sku: find_phrase(spoken, _name(p.name)) for p in near}
    found = sorted(
        (product for product in near if places[product.sku] is not None),
        key=lambda product: places[product.sku] or 0,
    )
    return [product for product in found if not _inside_another(product, found)]


def other_size(tx: Tx, tenant_id: str, product: Product, sizes: Sequence[str]) -> Product | None:
    """The product of the same name in another size; of several the one that shares most of it."""
    own = _sizes(product)
    if own.issuperset(sizes):
        return None
    plain = _without_sizes(product)
    query = match_query([[word] for word in (*plain, *sizes)], every=True)
    near = [
        other
        for other in candidates(tx, tenant_id, query, CANDIDATES_MAX)
        if _without_sizes(other) == plain and _sizes(other).issuperset(sizes)
    ]
    shared = [len(own & _sizes(other)) for other in near]
    return near[shared.index(max(shared))] if shared.count(max(shared, default=-1)) == 1 else None


def alternatives(tx: Tx, tenant_id: str, product: Product) -> list[Product]:
    """What is there and is called by the same thing: another tea for a tea that is sold out."""
    plain = _without_sizes(product)
    query = match_query([[word] for word in plain[-1:]], every=True)
    near = candidates(tx, tenant_id, query, CANDIDATES_MAX) if plain else []
    return [
        other
        for other in near
        if other.sku != product.sku and (other.stock is None or other.stock >= other.least)
    ][:ALTERNATIVES_MAX]


def _without_sizes(product: Product) -> list[str]:
    return [word for word in _name(product.name) if not has_digit(word)]


def _sizes(product: Product) -> set[str]:
    return set(filter(has_digit, _index_words(product.name)))


def best(matches: Sequence[Match]) -> list[Match]:
    """Those of the ranked `matches` that nothing tells apart.

    Among equals the right size decides, then a name in full against a part of it.
    """
    fit = [match for match in matches if match.sized == matches[0].sized]
    close = [match for match in fit if matches[0].score - match.score < CLOSE]
    most = max(((match.sizes, match.phrase) for match in close), default=None)
    return [match for match in close if (match.sizes, match.phrase) == most]


def match_query(words: Sequence[Sequence[str]], *, every: bool) -> str:
    """An FTS5 query for `every` one of the words, or for any; each is any of its spellings."""
    groups = [" OR ".join(dict.fromkeys(map(_quoted, spellings))) for spellings in words]
    operator = " AND " if every else " OR "
    return f"{{sku name aliases category}} : ({operator.join(f'({group})' for group in groups)})"


def rank(products: Sequence[Product], wish: Wish) -> list[Match]:
    """The products that explain the wish well enough, best first; none without words."""
    if not wish.words:
        return []
    look = _Look.at(wish)
    matches = [match for product in products if (match := _match(product, look)) is not None]
    return sorted(matches, key=_rank)


def has_digit(word: str) -> bool:
    """Whether the word is a size, a code or a number."""
    return any(char.isdecimal() for char in word)


def is_compound(word: str) -> bool:
    """Whether the word is a size of two measures like `6x40`, which hardly two things share."""
    return bool(other_names(word))


def names(product: Product) -> tuple[tuple[str, ...], ...]:
    """Every way to call the product, as words."""
    return tuple(_name(text) for text in (product.name, product.sku, *product.aliases))


def _mention_query(spoken: Sequence[str]) -> str:
    """An FTS5 query for names that have two neighbours of these words, or begin with one.

    Far fewer have a pair of words than either of them, and a name of one word begins with it.
    """
    pairs = list(dict.fromkeys(" ".join(pair) for pair in pairwise(spoken)))
    words = list(dict.fromkeys(spoken))
    terms = [_quoted(pair) for pair in pairs[:MENTION_PAIRS_MAX]]
    terms += ["^" + _quoted(word) for word in words[:MENTION_WORDS_MAX]]
    return f"{{name}} : ({' OR '.join(terms)})"


def _bounded(wish: Wish) -> Wish:
    return msgspec.structs.replace(wish, words=tuple(dict.fromkeys(wish.words))[:WORDS_MAX])


def _queries(tx: Tx, wish: Wish) -> Iterator[tuple[str, float]]:
    """The queries to try, each with the score that makes the next one needless."""
    if not wish.words:
        return
    yield match_query([ways(word) for word in wish.words], every=True), _CERTAIN
    must = [word for word in wish.words if word not in wish.optional] or wish.words
    if len(must) < len(wish.words):
        yield match_query([ways(word) for word in must], every=True), _CERTAIN
    spelt = [found for word in must if (found := _spellings(tx, word)).rows]
    if len(spelt) > 1:
        yield match_query([found.words for found in spelt], every=True), GOOD
    if some := _rarest(spelt):
        yield match_query([found.words for found in some], every=False), 0.0


class _Spellings(msgspec.Struct, frozen=True):
    """The words of the index that one of the customer's may be, and how many products have them."""

    words: tuple[str, ...]
    rows: int


def _spellings(tx: Tx, word: str) -> _Spellings:
    if has_digit(word):
        rows = tx.all("search.terms", first=word, past=word + "\0")
        return _Spellings((word,), sum(row["doc"] for row in rows))
    first = (latin(word) or word)[0]
    near = tx.all("search.terms", first=first, past=chr(ord(first) + 1))
    rows_of = {row["term"]: row["doc"] for row in near}
    if first != word[0]:
        heard = [term for term in rows_of if is_heard_as(word, term)][:_SPELLINGS_MAX]
        return _Spellings((word, *heard), sum(rows_of[term] for term in heard))
    alike = process.extract(
        word, list(rows_of), scorer=fuzz.ratio, score_cutoff=ALIKE_MIN, limit=_SPELLINGS_MAX
    )
    single = singular(word)
    terms = [t for t, score, _ in alike if score == 100 or t == single or not is_chance(word, t)]
    rows = sum(rows_of[term] for term in terms)
    return _Spellings((*ways(word), *terms), rows)


def _rarest(spelt: Sequence[_Spellings]) -> list[_Spellings]:
    """The rarest words, as many as can be looked through; the rarest one in any case."""
    some: list[_Spellings] = []
    rows = 0
    for found in sorted(spelt, key=lambda found: found.rows):
        rows += found.rows
        if some and rows > ROWS_MAX:
            break
        some.append(found)
    return some


def _inside_another(product: Product, others: Sequence[Product]) -> bool:
    name = _name(product.name)
    longer = (_name(other.name) for other in others if len(_name(other.name)) > len(name))
    return any(find_phrase(other, name) is not None for other in longer)


class _Look(msgspec.Struct, frozen=True):
    """A wish with what is the same for every product that it is compared with."""

    wish: Wish
    exact: frozenset[str]  # words with digits, which forgive nothing
    weights: dict[str, int]  # of the words that count
    compound: frozenset[str]  # sizes like 6x40
    head: str  # the last word of a short wish, which in English is the thing itself

    @classmethod
    def at(cls, wish: Wish) -> "_Look":
        exact = frozenset(filter(has_digit, wish.words))
        must = [word for word in wish.words if word not in wish.optional] or wish.words
        weights = {word: max(len(word), 4 if word in exact else 1) for word in must}
        compound = frozenset(filter(is_compound, exact))
        short = len(wish.words) <= _HEAD_WORDS_MAX
        head = wish.words[-1] if short and wish.words[-1] not in exact else ""
        return cls(wish, exact, weights, compound, head)


def _rank(match: Match) -> tuple[bool, float, int, int, str]:
    return not match.sized, -match.score, -match.sizes, -match.phrase, match.product.name


def _match(product: Product, look: _Look) -> Match | None:
    wish, weights = look.wish, look.weights
    alike = _likenesses(product, look)
    score = sum(alike[word] * weight for word, weight in weights.items()) / sum(weights.values())
    sized = bool(look.compound) and all(alike[word] for word in look.compound)
    if sized or alike.get(look.head, 0.0) >= _HEAD_MIN:
        score = max(score, FAIR)
    if score < FAIR or max(alike[word] for word in weights) < _SURE_MIN:
        return None
    written = (len(name) for name in names(product) if find_phrase(wish.spoken, name) is not None)
    return Match(
        product=product,
        score=score,
        sizes=sum(alike[word] > 0 for word in wish.optional & alike.keys()),
        phrase=max(written, default=0),
        unexplained=tuple(word for word in wish.words if alike[word] == 0),
        sized=sized,
    )


def _likenesses(product: Product, look: _Look) -> dict[str, float]:
    """How surely each word speaks of the product, 0 to 100."""
    called = _vocabulary(product.name, product.sku, *product.aliases)
    kind = _vocabulary(product.category, product.unit, *product.packs)
    found = {}
    for word in look.wish.words:
        if any(way in called for way in ways(word)):
            found[word] = 100.0
        elif word in look.exact:
            found[word] = 0.0
        else:
            found[word] = max(likeness(word, called), _KIND_SHARE * likeness(word, kind))
    return found


def _vocabulary(*texts: str) -> tuple[str, ...]:
    return tuple(word for text in texts for word in _index_words(text))


@lru_cache(maxsize=8192)
def _index_words(text: str) -> tuple[str, ...]:
    return tuple(search_text(text).split())


@lru_cache(maxsize=8192)
def _name(text: str) -> tuple[str, ...]:
    return tuple(normalise(text).split())


def _quoted(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'
