import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.commerce.papers import reading_order
from hub.commerce.papers.reading_order import visual

pytestmark = pytest.mark.core

SIGNS = st.text("abאبق12٣٤.,:+-%₹()[]{} ×\u064e\u200d\u200f", max_size=24)


def shown(line: str, *, from_right: bool = False) -> str:
    """What one sees from left to right; `>` and `<` would be mirrored brackets' own doing."""
    runs = visual(line, from_right=from_right)
    return "".join(reading_order.mirrored(run.text) if run.is_rtl else run.text for run in runs)


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("", ""),
        ("M8 bolt (zinc) ₹24.50", "M8 bolt (zinc) ₹24.50"),
        ("1) bolt (zinc)", "1) bolt (zinc)"),
        ("bolt בג end", "bolt גב end"),
        ("M8 בגד (הוז) × 50", "M8 50 × (זוה) דגב"),  # brackets go with what they hold
        ("bolt (בגד) end", "bolt (דגב) end"),
        ("bolt [a (בג] end", "bolt [a (גב] end"),  # one that is never closed
        ("ب 12", "12 ب"),
        ("ב 12%", "12% ב"),
        ("ب 12%", "12 ب%"),  # after Arabic letters a number has no sign of its own
        ("ב 1,2 3-4", "3-4 1,2 ב"),
        ("ב -", "ב -"),
        ("ב (!) א", "א (!) ב"),
        ("a b\u0301", "a b\u0301"),
        ("\u064ea", "\u064ea"),
    ],
)
def test_a_line_is_seen_as_unicode_has_it_from_left_to_right(line: str, seen: str) -> None:
    assert shown(line) == seen


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("קלט: 24.50 ₹", "₹ 24.50 :טלק"),
        ("קלט M8 (b)", "M8 (b) טלק"),
        ("קלט (M8 ב)", "(ב M8) טלק"),
        ("1,234.50 د.إ.", ".إ.د 1,234.50"),
        ("+12", "12+"),
    ],
)
def test_a_paragraph_from_the_right_begins_there(line: str, seen: str) -> None:
    assert shown(line, from_right=True) == seen


@pytest.mark.parametrize(("text", "rtl"), [("12 بa", True), ("12 aب", False), ("12", False)])
def test_the_first_letter_says_where_a_paragraph_begins(text: str, rtl: bool) -> None:
    assert reading_order.is_rtl(text) is rtl


def test_only_so_many_brackets_are_looked_at() -> None:
    line = "(" * 70 + "ב" + ")" * 70
    assert shown(line).count("(") == 70


@given(SIGNS, st.booleans())
def test_every_character_is_seen_once(line: str, from_right: bool) -> None:
    runs = visual(line, from_right=from_right)
    assert sorted("".join(run.text for run in runs)) == sorted(line)


@given(st.text("ab12.,()+- ", max_size=24))
def test_a_line_without_letters_from_the_right_stays_as_it_is(line: str) -> None:
    assert shown(line) == line
