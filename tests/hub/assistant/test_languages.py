"""Whole visits in Hindi, Hinglish and Arabic: understood and answered in the customer's words."""

import pytest

from hub.assistant.language import load
from hub.assistant.signs import words_of
from tests.hub.assistant.shopper import Shop

VISITS = {
    "hi": {
        "greeting": "नमस्ते जी",
        "price": "Filter Coffee 500 g का दाम क्या है?",
        "add": "दो दर्जन Neem Soap डाल दो",
        "cart": "मेरा कार्ट दिखाइए",
        "checkout": "ऑर्डर कर दीजिए 411004 पर, कैश ऑन डिलीवरी",
        "no": "नहीं भाई, रहने दो",
        "yes": "हाँ जी, पक्का कर दो",
        "person": "मुझे किसी इंसान से बात करनी है",
        "hours": "दुकान कब तक खुली है?",
        "status": "मेरा ऑर्डर कहाँ है?",
        "cancel": "ऑर्डर कैंसिल कर दो",
        "set": "10 ही रखो",
        "remove": "Neem Soap हटा दो",
        "empty": "कार्ट खाली कर दो",
        "wait": "हाँ रुको",
    },
    "hi-Latn": {
        "greeting": "namaste ji",
        "price": "Filter Coffee 500 g ka daam kya hai",
        "add": "do darjan neem soap daal do",
        "cart": "mera cart dikhao",
        "checkout": "order kar dijiye 411004 pe, cash on delivery",
        "no": "nahi bhai, rehne do",
        "yes": "haan ji, pakka kar do",
        "person": "mujhe kisi insaan se baat karni hai",
        "hours": "dukaan kab tak khuli hai?",
        "status": "mera order kahan hai?",
        "cancel": "order cancel kar do",
        "set": "10 hi rakho",
        "remove": "neem soap hata do",
        "empty": "cart khaali kar do",
        "wait": "haan ruko",
    },
    "ar": {
        "greeting": "السلام عليكم",
        "price": "كم سعر Filter Coffee 500 g؟",
        "add": "أضف درزنين Neem Soap",
        "cart": "أرني السلة",
        "checkout": "أكمل الطلب إلى 411004، الدفع عند الاستلام",
        "no": "لا شكراً",
        "yes": "نعم، أكّد الطلب من فضلك",
        "person": "أريد التحدث مع موظف",
        "hours": "متى تفتحون المحل؟",
        "status": "أين طلبي؟",
        "cancel": "ألغِ الطلب",
        "set": "خليها 10",
        "remove": "احذف Neem Soap",
        "empty": "أفرغ السلة",
        "wait": "نعم لحظة",
    },
}
LANGUAGES = sorted(VISITS)


