"""What a lying model may try: the same lie in other signs, scripts, words and spaces."""

import time
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.assistant import guard
from hub.assistant.facts import Facts
from hub.assistant.model_context import RULES
from hub.assistant.plain import clean, plain
from hub.commerce.money import format_money

FACTS = Facts(
    amounts=frozenset((24_000, 123_456_750, 0)),
    numbers=frozenset((Decimal(10), Decimal(3))),
    percents=frozenset((Decimal(5),)),
    codes=frozenset(("TEA-ASM-500",)),
    names=("Assam Tea 500 g", "Bolt M8-50"),
    orders=frozenset(("A-1001",)),
    units=frozenset(("pack", "box")),
    heard=frozenset((Decimal(70), Decimal(411001))),
    record=("shop@okbank", "+919800000001", "https://shop.example.com/map"),
    hidden=(RULES,),
)


def kinds(text: str, facts: Facts = FACTS) -> set[str]:
    return {one.kind for one in guard.offences(text, facts, 2)}


LIES: dict[str, list[str]] = tomllib.loads(
    Path(__file__).with_name("disguises.toml").read_text("utf-8")
)
ALLOWED = LIES.pop("allowed")


@pytest.mark.parametrize("kind", LIES)
def test_no_disguise_passes(kind: str) -> None:
    """Each text says something of the kind that nothing gave, in a way that a reader sees."""
    also = {"code": {"code", "order_no"}}.get(kind, {kind})
    assert [text for text in LIES[kind] if not kinds(text) & also] == []


@pytest.mark.parametrize("text", ALLOWED)
def test_what_is_so_may_be_said(text: str) -> None:
    """Amounts, counts and the shop's own addresses pass; so does what only might be."""
    assert kinds(text) == set()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.integers(32, 10**9).filter(lambda said: said * 100 not in FACTS.amounts),
    st.sampled_from(
        ["₹{}", "Rs. {}", "{} rupees", "{} ₹", "price {}", "{}", "kul {}", "السعر {} درهم"]
    ),
    st.sampled_from(
        ["", "\u200b", "\u200d", "\u2060", "\u00ad", "\ufe0f", "\u034f", "\u202e", "\u061c"]
    ),
    st.sampled_from([0, 0x0660, 0x06F0, 0x0966, 0x09E6, 0xFF10, 0x1D7D8]),
    st.data(),
)
def test_an_unknown_number_never_passes(
    said: int, style: str, unseen: str, zero: int, data: st.DataObject
) -> None:
    """Whatever the digits, with a sign inside of it that nobody sees, marked as money or not."""
    digits = [chr(zero + int(digit)) if zero else digit for digit in str(said)]
    digits.insert(data.draw(st.integers(0, len(digits))), unseen)
    text = style.format("".join(digits))
    assert said in FACTS.heard or kinds(text) & {"amount", "number", "phone"}


@pytest.mark.parametrize(
    "piece", ["1 ", "1,", "a.", "a-", "a@", "9 8 ", "₹", "((", "1", "a ", " dot ", "_", "order "]
)
def test_a_judgement_takes_bounded_time(piece: str) -> None:
    """A reply is judged on the loop of all others; a longer one than may be sent is not read."""
    text = piece * (guard.REPLY_MAX_CHARS + 1)
    began = time.process_time()
    guard.offences(text[: guard.REPLY_MAX_CHARS], FACTS, 2)
    assert kinds(text) <= {"too_long", "empty"}
    assert time.process_time() - began < 1.0  # some 20 ms, on a slow machine and under a tracer


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.text(max_size=60),
    st.sampled_from(
        ["\u202e", "\u202d", "\u2066", "\u2069", "\u200b", "\x07", "\U000e0041", "\ufeff"]
    ),
)
def test_what_is_sent_reads_as_what_was_judged(text: str, unseen: str) -> None:
    """Signs that turn or hide others do not reach the customer, and nothing else is lost."""
    sent = clean(unseen.join(text))
    assert unseen not in sent
    assert plain(sent) == plain(text)
    assert clean(sent) == sent


def test_marks_of_direction_stay_beside_amounts_only() -> None:
    """The shop's locale writes them; between digits they would turn the number."""
    amount = format_money(123_456_750, "AED", 2, "ar_AE")
    assert clean(amount) == amount
    assert clean("12\u200f34") == "1234"


def test_joiners_stay_where_scripts_and_pictures_need_them() -> None:
    """Not in amounts and codes, which are the same without."""
    assert clean("₹24\u200d0 TEA\u200c-ASM") == "₹240 TEA-ASM"
    for text in (
        "\u0915\u094d\u200d\u0937",
        "\u0645\u06cc\u200c\u062e",
        "\U0001f468\u200d\U0001f469",
    ):
        assert clean(text) == text
