"""The invoice of an order as a PDF, A4: every amount is the bill's, none is computed anew.

Its own words are English, as tax invoices in India may be; names and addresses stay in their
script. Over several pages each says whose it is and repeats the table's heading.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from hub.commerce.bills import BillLine
from hub.commerce.money import format_quantity
from hub.commerce.papers.amounts import money
from hub.commerce.papers.jobs import Invoice, Party
from hub.commerce.papers.lettering import MISSING, Align, Lettering
from hub.commerce.papers.sheet import WIDTH, Block, Cell, Sheet, printed

TEXT_MAX_CHARS: Final = 1_000  # of a name or an address; far more than a page has room for
_SIZE: Final = 7.5
_HALF: Final = WIDTH / 2 - 12
_RIGHT: Final = WIDTH / 2 + 12
_MISSING_NOTE: Final = f"{MISSING} stands for a character that the fonts of this paper do not have."


class _Column(msgspec.Struct, frozen=True):
    title: str
    left: float
    width: float
    align: Align = "right"


_COLUMNS: Final = (
    _Column("#", 0, 16, "left"),
    _Column("Item", 18, 148, "left"),
    _Column("Quantity", 168, 54),
    _Column("Price", 226, 68),
    _Column("Gross", 298, 56),
    _Column("Less,\nround-off", 358, 48),
    _Column("Net", 410, 52),
    _Column("Tax", 466, WIDTH - 466),
)


def render(invoice: Invoice, lettering: Lettering) -> bytes:
    """The PDF file of an invoice; the same one for the same invoice."""
    return printed(_Writer(invoice, lettering).sheet(), lettering)


class _Writer:
    """Puts one invoice into blocks."""

    def __init__(self, invoice: Invoice, lettering: Lettering) -> None:
        self._invoice = invoice
        self._bill = invoice.bill
        self._lettering = lettering

    def sheet(self) -> Sheet:
        invoice = self._invoice
        blocks = [*self._head(), *self._rows(), *self._totals(), *self._tail()]
        words = (line for block in blocks for cell in block.cells for line in cell.lines)
        if any(MISSING in line for line in words):
            blocks.append(self._note(_MISSING_NOTE))
        name = self._lettering.printable(_cut(invoice.shop.name))
        again = f"{name} · {self._title} {invoice.order_no}, continued"
        return Sheet(
            title=f"{self._title} {invoice.order_no}",
            foot=f"{self._title} {invoice.order_no} · amounts in {self._bill.currency}",
            again=Block(cells=(self._cell(again, 0, WIDTH, size=8.0),), rule=0.3),
            heading=self._heading(),
            blocks=blocks,
        )

    @property
    def _title(self) -> str:
        is_tax_invoice = self._bill.tax and self._invoice.shop.tax_number
        return "Tax invoice" if is_tax_invoice else "Invoice"

    # --- its parts, from above -------------------------------------------------------------

    def _head(self) -> Iterator[Block]:
        invoice = self._invoice
        paid = "Paid" if invoice.is_paid else ""
        facts = [f"Order {invoice.order_no}", _moment(invoice.placed_at, invoice.timezone), paid]
        title = self._cell(self._title, _RIGHT, _HALF, size=13.0, bold=True)
        yield Block(cells=(self._cell(invoice.shop.name, 0, _HALF, size=13.0, bold=True), title))
        seller = self._cell(self._about(invoice.shop), 0, _HALF)
        yield Block(cells=(seller, self._cell(_joined(facts), _RIGHT, _HALF)), rule=0.3)
        buyer = f"{invoice.customer.name}\n{self._about(invoice.customer)}"
        terms = _joined([invoice.delivery, invoice.payment])
        yield Block(cells=(self._cell("Bill to", 0, _HALF, bold=True),), above=4)
        right = self._cell(terms, _RIGHT, _HALF)
        yield Block(cells=(self._cell(buyer, 0, _HALF), right), rule=0.3)

    def _about(self, party: Party) -> str:
        label = "GSTIN" if self._bill.currency == "INR" else "Tax number"
        tax_number = f"{label} {party.tax_number}" if party.tax_number else ""
        return _joined([party.address, tax_number, f"Phone {party.phone}" if party.phone else ""])

    def _heading(self) -> Block:
        cells = [self._in(column, column.title, bold=True) for column in _COLUMNS]
        return Block(cells=cells, above=4, rule=0.8)

    def _rows(self) -> Iterator[Block]:
        for number, line in enumerate(self._bill.lines, 1):
            texts = (
                str(number),
                self._item(line),
                f"{format_quantity(line.quantity, self._invoice.locale)} {line.unit}",
                self._price(line),
                self._money(line.gross),
                _joined([self._less(line.discount), self._signed(line.rounding)]),
                self._money(line.net),
                self._tax(line),
            )
            pairs = zip(_COLUMNS, texts, strict=True)
            cells = [self._in(column, text) for column, text in pairs]
            yield Block(cells=cells, above=2, rule=0.2, headed=True)

    def _totals(self) -> Iterator[Block]:
        bill = self._bill
        yield self._sum("Goods", self._money(bill.goods), above=8)
        for one in bill.discounts:
            yield self._sum(one.name, self._less(one.amount))
        if bill.shipping:
            yield self._sum("Shipping", self._money(bill.shipping))
        for part in bill.tax_parts if bill.tax else ():
            name = f"{part.name}, included in the prices" if bill.tax_included else part.name
            yield self._sum(name, self._money(part.amount))
        if bill.rounding:
            yield self._sum("Round-off", self._signed(bill.rounding))
        yield self._sum("Total", self._money(bill.total), size=11.0, bold=True)

    def _tail(self) -> Iterator[Block]:
        if self._invoice.bank:
            yield self._note(self._invoice.bank)

    # --- what a line says ------------------------------------------------------------------

    def _item(self, line: BillLine) -> str:
        codes = f"{line.sku} · HSN {line.hsn}" if line.hsn else line.sku
        return _joined([_cut(line.name), codes])

    def _price(self, line: BillLine) -> str:
        """The price of one unit, and the better one that so many units have reached."""
        if line.better is None:
            return self._money(line.price)
        least = format_quantity(line.better.min_qty, self._invoice.locale)
        better = "" if line.better.pct is None else f"{_percent(line.better.pct)} off"
        if line.better.unit_price is not None:
            better = self._money(line.better.unit_price)
        return _joined([self._money(line.price), f"{better} from {least}"])

    def _tax(self, line: BillLine) -> str:
        """The rate and the amount; on what, where a discount on the order was taken off before."""
        if not line.tax_pct:
            return ""
        taxed = line.net - line.order_discount
        amount = self._money(line.tax) if line.tax else ""
        base = f"on {self._money(taxed)}" if line.order_discount else ""
        return _joined([_percent(line.tax_pct), amount, base])

    def _money(self, amount: int) -> str:
        return money(self._bill, amount, self._invoice.locale)

    def _less(self, amount: int) -> str:
        return self._signed(-amount)

    def _signed(self, amount: int) -> str:
        return money(self._bill, amount, self._invoice.locale, plus=True) if amount else ""

    # --- cells -----------------------------------------------------------------------------

    def _in(self, column: _Column, text: str, *, bold: bool = False) -> Cell:
        x = column.left if column.align == "left" else column.left + column.width
        return self._cell(text, x, column.width, size=_SIZE, bold=bold, align=column.align)

    def _sum(
        self, name: str, amount: str, *, size: float = 9.0, bold: bool = False, above: float = 1.0
    ) -> Block:
        """A line of the sums, which stand on the right half, on one page with the bold total."""
        left = self._cell(_cut(name), _RIGHT, _HALF - 122, size=size, bold=bold)
        right = self._cell(amount, WIDTH, 118, size=size, bold=bold, align="right")
        return Block(cells=(left, right), above=above, kept=not bold)

    def _note(self, text: str) -> Block:
        return Block(cells=(self._cell(text, 0, WIDTH, size=8.0),), above=10)

    def _cell(
        self,
        text: str,
        x: float,
        room: float,
        *,
        size: float = 9.0,
        bold: bool = False,
        align: Align = "left",
    ) -> Cell:
        """Text in its room: words go to the next line, figures get smaller rather than broken."""
        words = self._lettering.printable(text[:TEXT_MAX_CHARS])
        if align == "left":
            lines = self._lettering.lines(words, room, size, bold=bold)
        else:
            lines = words.split("\n")
            widest = max(self._lettering.width(line, size, bold=bold) for line in lines)
            size = min(size, size * room / widest) if widest else size
        return Cell(lines=lines, x=x, size=size, bold=bold, align=align)


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(line for line in lines if line)


def _cut(name: str) -> str:
    """A name on one line, as long as one may be."""
    return " ".join(name.split())[:TEXT_MAX_CHARS]


def _percent(pct: object) -> str:
    return f"{pct} %"


def _moment(at_ms: int, timezone: str) -> str:
    """A time in the shop's zone, or in UTC where the zone is none; it says which."""
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    at = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(zone)
    return f"{at:%d %b %Y, %H:%M %Z}"
