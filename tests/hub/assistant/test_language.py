"""The language files: complete, and refused where they are not."""

import tomllib
from importlib.resources import files

import msgspec
import pytest

from hub.assistant import tables
from hub.assistant.language import INTENTS, find_phrase, load, parse
from hub.assistant.reply_places import PLACES


@pytest.fixture
def text() -> str:
    return files("hub.assistant").joinpath("replies", "en.toml").read_text("utf-8")


def test_every_reply_fills_its_places() -> None:
    """No template of the English file asks for what it is not given."""
    english = load("en")
    for reply, places in PLACES.items():
        assert "{" not in english.say(reply, **dict.fromkeys(places, "x"))


def test_lexicon_words_are_in_the_one_form(text: str) -> None:
    """Words that are compared with customers' must be written as those are read."""
    file = tomllib.loads(text)
    words = [word for group in file["words"].values() for word in group]
    assert [word for word in words if " " in word or word != word.casefold()] == []


def test_plurals() -> None:
    """One of a unit keeps its name, several take the plural, irregular ones theirs."""
    english = load("en")
    assert [english.counted("carton", n) for n in (1, 2, 0)] == ["carton", "cartons", "cartons"]
    assert [english.counted(unit, 5) for unit in ("box", "kg")] == ["boxes", "kg"]


def test_intents_are_phrases_of_whole_words() -> None:
    """`hi` is not in `this`, and fillers do not count against an intent."""
    english = load("en")
    assert english.means(["oh", "hello"], "greeting")
    assert not english.means(["this"], "greeting")
    assert english.is_only(["please", "yes"], "yes", "no")
    assert not english.is_only(["yes", "rope"], "yes")
    assert not english.is_only(["please"], "yes")
    assert find_phrase(["a", "b"], []) is None


@pytest.mark.parametrize(
    ("line", "instead", "says"),
    [
        ("offer = ", "ofer = ", "ofer, offer"),
        ("bye = [", "by = [", "by, bye"),
        ('or = " or "', 'or = " {sku} "', "'or' has a place"),
        ('or = " or "', 'or = "{"', "'or' has a place"),
        ('thanks = "You', 'thanks = "{0.x} You', "'thanks' has a place"),
    ],
)
def test_a_faulty_file_is_refused(text: str, line: str, instead: str, says: str) -> None:
    """A translator's slip is named when the file is read, not when a customer writes."""
    assert line in text
    with pytest.raises(ValueError, match=says):
        parse(text.replace(line, instead, 1), tables.load("en"))


def test_an_unknown_section_is_refused(text: str) -> None:
    """A misspelt table is no silent loss."""
    with pytest.raises(msgspec.ValidationError, match="colours"):
        parse(text + "\n[colours]\n", tables.load("en"))


def test_the_intents_are_those_that_code_asks_for() -> None:
    """Each intent has at least one phrase."""
    assert all(load("en").intents[intent] for intent in INTENTS)
