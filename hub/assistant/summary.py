"""CORE: what a model is told of a conversation before the lines that it is shown.

Made by code from what the shop's own records say: codes of its products, numbers of the customer's
orders, counts, dates. Nothing that a customer wrote is in it.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from hub.assistant.turn_trace import OK, TurnTrace
from hub.commerce.pricing import Reason

CHARS_MAX: Final = 600
LISTED_MAX: Final = 6  # of each kind, the newest
WORD_MAX_CHARS: Final = 40
"""Of a code or a name of the shop's own."""

CALLED: Final = ".handover"  # how the paths end on which a person was called
_CARTED: Final = ("add_to_cart", "set_cart_quantity")
_COUNTED: Final = ("get_price", *_CARTED)
_NOT_SOLD: Final = frozenset(reason.value for reason in Reason)


class NotSold(msgspec.Struct, frozen=True):
    """A quantity that was refused."""

    sku: str
    quantity: str
    why: str


class OrderSeen(msgspec.Struct, frozen=True):
    """An order of the customer's; `placed` is its date."""

    order_no: str
    state: str
    placed: str


class Summary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was before. Lists begin with the newest; dates are the shop's own, `2026-11-22`."""

    chat_since: str | None = None
    messages_before: int = 0
    priced: tuple[str, ...] = ()
    put_into_cart: tuple[str, ...] = ()
    not_sold: tuple[NotSold, ...] = ()
    orders: tuple[OrderSeen, ...] = ()
    orders_in_all: int = 0
    person_was_called: bool = False
    person_of_the_shop_wrote: str | None = None
    customer_tier: str | None = None
    customer_tax: str | None = None
    delivery_zone: str | None = None

    @property
    def skus(self) -> frozenset[str]:
        """Every product that it names."""
        return frozenset((*self.priced, *self.put_into_cart, *(one.sku for one in self.not_sold)))


def with_traces(summary: Summary, traces: Iterable[TurnTrace]) -> Summary:
    """The same with what the tools did in earlier turns, the newest turn first."""
    priced: dict[str, None] = {}
    carted: dict[str, None] = {}
    refused: dict[NotSold, None] = {}
    called = False
    for trace in traces:
        called |= (trace.path or "").endswith(CALLED)
        for call in reversed(trace.answers_calls):
            sku, quantity = call.args.get("sku"), call.args.get("quantity")
            if call.name not in _COUNTED or not _is_code(sku):
                continue
            if call.outcome in _NOT_SOLD:
                refused.setdefault(NotSold(str(sku), str(quantity)[:WORD_MAX_CHARS], call.outcome))
            elif call.outcome == OK:
                (carted if call.name in _CARTED else priced).setdefault(str(sku))
    return msgspec.structs.replace(
        summary,
        priced=tuple(priced)[:LISTED_MAX],
        put_into_cart=tuple(carted)[:LISTED_MAX],
        not_sold=tuple(refused)[:LISTED_MAX],
        person_was_called=called,
    )


def told(summary: Summary) -> dict[str, Any] | None:
    """It as JSON data of at most CHARS_MAX characters; None where there is nothing to say."""
    facts: dict[str, Any] = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in msgspec.to_builtins(summary).items()
    }
    lists = [facts[name] for name in _SHORTENED if name in facts]
    while len(msgspec.json.encode(facts).decode()) > CHARS_MAX and any(lists):
        max(lists, key=len).pop()
    return {name: value for name, value in facts.items() if value != []} or None


_SHORTENED: Final[Sequence[str]] = ("priced", "put_into_cart", "not_sold", "orders")


def word(text: str | None) -> str | None:
    """A name of the shop's own, bounded, in one line."""
    if text is None:
        return None
    return "".join(char for char in text if char.isprintable())[:WORD_MAX_CHARS]


def _is_code(sku: object) -> bool:
    """Whether a trace names a product of the shop; `unknown` stands for what the customer wrote."""
    return isinstance(sku, str) and 0 < len(sku) <= WORD_MAX_CHARS and sku != "unknown"
