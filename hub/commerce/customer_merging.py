"""Two customers found to be one, and one found to be two; each with an audit row.

Whoever merges away keeps the row as it was, so that a split which takes exactly what a merge
brought undoes that merge. What cannot be told apart - the cart - stays; what was never asked of
the one who leaves is asked again.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from hub.commerce import customer_rows as rows
from hub.commerce.aliases import Alias, alias_of_chat
from hub.commerce.customer_rows import By, Customer
from hub.commerce.errors import BadValueError
from hub.store.tx import Row, Tx

TOGETHER: Final = (
    ("name",),
    ("language",),
    ("tier",),
    ("tax_preference", "tax_number"),
    ("address", "postcode"),
    ("transporter",),
    ("opted_out_at",),
)
"""Half of one person's answer and half of another's would be nobody's."""


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """What a merge brought: the audit's record, and what a split needs to undo it."""

    other: str
    by: By
    aliases: tuple[Alias, ...] = ()
    taken: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


class Parted(msgspec.Struct, frozen=True, kw_only=True):
    """What left a customer, and who has it now."""

    other: str
    by: By
    aliases: tuple[Alias, ...] = ()
    orders: tuple[str, ...] = ()
    undone: bool = False


def merge(
    tx: Tx, tenant_id: str, one_id: str, other_id: str, now_ms: int, by: By = "operator"
) -> Customer:
    """Make two customers one: the older, who gains whatever is the other's.

    Of two carts the newer one's quantities stand; of two open drafts the older ends as replaced.

    Raises:
        LookupError: the shop has no such customer.
    """
    keep, gone = by_age(tx, tenant_id, one_id, other_id)
    if keep.customer_id == gone.customer_id:
        return keep
    filled, taken = _filled(keep, gone)
    rows.save(tx, tenant_id, filled, now_ms)
    brought = rows.aliases(tx, tenant_id, gone.customer_id)
    for alias in brought:
        rows.give_alias(tx, tenant_id, alias, keep.customer_id, now_ms)
    _unite_carts(tx, tenant_id, keep.customer_id, gone.customer_id)
    orders = _give_all(tx, tenant_id, keep.customer_id, gone.customer_id, now_ms)
    rules = _share_rules(tx, tenant_id, keep.customer_id, gone.customer_id)
    where = {"tenant_id": tenant_id, "customer_id": gone.customer_id}
    tx.run("customers.set_merged", **where, merged_into=keep.customer_id, now_ms=now_ms)
    record = Merged(
        other=gone.customer_id, by=by, aliases=brought, taken=taken, orders=orders, rules=rules
    )
    rows.audit(tx, tenant_id, keep.customer_id, "merged", record, now_ms)
    return filled


def split(
    tx: Tx,
    tenant_id: str,
    customer_id: str,
    parted: Sequence[Alias],
    now_ms: int,
    new_id: str,
    by: By = "operator",
) -> Customer:
    """Give some of a customer's aliases to somebody else: whoever brought them, or `new_id`.

    The drafts and orders of the parted aliases' chats go with them.

    Raises:
        LookupError: the shop has no such customer.
        BadValueError: an alias is not theirs, or none would be left.
    """
    source = _living(tx, tenant_id, customer_id)
    mine = rows.aliases(tx, tenant_id, source.customer_id)
    _check_parted(parted, mine)
    undone = _merge_that_brought(tx, tenant_id, source.customer_id, set(parted), set(mine))
    if undone is None:
        target = rows.insert(tx, tenant_id, new_id, now_ms)
    else:
        target = _undo(tx, tenant_id, source, undone, now_ms)
    for alias in parted:
        rows.give_alias(tx, tenant_id, alias, target.customer_id, now_ms)
    since = () if undone is None else msgspec.json.decode(undone["data"], type=Merged).orders
    orders = _give_by_chat(tx, tenant_id, source.customer_id, target.customer_id, parted, since)
    record = Parted(
        other=target.customer_id,
        by=by,
        aliases=tuple(parted),
        orders=orders,
        undone=undone is not None,
    )
    rows.audit(tx, tenant_id, source.customer_id, "split", record, now_ms)
    return target


