"""STOP and START: obeyed as whole messages, in every language, and said to the customer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.assistant.engine import Answer, Line, Turn
from hub.assistant.model import is_by_code
from hub.assistant.opting import CHARS_MAX, Opting, opting, phrases
from tests.hub.assistant.shopper import Shop, Shopper
from tests.hub.assistant.test_languages import VISITS, says

PHRASES = sorted((" ".join(words), said) for words, said in phrases().items())
STOPS = {"en": "STOP", "hi": "स्टॉप", "hi-Latn": "message band karo", "ar": "توقف"}
STARTS = {"en": "START", "hi": "शुरू", "hi-Latn": "shuru karo", "ar": "ابدأ"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("STOP", "out"),
        (" Stop!! ", "out"),
        ("🛑 stop 🛑", "out"),
        ("Don’t message me.", "out"),
        ("बंद करो।", "out"),
        ("إيقاف", "out"),
        ("توقّف؟", "out"),
        ("Unstop", "in"),
        ("don't stop", None),
        ("stop 2 boxes", None),
        ("stop stop stop stop", None),
        ("does the bus stop there", None),
        ("no", None),
        ("cancel", None),
        ("", None),
        ("🛑", None),
    ],
)
def test_the_whole_message_counts(text: str, said: Opting | None) -> None:
    """Signs and capitals make no difference; any other word does."""
    assert opting(text) == said


def test_no_phrase_is_too_long_or_has_a_digit() -> None:
    """What the lists hold is found, in every language; nothing means both."""
    assert [(text, opting(text)) for text, _ in PHRASES] == PHRASES


@given(st.sampled_from(PHRASES), st.text(" .!?…*_🙏\n", max_size=4), st.booleans())
def test_signs_around_a_phrase(phrase: tuple[str, str], signs: str, loud: bool) -> None:
    """However somebody shouts it."""
    text = f"{signs}{phrase[0].upper() if loud else phrase[0]}{signs}"
    assert len(text) <= CHARS_MAX
    assert opting(text) == phrase[1]


@given(st.sampled_from(PHRASES), st.sampled_from(["cement", "चाय", "سكر", "6x40"]))
def test_a_phrase_within_a_sentence(phrase: tuple[str, str], word: str) -> None:
    """It is about something else there."""
    assert opting(f"{phrase[0]} {word}") is None
    assert opting(f"{word} {phrase[0]}") is None


async def opted_out_at(me: Shopper) -> int | None:
    record = await me.record()
    return None if record is None else record.opted_out_at


@pytest.mark.parametrize("code", STOPS)
async def test_out_and_in_again(grocer: Shop, code: str) -> None:
    """Both are confirmed in the customer's language, and how to undo them is understood."""
    me = grocer.customer()
    assert await me.says(STOPS[code]) == says(code, "opted_out")
    since = await opted_out_at(me)
    assert since == grocer.clock.now_ms()
    assert await me.says(STOPS[code]) == says(code, "opted_out")
    assert await opted_out_at(me) == since
    undo = says(code, "opted_out").split('"')[1]
    assert await me.says(undo) == says(code, "opted_in")
    assert await opted_out_at(me) is None
    redo = says(code, "opted_in").split('"')[1]
    assert await me.says(redo) == says(code, "opted_out")
    assert await me.says(STARTS[code]) == says(code, "opted_in")


async def test_the_conversation_s_language_is_kept(grocer: Shop) -> None:
    """STOP is a word of every language: who wrote Hindi before is answered in it."""
    me = grocer.customer()
    await me.says(VISITS["hi"]["price"])
    assert await me.says("STOP") == says("hi", "opted_out")


async def test_who_writes_is_answered(grocer: Shop) -> None:
    """Nothing else changes for somebody who opted out: not even the way to an order."""
    me, words = grocer.customer(), VISITS["hi-Latn"]
    await me.says("STOP")
    assert "₹" in await me.says(words["price"])
    await me.says(words["add"])
    await me.says(words["checkout"])
    await me.says(words["yes"])
    assert len(await me.orders()) == 1
    assert await opted_out_at(me) is not None


async def test_start_is_a_word_like_others_to_everybody_else(grocer: Shop) -> None:
    """It says nothing new where nobody opted out."""
    me = grocer.customer()
    assert says("en", "opted_in") not in await me.says("START")
    assert await me.record() is None


@pytest.mark.parametrize("code", sorted(VISITS))
async def test_an_open_order_is_ended(grocer: Shop, code: str) -> None:
    """Who wants to hear no more is not waited for; both are said, and a late yes places nothing."""
    me, words = grocer.customer(), VISITS[code]
    await me.says(words["add"])
    await me.says(words["checkout"])
    assert await me.draft() is not None
    said = await me.says(STOPS[code])
    assert said == f"{says(code, 'not_placed')}\n{says(code, 'opted_out')}"
    assert await me.draft() is None
    assert await me.cart() == {"SOAP-NEEM": 24}
    await me.says(words["yes"])
    assert await me.orders() == []


async def test_a_yes_and_a_stop_place_nothing(grocer: Shop) -> None:
    """In one burst the stop counts, whichever comes first."""
    for burst in (("yes", "STOP"), ("STOP", "yes")):
        me = grocer.customer()
        await me.says("5 neem soap")
        await me.says("order to 411004, cash on delivery, no gst")
        assert await me.draft() is not None
        assert says("en", "opted_out") in await me.says(*burst)
        assert (await me.draft(), await me.orders()) == (None, [])


async def test_an_order_that_was_to_be_cancelled_stays(grocer: Shop) -> None:
    """A stop is no yes: the question is answered with no."""
    me, words = grocer.customer(), VISITS["hi-Latn"]
    await me.says(words["add"])
    await me.says(words["checkout"])
    await me.says(words["yes"])
    [order] = await me.orders()
    await me.says(words["cancel"])
    said = await me.says("stop")
    assert says("hi-Latn", "kept", order_no=order.order_no) in said
    assert says("hi-Latn", "opted_out") in said
    await me.says(words["yes"])
    assert [one.state for one in await me.orders()] == ["confirmed"]


async def test_no_model_is_asked(grocer: Shop) -> None:
    """In every mode: a person's STOP is no matter of opinion."""
    me = grocer.customer()
    await me.says("STOP")
    turn = Turn(
        turn_id="t",
        tenant=grocer.tenant,
        chat_key=me.chat,
        customer_name=None,
        messages=(Line("customer", "STOP", 1),),
        now_ms=1,
    )
    assert is_by_code(turn, me.answers[-1], "hybrid")
    assert is_by_code(turn, me.answers[-1], "model")
    assert not is_by_code(turn, Answer(text="?", path="embedded.price"), "model")
