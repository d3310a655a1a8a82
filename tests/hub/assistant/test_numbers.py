"""Numbers in words and digits of four languages, and what is no quantity."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.assistant import tables
from hub.assistant.amounts import UNCOUNTED, find_amounts
from hub.assistant.numbers import Number, number_at
from hub.assistant.signs import words_of
from hub.assistant.tables import LANGUAGES, fold
from tests.hub.assistant.spoken import speaking

Found = tuple[str, str | None]


def amounts(language: str, text: str) -> list[Found]:
    """The amounts in a text, as they are written shortest."""
    spoken = speaking(language)
    found = find_amounts(words_of(text, spoken.tables), spoken)
    return [(f"{amount.number.normalize():f}", amount.measure) for amount in found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("twenty five boxes", [("25", "box")]),
        ("two hundred and fifty pcs", [("250", "piece")]),
        ("one lakh twenty thousand five hundred pieces", [("120500", "piece")]),
        ("1 lakh 20 thousand", [("120000", None)]),
        ("2 crore", [("20000000", None)]),
        ("half a dozen", [("6", None)]),
        ("half dozen boxes", [("6", "box")]),
        ("two and a half kg", [("2.5", "kg")]),
        ("two and a half dozen", [("30", None)]),
        ("a dozen and a half", [("18", None)]),
        ("half kg", [("0.5", "kg")]),
        ("quarter litre", [("0.25", "l")]),
        ("half sleeve shirt", []),
        ("one carton", [("1", "carton")]),
        ("the blue one", []),
        ("2 gross", [("288", None)]),
        ("two hundred hundred", [("200", None), ("100", None)]),
        ("two dozen hundred", [("24", None), ("100", None)]),
        ("one lakh crore", [("100000", None), ("10000000", None)]),
        ("2 kg or 3 boxes", [("2", "kg"), ("3", "box")]),
        ("2 boxes each for 20rs", [("2", "box"), ("20", UNCOUNTED)]),
        ("gross weight", []),
        ("boxes two hundred and", [("200", None)]),
        ("do you have 5", [("5", None)]),
        ("1/2 kg", [("0.5", "kg")]),
        ("2 1/2 kg", [("2.5", "kg")]),
        ("2½ kg", [("2.5", "kg")]),
        ("¾ kg", [("0.75", "kg")]),
        ("3/4 litre", [("0.75", "l")]),
        ("1/2 inch pipe", [("1", None)]),
        ("6/40", []),
        ("24/7", []),
        ("soap x2", [("2", None)]),
        ("2x soap", [("2", None)]),
        ("2 x 500 g", [("2", None), ("500", "g")]),
        ("5kg, 3 mtr", [("5", "kg"), ("3", "m")]),
        ("0.5 m", [("0.5", "m")]),
        ("1,00,000 nos", [("100000", "piece")]),
        ("12,50,000.50", [("1250000.5", None)]),
        ("100,000 pcs", [("100000", "piece")]),
        ("999999999 bolts", [("999999999", None)]),
        ("-5 boxes", [("-5", "box")]),
        ("0 boxes", [("0", "box")]),
    ],
)
def test_english(text: str, found: list[Found]) -> None:
    """Words, fractions, Indian grouping and short forms."""
    assert amounts("en", text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("do darjan LED bulb", [("24", None)]),
        ("dedh kilo cheeni", [("1.5", "kg")]),
        ("dhai kilo", [("2.5", "kg")]),
        ("aadha kilo", [("0.5", "kg")]),
        ("pav kilo", [("0.25", "kg")]),
        ("sava kilo", [("1.25", "kg")]),
        ("paune do kilo", [("1.75", "kg")]),
        ("sadhe teen kilo", [("3.5", "kg")]),
        ("sadhe 3 kilo", [("3.5", "kg")]),
        ("sava sau nag", [("125", "piece")]),
        ("dedh sau peti", [("150", "carton")]),
        ("dhai hazaar", [("2500", None)]),
        ("dedh lakh pcs", [("150000", "piece")]),
        ("ek lakh bees hazaar paanch sau", [("120500", None)]),
        ("do sau pachas dabbe", [("250", "container")]),
        ("aadha darjan", [("6", None)]),
        ("paanch do packet", [("5", None), ("2", "pack")]),
        ("sabun sadhe", []),
        ("sadhe 3 packet", [("3.5", "pack")]),
        ("do paanch packet", [("2", None), ("5", "pack")]),
        ("sabun do", []),
        ("de do", []),
        ("do sabun de do", [("2", None)]),
        ("mujhe do sabun chahiye", [("2", None)]),
        ("do", [("2", None)]),
        ("pachees botal", [("25", "bottle")]),
    ],
)
def test_hinglish(text: str, found: list[Found]) -> None:
    """Hindi in Latin letters, where `do` is two in front of something and "give" at the end."""
    assert amounts("hi-Latn", text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("do darjan bulb", [("24", None)]),
        ("dedh kilo", [("1.5", "kg")]),
        ("do packet", [("2", "pack")]),
        ("do you sell soap", []),
        ("what do sizes cost", []),
        ("tees and elbows", []),
        ("5 bees", [("5", None)]),
        ("५ पैकेट", [("5", "pack")]),
        ("٥ علب", [("5", "container")]),
    ],
)
def test_languages_are_mixed(text: str, found: list[Found]) -> None:
    """Who writes English is understood in the others, too, but for words that English has."""
    assert amounts("en", text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("५ पैकेट चीनी", [("5", "pack")]),
        ("१,००,००० नग", [("100000", "piece")]),
        ("डेढ़ किलो", [("1.5", "kg")]),
        ("डे\u095d किलो", [("1.5", "kg")]),
        ("ढाई लीटर", [("2.5", "l")]),
        ("आधा किलो", [("0.5", "kg")]),
        ("सवा सौ", [("125", None)]),
        ("साढ़े तीन किलो", [("3.5", "kg")]),
        ("पौने दो किलो", [("1.75", "kg")]),
        ("दो दर्जन", [("24", None)]),
        ("पांच डिब्बे", [("5", "container")]),
        ("पाँच डिब्बे", [("5", "container")]),
        ("एक लाख पच्चीस हज़ार", [("125000", None)]),
        ("चाय दो", []),
        ("दो चाय दो", [("2", None)]),
        ("५०० रुपये", [("500", UNCOUNTED)]),
    ],
)
def test_hindi(text: str, found: list[Found]) -> None:
    """Hindi in its own script, digits included."""
    assert amounts("hi", text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("علبتين", [("2", "container")]),
        ("قطعتان", [("2", "piece")]),
        ("كيلوين تمر", [("2", "kg")]),
        ("درزن", [("12", None)]),
        ("درزنين", [("24", None)]),
        ("٣ درازن", [("36", None)]),
        ("خمسة وعشرون علبة", [("25", "container")]),
        ("خمس علب", [("5", "container")]),
        ("أحد عشر", [("11", None)]),
        ("خمسة عشر كرتون", [("15", "carton")]),
        ("مئة وخمسة وعشرون", [("125", None)]),
        ("مائتين وخمسين حبة", [("250", "piece")]),
        ("ثلاثة آلاف وخمسمئة", [("3500", None)]),
        ("ألف ونصف", [("1500", None)]),
        ("ألفين", [("2000", None)]),
        ("نصف كيلو", [("0.5", "kg")]),
        ("٢ كيلو ونصف", [("2.5", "kg")]),
        ("١٫٥ كيلو", [("1.5", "kg")]),
        ("١٠٠٬٠٠٠ حبة", [("100000", "piece")]),
        ("۲۵ کارتن", [("25", None)]),
        ("٥ شاي و٣ قهوة", [("5", None), ("3", None)]),
        ("٥٠ درهم", [("50", UNCOUNTED)]),
    ],
)
def test_arabic(text: str, found: list[Found]) -> None:
    """Arabic words, duals, digits of both kinds, and the "and" that sticks to what follows."""
    assert amounts("ar", text) == found


@pytest.mark.parametrize(
    "text",
    [
        *("₹500", "rs 1", "Rs.500", "500/-", "@2400", "500 rupaye", "AED 40", "१० रुपये"),
        *("10%", "10 percent", "10 प्रतिशत", "1.55 per pc", "20 per box", "₹5 each"),
        *("+91 98000 00001", "9800000001", "098000 00001", "+971 50 000 0003", "98000-00001"),
        *("411060", "pin 411 060", "address line, transporter, 411060", "pincode 411004"),
        *(
            "27AAPFU0939F1ZV",
            "27 AAPFU0939F1ZV",
            "order A-1001",
            "#1001",
            "10:30",
            "5 pm",
            "2 days",
        ),
        *("6x40", "m8", "10mm", "9w", "m8 x 50 mm"),
    ],
)
def test_what_is_no_quantity(text: str) -> None:
    """Prices, shares, phones, postcodes, tax numbers, order numbers, times and sizes."""
    left = [found for found in amounts("en", text) if found[1] != UNCOUNTED]
    assert left == ([("27", None)] if text.startswith("27 ") else [])


@pytest.mark.parametrize("text", ["100000", "999999", "1,23,456", "411060 pcs", "411060pcs"])
def test_six_digits_that_are_a_quantity(text: str) -> None:
    """Round numbers, grouped ones and counted ones are no postcodes."""
    ((_, measure),) = amounts("en", text)
    assert measure in (None, "piece")


def test_either() -> None:
    """What may be one number or another says so: the customer must be asked."""
    spoken = {
        "en": (
            "2 or 3 boxes",
            "2-3 boxes",
            "2 boxes or 3 boxes",
            "2 boxes or 3",
            "3/4 boxes",
            "2 to 3 boxes",
        ),
        "hi-Latn": ("do teen dabbe", "2 ya 3 dabbe", "2 se 3 dabbe"),
        "hi": ("दो तीन डिब्बे", "२ या ३ डिब्बे"),
        "ar": ("٢ أو ٣ علب",),
    }
    for language, texts in spoken.items():
        for text in texts:
            known = speaking(language)
            (amount,) = find_amounts(words_of(text, known.tables), known)
            counted = "box" if language == "en" else "container"
            assert (amount.measure, amount.either) == (counted, amount.number + 1), text


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "15, no wait 10"),
        ("en", "10"),
        ("en", "change 15 to 10"),
        ("en", "not 15 but 10"),
        ("hi-Latn", "15 nahi 10"),
    ],
)
def test_a_corrected_number(language: str, text: str) -> None:
    """Only the one that holds in the end counts."""
    assert amounts(language, text.rpartition(",")[2]) == [("10", None)]


# ---------------------------------------------------------------- every number, there and back

ZEROS: Mapping[str, int] = {"0": 0x30, "०": 0x966, "٠": 0x660, "۰": 0x6F0}


@given(number=st.integers(0, 999_999_999), zero=st.sampled_from(sorted(ZEROS.values())))
def test_digits_of_every_script(number: int, zero: int) -> None:
    """A number in any digits, plain or grouped the Indian or the western way, is itself."""
    digits = str(number)
    head, tail = digits[:-3], digits[-3:]
    pairs = [head[max(0, at - 2) : at] for at in range(len(head), 0, -2)][::-1]
    for written in (digits, f"{number:,}", ",".join([*pairs, tail])):
        text = "".join(chr(zero + int(c)) if c.isdigit() else c for c in written)
        assert amounts("en", f"{text} boxes") == [(str(number), "box")]


@given(number=st.decimals("0.001", "99999.999", places=3), zero=st.sampled_from(list("0०٠۰")))
def test_fractions_of_every_script(number: Decimal, zero: str) -> None:
    """Thousandths are read as they are written."""
    written = f"{number:f}".rstrip("0").rstrip(".")
    text = "".join(chr(ZEROS[zero] + int(c)) if c.isdigit() else c for c in written)
    assert amounts("en", f"{text} boxes") == [(f"{number.normalize():f}", "box")]


@lru_cache(maxsize=4)
def table(language: str) -> tables.File:
    """A language's own file."""
    text = files("hub.assistant").joinpath("numbers", f"{language}.toml").read_text("utf-8")
    return tables.read(text)