def hand_over(tx: Tx, tenant_id: str, alias: Alias, from_id: str, to_id: str, now_ms: int) -> None:
    """Note that WhatsApp gave a customer's alias to somebody else; what was theirs stays theirs."""
    rows.give_alias(tx, tenant_id, alias, to_id, now_ms)
    record = Parted(other=to_id, by="conversation", aliases=(alias,))
    rows.audit(tx, tenant_id, from_id, "split", record, now_ms)


def by_age(tx: Tx, tenant_id: str, one_id: str, other_id: str) -> list[Customer]:
    """Both customers as they are today, the older first."""
    both = [_living(tx, tenant_id, customer_id) for customer_id in (one_id, other_id)]
    ages = {c.customer_id: _row(tx, tenant_id, c.customer_id)["created_at"] for c in both}
    return sorted(both, key=lambda c: (ages[c.customer_id], c.customer_id))


def united_cart(
    newer: Iterable[Mapping[str, Any]], older: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The lines of the newer cart, then those of the older whose product the newer has not."""
    lines = [dict(line) for line in newer]
    known = {line["product_id"] for line in lines}
    lines += [dict(line) for line in older if line["product_id"] not in known]
    return [line | {"place": place} for place, line in enumerate(lines, 1)]


def _living(tx: Tx, tenant_id: str, customer_id: str) -> Customer:
    found = rows.current(tx, tenant_id, customer_id)
    if found is None:
        raise LookupError("the shop has no such customer")
    return found


def _row(tx: Tx, tenant_id: str, customer_id: str) -> Row:
    row = tx.one("customers.row", tenant_id=tenant_id, customer_id=customer_id)
    if row is None:
        raise LookupError("the shop has no such customer")
    return row


def _filled(keep: Customer, gone: Customer) -> tuple[Customer, tuple[str, ...]]:
    """The customer who stays, gaps filled by the other, and the names of what was taken."""
    taken: dict[str, Any] = {}
    for group in TOGETHER:
        if all(getattr(keep, name) is None for name in group):
            told = {name: getattr(gone, name) for name in group}
            taken |= {name: value for name, value in told.items() if value is not None}
    return msgspec.structs.replace(keep, **taken), tuple(taken)


def _unite_carts(tx: Tx, tenant_id: str, keep_id: str, gone_id: str) -> None:
    carts = [
        tx.all("customers.cart", tenant_id=tenant_id, customer_id=customer_id)
        for customer_id in (keep_id, gone_id)
    ]
    carts.sort(key=lambda lines: max((line["updated_at"] for line in lines), default=-1))
    older, newer = carts
    for customer_id in (keep_id, gone_id):
        tx.run("customers.clear_cart", tenant_id=tenant_id, customer_id=customer_id)
    where = {"tenant_id": tenant_id, "customer_id": keep_id}
    lines = united_cart(map(dict, newer), map(dict, older))
    tx.many("customers.put_in_cart", [where | line for line in lines])
    tx.run("customers.share_coupons", tenant_id=tenant_id, to_id=keep_id, from_id=gone_id)
    tx.run("customers.clear_coupons", tenant_id=tenant_id, customer_id=gone_id)


def _give_all(tx: Tx, tenant_id: str, keep_id: str, gone_id: str, now_ms: int) -> tuple[str, ...]:
    """Move drafts and orders, at most one draft open; the ids of the orders."""
    where = {"tenant_id": tenant_id}
    for row in tx.all("customers.open_drafts", **where, one_id=keep_id, other_id=gone_id)[:-1]:
        tx.run("customers.replace_draft", **where, draft_id=row["draft_id"], now_ms=now_ms)
    for row in tx.all("customers.drafts", **where, customer_id=gone_id):
        tx.run("customers.give_draft", **where, draft_id=row["draft_id"], customer_id=keep_id)
    orders = tuple(o["order_id"] for o in tx.all("customers.orders", **where, customer_id=gone_id))
    for order_id in orders:
        tx.run("customers.give_order", **where, order_id=order_id, customer_id=keep_id)
    return orders


def _share_rules(tx: Tx, tenant_id: str, keep_id: str, gone_id: str) -> tuple[str, ...]:
    """Let the discounts that name the one who goes hold for the one who stays; their ids."""
    where = {"tenant_id": tenant_id}
    named = tx.all("customers.rules_naming", **where, customer_id=gone_id, other_id=keep_id)
    for row in named:
        tx.run("customers.name_in_rule", **where, rule_id=row["rule_id"], customer_id=keep_id)
    return tuple(row["rule_id"] for row in named)


def _check_parted(parted: Sequence[Alias], mine: Sequence[Alias]) -> None:
    for alias in parted:
        if alias not in mine:
            raise BadValueError(f"{alias} is not an alias of this customer", "name one that is")
    if not set(parted) or set(parted) >= set(mine):
        raise BadValueError(
            "a split leaves each of the two at least one alias", "name some of them, not all"
        )


def _merge_that_brought(
    tx: Tx, tenant_id: str, customer_id: str, parted: set[Alias], mine: set[Alias]
) -> Row | None:
    """The merge by which exactly these of the customer's aliases came; the latest of several."""
    found: list[Row] = []
    for other in rows.family(tx, tenant_id, customer_id):
        merges = tx.all("customers.merges_of", tenant_id=tenant_id, other=other)
        if other == customer_id or not merges:
            continue
        brought = msgspec.json.decode(merges[0]["data"], type=Merged).aliases
        if set(brought) & mine == parted:
            found.append(merges[0])
    return max(found, key=lambda row: row["id"], default=None)


def _undo(tx: Tx, tenant_id: str, source: Customer, merged: Row, now_ms: int) -> Customer:
    """Let whoever was merged away be themselves again, and take back what came of it."""
    record = msgspec.json.decode(merged["data"], type=Merged)
    where = {"tenant_id": tenant_id, "customer_id": record.other}
    tx.run("customers.set_merged", **where, merged_into=None, now_ms=now_ms)
    target = _living(tx, tenant_id, record.other)
    for holder_id in dict.fromkeys((merged["customer_id"], source.customer_id)):
        holder = rows.customer_of(_row(tx, tenant_id, holder_id))
        same = [f for f in record.taken if getattr(holder, f) == getattr(target, f)]
        given_back = msgspec.structs.replace(holder, **dict.fromkeys(same))
        if given_back != holder:
            rows.save(tx, tenant_id, given_back, now_ms)
        for rule_id in record.rules:
            who = {"tenant_id": tenant_id, "rule_id": rule_id, "customer_id": holder_id}
            tx.run("customers.unname_in_rule", **who)
    return target


def _give_by_chat(
    tx: Tx,
    tenant_id: str,
    from_id: str,
    to_id: str,
    parted: Sequence[Alias],
    known: Sequence[str],
) -> tuple[str, ...]:
    """Move the drafts and orders of the aliases' chats, and the `known` orders; ids of orders."""
    where = {"tenant_id": tenant_id}
    drafts = tx.all("customers.drafts", **where, customer_id=from_id)
    shown = {d["draft_id"] for d in drafts if d["chat"] and alias_of_chat(d["chat"]) in parted}
    orders = [
        order
        for order in tx.all("customers.orders", **where, customer_id=from_id)
        if order["draft_id"] in shown or order["order_id"] in known
    ]
    for draft_id in shown | {order["draft_id"] for order in orders}:
        tx.run("customers.give_draft", **where, draft_id=draft_id, customer_id=to_id)
    for order in orders:
        tx.run("customers.give_order", **where, order_id=order["order_id"], customer_id=to_id)
    return tuple(order["order_id"] for order in orders)
