"""How customers really write: about the shop, in a hurry, in another language, without words."""

from pathlib import Path

import pytest

from hub.commerce.catalog import import_file
from tests.hub.assistant.conftest import Customer

OFFER = "Shall I call someone from the shop?"
UNKNOWN = f"I don't know the answer to that. {OFFER}"
FOREIGN = "Sorry, I understand only English."


@pytest.mark.parametrize(
    "text", ["Do you have 6x40 screws?", "skrew 6x40", "drywall screw 6x40", "is 6x40 stainless?"]
)
async def test_a_size_is_the_strongest_evidence(builder: Customer, text: str) -> None:
    """What has the size goes before what only has the name, with honest words."""
    answer = await builder.says(text)
    assert answer.path == "embedded.ask"
    assert answer.text.splitlines() == [
        "I could not find exactly that. We have:",
        "• Frame Fixing 6x40: ₹2,400.00 per carton",
        "Do you mean this one?",
    ]


async def test_yes_to_the_one_that_was_shown(builder: Customer) -> None:
    """The one product asked about is priced, with the quantity wanted before."""
    await builder.says("20 ctn 6x40 screws")
    assert (await builder.says("yes")).text.startswith("20 cartons of Frame Fixing 6x40: ₹48,000")
    await builder.says("6x40 screws?")
    assert (await builder.says("no")).path == "embedded.declined"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("6x40 8x80", ["Frame Fixing 6x40", "Frame Fixing 8x80"]),
        ("6x40 20 ctn 6 by 60 5", ["20 cartons of Frame Fixing 6x40", "5 cartons of Frame Fix"]),
        ("20 ctn 6x40 5 ctn 8x60", ["20 cartons of Frame Fixing 6x40", "5 cartons of Frame Fix"]),
        ("2 box nut m8 3 box washer m8", ["2 boxes of Hex Nut M8", "3 boxes of Plain Washer M8"]),
        ("nut m8 2 box washer m8 3 box", ["2 boxes of Hex Nut M8", "3 boxes of Plain Washer M8"]),
    ],
)
async def test_several_wishes_without_a_sign(
    builder: Customer, text: str, names: list[str]
) -> None:
    """Sizes and quantities in a row are wishes of their own."""
    said = (await builder.says(text)).text.splitlines()
    lines = [line for line in said if not line.startswith("Your cart")]
    assert len(lines) == len(names)
    assert all(line.startswith(name) for line, name in zip(lines, names, strict=True))


@pytest.mark.parametrize(
    "text",
    ["do you deliver?", "delivery charge for 6x40?", "what r ur timings", "photo of 6x40 pls"],
)
async def test_questions_about_the_shop_are_not_answered_with_products(
    builder: Customer, text: str
) -> None:
    """Delivery, hours or pictures are no matter of the product list."""
    assert (await builder.says(text)).text == UNKNOWN


async def test_an_order_with_a_question_gets_both(builder: Customer) -> None:
    """A quantity is priced, and what else was asked is named as not known."""
    lines = (await builder.says("10 ctn 6x40 with delivery")).text.splitlines()
    assert lines[0].startswith("10 cartons of Frame Fixing 6x40: ₹24,000.00")
    assert lines[-1] == f"I don't know about the rest. {OFFER}"


async def test_a_word_of_the_shops_own_products_is_no_question_about_it(
    builder: Customer, tmp_path: Path
) -> None:
    """Only words that no product of the shop is called by count as questions."""
    file = tmp_path / "more.csv"
    file.write_text("sku,name,price\nTL-1,Transport Lock,90\n", "utf-8")
    assert (await builder.says("transport lock")).text == UNKNOWN
    await import_file(builder.store, "fasteners", file, 1)
    assert (await builder.says("transport lock")).text.startswith("Transport Lock: ₹90.00")
    assert (await builder.says("transport charges")).path == "embedded.ask"
    assert (await builder.says("do you deliver a transport lock?")).text == UNKNOWN


