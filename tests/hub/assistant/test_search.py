"""Search: any input is a sound query, ranks are sensible, shops are apart."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.assistant.search import CANDIDATES_MAX, Wish, best, find, match_query, mentioned
from hub.commerce.catalog import candidates
from hub.commerce.words import normalise
from hub.store.database import Store
from hub.store.tx import Tx, load_queries


def wish(text: str) -> Wish:
    words = tuple(normalise(text).split())
    return Wish(words, words)


async def names(store: Store, tenant: str, text: str) -> list[str]:
    """The products that nothing tells apart."""
    matches = await store.read(lambda tx: find(tx, tenant, wish(text)))
    return [match.product.name for match in best(matches)]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("LED-9", "LED Bulb 9 W"),  # the code
        ("led bulb 9 watt", "LED Bulb 9 W"),  # an alias in full
        ("chawal", "Long Grain Rice 5 kg"),
        ("detergnt powdr", "Detergent Powder 2 kg"),
        ("shugar", "White Sugar 1 kg"),  # wrong within the first letters
        ("aatta", "Wheat Flour 10 kg"),
        ("sun flower oil 5l", "Sunflower Seed Oil 5 L"),
    ],
)
async def test_one_product_is_meant(store: Store, text: str, name: str) -> None:
    """Codes, aliases and typing errors find the product."""
    assert await names(store, "corner", text) == [name]


async def test_equals_are_not_told_apart(store: Store) -> None:
    """A word that two products share leaves both."""
    assert await names(store, "corner", "hill tea") == ["Hill Leaf Tea 1 kg", "Hill Leaf Tea 250 g"]


@pytest.mark.parametrize("text", ["6x45", "m7", "tan", "cash place", "nothing of this"])
async def test_what_is_not_there_is_not_found(store: Store, text: str) -> None:
    """Sizes forgive nothing, and short words are not taken for others."""
    assert await names(store, "fasteners", text) == []


async def test_products_of_an_earlier_reply(store: Store) -> None:
    """Full names in a text are found again; a name inside another one is not counted."""
    text = "We have:\n• Hex Bolt M8 x 50 mm: ₹1,640.00 per box\n• Hex Nut M10: ₹816.00"
    found = await store.read(lambda tx: mentioned(tx, "fasteners", text))
    assert {product.sku for product in found} == {"HB-M8X50", "HN-M10"}
    assert await store.read(lambda tx: mentioned(tx, "fasteners", " 🙂 ")) == []


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tx]:
    """A database with the schema and no rows."""
    path = tmp_path_factory.mktemp("search") / "hub.db"
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    root = Path(__file__).parents[3]
    connection.executescript((root / "schema.sql").read_text("utf-8"))
    yield Tx(connection, load_queries())
    connection.close()


ODD = st.text(st.sampled_from('"*():^-+{}.\0 \u0301\u20dd\u200f aNOREDx8'), max_size=30)
WORDS = st.lists(st.text(min_size=1) | ODD.filter(bool), min_size=1, max_size=6)


@given(text=st.text() | ODD)
def test_no_message_is_a_syntax_error(empty: Tx, text: str) -> None:
    """Whatever a customer writes, the queries that the search makes of it are sound."""
    assert find(empty, "ten_a", wish(text)) == []
    assert mentioned(empty, "ten_a", text) == []


@given(text=st.text() | ODD, every=st.booleans())
def test_every_query_is_sound(empty: Tx, text: str, every: bool) -> None:
    """Any words may be asked for, all of them or one of them."""
    if words := normalise(text).split():
        query = match_query([[word] for word in words], every=every)
        assert candidates(empty, "ten_a", query, CANDIDATES_MAX) == []


@given(words=WORDS)
@settings(suppress_health_check=[HealthCheck.filter_too_much])
def test_no_word_is_an_operator(empty: Tx, words: list[str]) -> None:
    """Even words that were not normalised are quoted, but for NUL, which SQLite ends at."""
    plain = [word.replace("\0", "").encode("utf-8", "ignore").decode() or "a" for word in words]
    candidates(empty, "ten_a", match_query([plain], every=False), CANDIDATES_MAX)
