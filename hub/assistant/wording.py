"""What is said about products and prices: the one place where facts become sentences.

Every amount that is said comes from a product's own prices or from `pricing.quote`.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from hub.assistant.engine import TenantProfile
from hub.assistant.language import Language
from hub.assistant.quantities import CONTAINER
from hub.commerce.money import format_money, format_quantity
from hub.commerce.pricing import Policy, PricedLine, Quote, Reason, Refusal
from hub.commerce.products import Product, Slab

NAME_MAX_CHARS: Final = 80
OPTIONS_MAX: Final = 5
CATEGORIES_MAX: Final = 12


class Wording(msgspec.Struct, frozen=True):
    """A shop's way to speak of its prices."""

    tenant: TenantProfile
    policy: Policy
    language: Language

    def price(self, product: Product) -> str:
        """The price of one unit, the better ones for more, and the smallest order."""
        facts = [self._say("price", product, tax=self._tax(product))]
        facts += [self._slab(product, slab) for slab in product.slabs]
        if product.min_qty > 1:
            facts.append(self.language.say("minimum", **self._count(product, product.min_qty)))
        return " ".join(facts)

    def options(self, products: Sequence[Product], heading: str) -> str:
        """A short list to choose from, under one of the headings `options` and `close`."""
        lines = list(map(self.option, products[:OPTIONS_MAX]))
        left_out = len(products) > OPTIONS_MAX
        ending = "more" if left_out else "which" if len(products) > 1 else "this_one"
        return "\n".join([self.language.say(heading), *lines, self.language.say(ending)])

    def option(self, product: Product) -> str:
        """The line of a product in a list to choose from."""
        return self._say("option", product)

    def list(self, categories: Sequence[str]) -> str:
        """What the shop sells, by the names of its categories; empty where it has none."""
        reply = "categories" if len(categories) <= CATEGORIES_MAX else "categories_some"
        names = self.language.listed(_cut(name) for name in categories[:CATEGORIES_MAX])
        return self.language.say(reply, names=names) if categories else ""

    def quoted(self, quote: Quote, pieces: Decimal | None = None) -> str:
        """One line with its price, or why it cannot be sold so; `pieces` as they were asked for."""
        if quote.refusals:
            return self.refusal(quote.refusals[0])
        line = quote.lines[0]
        said = self.language.say(
            "line",
            product=shown(line.product),
            net=self._money(line.net),
            discount=self._discount(line),
            tax=self._tax_of(quote),
            **self._count(line.product, line.quantity),
        )
        if pieces is None:
            return said
        count = self._count(line.product, line.quantity)
        asked = self.language.counted("piece", pieces)
        values = {**count, "pieces": f"{self.number(pieces)} {asked}"}
        if line.product.pieces_per_unit is None:
            return f"{self.language.say('line_pieces', **values)} {said}"
        held = self.number(line.product.pieces_per_unit)
        return f"{self.language.say('line_held', held=held, **values)} {said}"

    def not_counted(self, product: Product, measure: str | None) -> str:
        """That the product is not sold by this measure, and what it costs by its own."""
        said = "box" if measure == CONTAINER else measure or product.unit
        named = self.language.counted(said, 1)
        return self._say("not_counted", product, measure=named, tax=self._tax(product))

    def refusal(self, refusal: Refusal) -> str:
        """Why a line cannot be sold as it was asked for, and what would do."""
        product = refusal.product
        if refusal.reason is Reason.NOT_OFFERED:
            return self.language.say("gone", names=shown(product))
        if refusal.reason is Reason.OFF_STEP:
            limit = self.number(refusal.limit)
            nearest = self.language.say("or").join(map(self.number, refusal.nearest))
            unit = self.language.counted(product.unit, refusal.limit)
            return self._say("off_step", product, limit=limit, unit=unit, nearest=nearest)
        if refusal.reason in (Reason.OVER_STOCK, Reason.BELOW_MINIMUM):
            unit = self.language.counted(product.unit, refusal.limit)
            limit = self.number(refusal.limit)
            return self._say(refusal.reason.value, product, limit=limit, unit=unit)
        if refusal.reason is Reason.NOT_POSITIVE:
            return self._say("not_positive", product, unit=self.language.counted(product.unit, 2))
        return self._say(refusal.reason.value, product)

    def _say(self, reply: str, product: Product, **values: object) -> str:
        facts = {
            "product": shown(product),
            "unit": self.language.counted(product.unit, 1),
            "price": self._money(product.price),
        }
        return self.language.say(reply, **(facts | values))

    def _slab(self, product: Product, slab: Slab) -> str:
        count = self._count(product, slab.min_qty)
        if slab.unit_price is not None:
            return self.language.say("slab_price", price=self._money(slab.unit_price), **count)
        return self.language.say("slab_pct", pct=_percent(slab.pct), **count)

    def _discount(self, line: PricedLine) -> str:
        if line.slab is None:
            return ""
        quantity = self.number(line.slab.min_qty)
        if line.slab.unit_price is not None:
            price = self._money(line.slab.unit_price)
            return self.language.say("discount_price", price=price, quantity=quantity)
        return self.language.say("discount_pct", pct=_percent(line.slab.pct), quantity=quantity)

    def _tax(self, product: Product) -> str:
        rate = self._rate(product)
        if rate == 0:
            return ""
        reply = "tax_with" if self.policy.tax.included else "tax_plus"
        return self.language.say(reply, pct=_percent(rate), tax=self.policy.tax.name)

    def _tax_of(self, quote: Quote) -> str:
        product = quote.lines[0].product
        if self.policy.tax.included or quote.tax == 0:
            return self._tax(product)
        return self.language.say(
            "tax_plus_amount",
            pct=_percent(self._rate(product)),
            tax=self.policy.tax.name,
            amount=self._money(quote.tax),
            total=self._money(quote.total),
        )

    def _rate(self, product: Product) -> Decimal:
        tax = self.policy.tax
        return product.tax_pct if tax.basis == "line" else tax.order_pct

    def _count(self, product: Product, quantity: Decimal | int) -> dict[str, str]:
        unit = self.language.counted(product.unit, quantity)
        return {"quantity": self.number(quantity), "unit": unit}

    def number(self, number: Decimal | int) -> str:
        """A quantity as the shop's locale writes it."""
        return format_quantity(number, self.tenant.locale)

    def _money(self, amount: int) -> str:
        tenant = self.tenant
        return format_money(amount, tenant.currency, tenant.exponent, tenant.locale)


def shown(product: Product) -> str:
    """The product's name as it is said; a very long one is cut."""
    return _cut(product.name)


def _cut(name: str) -> str:
    return name if len(name) <= NAME_MAX_CHARS else name[: NAME_MAX_CHARS - 1].rstrip() + "…"


def _percent(pct: Decimal | None) -> str:
    return f"{(pct or Decimal(0)).normalize():f}"