@pytest.mark.parametrize("text", ["discount?", "10% discount possible?", "is price negotiable"])
async def test_a_discount_is_not_promised(builder: Customer, text: str) -> None:
    """The list's own better prices are pointed at; anything else is for a person."""
    answer = await builder.says(text)
    assert answer.path == "embedded.discount"
    assert "I cannot promise other discounts." in answer.text
    assert answer.text.endswith(OFFER)


async def test_a_discount_on_a_product_is_its_listed_one(builder: Customer) -> None:
    """With the product and a quantity in mind its slab counts, and nothing is promised beyond."""
    await builder.says("6x60")
    lines = (await builder.says("how much discount for 50?")).text.splitlines()
    assert lines[0].startswith("50 cartons of Frame Fixing 6x60: ₹1,10,010.00 (5% off from 50)")
    assert lines[1].endswith(f"I cannot promise other discounts. {OFFER}")


@pytest.mark.parametrize("text", ["price list", "what do you sell?", "send ur catalogue pls"])
async def test_the_list_is_its_categories(neighbour: Customer, text: str) -> None:
    """Asked for everything, the shop's categories are named, the fullest first."""
    await neighbour.says("sugar price")
    answer = await neighbour.says(text)
    assert answer.path == "embedded.list"
    assert answer.text.startswith("We sell: Household, Staples, Electrical, Tea and coffee, ")


async def test_a_list_of_something_is_that(builder: Customer) -> None:
    """A price list of one kind shows that kind."""
    answer = await builder.says("price list of rivets")
    assert "Blind Rivet 3.2x10" in answer.text


@pytest.mark.parametrize("text", ["মোমবাতি আছে", "有蜡烛吗", "你好"])
async def test_another_language_gets_an_honest_word(builder: Customer, text: str) -> None:
    """What is written in a script that is not spoken here is not guessed at."""
    answer = await builder.says(text)
    assert (answer.path, answer.text) == ("embedded.foreign", f"{FOREIGN} {OFFER}")
    assert (await builder.says("हाँ")).handover == "unknown_question"


async def test_a_size_in_another_language_is_priced(builder: Customer) -> None:
    """The size says enough; that the rest was not read is said, too."""
    lines = (await builder.says("8x80 এর দাম কত")).text.splitlines()
    assert lines[0].startswith("Frame Fixing 8x80: ₹2,511.00")
    assert lines[1] == f"{FOREIGN} {OFFER}"


async def test_another_languages_name_of_a_product_is_understood(neighbour: Customer) -> None:
    """An alias of the shop counts in any script, without an excuse."""
    assert FOREIGN not in (await neighbour.says("चीनी है?")).text


@pytest.mark.parametrize("text", ["🙏", "?", "...", "😀😀"])
async def test_signs_alone(builder: Customer, text: str) -> None:
    """Without a word there is nothing to answer: the customer learns what to send."""
    answer = await builder.says(text)
    assert answer.text == "Send me the name or the size of a product, and I tell you its price."


async def test_a_thumb_is_a_yes(builder: Customer) -> None:
    """👍 accepts the offer, and is a plain ok elsewhere; so is `k`, which is no thousand."""
    assert (await builder.says("👍")).path == "embedded.declined"
    await builder.says("6x40")
    assert (await builder.says("k")).path == "embedded.declined"
    await builder.says("6x40")
    assert (await builder.says("ok got it")).path == "embedded.declined"
    await builder.says("do you deliver?")
    assert (await builder.says("👍")).handover == "unknown_question"


@pytest.mark.parametrize("text", ["https://example.com/x?y=6x40", "www.example.com", "a@b.co"])
async def test_addresses_are_not_read(builder: Customer, text: str) -> None:
    """What stands in a link is not what the customer says."""
    assert (await builder.says(text)).path == "embedded.media"


