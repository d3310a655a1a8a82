"""`sak-hub customer`: who a shop's customers are, and what it holds on them."""

from typing import Any, Final

import click

from hub.cli import customer_refs as refs
from hub.cli import find
from hub.cli.command import (
    Failure,
    Session,
    answer,
    changed,
    json_option,
    moment,
    printable,
    table,
    with_store,
)
from hub.cli.customer_privacy import erase, export
from hub.commerce import customer_records as records
from hub.commerce import customer_rows, customers
from hub.commerce.aliases import typed
from hub.commerce.customer_records import Holdings
from hub.commerce.errors import BadValueError
from hub.store.tx import Row, Tx

SHOWN_MAX: Final = 100  # customers of a list: some screens of them


@click.group()
def customer() -> None:
    """Customers: list, show, merge, split, tier, opt-out, opt-in, export, erase.

    CUSTOMER is an id, a phone number or a WhatsApp id such as 123@lid.
    """


@customer.command("list")
@click.argument("tenant")
@click.option("--limit", default=SHOWN_MAX, show_default=True, type=click.IntRange(1, 100_000))
@json_option
def list_(tenant: str, limit: int, as_json: bool) -> None:
    """Show the customers of the shop TENANT, the one heard of last first."""

    def look(tx: Tx) -> list[Row]:
        tenant_id = find.tenant(tx, tenant)["tenant_id"]
        return tx.all("customers.newest", tenant_id=tenant_id, most=limit)

    async def work(session: Session) -> list[Row]:
        return await session.store.read(look)

    found = with_store(work)
    count = found[0]["customers"] if found else 0
    facts = [_listed(row) for row in found]
    heads = ("customer_id", "name", "aliases", "language", "tier", "orders", "updated_at")
    shown = [fact | {"aliases": " ".join(fact["aliases"])} for fact in facts]
    lines = table(heads, [[fact[head] for head in heads] for fact in shown])
    if count > len(found):
        lines.append(f"and {count - len(found)} more; --limit shows them")
    answer(
        {"customers": facts, "count": count},
        lines if facts else ["No customers yet."],
        as_json=as_json,
    )


def _listed(row: Row) -> dict[str, Any]:
    facts = records.readable(row)
    del facts["customers"]
    return facts


@customer.command()
@click.argument("tenant")
@click.argument("customer")
@json_option
def show(tenant: str, customer: str, as_json: bool) -> None:
    """Show what is remembered of CUSTOMER, and what was done to the identity."""

    def look(tx: Tx) -> Holdings:
        shop = find.tenant(tx, tenant)
        return records.collect(tx, shop["tenant_id"], refs.resolve(tx, shop, customer))

    async def work(session: Session) -> Holdings:
        return await session.store.read(look)

    held = with_store(work)
    facts = {
        **held.customer,
        "aliases": [alias["value"] for alias in held.aliases],
        "merged": [other["customer_id"] for other in held.merged],
        "chats": len(held.chats),
        "messages": held.summary.messages,
        "cart": held.cart,
        "orders": [order["order_no"] for order in held.orders],
        "audit": held.audit,
    }
    answer(facts, _lines(facts), as_json=as_json)


def _lines(facts: dict[str, Any]) -> list[str]:
    listed = ("aliases", "merged", "orders")
    plain = {n: v for n, v in facts.items() if n not in (*listed, "cart", "audit")}
    plain |= {name: ", ".join(facts[name]) for name in listed}
    plain["cart"] = ", ".join(f"{line['quantity']} x {line['sku']}" for line in facts["cart"])
    lines = table(("", ""), plain.items())[1:]
    return lines + [f"{row['at']}  {row['action']} {row['customer_id']}" for row in facts["audit"]]


