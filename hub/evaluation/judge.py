"""CORE: whether what came of a turn is what the file expects of it."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec
from msgspec import UNSET

from hub.assistant.engine import ToolCall
from hub.assistant.turn_trace import TurnTrace
from hub.evaluation.format import State, Step
from hub.evaluation.wording import Amounts, amounts_in, language_of, names_product, plain

DONE: Final = ("ok", "asked")
"""What a use of a tool came to when it was not declined; a search says how much it found."""


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What does not change in a dialogue.

    `names` are a product's code, name and other names, of all shops; `own` the codes that this shop
    sells. `record` is all that the shop says of itself, `strangers` what belongs to other people.
    """

    currency: str
    exponent: int
    languages: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]]
    own: frozenset[str]
    shop_name: str
    record: str
    strangers: tuple[str, ...]


class SeenOrder(msgspec.Struct, frozen=True):
    """An order; `asked`: the customer was asked whether to cancel it."""

    order_no: str
    state: str
    total: int
    lines: dict[str, Decimal]
    paid: bool
    asked: bool


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The customer's side of the shop at one moment; the newest order first.

    `amounts` are those that a reply may name, `foreign` what all other customers have.
    """

    cart: dict[str, Decimal]
    draft_total: int | None
    orders: tuple[SeenOrder, ...]
    handed_over: bool
    paused: bool
    flags: tuple[str, ...]
    amounts: frozenset[int]
    foreign: tuple[tuple[str, ...], ...]


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """What was said in a turn and what came of it; `at_first` is how the dialogue began."""

    said: tuple[str, ...]
    replies: tuple[str, ...]
    calls: tuple[ToolCall, ...]
    at_first: Seen
    before: Seen
    after: Seen
    known: frozenset[int]
    is_repetition: bool = False
    misplaced: int = 0
    errors: tuple[str, ...] = ()
    traces: tuple[TurnTrace, ...] = ()


class Miss(msgspec.Struct, frozen=True):
    """One thing that is not as it should be."""

    expected: str
    came: str


def misses(step: Step, exchange: Exchange, ground: Ground) -> list[Miss]:
    """Everything that the step expects and did not get."""
    return [
        *(Miss("an engine that answers", error) for error in exchange.errors),
        *_replies(step, exchange),
        *_calls(step, exchange.calls),
        *_amounts(step, exchange.replies, ground),
        *_products(step, exchange.replies, ground),
        *_words(step, exchange.replies, ground),
        *_state(step.state, exchange),
    ]


def _replies(step: Step, exchange: Exchange) -> Iterator[Miss]:
    count = len(exchange.replies)
    wanted = step.replies
    if wanted is None and step.replies_max is None:
        wanted = 0 if step.is_silent else 1
    if wanted is not None and count != wanted:
        yield Miss(f"replies: {wanted}", f"{count}")
    if step.replies_max is not None and count > step.replies_max:
        yield Miss(f"replies: at most {step.replies_max}", f"{count}")


def _calls(step: Step, calls: tuple[ToolCall, ...]) -> Iterator[Miss]:
    done = [call for call in calls if call.outcome in DONE or call.outcome.endswith(" found")]
    came = ", ".join(map(_shown, calls)) or "no calls"
    for wanted in step.calls:
        if not any(_is(call, wanted) for call in done):
            yield Miss(f"calls: {wanted}", came)
    for unwanted in step.calls_none:
        if any(_is(call, unwanted) and call.outcome == "ok" for call in calls):
            yield Miss(f"calls_none: {unwanted}", came)


def _is(call: ToolCall, wanted: str) -> bool:
    """Whether a use of a tool has the name, and among its arguments every word, of `wanted`."""
    name, *args = wanted.split()
    given = [str(value) for value in call.args.values()]
    return call.name == name and all(any(_same(arg, value) for value in given) for arg in args)


def _same(wanted: str, given: str) -> bool:
    if plain(wanted) == plain(given):
        return True
    try:
        return Decimal(wanted) == Decimal(given)
    except InvalidOperation:
        return plain(wanted) in plain(given).split()


def _shown(call: ToolCall) -> str:
    return " ".join([call.name, *map(str, call.args.values()), f"({call.outcome})"])


def _amounts(step: Step, replies: tuple[str, ...], ground: Ground) -> Iterator[Miss]:
    found = [amounts_in(reply, ground.currency, ground.exponent) for reply in replies]
    stated = set().union(*(amounts.all for amounts in found))
    marked = _marked(found)
    came = ", ".join(map(str, sorted(marked))) or "no amounts"
    for amount in step.money:
        if amount not in stated:
            yield Miss(f"money: {amount}", came)
    for amount in step.money_not:
        if amount in marked:
            yield Miss(f"money_not: {amount}", came)


def _marked(found: Iterable[Amounts]) -> set[int]:
    return set().union(*(amounts.marked for amounts in found))


def _words(step: Step, replies: tuple[str, ...], ground: Ground) -> Iterator[Miss]:
    text = "\n".join(replies)
    said = plain(text)
    for choice in step.any_of:
        if not any(plain(wanted) in said for wanted in choice):
            yield Miss(f"any_of: {' | '.join(choice)}", "none of them")
    for unwanted in step.none_of:
        if plain(unwanted) in said:
            yield Miss(f"none_of: {unwanted}", "said")
    if step.lang is not None and replies:
        spoken = language_of(text, names_in(ground))
        if spoken != step.lang:
            yield Miss(f"lang: {step.lang}", spoken or "unclear")


def _products(step: Step, replies: tuple[str, ...], ground: Ground) -> Iterator[Miss]:
    text = "\n".join(replies)
    for sku in step.skus:
        if not names_product(text, ground.names[sku]):
            yield Miss(f"skus: {sku}", "not named")
    for sku in step.skus_not:
        if names_product(text, ground.names[sku][:2]):
            yield Miss(f"skus_not: {sku}", "named")


def names_in(ground: Ground) -> list[str]:
    """What stays as it is in every language."""
    return [ground.shop_name, *(name for names in ground.names.values() for name in names)]


def _state(state: State, exchange: Exchange) -> Iterator[Miss]:
    found = _found(exchange)
    for field in msgspec.structs.fields(State):
        wanted = getattr(state, field.name)
        if wanted is UNSET:
            continue
        came = found[field.name]
        if not _fits(field.name, wanted, came):
            yield Miss(f"state.{field.name}: {_text(wanted)}", _text(came))


def _fits(field: str, wanted: object, came: object) -> bool:
    """Whether a part of the state is as wanted; flags may be more than those named."""
    if isinstance(wanted, tuple) and isinstance(came, tuple):
        return set(wanted) <= set(came) and (field == "flags" or len(wanted) == len(came))
    return wanted == came


def _found(exchange: Exchange) -> dict[str, object]:
    """The state after the turn under the names that the file has for it."""
    after = exchange.after
    old = {order.order_no: order for order in exchange.at_first.orders}
    new = [order for order in after.orders if order.order_no not in old]
    cancelled = tuple(
        order.order_no
        for order in after.orders
        if order.state == "cancelled"
        and (order.order_no not in old or old[order.order_no].state != "cancelled")
    )
    return {
        "cart": after.cart,
        "new_orders": len(new),
        "order_total": new[0].total if new else None,
        "order_lines": new[0].lines if new else None,
        "draft_total": after.draft_total,
        "draft": after.draft_total,
        "cancelled": cancelled,
        "handover": after.handed_over,
        "flags": after.flags,
    }


def _text(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {count}" for name, count in value.items()) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(str, value)) + "]"
    return "none" if value is None else str(value)
