"""Pages of A4 from blocks of text, one under the other.

Lengths are in points of 1/72 inch; `x` counts from the left margin, `y` from the foot of the page.
"""

import io
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from hub.commerce.papers.lettering import Align, Lettering

MARGIN: Final = 36.0
WIDTH: Final = A4[0] - 2 * MARGIN
_ROOM: Final = A4[1] - 2 * MARGIN - 18.0  # above the foot line
_LEADING: Final = 1.4  # Devanagari and Arabic reach higher and lower than Latin
_FOOT_SIZE: Final = 7.0
_GREY: Final = 0.45


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """Printable lines under each other that begin or, aligned right, end at `x`."""

    lines: Sequence[str]
    x: float = 0.0
    size: float = 9.0
    bold: bool = False
    align: Align = "left"

    @property
    def height(self) -> float:
        return len(self.lines) * self.size * _LEADING


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """Cells beside each other, which no page break parts. `rule`: how thick a line is beneath.

    A `headed` block stands under the table's heading, also where a new page begins; a `kept` one
    on the page of the next block.
    """

    cells: Sequence[Cell]
    above: float = 0.0
    rule: float = 0.0
    headed: bool = False
    kept: bool = False

    @property
    def height(self) -> float:
        inner = max((cell.height for cell in self.cells), default=0.0)
        return self.above + inner + (4.0 if self.rule else 0.0)


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be printed. `again` opens every page but the first, `heading` each table's part.

    `foot` stands at the foot of each page, with its number.
    """

    title: str
    foot: str
    again: Block
    heading: Block
    blocks: Sequence[Block]


def paginated(sheet: Sheet) -> list[list[Block]]:
    """The blocks of each page."""
    pages: list[list[Block]] = [[]]
    left, is_headed = _ROOM, False
    for group in _together(sheet):
        heading = [sheet.heading] if group[0].headed and not is_headed else []
        if _height([*heading, *group]) > left and pages[-1]:
            heading = [sheet.heading] if group[0].headed else []
            pages.append([sheet.again])
            left = _ROOM - sheet.again.height
        pages[-1] += [*heading, *group]
        left -= _height([*heading, *group])
        is_headed = group[-1].headed
    return pages


def _together(sheet: Sheet) -> Iterator[list[Block]]:
    """Blocks that no page break comes between; one by one where they are more than a page."""
    group: list[Block] = []
    for block in sheet.blocks:
        group.append(block)
        if not block.kept:
            fits = _height([sheet.again, *group]) <= _ROOM
            yield from [group] if fits else [[one] for one in group]
            group = []


def _height(blocks: Sequence[Block]) -> float:
    return sum(block.height for block in blocks)


def printed(sheet: Sheet, lettering: Lettering) -> bytes:
    """The PDF file. It says nothing of the time or the machine that made it."""
    pages = paginated(sheet)
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4, pageCompression=1, invariant=1)
    canvas.setTitle(sheet.title)
    canvas.setProducer("SAK Hybrid")
    for number, blocks in enumerate(pages, 1):
        y = A4[1] - MARGIN
        for block in blocks:
            _print(canvas, lettering, block, y)
            y -= block.height
        canvas.setFillGray(_GREY)
        lettering.draw(canvas, MARGIN, MARGIN, sheet.foot, _FOOT_SIZE)
        of = f"Page {number} of {len(pages)}"
        lettering.draw(canvas, MARGIN + WIDTH, MARGIN, of, _FOOT_SIZE, align="right")
        canvas.setFillGray(0)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def _print(canvas: Canvas, lettering: Lettering, block: Block, top: float) -> None:
    for cell in block.cells:
        y = top - block.above - cell.size * (_LEADING + 1) / 2
        for line in cell.lines:
            lettering.draw(
                canvas, MARGIN + cell.x, y, line, cell.size, bold=cell.bold, align=cell.align
            )
            y -= cell.size * _LEADING
    if block.rule:
        canvas.setLineWidth(block.rule)
        y = top - block.height + 2.0
        canvas.line(MARGIN, y, MARGIN + WIDTH, y)
