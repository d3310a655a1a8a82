"""In which language a customer writes: by script, by words, or as before."""

import unicodedata

import msgspec
import pytest

from hub.assistant import language
from hub.assistant.detection import SCRIPTS, detect, language_of, lexicon, reads
from hub.assistant.reply_places import PLACES

ALL = ("en", "hi", "hi-Latn", "ar")

GOODS = ("door mats", "main switch 32 A", "hi-fi cable 2 m", "LED bulbs 9 W", "Kala Namak 1 kg")
FRAMES = (
    "what is the price of {}",
    "how much for 10 {}?",
    "do you have {} in stock?",
    "please send me 5 {}",
    "I want to order {}",
    "can you deliver {} to my home today",
    "add 3 {} to my cart",
    "remove the {} from the cart",
    "is there a discount on {}",
    "show me all {} you sell",
    "we need 2 boxes of {} by tomorrow",
    "any offer on {}?",
    "bhai, what is your best rate for {}",
    "how many {} are in one carton",
    "the {} were broken, I want my money back",
    "do me a favour and pack the {} well",
    "same {} as last time",
    "are the {} available in a bigger size?",
    "let me know when {} are back",
    "could you tell me the cost of {}",
    "no, not the {}, the other one",
    "I paid for the {} yesterday",
    "which {} do you like",
    "make it 12 {}",
    "also 4 {} please, they are for my shop",
    "what about {}?",
    "I am looking for {}",
    "why did the price of {} go up",
    "send a photo of the {}",
    "do not send the {} yet",
    "is cash on delivery ok for {}",
    "ok sir, then 6 {} and that is all",
    "who makes these {}",
    "where can I see your {}",
    "have you got {} or something like that",
    "give me a quote for 100 {}",
    "do the {} come in a pack of 6",
    "will it be cheaper if I take 50 {}",
    "my order with the {} has not come",
    "hi, need {} urgently, how do I pay",
)


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("goods", GOODS)
def test_english_is_not_called_hinglish(frame: str, goods: str) -> None:
    """Neither by words that Hindi has, too, nor by names of goods that sound Indian."""
    assert language_of(frame.format(goods)) in ("en", None)


def test_english_is_found() -> None:
    """Nine in ten of those sentences show it; the others only name goods."""
    said = [frame.format(goods) for frame in FRAMES for goods in GOODS]
    assert len(said) == 200
    assert sum(language_of(text) == "en" for text in said) >= 180


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("neem soap ka kya bhav hai", "hi-Latn"),
        ("Filter Coffee 500 g kitne ki milegi?", "hi-Latn"),
        ("teen darjan bulb bhej dijiye", "hi-Latn"),
        ("dhai kilo cheeni", "hi-Latn"),
        ("meri last order ka status batao please", "hi-Latn"),
        ("Can you batao kitna lagega total", "hi-Latn"),
        ("delivery kab tak hogi", "hi-Latn"),
        ("mujhe GST bill nhi chaiye", "hi-Latn"),
        ("NAMASTE", "hi-Latn"),
        ("haan ji", "hi-Latn"),
        ("साबुन का भाव बताइए", "hi"),
        ("LED Bulb 12 W के 5 पीस चाहिए", "hi"),
        ("filter coffee और neem soap कितने का है", "hi"),
        ("order status बताओ", "hi"),
        ("१२ पैकेट", "hi"),
        ("بكم الصابون؟", "ar"),
        ("عندكم Filter Coffee 500 g؟", "ar"),
        ("أريد LED Bulb 9 W عدد ٣", "ar"),
        ("نَعَمْ", "ar"),
        ("do you sell आटा and चीनी here?", "en"),
        ("what is عطر, is it a perfume?", "en"),
        ("show cart", "en"),
        ("10", None),
        ("१०", None),
        ("M8x50 - 20", None),
        ("A-1001", None),
        ("LED Bulb 9 W", None),
        ("ok", None),
        ("yes sir", None),
        ("2 carton bhai", None),
        ("no gst", None),
        ("👍", None),
        ("", None),
        ("চা কত", None),
    ],
)
def test_what_a_message_shows(text: str, shown: str | None) -> None:
    """The script goes first, but not where English frames it; codes and amounts show nothing."""
    assert language_of(text) == shown


