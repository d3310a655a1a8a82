"""Lists of wishes: what is named, how many, what is to be done, and for which of them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.assistant.amounts import UNCOUNTED, Amount
from hub.assistant.lists import Act
from hub.assistant.parts import ITEMS_MAX, Item, items_of
from hub.assistant.quantities import as_units
from hub.assistant.reading import Reader, Reading
from hub.assistant.tables import LANGUAGES
from hub.commerce.products import Product
from hub.store.tx import Tx
from tests.hub.assistant.conftest import Customer
from tests.hub.assistant.spoken import speaking

ALL = "(all)"


def shown(amount: Amount | None) -> str:
    """An amount as it would be written: 10 carton, 2|3 box."""
    if amount is None or amount.measure == UNCOUNTED:
        return ""
    either = "" if amount.either is None else f"|{amount.either.normalize():f}"
    return f"{amount.number.normalize():f}{either} {amount.measure or ''}".strip()


def line(item: Item) -> str:
    """An item on one line: what is done, with what, and how many."""
    named = ALL if item.for_all else " ".join(item.named)
    return f"{item.act.value} {named}: {shown(item.amount)}".strip()


def items(language: str, text: str, *, after_change: bool = False) -> list[str]:
    """The items of a message, each on one line."""
    return [line(item) for item in items_of(text, speaking(language), after_change=after_change)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Order 10x100 - 10 ctns", ["name 10x100: 10 carton"]),
        ("i need nff 6x40 100000pcs", ["name nff 6x40: 100000 piece"]),
        ("8x80 1lac pcs", ["name 8x80: 100000 piece"]),
        ("10X140 1000PCS", ["name 10x140: 1000 piece"]),
        (
            "10x100, 10x120, 10x160 10000pcs each",
            ["name 10x100: 10000 piece", "name 10x120: 10000 piece", "name 10x160: 10000 piece"],
        ),
        ("price for 8x80, 8x100", ["name 8x80:", "name 8x100:"]),
        ("2ctns each", [f"name {ALL}: 2 carton"]),
        ("add 8x100 5ctns", ["add 8x100: 5 carton"]),
        ("i need 10ctns only", ["set : 10 carton"]),
        ("8x80, 8x100 10 ctns", ["name 8x80: 10 carton", "name 8x100: 10 carton"]),
        ("1.55 per pc", ["name :"]),
        ("I want some paper cups", ["name paper cups:"]),
        (
            "address 12th lane, transporter, 411060",
            ["name 12th lane:", "name transporter:", "name :"],
        ),
    ],
)
def test_what_customers_wrote(text: str, found: list[str]) -> None:
    """Messages of real shops, in which only the sizes are those of a price list."""
    assert items("en", text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("8x80\n8x100\n10 ctns", ["name 8x80: 10 carton", "name 8x100: 10 carton"]),
        ("8x80, 8x100, 10 ctns", ["name 8x80: 10 carton", "name 8x100: 10 carton"]),
        ("8x80,8x100 5 ctn", ["name 8x80: 5 carton", "name 8x100: 5 carton"]),
        ("8x80 and 8x100 5 ctn", ["name 8x80: 5 carton", "name 8x100: 5 carton"]),
        ("8x80 8x100 5 ctn", ["name 8x80: 5 carton", "name 8x100: 5 carton"]),
        ("soap, oil 10 packets", ["name soap: 10 pack", "name oil: 10 pack"]),
        ("2 each of soap and oil", ["name soap: 2", "name oil: 2"]),
        ("10 boxes each: 8x80, 8x100", ["name 8x80: 10 box", "name 8x100: 10 box"]),
        ("10 ctns each\n8x80\n8x100", ["name 8x80: 10 carton", "name 8x100: 10 carton"]),
        ("soap\noil\n5 each", ["name soap: 5", "name oil: 5"]),
        ("soap\noil 3\nrice\n5 each", ["name soap: 5", "name oil: 3", "name rice: 5"]),
        ("flour, rice 2 kg each", ["name flour: 2 kg", "name rice 2kg: 2 kg"]),
        ("10 of both", [f"name {ALL}: 10"]),
        ("5 of all of them", [f"name {ALL}: 5"]),
        ("5-5 boxes", [f"name {ALL}: 5 box"]),
    ],
)
def test_one_quantity_for_all(text: str, found: list[str]) -> None:
    """A quantity behind several, or with a word for each, is for all that were just listed."""
    assert items("en", text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("soap 2, oil 3", ["name soap: 2", "name oil: 3"]),
        ("2 soap 3 oil", ["name soap: 2", "name oil: 3"]),
        ("soap 2 oil 3", ["name soap: 2", "name oil: 3"]),
        ("2 soap, 3 oil\nrice", ["name soap: 2", "name oil: 3", "name rice:"]),
        ("soap\noil 10", ["name soap:", "name oil: 10"]),
        ("soap, 2 boxes oil", ["name soap:", "name oil: 2 box"]),
        ("soap 5, oil, rice 10", ["name soap: 5", "name oil:", "name rice: 10"]),
        ("1. soap 5\n2. oil\n3) rice 2 kg", ["name soap: 5", "name oil:", "name rice 2kg: 2 kg"]),
        ("20 ctn 6x40 5 ctn 8x60", ["name 6x40: 20 carton", "name 8x60: 5 carton"]),
        ("6x40 plugs 20 ctn 8x60 5", ["name 6x40 plugs: 20 carton", "name 8x60: 5"]),
        ("soap two hundred and fifty and oil 3", ["name soap: 250", "name oil: 3"]),
        ("hill tea 1kg 12 packs", ["name hill tea 1kg: 12 pack"]),
        ("10 ctn 6x40 @2400", ["name 6x40: 10 carton"]),
        ("5 soap for 411004", ["name soap: 5"]),
    ],
)
def test_a_quantity_of_its_own(text: str, found: list[str]) -> None:
    """In any other list each quantity is for what it stands beside, and for nothing else."""
    assert items("en", text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("make it 10", ["set : 10"]),
        ("no wait 12", ["set : 12"]),
        ("change 15 to 10", ["set : 10"]),
        ("change it to 10 boxes", ["set : 10 box"]),
        ("10 only", ["set : 10"]),
        ("only 6x40", ["name 6x40:"]),
        ("soap, oil 10 packets only", ["set soap: 10 pack", "set oil: 10 pack"]),
        ("5 more", ["add : 5"]),
        ("tell me more", ["name :"]),
        ("add 2 oil and 5 sugar", ["add oil: 2", "add sugar: 5"]),
        ("remove the oil", ["remove oil:"]),
        ("remove oil, add 2 soap and 3 rice", ["remove oil:", "add soap: 2", "add rice: 3"]),
        ("soap, remove oil", ["name soap:", "remove oil:"]),
        ("remove 2 soap", ["remove soap: 2"]),
        ("remove all", [f"remove {ALL}:"]),
        ("cancel all follow ups", ["remove follow ups:"]),
        ("add -5 tea", ["add tea: -5"]),
        ("add 0 drills", ["add drills: 0"]),
        ("add 999999999 bolts", ["add bolts: 999999999"]),
        ("add one impact drill", ["add impact drill: 1"]),
        ("2 or 3 boxes soap", ["name soap: 2|3 box"]),
    ],
)
def test_what_is_to_be_done(text: str, found: list[str]) -> None:
    """Some words set, some add, some take away; all others only name."""
    assert items("en", text) == found


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("hi-Latn", "do darjan LED bulb 9 watt daal do", ["add led bulb 9w: 24"]),
        ("hi-Latn", "aur 2", ["add : 2"]),
        ("hi-Latn", "2 aur", ["add : 2"]),
        ("hi-Latn", "cheeni 2 aur namak 3", ["name cheeni: 2", "name namak: 3"]),
        ("hi-Latn", "cheeni aur namak 5 packet", ["name cheeni: 5 pack", "name namak: 5 pack"]),
        ("hi-Latn", "2 cheeni, 3 namak daal do", ["add cheeni: 2", "add namak: 3"]),
        ("hi-Latn", "cheeni aur namak hata do", ["remove cheeni:", "remove namak:"]),
        ("hi-Latn", "sirf 10 chahiye", ["set : 10"]),
        ("hi-Latn", "10 hi rakho", ["set : 10"]),
        ("hi-Latn", "10 kar do", ["set : 10"]),
        ("hi-Latn", "5 nahi 10 kar do", ["set : 10"]),
        ("hi-Latn", "dono 5-5", [f"name {ALL}: 5"]),
        ("hi-Latn", "do do packet", [f"name {ALL}: 2 pack"]),
        ("hi-Latn", "8x80, 8x100 har ek 2 ctn", ["name 8x80: 2 carton", "name 8x100: 2 carton"]),
        ("hi-Latn", "do teen dabbe namak", ["name namak: 2|3 container"]),
        ("hi-Latn", "8x80 ka 10 peti bhej do", ["name 8x80: 10 carton"]),
        ("hi", "५ पैकेट चीनी डाल दो", ["add चीनी: 5 pack"]),
        ("hi", "चीनी और नमक दो दो पैकेट", ["name चीनी: 2 pack", "name नमक: 2 pack"]),
        ("hi", "चीनी हटा दो", ["remove चीनी:"]),
        ("hi", "सिर्फ १०", ["set : 10"]),
        ("hi", "दोनों ५", [f"name {ALL}: 5"]),
        ("hi", "चीनी ५।नमक ३", ["name चीनी: 5", "name नमक: 3"]),
        ("ar", "أريد علبتين هدايا كبيرة", ["name هدايا كبيرة: 2 container"]),
        ("ar", "أضف ٣ علب شاي", ["add شاي: 3 container"]),
        ("ar", "٢ شاي، ٣ قهوة", ["name شاي: 2", "name قهوة: 3"]),
        ("ar", "٢ شاي و٣ قهوة", ["name شاي: 2", "name قهوة: 3"]),
        ("ar", "شاي، قهوة ٥ لكل واحد", ["name شاي: 5", "name قهوة: 5"]),
        ("ar", "١٠ فقط", ["set : 10"]),
        ("ar", "خليها ٥", ["set : 5"]),
        ("ar", "احذف الشاي", ["remove الشاي:"]),
        ("en", "do darjan LED bulb daal do", ["add led bulb: 24"]),
        ("en", "5 packet chini aur 2 oil", ["name chini: 5 pack", "name oil: 2"]),
    ],
)
def test_other_languages(language: str, text: str, found: list[str]) -> None:
    """The same in Hindi in both scripts and in Arabic; in Hindi the verb at the end is for all."""
    assert items(language, text) == found


def test_a_bare_number_after_a_change() -> None:
    """Right after a quantity was changed a bare number corrects it; at any other time it is one."""
    assert items("en", "12", after_change=True) == ["set : 12"]
    assert items("en", "12") == ["name : 12"]
    assert items("en", "12 soap", after_change=True) == ["name soap: 12"]
    assert items("en", "12 more", after_change=True) == ["add : 12"]


def test_two_of_one_in_arabic() -> None:
    """A word for two of something is known by the word for one, if the shop has that."""
    cups = items_of(
        "كوبين خط عربي", speaking("ar"), sold=lambda word: word in ("كوب", "خط", "عربي")
    )
    assert [line(item) for item in cups] == ["name كوب خط عربي: 2"]
    flour = items_of("طحين", speaking("ar"), sold=lambda word: word in ("طحين", "طح"))
    assert [line(item) for item in flour] == ["name طحين:"]


def test_a_line_that_is_a_product() -> None:
    """A name with "and" or a comma in it is one item where the shop has it."""
    found = items_of("salt and pepper, set of 2", speaking("en"), is_one=lambda _: True)
    assert len(found) == 1


WORDS = (
    *(
        "add",
        "remove",
        "make it",
        "only",
        "each",
        "all",
        "both",
        "and",
        "or",
        "2",
        "10",
        "5kg",
        "x2",
    ),
    *("6x40", "8x80", "soap", "oil", "boxes", "do", "teen", "darjan", "aur", "hata do", "₹5", "-"),
    *(",", ".", "\n", "1.", "2.", "और", "दो", "و", "علبتين", "more", "no wait"),
)
TEXT = st.lists(
    st.sampled_from(WORDS) | st.text(max_size=6),
    max_size=14,
).map(" ".join)


@given(text=TEXT, after_change=st.booleans())
def test_any_list_is_read(text: str, after_change: bool) -> None:
    """Whatever is written: no item is without words, and what one borrows another one has."""
    for language in LANGUAGES:
        found = items_of(text, speaking(language), after_change=after_change)
        for item in found:
            assert item.words
            assert item.shared is None or item.shared.measure != UNCOUNTED
            assert item.lender is None or item.shared in found[item.lender].amounts


# ---------------------------------------------------------------- with the shop's products


async def read(customer: Customer, *texts: str, after_change: bool = False) -> list[Reading]:
    """What the messages of one turn ask for."""

    def work(tx: Tx) -> list[Reading]:
        reader = Reader(tx, customer.tenant_id, speaking("en"), customer.history)
        return [r for text in texts for r in reader.read(text, after_change=after_change)]

    return await customer.store.read(work)


def told(readings: list[Reading]) -> list[str]:
    """Each reading on one line: what is done with how many of which products."""
    return [
        f"{reading.act.value} {shown(reading.amount)} of "
        + ", ".join(product.sku for product in reading.products)
        for reading in readings
    ]


async def test_each_of_several_is_converted_by_its_own_carton(builder: Customer) -> None:
    """10,000 pieces each: 15, 15 and 20 cartons."""
    readings = await read(builder, "10x100, 10x120, 10x160 10000pcs each")
    counts = [as_units(r.products[0], r.amount) for r in readings if r.amount is not None]
    assert counts == [15, 15, 20]


async def test_a_size_is_no_quantity_for_others(neighbour: Customer) -> None:
    """In `rice, led bulb 12` the bare number is the bulb's size, and says nothing of the rice."""
    rice, bulb = await read(neighbour, "rice, led bulb 12")
    assert (rice.amount, bulb.amount) == (None, None)
    assert [product.sku for product in bulb.products] == ["LED-12"]


