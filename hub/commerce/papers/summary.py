"""What a customer reads of an order: a text with every sum of the bill, and the papers' captions.

The words come from `words.toml`, amounts are written as the shop's locale has them.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from hub.commerce.bills import Bill, BillLine
from hub.commerce.drafts import Delivery
from hub.commerce.money import format_quantity
from hub.commerce.papers.amounts import money
from hub.commerce.products import singular

CHARS_MAX: Final = 1_000  # docs/rules.md §1: one message is at most this long
NAME_MAX_CHARS: Final = 60
FALLBACK: Final = "en"
_LINE_MIN_CHARS: Final = 8
_INVARIANT: Final = frozenset({"kg", "g", "mg", "l", "ml", "m", "mm", "cm", "ft", "nos", "dozen"})
_FEET: Final = {"foot": "feet"}


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language of `words.toml`."""

    order: str
    draft: str
    line: str
    plural: str
    better_pct: str
    better_price: str
    more: str
    goods: str
    discount: str
    shipping: str
    included: str
    rounding: str
    total: str
    destination: str
    address: str
    transporter: str
    tracking: str
    eta: str
    payment: str
    cod: str
    upi: str
    bank: str
    card_link: str
    invoice: str
    payment_code: str


@cache
def languages() -> Mapping[str, Words]:
    """Every language by its code."""
    text = files("hub.commerce.papers").joinpath("words.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Words])


def words_of(language: str | None) -> Words:
    """The words of a language, or English ones where it is not spoken here."""
    return languages().get(language or FALLBACK) or languages()[FALLBACK]


def _no_own(_unit: str, _quantity: Decimal) -> None:
    return None


class Teller(msgspec.Struct, frozen=True):
    """Puts bills of one shop into the words of one language."""

    words: Words
    locale: str
    own_unit: Callable[[str, Decimal], str | None] = _no_own
    """What the language calls a unit behind a quantity; None where it has no name of its own."""

    def summary(
        self,
        bill: Bill,
        delivery: Delivery,
        order_no: str | None = None,
        *,
        chars_max: int = CHARS_MAX,
    ) -> str:
        """The order in lines, or the draft that has no number yet; at most `chars_max` long.

        The sums always stand there; of goods that do not fit the number is told.
        """
        title = self.words.order.format(order_no=order_no) if order_no else self.words.draft
        goods = [self._line(bill, number, line) for number, line in enumerate(bill.lines, 1)]
        discounts = [(one.name, one.amount) for one in bill.discounts]
        tail = [*self._sums(bill, discounts), *self._terms(delivery)]
        if len("\n".join([title, *tail])) > chars_max // 2:
            whole = [(self.words.discount, bill.discount)] if bill.discount else []
            tail = [*self._sums(bill, whole), *(_cut(line) for line in self._terms(delivery))]
        room = chars_max - len("\n".join([f"*{title}*", *tail])) - 1
        return "\n".join([f"*{title}*", *self._fitting(goods, room), *tail])

    def invoice_caption(self, bill: Bill, order_no: str) -> str:
        """What stands under the invoice."""
        return self.words.invoice.format(order_no=order_no, total=self._money(bill, bill.total))

    def payment_caption(self, bill: Bill, order_no: str, vpa: str) -> str:
        """What stands under the payment code; the address too, for who cannot scan it."""
        total = self._money(bill, bill.total)
        return self.words.payment_code.format(order_no=order_no, total=total, vpa=vpa)

    def payment(self, way: str) -> str:
        """A way to pay as customers call it; the shop's own stay as they are."""
        known = {"cod": self.words.cod, "upi": self.words.upi, "bank": self.words.bank}
        return (known | {"card_link": self.words.card_link}).get(way, way)

    def _fitting(self, lines: Sequence[str], room: int) -> list[str]:
        """The first lines, and how many more there are."""
        most = min(len(lines), room // _LINE_MIN_CHARS)
        for count in range(most, -1, -1):
            left = len(lines) - count
            shown = [*lines[:count], *([self.words.more.format(count=left)] if left else [])]
            if len("\n".join(shown)) <= room:
                return shown
        return []

    def _line(self, bill: Bill, number: int, line: BillLine) -> str:
        said = self.words.line.format(
            number=number,
            name=_cut(line.name),
            quantity=format_quantity(line.quantity, self.locale),
            unit=self._counted(_cut(line.unit), line),
            price=self._money(bill, line.price),
            net=self._money(bill, line.net),
        )
        return f"{said} ({self._better(bill, line)})" if line.better and line.discount else said

    def _counted(self, unit: str, line: BillLine) -> str:
        """The unit as it is called behind the quantity; symbols and other scripts stay."""
        if (own := self.own_unit(unit, line.quantity)) is not None:
            return own
        many = self.words.plural.format(unit=unit)
        stays = line.quantity == 1 or not unit.isascii() or unit.casefold() in _INVARIANT
        if many == unit or stays or singular(unit) != unit.casefold():
            return unit
        irregular = unit.casefold().endswith(("x", "ch", "sh", "s"))
        return _FEET.get(unit.casefold(), f"{unit}es" if irregular else many)

    def _better(self, bill: Bill, line: BillLine) -> str:
        if line.better is not None and line.better.unit_price is not None:
            return self.words.better_price.format(price=self._money(bill, line.better.unit_price))
        return self.words.better_pct.format(pct=line.better.pct if line.better else 0)

    def _sums(self, bill: Bill, discounts: Sequence[tuple[str, int]]) -> list[str]:
        words = self.words
        parts = [
            (words.included.format(name=p.name) if bill.tax_included else p.name, p.amount)
            for p in bill.tax_parts
            if bill.tax
        ]
        sums = [(words.goods, bill.goods), *((_cut(name), -less) for name, less in discounts)]
        sums += [(words.shipping, bill.shipping)] if bill.shipping else []
        sums += parts
        sums += [(words.rounding, bill.rounding)] if bill.rounding else []
        lines = [f"{name}: {self._money(bill, amount)}" for name, amount in sums]
        if len(sums) == 1:
            lines = []  # the goods are the total
        return [*lines, f"*{words.total}: {self._money(bill, bill.total)}*"]

    def _terms(self, delivery: Delivery) -> list[str]:
        words = self.words
        terms = (
            (words.destination, delivery.destination),
            (words.address, delivery.address),
            (words.transporter, delivery.transporter),
            (words.tracking, delivery.tracking),
            (words.eta, delivery.eta),
            (words.payment, delivery.payment and self.payment(delivery.payment)),
        )
        return [f"{name}: {' '.join(said.split())}" for name, said in terms if said]

    def _money(self, bill: Bill, amount: int) -> str:
        return money(bill, amount, self.locale)


def _cut(text: str) -> str:
    clean = " ".join(text.split())
    return clean if len(clean) <= NAME_MAX_CHARS else clean[: NAME_MAX_CHARS - 1].rstrip() + "…"
