"""A shop of 20,000 invented products, and what its customers ask for: all from one seed."""

from collections.abc import Iterator
from itertools import islice, product
from random import Random
from typing import Final

PRODUCTS: Final = 20_000
SYLLABLES: Final = ("ar", "bel", "cor", "dan", "el", "fi", "gra", "hol", "in", "ja", "kes", "lu")
ENDINGS: Final = ("a", "er", "ine", "ix", "o", "um", "on", "ista", "ex", "or", "is", "ant")
MAKERS: Final = ["".join(parts) for parts in product(SYLLABLES, SYLLABLES, ENDINGS)]
SORTS: Final = ("black", "white", "steel", "brass", "nylon", "copper", "heavy", "light", "premium")
KINDS: Final = {
    "Fasteners": ("screw", "bolt", "nut", "washer", "anchor", "rivet", "hook", "clamp"),
    "Kitchen": ("spoon", "bowl", "kettle", "pan", "strainer", "grater", "tray", "jug"),
    "Grocery": ("rice", "flour", "sugar", "lentils", "tea", "coffee", "biscuits", "oil"),
    "Electrical": ("bulb", "switch", "socket", "cable", "plug", "holder", "battery", "fan"),
    "Cleaning": ("soap", "detergent", "brush", "mop", "bucket", "sponge", "bleach", "duster"),
}
SIZES: Final = (
    *(f"{width}x{length}" for width in (4, 5, 6, 8, 10) for length in (20, 40, 60, 80)),
    *("100 g", "250 g", "500 g", "1 kg", "2 kg", "5 kg", "200 ml", "500 ml", "1 L", "5 L"),
    *("M6 x 30 mm", "M8 x 50 mm", "M10 x 80 mm", "5 W", "9 W", "12 W", "2 inch", "3 m", "10 m"),
)
UNITS: Final = ("piece", "pack", "box", "carton")


def catalog(seed: int) -> list[tuple[str, str]]:
    """The category and name of each product; no two are alike."""
    chance = _chance(seed)
    kinds = [(place, kind) for place, words in KINDS.items() for kind in words]
    sorts = list(product(SORTS, kinds, SIZES))
    every = []
    for sort, (place, kind), size in (sorts * 2)[:PRODUCTS]:
        every.append((place, f"{chance.choice(MAKERS)} {sort} {kind} {size}".title()))
    return [every[at] for at in chance.sample(range(PRODUCTS), PRODUCTS)]


def csv_lines(products: list[tuple[str, str]], seed: int) -> Iterator[str]:
    """The price list as a file that `sak-hub catalog import` takes."""
    chance = _chance(seed)
    yield "sku,name,category,aliases,unit,price,stock,slabs"
    for number, (place, name) in enumerate(products):
        words = name.split()
        price = f"{chance.randint(100, 900_000) / 100:.2f}"
        aliases = f"{words[2]} {words[0]}|{words[1]} {words[2]}"
        unit, slabs = chance.choice(UNITS), chance.choice(("", "10:2%", "10:2%; 50:5%"))
        yield f"{place[:2].upper()}-{number:05},{name},{place},{aliases},{unit},{price},500,{slabs}"


def questions(products: list[tuple[str, str]], count: int, seed: int) -> list[tuple[str, str]]:
    """What customers write, and the product they mean ("" where nobody can tell)."""
    return list(islice(_asked(_chance(seed), products), count))


def _chance(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - a catalog, not a secret


def _asked(chance: Random, products: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    while True:
        _, name = chance.choice(products)
        maker, sort, kind, *sizes = name.lower().split()
        size = " ".join(sizes)
        yield name.lower(), name
        yield f"{_misspelt(chance, maker)} {kind} {size}", name
        yield f"{maker} {_misspelt(chance, sort)} {_misspelt(chance, kind)} {size}", name
        yield f"{_misspelt(chance, maker)} {_misspelt(chance, kind)} {size}", name
        yield _misspelt(chance, kind), ""
        yield f"{sort} {kind}", ""
        yield "".join(sizes), ""
        yield f"{chance.choice(('wardrobe', 'cement', 'tyre'))} {kind}", ""
        yield f"something nice {sort} new kitchen garden", ""
        yield f"{kind} {chance.choice(('7x45', 'm7', '13w'))}", ""


def _misspelt(chance: Random, word: str) -> str:
    """The word with two letters swapped, one left out or one doubled, the first letter kept."""
    if len(word) < 4:
        return word
    at = chance.randrange(1, len(word) - 1)
    slips = (
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
    )
    return chance.choice(slips)