@pytest.mark.parametrize(
    ("texts", "languages", "before", "answered"),
    [
        (["chai ka rate?"], ALL, "en", "hi-Latn"),
        (["what is the price"], ALL, "hi", "en"),
        (["10"], ALL, "ar", "ar"),
        (["LED Bulb 9 W"], ALL, "hi", "hi"),
        (["LED Bulb 9 W"], ("ar", "en"), None, "en"),
        (["10"], ("ar", "en"), None, "ar"),
        (["बताओ", "LED 9 W", "10"], ALL, "en", "hi"),
        (["बताओ", "how much is it"], ALL, "hi", "en"),
        (["chai ka rate?"], ("en", "hi"), None, "hi"),
        (["चाय का दाम?"], ("en", "hi-Latn"), None, "hi-Latn"),
        (["كم السعر؟"], ("en", "hi"), "hi", "hi"),
        (["كم السعر؟"], ("en", "hi"), "ar", "en"),
        (["চা কত"], ("en", "hi"), None, "en"),
        (["ok"], ("en", "hi"), "hi-Latn", "hi"),
    ],
)
def test_the_language_of_the_answer(
    texts: list[str], languages: tuple[str, ...], before: str | None, answered: str
) -> None:
    """The newest message that shows one decides, within what the shop speaks."""
    assert detect(texts, languages, before) == answered


def test_a_word_is_in_one_list_only() -> None:
    """A word that would count for both languages counts for none."""
    lists = [words for words in msgspec.structs.astuple(lexicon()) if isinstance(words, frozenset)]
    assert sum(map(len, lists)) == len(frozenset().union(*lists))


def test_scripts_that_are_read() -> None:
    """Latin letters are read in every language, another one's script is foreign."""
    assert reads("LED", "ar")
    assert reads("12", "hi")
    assert not reads("चाय", "ar")
    assert not reads("সাবান", "hi")
    assert SCRIPTS.keys() == set(ALL)


@pytest.mark.parametrize("code", ALL)
def test_every_language_has_every_reply(code: str) -> None:
    """`load` refuses a file that lacks a reply or an intent that English has."""
    spoken, english = language.load(code), language.load("en")
    assert spoken.replies.keys() == english.replies.keys()
    assert spoken.intents.keys() == english.intents.keys()
    assert all(spoken.intents.values())


@pytest.mark.parametrize("code", ["hi", "hi-Latn", "ar"])
def test_replies_keep_the_places_of_the_english_ones(code: str) -> None:
    """No name, quantity or amount that the English reply says is lost in another language."""
    spoken, english = language.load(code), language.load("en")
    optional = {"slab_price": {"unit"}, "line_held": set(), "either": set()}
    for reply, places in PLACES.items():
        marks = {place: f"\0{place}\0" for place in places}
        ours, theirs = spoken.say(reply, **marks), english.say(reply, **marks)
        lost = {place for place, mark in marks.items() if mark in theirs and mark not in ours}
        assert lost <= optional.get(reply, set()), reply


PIECES = ("or", "comma", "plural", "discount_pct", "discount_price", "tax_plus", "tax_plus_amount")


def test_arabic_is_shown_from_right_to_left() -> None:
    """Whatever Latin names stand in it: the first letter of a reply decides on its direction."""
    arabic = language.load("ar")
    for reply, places in PLACES.items():
        if reply in (*PIECES, "tax_with", "rule_from"):
            continue  # stands inside of another one
        said = arabic.say(reply, **dict.fromkeys(places, "Soap"))
        strong = (unicodedata.bidirectional(char) for char in said)
        first = next(way for way in strong if way in ("L", "R", "AL"))
        assert first == "AL", reply