def spelt(language: str, value: int) -> st.SearchStrategy[str]:
    """Any spelling of a number that stands in the table."""
    file = table(language)
    spellings = file.numbers.get(str(value)) or file.times[str(value)]
    careful = {fold(word) for word in file.grammar.careful}
    return st.sampled_from([s for s in spellings if fold(s) not in careful] or spellings)


def below_hundred(language: str, number: int) -> Sequence[tuple[str, int] | str]:
    """The words of a number under 100, as values to be spelt and words that are given."""
    tens, unit = number - number % 10, number % 10
    if number <= 20 or language.startswith("hi") or unit == 0:
        return [("n", number)]
    if language == "ar":
        return [("n", unit), "و", ("n", tens)]
    return [("n", tens), ("n", unit)]


def plan(language: str, number: int) -> list[tuple[str, int] | str]:
    """The words of a number, the largest share first."""
    scales: tuple[int, ...] = (10_000_000, 100_000, 1_000, 100)
    if language == "ar":
        scales = (1_000_000, 1_000, 100)
    words: list[tuple[str, int] | str] = []
    for scale in scales:
        count, number = divmod(number, scale)
        if count:
            words += ["و"] if words and language == "ar" else []
            words += plan(language, count) if count > 99 else below_hundred(language, count)
            words.append(("n", scale))
    if number:
        words += ["و"] if words and language == "ar" else []
        words += below_hundred(language, number)
    return words