async def test_an_unsure_quantity_is_not_taken(builder: Customer) -> None:
    """`2 or 3` is told apart from an amount, so that nobody acts on a guess."""
    (reading,) = await read(builder, "2 or 3 ctn 6x40")
    assert (reading.amount, shown(reading.unsure)) == (None, "2|3 carton")
    answer = await builder.says("2 or 3 ctn 6x40")
    acted = [call.args.get("quantity") for call in answer.tool_calls]
    assert not {"2", "3"}.intersection(acted)
    assert "4,800" not in answer.text


async def test_a_gift_box_is_counted_in_boxes() -> None:
    """What the thing is itself counts as one of it."""
    box = Product(sku="G", name="Gift Box Large", price=1)
    assert as_units(box, Amount(Decimal(2), "box", 0, 1)) == 2
    assert as_units(box, Amount(Decimal(2), "carton", 0, 1)) is None


@pytest.mark.parametrize(
    ("unit", "number", "measure", "units"),
    [
        ("pack", "0.5", "kg", 1),
        ("pack", "2", "kg", 4),
        ("pack", "0.3", "kg", None),
        ("piece", "2", "kg", None),
        ("kg", "500", "g", Decimal("0.5")),
        ("kg", "2.5", "kg", Decimal("2.5")),
        ("pack", "2", "l", None),
    ],
)
def test_weights_are_converted(unit: str, number: str, measure: str, units: object) -> None:
    """Half a kilo is one pack of 500 g, or half of what is sold by the kilo."""
    tea = Product(sku="T", name="Tea 500 g", price=1, unit=unit)
    assert as_units(tea, Amount(Decimal(number), measure, 0, 1)) == units


