"""Words that are the same one in other letters, and words that only look alike."""

import pytest

from hub.assistant.lettering import is_heard_as, latin, sound
from hub.assistant.likeness import likeness, ways

pytestmark = pytest.mark.core


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("बोल्ट", "bolt"),
        ("ग्रीन", "green"),
        ("टी", "tea"),
        ("ड्रिल", "drill"),
        ("पेंट", "paint"),
        ("बल्ब", "bulb"),
        ("राइस", "rice"),
        ("केबल", "cable"),
    ],
)
def test_a_name_is_known_in_devanagari(word: str, name: str) -> None:
    """English names of goods are written as they are heard, and no shop lists that spelling."""
    assert is_heard_as(word, name)
    assert likeness(word, [name]) > 90


@pytest.mark.parametrize(
    ("word", "name"), [("चाय", "chair"), ("दाम", "drum"), ("तेल", "oil"), ("tea", "tea"), ("", "a")]
)
def test_other_words_are_not_heard_alike(word: str, name: str) -> None:
    """Another word stays another one, and only Devanagari is carried over."""
    assert not is_heard_as(word, name)


def test_spellings_of_one_sound() -> None:
    """Hindi in Latin letters has no fixed spelling; what tells words apart stays."""
    assert sound("cheeni") == sound("chini")
    assert sound("chawal") == sound("chaaval")
    assert sound("patti") != sound("petti")
    assert (sound("8x50"), sound("चीनी"), latin("tea")) == ("", "", "")
    assert likeness("chini", ["cheeni", "sugar"]) > 90


def test_the_arabic_article_makes_no_difference() -> None:
    """`the coffee` is coffee, and a name with the article is found without it."""
    assert ways("القهوة") == ("القهوة", "قهوة")
    assert ways("عود") == ("عود", "العود")
    assert ways("boxes") == ("boxes", "box")
