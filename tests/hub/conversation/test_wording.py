"""What of an engine's words reaches the customer."""

from hypothesis import given
from hypothesis import strategies as st

from hub.conversation.wording import REPLY_MAX_CHARS, clean, compose, cut


def test_the_apology_comes_first_and_the_disclosure_last() -> None:
    """One message carries all three."""
    assert compose("Rs 5", opening="Sorry.", closing="Automatic.") == "Sorry.\n\nRs 5\n\nAutomatic."


def test_no_words_make_no_message() -> None:
    """An apology alone is no answer."""
    assert compose(" \0 ", opening="Sorry.", closing="Automatic.") == ""


def test_a_long_answer_is_cut_at_a_word_and_leaves_room_for_the_disclosure() -> None:
    """What is left out shows as an ellipsis; the disclosure is whole."""
    text = compose("word " * 400, closing="Automatic.")
    assert len(text) <= REPLY_MAX_CHARS
    assert text.endswith("word…\n\nAutomatic.")


def test_a_cut_that_falls_between_words_keeps_the_last_one() -> None:
    """Nothing is lost that fits."""
    assert cut("one two three", 8) == "one two…"


def test_an_endless_word_is_cut_inside() -> None:
    """There is no word to end at."""
    assert cut("a " + "b" * 50, 20) == "a " + "b" * 17 + "…"


def test_halves_of_surrogate_pairs_and_nul_are_left_out() -> None:
    """No frame can carry them (PROTOCOL §8)."""
    assert clean("a\ud83db\0c ") == "abc"


@given(st.text(), st.text(max_size=1_200), st.text(max_size=1_200))
def test_a_reply_is_never_too_long(words: str, opening: str, closing: str) -> None:
    """Whatever the texts of the shop are."""
    assert len(compose(words, opening=opening, closing=closing)) <= REPLY_MAX_CHARS
