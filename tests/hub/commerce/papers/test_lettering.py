import io
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from reportlab.pdfgen.canvas import Canvas

from hub.commerce.papers.amounts import money
from hub.commerce.papers.fonts import Fonts, FontsMissingError
from hub.commerce.papers.lettering import MISSING, Lettering
from hub.commerce.papers.reading_order import visual
from tests.hub.commerce.papers import samples


def drawn(lettering: Lettering, line: str) -> bytes:
    """What a page with one line tells its viewer to do."""
    file = io.BytesIO()
    canvas = Canvas(file, pageCompression=0, invariant=1)
    lettering.draw(canvas, 100, 100, lettering.printable(line), 12)
    canvas.save()
    contents = PdfReader(io.BytesIO(file.getvalue())).pages[0].get_contents()
    assert contents is not None
    return contents.get_data()


def test_without_the_fonts_the_remedy_is_told(tmp_path: Path) -> None:
    """A missing file is named at once; nothing else is printed instead."""
    with pytest.raises(FontsMissingError, match=r"NotoSans_400Regular\.ttf is missing.*make setup"):
        Fonts.find([tmp_path])


def test_packed_fonts_are_found_before_those_of_set_up(tmp_path: Path) -> None:
    """A release brings them along in one folder."""
    fonts = Fonts.find()
    for path in (fonts.regular, fonts.bold, fonts.arabic, fonts.arabic_bold):
        (tmp_path / Path(path).name).write_bytes(b"")
    assert Path(Fonts.find([tmp_path]).arabic).parent == tmp_path


def test_rupee_hindi_and_arabic_have_shapes(lettering: Lettering) -> None:
    """What Indian and Arab shops write is printed as written."""
    text = "₹5 ठेलागाड़ी قَلَم ١٢ Straße Ω Ж"
    assert lettering.printable(text) == text


def test_what_no_font_has_is_shown_to_be_missing(lettering: Lettering) -> None:
    """A hole would read as another name; signs without a shape just go."""
    assert lettering.printable("தே a\0b\u200bc\tdé \N{SMILING FACE WITH SUNGLASSES}\ufe0f") == (
        f"{MISSING * 2} abc dé {MISSING}"
    )


def test_arabic_letters_are_joined(lettering: Lettering) -> None:
    """A letter alone is wider than the same one within a word."""
    alone = sum(lettering.width(letter, 10) for letter in "بيت")
    assert lettering.width("بيت", 10) < alone


def test_devanagari_conjuncts_are_formed(lettering: Lettering) -> None:
    """क्ष is one sign, narrower than its three characters."""
    alone = sum(lettering.width(letter, 10) for letter in ("क", "\u094d", "ष"))
    assert lettering.width("क्ष", 10) < alone


def test_shaped_words_carry_their_letters(lettering: Lettering) -> None:
    """Glyphs have no letters to search for; the text goes along in reading order."""
    letters = "قلم".encode("utf-16-be").hex().upper()
    assert f"/ActualText <FEFF{letters}>".encode() in drawn(lettering, "قلم")


def test_a_line_is_laid_out_from_left_to_right(lettering: Lettering) -> None:
    """The number that is read last in an Arabic line stands at its left end."""
    contents = drawn(lettering, "قلم 12")
    assert contents.index(b"(12)") < contents.index(b"/ActualText")


def test_a_minus_stands_before_its_number_from_the_right(lettering: Lettering) -> None:
    """Behind it, it would be taken for a dash."""
    amount = money(samples.bill(currency="AED"), -120_435, "ar_AE")
    assert "−1,204.35" in amount
    assert b"1,204.35" in drawn(lettering, amount)
    runs = visual(lettering.printable(amount), from_right=True)
    assert [run.text.strip("\u200e") for run in runs if "1" in run.text] == ["−1,204.35"]


def test_plain_text_stays_searchable(lettering: Lettering) -> None:
    """Amounts are no glyph codes: whoever opens the file can search them."""
    file = io.BytesIO()
    canvas = Canvas(file)
    lettering.draw(canvas, 300, 100, "₹2,408.70", 12, bold=True, align="right")
    canvas.save()
    assert "₹2,408.70" in PdfReader(file).pages[0].extract_text()


@settings(max_examples=50)
@given(st.text(max_size=200), st.floats(20, 300), st.booleans())
def test_no_line_is_longer_than_its_room(
    lettering: Lettering, text: str, room: float, bold: bool
) -> None:
    """However long a word is, and in whatever script: only a single character may stand out."""
    words = lettering.printable(text)
    for line in lettering.lines(words, room, 8, bold=bold, lines_max=500):
        assert lettering.width(line, 8, bold=bold) <= room or len(line) == 1


def test_what_is_too_long_ends_with_an_ellipsis(lettering: Lettering) -> None:
    """No name fills a page."""
    lines = lettering.lines("bolt " * 100, 60, 8, lines_max=3)
    assert len(lines) == 3
    assert lines[-1].endswith("…")
    assert lettering.width(lines[-1], 8) <= 60


def test_joiners_are_printed_with_their_neighbours(lettering: Lettering) -> None:
    """They tell letters how to join and never stand alone."""
    assert zlib.crc32(drawn(lettering, "क\u094d\u200dष")) != zlib.crc32(drawn(lettering, "क्ष"))