@pytest.mark.parametrize("language", LANGUAGES)
@given(data=st.data(), number=st.integers(1, 99_999_999))
def test_words_of_every_language(language: str, data: st.DataObject, number: int) -> None:
    """A number in words, in any of their spellings, is itself."""
    words = [
        word if isinstance(word, str) else data.draw(spelt(language, word[1]))
        for word in plan(language, number)
    ]
    text = " ".join(words).replace("و ", "و") if language == "ar" else " ".join(words)
    known = tables.load(language)
    read = [*map(fold, words_of(text, known)), "pcs"]
    found = number_at(read, 0, known)
    assert found == Number(Decimal(number), len(read) - 1), text


# ---------------------------------------------------------------- the tables themselves


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_stands_for_two_numbers(language: str) -> None:
    """A spelling that is listed twice would be read as whichever comes first."""
    file = table(language)
    for words_of_it in (file.numbers, file.times, file.counts, file.duals, file.ordinals):
        spellings = [fold(word) for words in words_of_it.values() for word in set(map(fold, words))]
        assert len(spellings) == len(set(spellings))


@pytest.mark.parametrize(
    ("line", "instead"), [("[duals]", "[dual]"), ("pairs = ", "pair = "), ("only = [", "onli = [")]
)
def test_a_faulty_table_is_refused(line: str, instead: str) -> None:
    """A slip in a file is named when it is read, not when a customer writes."""
    text = files("hub.assistant").joinpath("numbers", "en.toml").read_text("utf-8")
    assert line in text
    with pytest.raises(msgspec.ValidationError):
        tables.read(text.replace(line, instead, 1))


@given(
    text=st.text(
        st.sampled_from("25.,/-x½٣५ dozenhalfandaboxkgdoteensadheoronlyو") | st.characters()
    )
)
def test_nothing_breaks_the_parser(text: str) -> None:
    """Whatever is written, amounts are finite and lie within the words."""
    for language in LANGUAGES:
        known = speaking(language)
        words = words_of(text, known.tables)
        for amount in find_amounts(words, known):
            assert amount.number.is_finite()
            assert 0 <= amount.start < amount.end <= len(words)
