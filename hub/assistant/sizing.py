"""CORE: what the words of a wish say of the sizes of products, and which belong together."""

from collections.abc import Sequence

from hub.assistant.amounts import Amount
from hub.assistant.detection import reads
from hub.assistant.numbers import SIZES
from hub.assistant.quantities import as_units, sized
from hub.assistant.search import Match, Wish, has_digit
from hub.commerce.products import Product


def runs_of(wish: Wish) -> list[tuple[str, ...]]:
    """The words that may name a product, those side by side together."""
    runs: list[list[str]] = []
    beside = False
    for word in wish.spoken:
        if word in wish.words:
            if not beside:
                runs.append([])
            runs[-1].append(word)
        beside = word in wish.words
    return [tuple(run) for run in runs]


def odd_sizes(match: Match, wish: Wish) -> list[str]:
    """The sizes asked for that the product has not, and that are no quantity either."""
    return [word for word in match.unexplained if has_digit(word) and word not in wish.optional]


def is_foreign(word: str, language: str) -> bool:
    """Whether the word is in another script than this language's."""
    return any(char.isalpha() and not reads(char, language) for char in word)


def sized_so(products: Sequence[Product], amounts: Sequence[Amount]) -> list[Product]:
    """The one of several whose size is a bare number of these; all of them where none is."""
    bare = [amount.number for amount in amounts if amount.measure is None]
    sizes = [a for a in amounts if a.measure in SIZES]
    fits = [
        *([p for p in products if sized(p, number)] for number in bare),
        *([p for p in products if as_units(p, amount) == 1] for amount in sizes),
    ]
    return next((fit for fit in fits if len(fit) == 1), list(products))


def not_its_size(amounts: Sequence[Amount], product: Product) -> list[Amount]:
    return [a for a in amounts if a.measure is not None or not sized(product, a.number)]
