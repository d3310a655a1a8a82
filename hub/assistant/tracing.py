"""The trace of a turn: what the tools were used for, never what a customer wrote.

It holds codes of the shop's own products, numbers of orders that were found, counts. Words are kept
only if the products that were found have them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

from hub.assistant.engine import ToolCall
from hub.assistant.tools import NAMES, Arguments, CancelAsked, Declined
from hub.commerce.orders import Order
from hub.commerce.pricing import QUANTITY_MAX
from hub.commerce.products import Product
from hub.commerce.refused import DraftChanged, NotSold, Refused
from hub.commerce.words import normalise

QUERY_WORDS_MAX: Final = 12

R = TypeVar("R")


class Trace:
    """The uses of tools in one turn, in their order."""

    def __init__(self) -> None:
        self.calls: list[ToolCall] = []

    def use(
        self, args: Arguments, traced: Mapping[str, Any], work: Callable[[], R]
    ) -> R | Declined:
        """What the work gives, or why not; either is noted with what may be known of it."""
        name = NAMES[type(args)]
        try:
            result = work()
        except Refused as refused:
            self.note(name, traced, refused.code)
            refusals = refused.refusals if isinstance(refused, NotSold) else ()
            now = refused.now if isinstance(refused, DraftChanged) else None
            return Declined(refused.code, refusals, now)
        self.note(name, traced, "asked" if isinstance(result, CancelAsked) else "ok")
        return result

    def note(self, name: str, args: Mapping[str, Any], outcome: str) -> None:
        """Keep one use."""
        self.calls.append(ToolCall(name, dict(args), outcome))

    def not_counted(self, product: Product, number: Decimal) -> None:
        """Keep that a price was asked in a measure that the product has not."""
        self.note("get_price", of_goods(product.sku, number), "not_counted")


def of_goods(sku: str, quantity: Decimal | None) -> dict[str, Any]:
    """A product of the shop, and how many of it."""
    if quantity is None:
        return {"sku": sku}
    sound = quantity.is_finite() and abs(quantity) <= QUANTITY_MAX
    return {"sku": sku, "quantity": f"{quantity.normalize():f}" if sound else "out of bounds"}


def of_order(order: Order | None) -> dict[str, Any]:
    """An order of this customer, if it is one."""
    return {"order_no": "unknown" if order is None else order.order_no}


def known_words(words: Sequence[str], products: Iterable[Product]) -> str:
    """The words that the products found are called by; for each other one an ellipsis."""
    known = {
        word
        for product in products
        for text in (product.name, product.sku, product.category, *product.aliases)
        for word in normalise(text).split()
    }
    return " ".join(word if word in known else "…" for word in words[:QUERY_WORDS_MAX])
