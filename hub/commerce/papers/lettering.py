"""Text of several scripts on a PDF page: measured, broken into lines, put in order and shaped.

A PDF knows glyphs and places only. `reading_order.py` puts a line in visual order; words of
Devanagari and Arabic get their joined forms from HarfBuzz (uharfbuzz, through reportlab). Lengths
are in points of 1/72 inch.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import Any, Final, Literal

import msgspec
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont, shapeStr
from reportlab.pdfgen.canvas import Canvas

from hub.commerce.papers import reading_order
from hub.commerce.papers.fonts import Fonts

MISSING: Final = "\N{REPLACEMENT CHARACTER}"
"""Printed for a character that the fonts do not have."""

_ELLIPSIS: Final = "…"
_JOINERS: Final = "\u200c\u200d"  # they say how the letters beside them join
_MARKS: Final = "\u200e\u200f"  # they say which way the signs beside them go
_SELECTORS: Final = "\ufe0e\ufe0f"  # an emoji's colour
_DEVANAGARI: Final = range(0x0900, 0x0980)
_ARABIC: Final = ("AL", "NSM")  # letters and their vowels, as the reading order calls them
_UNIT: Final = 1000  # what lengths are measured at

Align = Literal["left", "right"]


class Piece(msgspec.Struct, frozen=True):
    """Characters of one font that are printed together."""

    text: str
    face: str
    is_shaped: bool


class Lettering:
    """A set of fonts at work; the newest one counts in a process, where reportlab keeps them."""

    def __init__(self, fonts: Fonts) -> None:
        self._has: dict[str, frozenset[int]] = {}
        for face, path in msgspec.structs.asdict(fonts).items():
            font = TTFont(face, path)
            pdfmetrics.registerFont(font)
            self._has[face] = frozenset(font.face.charToGlyph)
        _shaped.cache_clear()
        self._pieces = lru_cache(maxsize=4096)(self._laid_out)

    def printable(self, text: str) -> str:
        """`text` as it can be printed: no signs without a shape, MISSING for what no font has."""
        return "".join(map(self._printed, unicodedata.normalize("NFC", text)))

    def width(self, line: str, size: float, *, bold: bool = False) -> float:
        """How long a line of printable text is."""
        return sum(map(_width, self._pieces(line, bold))) * size

    def lines(
        self, text: str, room: float, size: float, *, bold: bool = False, lines_max: int = 8
    ) -> list[str]:
        """Printable text in lines not longer than `room`; what goes beyond the last is cut."""
        lines: list[str] = []
        for paragraph in text.split("\n"):
            lines += self._broken(paragraph, room, size, bold)
        if len(lines) <= lines_max:
            return lines
        last = lines[lines_max - 1]
        while last and self.width(last + _ELLIPSIS, size, bold=bold) > room:
            last = last[:-1]
        return [*lines[: lines_max - 1], last + _ELLIPSIS]

    def draw(
        self,
        canvas: Canvas,
        x: float,
        y: float,
        line: str,
        size: float,
        *,
        bold: bool = False,
        align: Align = "left",
    ) -> None:
        """Print one line of printable text that begins, or with `align` right ends, at `x`."""
        at = x if align == "left" else x - self.width(line, size, bold=bold)
        for piece in self._pieces(line, bold):
            canvas.setFont(piece.face, size)
            _put(canvas, at, y, piece)
            at += _width(piece) * size

    def _printed(self, char: str) -> str:
        if char in "\n" + _JOINERS + _MARKS:
            return char
        if char.isspace():
            return " "
        if unicodedata.category(char) in ("Cc", "Cf") or char in _SELECTORS:
            return ""
        has = any(ord(char) in self._has[face] for face in ("regular", "arabic"))
        return char if has else MISSING

    def _broken(self, paragraph: str, room: float, size: float, bold: bool) -> Iterator[str]:
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}" if line else word
            if self.width(longer, size, bold=bold) <= room:
                line = longer
                continue
            if line:
                yield line
            *whole, line = self._cut(word, room, size, bold)
            yield from whole
        if line:
            yield line

    def _cut(self, word: str, room: float, size: float, bold: bool) -> list[str]:
        """A word in parts that fit, each at least one character."""
        parts = [""]
        for char in word:
            longer = parts[-1] + char
            if parts[-1] and self.width(longer, size, bold=bold) > room:
                parts.append(char)
            else:
                parts[-1] = longer
        return parts

    def _laid_out(self, line: str, bold: bool) -> list[Piece]:
        """What stands on the line from left to right."""
        from_right = reading_order.is_rtl(line)
        return [
            piece
            for run in reading_order.visual(line, from_right=from_right)
            for piece in self._pieces_of(run, bold)
        ]

    def _pieces_of(self, run: reading_order.Run, bold: bool) -> list[Piece]:
        """A run by its fonts, from left to right; HarfBuzz turns round what it shapes."""
        kinds: list[tuple[str, bool]] = []
        for char in run.text:
            kinds.append(kinds[-1] if kinds and char in _JOINERS else self._kind(char, bold))
        pieces: list[Piece] = []
        for (face, is_shaped), group in groupby(zip(kinds, run.text, strict=True), lambda c: c[0]):
            text = "".join(char for _, char in group if char not in _MARKS)
            turned = run.is_rtl and not is_shaped
            pieces.append(Piece(reading_order.mirrored(text) if turned else text, face, is_shaped))
        return pieces[::-1] if run.is_rtl else pieces

    def _kind(self, char: str, bold: bool) -> tuple[str, bool]:
        """The font of a character, and whether it is to be shaped."""
        if ord(char) in self._has["regular"]:
            return "bold" if bold else "regular", ord(char) in _DEVANAGARI
        is_letter = unicodedata.bidirectional(char) in _ARABIC
        return "arabic_bold" if bold else "arabic", is_letter


def _width(piece: Piece) -> float:
    """The piece's length at size 1."""
    if piece.is_shaped:
        advances: list[float] = [glyph.x_advance for glyph in _shaped(piece).__shapeData__]
        return sum(advances) / _UNIT
    return pdfmetrics.stringWidth(piece.text, piece.face, _UNIT) / _UNIT


@lru_cache(maxsize=4096)
def _shaped(piece: Piece) -> Any:
    """A string of glyphs as reportlab has it, each with its advance at size 1000."""
    return shapeStr(piece.text, piece.face, _UNIT, force=True)


def _put(canvas: Canvas, x: float, y: float, piece: Piece) -> None:
    """Print a piece; what was shaped carries its letters along for whoever searches or copies."""
    if not piece.is_shaped:
        canvas.drawString(x, y, piece.text)
        return
    letters = piece.text.encode("utf-16-be").hex().upper()
    canvas.addLiteral(f"/Span <</ActualText <FEFF{letters}>>> BDC")
    canvas.drawString(x, y, _shaped(piece))
    canvas.addLiteral("EMC")