@pytest.fixture(params=LANGUAGES)
def code(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def says(code: str, reply: str, **values: object) -> str:
    """A reply in the language, its end left off where the values are not given."""
    return load(code).say(reply, **values)


async def test_a_greeting(grocer: Shop, code: str) -> None:
    """The first words are answered in their language and in kind; they make nobody a customer."""
    me = grocer.customer()
    said = VISITS[code]["greeting"]
    hello = load(code).hello(words_of(said))
    assert await me.says(said) == f"{hello} {says(code, 'greeting')}"
    assert await me.record() is None


async def test_a_price(grocer: Shop, code: str) -> None:
    """The catalog's price to the paisa, with the tax that comes on top."""
    me = grocer.customer()
    said = await me.says(VISITS[code]["price"])
    assert said.startswith(
        says(
            code,
            "price",
            product="Filter Coffee 500 g",
            price="₹362.50",
            unit=load(code).counted("pack", 1),
            tax=says(code, "tax_plus", pct="5", tax="GST"),
        )
    )
    assert "get_price" in [name for name, _ in me.calls]


async def test_from_cart_to_order(grocer: Shop, code: str) -> None:
    """Number words, the cart, the total, and only then a yes: the order has the draft's total."""
    me, words = grocer.customer(), VISITS[code]
    await me.says(words["add"])
    assert await me.cart() == {"SOAP-NEEM": 24}
    cart = await me.says(words["cart"])
    assert says(code, "cart_title") in cart
    assert "₹857.28" in cart
    shown = await me.says(words["checkout"])
    assert says(code, "confirm") in shown
    draft = await me.draft()
    assert draft is not None
    assert (draft.delivery.destination, draft.delivery.payment) == ("411004", "cod")
    assert draft.bill.total == 107_160  # 857.28 + 60.00 delivery + 77.16 twice, each half of 18 %
    assert "₹1,071.60" in shown
    waits = await me.says(words["wait"])
    assert await me.orders() == []
    assert waits
    placed = await me.says(words["yes"])
    assert [order.total for order in await me.orders()] == [draft.bill.total]
    assert "₹1,071.60" in placed
    assert says(code, "ask_address") in placed


async def test_a_no_places_nothing(grocer: Shop, code: str) -> None:
    """A decline ends the question and keeps the cart."""
    me, words = grocer.customer(), VISITS[code]
    await me.says(words["add"])
    await me.says(words["checkout"])
    assert await me.says(words["no"]) == says(code, "not_placed")
    assert await me.orders() == []
    assert await me.draft() is None
    assert await me.cart() == {"SOAP-NEEM": 24}


async def test_a_person_is_called(grocer: Shop, code: str) -> None:
    """Whoever asks for a person gets one, and is told so."""
    me = grocer.customer()
    assert await me.says(VISITS[code]["person"]) == says(code, "handover")
    assert me.answers[-1].handover == "customer_request"


async def test_the_cart_is_changed(grocer: Shop, code: str) -> None:
    """A bare number with "only", taking out, and emptying."""
    me, words = grocer.customer(), VISITS[code]
    await me.says(words["add"])
    await me.says(words["set"])
    assert await me.cart() == {"SOAP-NEEM": 10}
    assert says(code, "removed", product="Neem Soap 100 g") in await me.says(words["remove"])
    assert await me.cart() == {}
    await me.says(words["add"])
    assert says(code, "emptied") in await me.says(words["empty"])
    assert await me.cart() == {}


async def test_an_order_is_asked_about_and_called_off(grocer: Shop, code: str) -> None:
    """The newest order is meant; it is cancelled by a yes to the question alone."""
    me, words = grocer.customer(), VISITS[code]
    await me.says(words["add"])
    await me.says(words["checkout"])
    await me.says(words["yes"])
    [order] = await me.orders()
    said = await me.says(words["status"])
    assert order.order_no in said
    assert says(code, "state_confirmed") in said
    asked = await me.says(words["cancel"])
    assert asked == says(code, "cancel", order_no=order.order_no, total="₹1,071.60")
    assert [o.state for o in await me.orders()] == ["confirmed"]
    assert await me.says(words["yes"]) == says(code, "cancelled", order_no=order.order_no)
    assert [o.state for o in await me.orders()] == ["cancelled"]


async def test_the_hours(grocer: Shop, code: str) -> None:
    """What the shop says of itself stays in its own words."""
    said = await grocer.customer().says(VISITS[code]["hours"])
    assert says(code, "hours", hours="Mon-Sat 09:00-19:00") in said


async def test_the_language_is_remembered(grocer: Shop, code: str) -> None:
    """Of a customer who is known; a bare amount is then answered in it."""
    me, words = grocer.customer(), VISITS[code]
    await me.says(words["price"])
    assert await me.record() is None
    await me.says(words["add"])
    record = await me.record()
    assert record is not None
    assert record.language == code
    me.history = ()
    assert says(code, "which_product") in await me.says("7 pieces")


async def test_the_latest_message_decides(grocer: Shop) -> None:
    """A customer may change the language at any time, and a yes may be in another one."""
    me = grocer.customer()
    assert "per pack" in await me.says("what is the price of filter coffee 500 g?")
    assert "لكل عبوة" in await me.says("كم سعر Oat Biscuits 200 g؟")
    await me.says("do darjan neem soap daal do")
    shown = await me.says("ऑर्डर कर दो 411004, कैश ऑन डिलीवरी")
    assert says("hi", "confirm") in shown
    assert "₹1,071.60" in await me.says("yes")
    assert len(await me.orders()) == 1
    assert says("en", "state_confirmed") in await me.says("what is the status of my order?")
    record = await me.record()
    assert record is not None
    assert record.language == "en"


async def test_a_shop_speaks_its_own_languages(grocer: Shop) -> None:
    """What it does not speak is answered in its first language."""
    await grocer.settles(shop={"payment": ["cod"], "languages": ["en", "hi"]})
    me = grocer.customer()
    assert (await me.says("नमस्ते")).endswith(says("hi", "greeting"))
    assert (await me.says("namaste ji")).endswith(says("hi", "greeting"))
    assert says("en", "foreign") in await grocer.customer("+919800000002").says("كم سعر القهوة؟")


async def test_spellings_are_forgiven(grocer: Shop) -> None:
    """Vowel signs, hamza and nukta make no difference in what is understood."""
    me = grocer.customer()
    await me.says("أَضِف درزن Neem Soap")
    assert await me.cart() == {"SOAP-NEEM": 12}
    assert says("ar", "cart_title") in await me.says("اعرض السلّة")
    assert says("hi", "cart_title") in await me.says("कार्ट दिखाओ जी")
    await me.says("Neem Soap 5 और जोड़ दो")
    assert await me.cart() == {"SOAP-NEEM": 17}


async def test_what_replies_tell_to_write_is_understood(grocer: Shop, code: str) -> None:
    """The words in quotes do what the reply says that they do, without a change of language."""
    me, spoken = grocer.customer(), load(code)

    def told(reply: str) -> str:
        return str(spoken.replies[reply]).split('"')[1]

    await me.says(VISITS[code]["add"])
    await me.says(told("how_to_remove").format(product="Neem Soap 100 g"))
    assert await me.cart() == {}
    await me.says(VISITS[code]["add"])
    assert says(code, "ask_tax_number") in await me.says(told("cart_hint"))
    assert says(code, "no_tax_number_saved") in await me.says(told("ask_tax_number"))
    assert says(code, "emptied") in await me.says(told("how_to_empty"))
    assert await me.says(told("how_to_cancel")) == says(code, "no_orders")
    assert await me.says(told("bot")) == says(code, "handover")


@pytest.mark.parametrize(
    "text", ["उफ़ क्या मौसम है", "kal cricket dekha kya", "ما رأيك في الطقس اليوم"]
)
async def test_what_is_not_known_is_said(grocer: Shop, text: str) -> None:
    """Out of scope: the offer to call someone, in the customer's language."""
    me = grocer.customer()
    said = await me.says(text)
    assert any(says(code, "offer") in said for code in LANGUAGES)
    assert me.answers[-1].effects == ()