async def test_failure_19_adding_another_product_leaves_the_quoted_one(builder: Customer) -> None:
    """`add 8x100` after a quote of 8x80 is about 8x100 alone."""
    await builder.says("8x80 price")
    assert told(await read(builder, "add 8x100 5ctns")) == ["add 5 carton of FF-8X100"]
    assert told(await read(builder, "add 8x100")) == ["add  of FF-8X100"]


@pytest.mark.parametrize("held", [None, 1])
def test_failure_20_pieces_of_a_carton_that_nobody_counted(held: int | None) -> None:
    """100,000 pieces are never taken for 100,000 cartons where the carton's content is unknown."""
    carton = Product(
        sku="F", name="Fixing 6x40", price=240_000, unit="carton", pieces_per_unit=held
    )
    pieces = Amount(Decimal(100_000), "piece", 0, 1)
    assert as_units(carton, pieces) == (None if held is None else 100_000)
    known = Product(sku="F", name="Fixing 6x40", price=1, unit="carton", pieces_per_unit=3_000)
    assert as_units(known, pieces) == 34


async def test_failure_22_each_is_about_what_was_just_quoted(builder: Customer) -> None:
    """`2ctns each` after two prices is for both; the plural "prices" is understood."""
    quoted = await builder.says("prices for 8x80, 8x100")
    assert quoted.path == "embedded.price"
    assert told(await read(builder, "2ctns each")) == [
        "name 2 carton of FF-8X80",
        "name 2 carton of FF-8X100",
    ]
    lines = (await builder.says("2ctns each")).text.splitlines()
    assert [text.split(":")[0] for text in lines[:2]] == [
        "2 cartons of Frame Fixing 8x80",
        "2 cartons of Frame Fixing 8x100",
    ]


