"""The one form in which names and questions are compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.commerce.words import normalise, search_text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hex Bolt M8 × 50 mm", "hex bolt m8x50"),
        ("M8*50MM", "m8x50"),
        ("8x80,8x100", "8x80 8x100"),
        ("3.5 x 25 mm, zinc", "3.5x25 zinc"),
        ("5 x 500 g tea", "5 x 500g tea"),
        ("500 gms", "500g"),
        ("1,00,000 pcs", "100000 pcs"),
        ("५०० ग्राम चाय", "500g चाय"),
        ("عطر ١٢ مل", "عطر 12ml"),
        ("TEA-ASM-1K!", "tea asm 1k"),
        ("\0 \ud800 🙂", ""),
    ],
)
def test_one_form(text: str, words: str) -> None:
    """Signs go, sizes and measures are joined, digits of any script are the same."""
    assert normalise(text) == words


def test_a_size_has_other_names() -> None:
    """The index also holds what customers leave out of a thread's size."""
    assert search_text("Bolt M8x50") == "bolt m8x50 8x50 m8 50mm"
    assert search_text("Fixing 6x40") == "fixing 6x40 40mm"


@given(st.text())
def test_the_form_is_stable(text: str) -> None:
    """Words that are in the one form stay as they are, so that index and question agree."""
    once = normalise(text)
    assert " ".join(once.split()) == once
    assert normalise(once) == once