async def test_a_bare_number_is_a_size_where_products_are_told_apart(builder: Customer) -> None:
    """`gitti 8` is the 8 mm plug; before the name, or for one product, it is a quantity."""
    assert (await builder.says("gitti 8")).text.startswith("Wall Plug 8 mm: ₹248.00")
    assert (await builder.says('2" nail')).text.startswith("Wire Nail 2 inch: ₹68.00")
    assert (await builder.says("8 gitti")).path == "embedded.ask"
    assert (await builder.says("6x40 8")).text.startswith("8 cartons of Frame Fixing 6x40")


async def test_a_question_before_a_wish_does_not_hide_it(builder: Customer) -> None:
    """Each part is answered by itself."""
    lines = (await builder.says("are you open? need 8x80")).text.splitlines()
    assert lines[0].startswith("Frame Fixing 8x80")
    assert lines[1] == f"I don't know about the rest. {OFFER}"


async def test_a_choice_by_number_or_place(neighbour: Customer) -> None:
    """From what was just listed, a size or `the second one` picks."""
    await neighbour.says("led bulb")
    assert (await neighbour.says("the 12 one")).text.startswith("LED Bulb 12 W: ₹129.00")
    await neighbour.says("chai patti")
    assert (await neighbour.says("second one")).text.startswith("Hill Leaf Tea 250 g: ₹118")


async def test_the_cheapest_goes_first(builder: Customer) -> None:
    """A list by price, for a kind and among those just shown."""
    lines = (await builder.says("cheapest screw")).text.splitlines()
    assert lines[:2] == [
        "The lowest price first:",
        "• Self-Drilling Screw No. 12 65 mm: ₹796.00 per box",
    ]
    await builder.says("anchor bolt")
    lines = (await builder.says("the cheaper one?")).text.splitlines()
    assert lines[1].startswith("• Anchor Bolt M16 x 140 mm: ₹874.00")


async def test_availability_of_what_is_in_mind(neighbour: Customer) -> None:
    """`is it in stock?` is about the product just named."""
    await neighbour.says("rope price")
    assert "out of stock" in (await neighbour.says("is it in stock?")).text


@pytest.mark.parametrize(
    ("text", "kind"), [("basmati rice", "Long Grain Rice"), ("green tea", "Hill")]
)
async def test_the_kind_without_the_sort(neighbour: Customer, text: str, kind: str) -> None:
    """The thing itself, the last word, is shown as near when its sort is not there."""
    answer = await neighbour.says(text)
    assert answer.text.startswith(f"I could not find exactly that. We have:\n• {kind}")


@pytest.mark.parametrize("text", ["paint?", "why", "m7"])
async def test_chance_likeness_is_no_find(builder: Customer, text: str) -> None:
    """`paint` is no `plain`: in a short word one slip is forgiven."""
    assert "We have" not in (await builder.says(text)).text


async def test_pieces_of_a_carton_are_said_as_they_are(builder: Customer) -> None:
    """Fewer pieces than a carton holds are not called a carton."""
    answer = await builder.says("1000 pcs of 6x40")
    assert answer.text.startswith(
        "For 1,000 pieces you need 1 carton (3,000 pieces each). 1 carton"
    )


async def test_a_price_question_behind_a_quantity_keeps_it(builder: Customer) -> None:
    """`20 ctn 6x40, how much?` is one question."""
    answer = await builder.says("20 ctn 6x40, how much will it cost?")
    assert answer.text.startswith("20 cartons of Frame Fixing 6x40: ₹48,000.00")
    assert "Which product" not in (await builder.says("20 ctn 6x40. ok")).text


@pytest.mark.parametrize("text", ["are you a bot?", "who is this"])
async def test_it_says_what_it_is(builder: Customer, text: str) -> None:
    """The assistant never passes for a person."""
    assert "automatic assistant" in (await builder.says(text)).text


@pytest.mark.parametrize("text", ["payment done", "I want refund", "my order not received"])
async def test_money_matters_go_to_a_person(builder: Customer, text: str) -> None:
    """A payment claim or a complaint is not talked about by a machine."""
    assert (await builder.says(text)).handover in ("payment_claim", "complaint")
