"""Finding the products that a customer means: FTS5 gathers candidates, rapidfuzz ranks them.

Words with digits (sizes, codes) must stand in the product; other words forgive typing errors.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from hub.assistant.language import find_phrase
from hub.commerce.catalog import candidates
from hub.commerce.products import Product, singular
from hub.commerce.words import normalise, other_names, search_text
from hub.store.tx import Tx

CANDIDATES_MAX: Final = 50
WORDS_MAX: Final = 24
MENTION_WORDS_MAX: Final = 60  # a reply of ours lists five products with prices
GOOD: Final = 65.0
"""From this score on a product is what was asked for: two words of three, or one typing error."""

FAIR: Final = 50.0
"""From this score on it may be shown as something near: half of what was asked for."""

CLOSE: Final = 3.0
"""Scores that differ by less do not tell products apart: the customer is asked."""

_ALIKE_MIN: Final = 60.0
_SURE_MIN: Final = 70.0  # at least one word must be this sure: two vague ones are chance
_TYPO_PENALTY: Final = 1.5  # per point of likeness: `oyl` for `oil` counts half
_KIND_SHARE: Final = 0.85  # a word of the category says less than one of the name
_SHORT: Final = 5  # letters: up to here one slip is forgiven, above two
_HEAD_WORDS_MAX: Final = 4
_HEAD_MIN: Final = 86.0  # a word of the category is not the thing itself


class Stage(msgspec.Struct, frozen=True):
    """One way to gather candidates; the next one is tried when no score reaches `enough`."""

    letters: int  # at the beginning of a word that must be right; 0: the word as it is
    most: int
    enough: float
    words_max: int = WORDS_MAX


STAGES: Final = (
    Stage(letters=0, most=CANDIDATES_MAX, enough=90.0),
    Stage(letters=3, most=CANDIDATES_MAX, enough=GOOD),
    # Nearly everything begins with one of a few letters: for short wishes only.
    Stage(letters=1, most=150, enough=GOOD, words_max=3),
)


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


def find(tx: Tx, tenant_id: str, wish: Wish, stages: Sequence[Stage] = STAGES) -> list[Match]:
    """The shop's products that fit, best first, none below FAIR."""
    words = tuple(dict.fromkeys(wish.words))[:WORDS_MAX]
    wish = msgspec.structs.replace(wish, words=words)
    matches: list[Match] = []
    for stage in stages:
        if not 0 < len(words) <= stage.words_max:
            break
        query = match_query(words, stage.letters)
        matches = rank(candidates(tx, tenant_id, query, stage.most), wish) or matches
        if matches and (matches[0].sized or matches[0].score >= stage.enough):
            break
    return matches


def mentioned(tx: Tx, tenant_id: str, text: str) -> list[Product]:
    """The shop's products whose full names stand in `text`, in its order: what a reply said."""
    spoken = normalise(text).split()
    words = list(dict.fromkeys(spoken))[:MENTION_WORDS_MAX]
    if not words:
        return []
    near = candidates(tx, tenant_id, match_query(words, letters=0), CANDIDATES_MAX)
    places = {p.sku: find_phrase(spoken, _name(p.name)) for p in near}
    found = sorted(
        (product for product in near if places[product.sku] is not None),
        key=lambda product: places[product.sku] or 0,
    )
    return [product for product in found if not _inside_another(product, found)]


def best(matches: Sequence[Match]) -> list[Match]:
    """Those of the ranked `matches` that nothing tells apart.

    Among equals the right size decides, then a name in full against a part of it.
    """
    fit = [match for match in matches if match.sized == matches[0].sized]
    close = [match for match in fit if matches[0].score - match.score < CLOSE]
    most = max(((match.sizes, match.phrase) for match in close), default=None)
    return [match for match in close if (match.sizes, match.phrase) == most]


def match_query(words: Sequence[str], letters: int) -> str:
    """An FTS5 query for any of `words`, or what begins with their first letters (0: with none)."""
    terms = [_quoted(word) for word in words]
    starts = [_quoted(word[:letters]) + "*" for word in words if letters and not has_digit(word)]
    return f"{{sku name aliases category}} : ({' OR '.join(dict.fromkeys([*terms, *starts]))})"


def rank(products: Sequence[Product], wish: Wish) -> list[Match]:
    """The products that explain the wish well enough, best first."""
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
        if word in called or singular(word) in called:
            found[word] = 100.0
        elif word in look.exact:
            found[word] = 0.0
        else:
            found[word] = max(_likeness(word, called), _KIND_SHARE * _likeness(word, kind))
    return found


def _likeness(word: str, vocabulary: tuple[str, ...]) -> float:
    """How surely `word` is a misspelt one of the vocabulary's, 0 to 100."""
    found = process.extractOne(word, vocabulary, scorer=fuzz.ratio, score_cutoff=_ALIKE_MIN)
    if found is None or (found[1] < 100 and _is_chance(word, found[0])):
        return 0.0
    return 100.0 - _TYPO_PENALTY * (100.0 - found[1])


def _is_chance(word: str, other: str) -> bool:
    """Whether two words differ by more than a slip: `paint` is no `plain`, `why` no code WH."""
    if min(len(word), len(other)) >= _SHORT and (word in other or other in word):
        return False  # `flower` of `sunflower`
    slips = 1 if len(word) <= _SHORT else 2
    plural = singular(word)
    return len(other) < 3 or min(OSA.distance(w, other) for w in {word, plural}) > slips


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
