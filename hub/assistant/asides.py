"""Answers to what is asked about the shop in passing: delivery, tax, a better price."""

from collections.abc import Sequence
from typing import Final

from hub.assistant.amounts import UNCOUNTED, Amount, find_amounts, marks_of
from hub.assistant.reading import Reading
from hub.assistant.shop_talk import describe, inform, tell_rules
from hub.assistant.signs import PERCENT
from hub.assistant.tables import fold
from hub.assistant.visit import Visit

PERCENTS: Final = frozenset((PERCENT, "pct"))


def add_notes(visit: Visit, reading: Reading, *, asks: bool) -> None:
    """Answer what is asked about the shop; what it said nothing of is not known here."""
    language = visit.language
    if "outside" in reading.asides and not (
        inform(visit, reading.words) or describe(visit, reading.words, reading.products)
    ):
        visit.say("unknown", "unknown", language.say("unknown"))
    haggles = any(amount.measure == UNCOUNTED for amount in find_amounts(reading.words, language))
    if "tax" in reading.asides:
        _tell_tax(visit, reading)
    if "discount" in reading.asides or (haggles and _is_for_one(visit, reading)):
        tell_rules(visit)
        if not asks and _is_beyond(visit, reading):
            visit.wants_more = True
        visit.say("discount", "discount", language.say("discount"))
    if reading.foreign:
        visit.say("foreign", "foreign", language.say("foreign"))


def _is_for_one(visit: Visit, reading: Reading) -> bool:
    """Whether the price that somebody names is one for each: `12 tea for 200 each`."""
    if "per" in reading.words:
        return not reading.sought
    tables, words = visit.language.tables, [fold(word) for word in reading.words]
    if any(tables.prices_behind.at(words, at) is not None for at in range(len(words))):
        return True
    said = any(tables.prices.at(words, at) is not None for at in range(len(words)))
    return said or any("each" in mark.kinds for mark in marks_of(words, visit.language))


def _tell_tax(visit: Visit, reading: Reading) -> None:
    """Answer whether prices are with tax; of one product its price says so."""
    tax = visit.box.policy.tax
    if visit.was_said("ask_tax_number") or visit.language.means(reading.words, "tax_bill"):
        visit.tell("checkout", "send_tax_number")
    elif not reading.products and tax.name:
        visit.tell("info", "tax_included" if tax.included else "tax_added", tax=tax.name)


def bids(visit: Visit, reading: Reading) -> bool:
    """Whether a price is named for what it is about."""
    amounts = find_amounts(reading.words, visit.language)
    return len(reading.products) == 1 and any(a.measure == UNCOUNTED for a in amounts)


def _is_beyond(visit: Visit, reading: Reading) -> bool:
    """Whether more is demanded off than any of the shop's prices for larger quantities gives."""
    words = reading.words
    asked = [a.number for a in find_amounts(words, visit.language) if _is_percent(words, a)]
    slabs = [slab.pct or 0 for product in reading.products for slab in product.slabs]
    return bool(asked) and max(asked) > max(slabs, default=0)


def _is_percent(words: Sequence[str], amount: Amount) -> bool:
    behind = words[amount.end : amount.end + 1]
    return amount.measure == UNCOUNTED and not PERCENTS.isdisjoint(behind)