async def test_each_in_a_burst(builder: Customer) -> None:
    """What was listed in the messages before counts, too."""
    found = told(await read(builder, "8x80", "8x100", "2ctns each"))
    assert found[-2:] == ["name 2 carton of FF-8X80", "name 2 carton of FF-8X100"]
    assert told(await read(builder, "8x80", "10", after_change=True))[-1] == "set 10 of FF-8X80"


async def test_a_very_long_list(builder: Customer) -> None:
    """Sixty wishes of a turn are read; that there were more is known."""

    def work(tx: Tx, count: int) -> tuple[int, bool]:
        reader = Reader(tx, builder.tenant_id, speaking("en"), ())
        text = "\n".join(f"{number} ctn 6x40" for number in range(1, count + 1))
        return len([*reader.read(text), *reader.read("8x80")]), reader.overflowed

    assert await builder.store.read(lambda tx: work(tx, 59)) == (60, False)
    assert await builder.store.read(lambda tx: work(tx, 60)) == (60, True)
    assert await builder.store.read(lambda tx: work(tx, 200)) == (60, True)


@pytest.mark.parametrize("text", ["0", "1,", "5 ", "1-", "1 or ", "1 no ", "a\n", "(1 ", "1/"])
def test_endless_messages(text: str) -> None:
    """A thousand characters of anything are a bounded list."""
    found = items_of((text * 1_000)[:1_000], speaking("en"))
    assert len(found) <= ITEMS_MAX


async def test_half_a_kilo_of_what_is_in_mind(neighbour: Customer) -> None:
    """A spelt weight is a quantity even without digits."""
    (reading,) = await read(neighbour, "dedh kilo sugar")
    assert (shown(reading.amount), reading.act) == ("1.5 kg", Act.NAME)
