"""A customer's row as the shop's services see it, and its aliases."""

from typing import Any, Final, Literal

import msgspec

from hub.commerce.aliases import Alias
from hub.store.tx import Row, Tx

TaxPreference = Literal["gst", "none"]
By = Literal["conversation", "operator"]
"""Who found that aliases are one person's, or are not."""


class Customer(msgspec.Struct, frozen=True):
    """A customer with what is remembered of them; `opted_out_at` in ms UTC."""

    customer_id: str
    name: str | None = None
    language: str | None = None
    tier: str | None = None
    tax_preference: TaxPreference | None = None
    tax_number: str | None = None
    address: str | None = None
    postcode: str | None = None
    transporter: str | None = None
    opted_out_at: int | None = None


FIELDS: Final = Customer.__struct_fields__[1:]
"""What is remembered, which is also what an erasure forgets."""


def customer_of(row: Row) -> Customer:
    """The customer in a row that has its columns."""
    return Customer(**{name: row[name] for name in Customer.__struct_fields__})


def current(tx: Tx, tenant_id: str, customer_id: str) -> Customer | None:
    """The customer that this id means today: whom they were merged into, if they were."""
    row = tx.one("customers.current", tenant_id=tenant_id, customer_id=customer_id)
    return None if row is None else customer_of(row)


def owner(tx: Tx, tenant_id: str, alias: Alias) -> Customer | None:
    """Whose alias it is."""
    row = tx.one("customers.by_alias", **_key(tenant_id, alias))
    return None if row is None else customer_of(row)


def aliases(tx: Tx, tenant_id: str, customer_id: str) -> tuple[Alias, ...]:
    """What a customer is known by."""
    rows = tx.all("customers.aliases", tenant_id=tenant_id, customer_id=customer_id)
    return tuple(Alias(row["kind"], row["value"]) for row in rows)


def family(tx: Tx, tenant_id: str, customer_id: str) -> tuple[str, ...]:
    """The customer's id, and those of all who were found to be the same person."""
    rows = tx.all("customers.family", tenant_id=tenant_id, customer_id=customer_id)
    return tuple(row["customer_id"] for row in rows)


def insert(tx: Tx, tenant_id: str, customer_id: str, now_ms: int) -> Customer:
    """A customer of whom nothing is known yet."""
    at = {"created_at": now_ms, "updated_at": now_ms}
    tx.run("customers.insert", tenant_id=tenant_id, customer_id=customer_id, **at)
    return Customer(customer_id)


def save(tx: Tx, tenant_id: str, customer: Customer, now_ms: int) -> None:
    """Replace what is remembered of a customer."""
    facts = msgspec.structs.asdict(customer)
    tx.run("customers.update", tenant_id=tenant_id, now_ms=now_ms, **facts)


def give_alias(tx: Tx, tenant_id: str, alias: Alias, customer_id: str, now_ms: int) -> None:
    """Make an alias a customer's, whosever it was."""
    key = _key(tenant_id, alias)
    tx.run("customers.give_alias", **key, customer_id=customer_id, now_ms=now_ms)


def audit(
    tx: Tx, tenant_id: str, customer_id: str, action: str, data: msgspec.Struct, now_ms: int
) -> None:
    """Note what was done to a customer's identity, and why."""
    tx.run(
        "customers.audit",
        tenant_id=tenant_id,
        customer_id=customer_id,
        now_ms=now_ms,
        action=action,
        data=msgspec.json.encode(data).decode(),
    )


def _key(tenant_id: str, alias: Alias) -> dict[str, Any]:
    return {"tenant_id": tenant_id, "kind": alias.kind, "value": alias.value}
