"""Who a customer is, and what is remembered of them. An identity is never guessed.

Every function here is a part of somebody's transaction. What WhatsApp says belongs together in one
message - a LID and a phone - is one person, unless that would give somebody a second LID or a
second phone: then the number changed hands, and only the number goes.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from hub.commerce import customer_rows as rows
from hub.commerce.aliases import Alias, AliasKind, aliases_of, first_of
from hub.commerce.customer_merging import by_age, hand_over, merge, split
from hub.commerce.customer_rows import FIELDS, Customer, current
from hub.commerce.errors import BadValueError
from hub.commerce.tax import check_gstin
from hub.store.tx import Tx

__all__ = [
    "Alias",
    "AliasKind",
    "Customer",
    "aliases_of",
    "current",
    "ensure",
    "find",
    "merge",
    "remember",
    "split",
]

LENGTH_MAX: Final = {
    "name": 200,
    "language": 35,  # RFC 5646 §4.4.1
    "tier": 80,
    "tax_preference": 4,
    "tax_number": 40,  # as typed, with blanks
    "address": 1_000,
    "postcode": 16,
    "transporter": 200,
}
"""Characters. An invoice shows them; what is longer is no address but a letter."""


class _Settled(msgspec.Struct):
    """What the aliases of one message say together: whose they are, and what has to change."""

    customer: Customer | None = None
    same: list[Customer] = []  # found to be the customer too
    gained: list[Alias] = []  # nobody's so far
    moved: list[tuple[Alias, str]] = []  # somebody else's until now


def find(tx: Tx, tenant_id: str, aliases: Iterable[Alias]) -> Customer | None:
    """The customer whom `ensure` would answer with, if there is one already."""
    settled = _settle(tx, tenant_id, aliases)
    if settled.customer is None:
        return None
    customer = settled.customer
    for other in settled.same:
        customer, _ = by_age(tx, tenant_id, customer.customer_id, other.customer_id)
    return customer


def ensure(
    tx: Tx,
    tenant_id: str,
    aliases: Iterable[Alias],
    name: str | None,
    now_ms: int,
    new_id: str,
) -> Customer:
    """The customer with these aliases, created as `new_id` if nobody has any of them.

    Aliases that are new are added; two customers found to be one become the older, with an audit
    row. `name` fills a gap only.

    Raises:
        ValueError: there are no aliases to go by.
    """
    aliases = tuple(aliases)
    if not aliases:
        raise ValueError("an identity needs an alias")
    settled = _settle(tx, tenant_id, aliases)
    customer = settled.customer or rows.insert(tx, tenant_id, new_id, now_ms)
    for alias in settled.gained:
        rows.give_alias(tx, tenant_id, alias, customer.customer_id, now_ms)
    for alias, holder_id in settled.moved:
        hand_over(tx, tenant_id, alias, holder_id, customer.customer_id, now_ms)
    for other in settled.same:
        ids = (customer.customer_id, other.customer_id)
        customer = merge(tx, tenant_id, *ids, now_ms, "conversation")
    name = None if name is None else name.strip()[: LENGTH_MAX["name"]]
    if name and customer.name is None:
        customer = msgspec.structs.replace(customer, name=name)
        rows.save(tx, tenant_id, customer, now_ms)
    return customer


def remember(tx: Tx, tenant_id: str, customer_id: str, now_ms: int, **fields: Any) -> None:
    """Keep what a customer said of themselves; None forgets it again. Nothing else changes.

    Raises:
        BadValueError: a value does not fit; a GSTIN that is none.
        LookupError: the shop has no such customer.
        TypeError: there is no such field.
    """
    customer = current(tx, tenant_id, customer_id)
    if customer is None:
        raise LookupError("the shop has no such customer")
    if unknown := fields.keys() - FIELDS:
        raise TypeError(f"nothing called {', '.join(sorted(unknown))} is remembered")
    told = {name: _checked(name, value) for name, value in fields.items()}
    changed = msgspec.structs.replace(customer, **told)
    if changed != customer:
        rows.save(tx, tenant_id, changed, now_ms)


def _checked(name: str, value: Any) -> Any:
    """A value as it is stored; BadValueError."""
    if value is None or name == "opted_out_at":
        return value
    text = str(value).strip()
    if len(text) > LENGTH_MAX[name]:
        raise BadValueError(
            f"{name} has {len(text)} characters", f"at most {LENGTH_MAX[name]} are kept"
        )
    if name == "tax_preference" and text not in ("gst", "none"):
        raise BadValueError(f"{text} is no tax preference", 'it is "gst" or "none"')
    if name == "tax_number" and text:
        return check_gstin(text)
    return text or None


def _settle(tx: Tx, tenant_id: str, aliases: Iterable[Alias]) -> _Settled:
    """Whose the aliases are; the more reliable one decides."""
    settled = _Settled()
    told = first_of(aliases)
    for alias in told:
        holder = rows.owner(tx, tenant_id, alias)
        if holder is None:
            settled.gained.append(alias)
        elif settled.customer is None:
            if _fits(tx, tenant_id, told, holder, None):
                settled.customer = holder
            else:
                settled.moved.append((alias, holder.customer_id))
        elif holder in (settled.customer, *settled.same):
            continue
        elif _fits(tx, tenant_id, told, holder, settled.customer):
            settled.same.append(holder)
        else:
            settled.moved.append((alias, holder.customer_id))
    return settled


def _fits(
    tx: Tx, tenant_id: str, told: list[Alias], holder: Customer, other: Customer | None
) -> bool:
    """Whether the holder of an alias can be the one who wrote, and who was found as `other`."""
    theirs = rows.aliases(tx, tenant_id, holder.customer_id)
    if _contradict("lid", told, theirs):
        return False
    if other is None:
        return True
    return not _contradict("phone", told, rows.aliases(tx, tenant_id, other.customer_id))


def _contradict(kind: AliasKind, told: Iterable[Alias], known: Iterable[Alias]) -> bool:
    """Whether somebody is known by aliases of a kind, and told by another of it."""
    told, known = ({alias for alias in group if alias.kind == kind} for group in (told, known))
    return bool(told and known) and told.isdisjoint(known)