@customer.command()
@click.argument("tenant")
@click.argument("customer")
@click.argument("other")
@json_option
def merge(tenant: str, customer: str, other: str, as_json: bool) -> None:
    """Make CUSTOMER and OTHER one: the older of the two, who gains what is the other's."""

    def change(tx: Tx, now_ms: int) -> dict[str, Any]:
        shop = find.tenant(tx, tenant)
        both = [refs.resolve_or_make(tx, shop, ref, now_ms) for ref in (customer, other)]
        if both[0] == both[1]:
            raise Failure("same_customer", "These are one customer already.")
        kept = customers.merge(tx, shop["tenant_id"], both[0], both[1], now_ms)
        gone = next(one for one in both if one != kept.customer_id)
        return {"customer_id": kept.customer_id, "merged": gone}

    facts = changed(change)
    line = f"{facts['merged']} is {facts['customer_id']} now."
    answer(facts, [line], as_json=as_json)


@customer.command()
@click.argument("tenant")
@click.argument("customer")
@click.argument("aliases", nargs=-1, required=True, metavar="ALIAS...")
@json_option
def split(tenant: str, customer: str, aliases: tuple[str, ...], as_json: bool) -> None:
    """Give the ALIASes of CUSTOMER to a customer of their own.

    Taking exactly what a merge brought undoes that merge.
    """

    def change(tx: Tx, now_ms: int) -> dict[str, Any]:
        shop = find.tenant(tx, tenant)
        source = refs.resolve(tx, shop, customer)
        parted = [typed(text, refs.region(shop)) for text in aliases]
        ids = (shop["tenant_id"], source, parted, now_ms, refs.new_id())
        target = customers.split(tx, *ids)
        return {"customer_id": target.customer_id, "parted_from": source}

    try:
        facts = changed(change)
    except BadValueError as error:
        raise Failure("bad_alias", f"{error}.") from None
    line = f"{', '.join(aliases)}: now {facts['customer_id']}, no longer {facts['parted_from']}."
    answer(facts, [printable(line)], as_json=as_json)


@customer.command()
@click.argument("tenant")
@click.argument("customer")
@click.argument("tier", default="")
@json_option
def tier(tenant: str, customer: str, tier: str, as_json: bool) -> None:
    """Put CUSTOMER into TIER, a word of the shop's own for which discount rules may ask.

    Without TIER into none.
    """

    def change(tx: Tx, now_ms: int) -> dict[str, Any]:
        shop = find.tenant(tx, tenant)
        customer_id = refs.resolve_or_make(tx, shop, customer, now_ms)
        word = tier.strip() or None
        customers.remember(tx, shop["tenant_id"], customer_id, now_ms, tier=word)
        return {"customer_id": customer_id, "tier": word}

    try:
        facts = changed(change)
    except BadValueError as error:
        raise Failure("bad_value", f"{error}.") from None
    where = f"tier {printable(facts['tier'])}" if facts["tier"] else "no tier"
    line = f"{facts['customer_id']} is in {where} now."
    answer(facts, [line], as_json=as_json)


@customer.command("opt-out")
@click.argument("tenant")
@click.argument("customer")
@json_option
def opt_out(tenant: str, customer: str, as_json: bool) -> None:
    """Note that CUSTOMER wants the shop to write nothing by itself, as if they had written STOP.

    Whoever opted out before keeps that time.
    """
    facts = _opted(tenant, customer, out=True)
    line = f"The shop writes nothing by itself to {facts['customer_id']} any more."
    answer(facts, [line], as_json=as_json)


@customer.command("opt-in")
@click.argument("tenant")
@click.argument("customer")
@json_option
def opt_in(tenant: str, customer: str, as_json: bool) -> None:
    """Note that CUSTOMER wants to hear from the shop again; only at their own wish."""
    facts = _opted(tenant, customer, out=False)
    answer(facts, [f"The shop may write to {facts['customer_id']} by itself."], as_json=as_json)


def _opted(tenant: str, ref: str, *, out: bool) -> dict[str, Any]:
    def change(tx: Tx, now_ms: int) -> dict[str, Any]:
        shop = find.tenant(tx, tenant)
        customer_id = refs.resolve_or_make(tx, shop, ref, now_ms)
        person = customer_rows.current(tx, shop["tenant_id"], customer_id)
        before = None if person is None else person.opted_out_at
        since = (before or now_ms) if out else None
        customers.remember(tx, shop["tenant_id"], customer_id, now_ms, opted_out_at=since)
        return {"customer_id": customer_id, "opted_out_at": moment(since)}

    return changed(change)


customer.add_command(export)
customer.add_command(erase)
