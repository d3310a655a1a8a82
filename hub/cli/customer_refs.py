"""CUSTOMER on the command line: an id, a phone or a WhatsApp id, to the customer that is meant."""

import secrets
from typing import Any, Final

from hub.cli.command import Failure, printable
from hub.commerce import customer_records as records
from hub.commerce import customer_rows as rows
from hub.commerce import customers
from hub.commerce.aliases import Alias, typed
from hub.store.tx import Row, Tx

ID_PREFIX: Final = "cus_"


def new_id() -> str:
    """An id for a customer whom the operator brings into being."""
    return ID_PREFIX + secrets.token_hex(8)


def region(shop: Row) -> str | None:
    """The country whose national numbers an operator of this shop may type."""
    last = str(shop["locale"]).rpartition("_")[2]
    return last if len(last) == 2 and last.isupper() else None


def resolve(tx: Tx, shop: Row, ref: str) -> str:
    """The id of the customer whom `ref` means today; Failure."""
    found, alias = _known(tx, shop, ref)
    if found is None:
        raise _unknown(ref, alias)
    return found


def resolve_or_make(tx: Tx, shop: Row, ref: str, now_ms: int) -> str:
    """The same; who has a chat but never became a customer becomes one."""
    found, alias = _known(tx, shop, ref)
    if found is not None:
        return found
    if not records.chats_named(tx, shop["tenant_id"], alias):
        raise _unknown(ref, alias)
    made = customers.ensure(tx, shop["tenant_id"], [alias], None, now_ms, new_id())
    return made.customer_id


def _known(tx: Tx, shop: Row, ref: str) -> tuple[str | None, Alias]:
    alias = typed(ref, region(shop))
    found = rows.current(tx, shop["tenant_id"], ref) or rows.owner(tx, shop["tenant_id"], alias)
    return None if found is None else found.customer_id, alias


def _unknown(ref: str, alias: Alias) -> Failure:
    meant = "" if alias.value == ref else f" ({printable(alias)})"
    return Failure(
        "unknown_customer",
        f"There is no customer {printable(ref)}{meant}. 'sak-hub customer list TENANT' shows ids "
        "and aliases; a phone number needs its country code.",
    )


def summary(facts: dict[str, Any]) -> str:
    """Counts in one line."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items())
