"""What is said besides the errand: greetings in kind, company, a yes to nothing, a complaint."""

import pytest

from hub.assistant.language import load
from tests.hub.assistant.shopper import Shop

OFFER = "Shall I call someone from the shop?"


@pytest.mark.parametrize(
    ("said", "back"),
    [
        ("assalamualaikum bhai", "Walaikum assalam!"),
        ("السلام عليكم يا فندم", "وعليكم السلام"),
        ("هلا والله شخباركم", "أهلاً وسهلاً!"),
        ("ram ram ji", "Ram ram!"),
        ("और भैया क्या चल रहा है", "नमस्ते!"),
        ("good morning sir", "Good morning!"),
    ],
)
async def test_a_greeting_is_answered_in_kind(grocer: Shop, said: str, back: str) -> None:
    """With whom it addresses and how they are: it is a greeting still."""
    me = grocer.customer()
    assert (await me.says(said)).startswith(back)
    assert me.answers[-1].path == "embedded.greeting"


async def test_company_fetches_nobody(grocer: Shop) -> None:
    """Laughter, thanks and a heart are no failures; nor is a tale that asks for nothing."""
    me = grocer.customer()
    for text in ("lol", "❤️", "thnx", "nice weather today", "الجو حار", "my wife is angry", "hmm"):
        await me.says(text)
        assert me.answers[-1].handover is None, text
    await me.says("do you repair fridges?")
    await me.says("do you repair clocks?")
    assert me.answers[-1].handover == "not_understood"


@pytest.mark.parametrize("yes", ["haan", "haan daal do", "ok"])
async def test_a_yes_to_which_asks_again(grocer: Shop, yes: str) -> None:
    """Nobody shall believe that something was done."""
    me = grocer.customer()
    await me.says("led bulb")
    said = await me.says(yes)
    assert me.answers[-1].path == "embedded.ask"
    assert "LED Bulb 12 W" in said
    assert await me.cart() == {}


async def test_a_yes_for_goods_calls_nobody(grocer: Shop) -> None:
    """The offer was a person, and what is wanted are goods."""
    me = grocer.customer()
    assert (await me.says("toothpaste 4")).endswith(OFFER)
    assert await me.says("theek hai daal do") == load("hi-Latn").say("which_product")
    await me.says("do you repair fridges?")
    await me.says("haan bula do")
    assert me.answers[-1].handover == "unknown_question"


@pytest.mark.parametrize(
    "yes", ["k", "haan ji bhej do", "हाँ जी भेज दीजिए", "ठीक hai confirm", "اي أكيد", "موافقة وشكرا"]
)
async def test_a_natural_yes_is_one(grocer: Shop, yes: str) -> None:
    """The total was shown; one that may be a maybe orders nothing."""
    me = grocer.customer()
    await me.says("5 sugar")
    await me.says("order 411001 upi no gst")
    for maybe in (
        "ok thanks",
        "ان شاء الله",
        "ايه",
        "theek hai soch ke batata hu",
        "order no A-1001",
    ):
        await me.says(maybe)
        assert await me.orders() == [], maybe
    await me.says(yes)
    assert len(await me.orders()) == 1


@pytest.mark.parametrize(
    "text",
    [
        "my sugar packet came torn, i want my money back",
        "usme kide the",
        "drill stopped working",
        "ابغى ارجع المنتج",
        "منتهية الصلاحية",
    ],
)
async def test_a_complaint_goes_to_a_person(grocer: Shop, text: str) -> None:
    """At once, whatever else is said."""
    me = grocer.customer()
    await me.says(text)
    assert me.answers[-1].handover == "complaint"


async def test_an_order_that_was_placed_stays_as_it_is(grocer: Shop) -> None:
    """What is to be added goes into a new cart; a change is a person's."""
    me = grocer.customer()
    await me.says("5 sugar")
    await me.says("order 411001 upi no gst")
    await me.says("yes")
    said = await me.says("add 6 sugar to my order")
    assert said.startswith("Order A-1001 is placed already, and I cannot change it.")
    assert await me.cart() == {"SUG-WH-1K": 6}


async def test_a_tale_is_not_recited(grocer: Shop) -> None:
    """Around a quantity at most four words are named; else only that not all was understood."""
    me = grocer.customer()
    said = await me.says("my cousin asked since the law of paint in the temple 4 times and 5 sugar")
    assert "I did not understand all of it." in said
    assert "temple" not in said


@pytest.mark.parametrize(
    "text", ["total btao", "hisaab batao", "what do i owe you", "final amount?"]
)
async def test_the_sum_by_other_words(grocer: Shop, text: str) -> None:
    """However it is asked for."""
    me = grocer.customer()
    await me.says("5 sugar")
    await me.says(text)
    assert "view_cart" in [name for name, _ in me.calls]


def test_names_stand_apart_from_right_to_left() -> None:
    """Neither a Latin name nor a percentage turns the signs around it; few are plural."""
    arabic = load("ar")
    said = arabic.say("option", product="Oud 12 ml", price="AED 145.00", unit="قطعة")
    assert said == "• سعر \u2068Oud 12 ml\u2069: \u2068AED 145.00\u2069 لكل قطعة"
    assert "\u2068VAT 5%\u2069" in arabic.say("tax_with", tax="VAT", pct="5")
    assert [arabic.counted("piece", n) for n in (1, 3, 11)] == ["قطعة", "قطع", "قطعة"]
