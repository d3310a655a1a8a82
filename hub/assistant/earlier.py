"""Reads what was before the lines that a model is shown: by the chat's messages to its turns."""

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from hub.assistant import summary, turn_trace
from hub.assistant.engine import Turn
from hub.assistant.model_context import HISTORY_MAX
from hub.assistant.summary import LISTED_MAX, OrderSeen, Summary
from hub.commerce.customer_rows import Customer
from hub.commerce.shipping import ByZone, Shipping, zone_of
from hub.store.tx import Row, Tx

LOOKED_MAX: Final = 200
"""Messages that are looked at: some days of a lively chat."""
COUNTED_MAX: Final = 10_000

_NEWEST: Final = 1 << 62
_CHANGES: Final = ("edit", "revoke")
_UNSENT: Final = ("failed", "expired")


def read(tx: Tx, turn: Turn, customer: Customer | None, shipping: Shipping) -> Summary:
    """What a model has to know of a chat and its customer besides the last lines."""
    dates = ZoneInfo(turn.tenant.timezone)
    found = _of_customer(tx, turn.tenant.tenant_id, customer, shipping, dates)
    row = tx.one("traces.turn", turn_id=turn.turn_id)
    if row is None or row["tenant_id"] != turn.tenant.tenant_id:
        return found
    at = {"tenant_id": row["tenant_id"], "account": row["account"], "chat": row["chat"]}
    rows = tx.all("traces.messages", **at, before=_NEWEST, most=LOOKED_MAX)
    said = [one for one in rows if one["kind"] not in _CHANGES and one["state"] not in _UNSENT]
    others = [one for one in said if one["turn_id"] != turn.turn_id]
    shown, older = others[:HISTORY_MAX], others[HISTORY_MAX:]
    if not older:
        return found
    size = tx.one("traces.size", **at, most=COUNTED_MAX)
    wrote = next((one["sent_at"] for one in older if one["author"] == "owner"), None)
    before = msgspec.structs.replace(
        found,
        chat_since=_date(None if size is None else size["began_at"], dates),
        messages_before=0 if size is None else size["messages"] - (len(rows) - len(older)),
        person_of_the_shop_wrote=_date(wrote, dates),
    )
    return summary.with_traces(before, _traces(tx, turn.tenant.tenant_id, shown, older))


def _traces(
    tx: Tx, tenant_id: str, shown: list[Row], older: list[Row]
) -> list[turn_trace.TurnTrace]:
    """Those of the turns before the shown lines whose replies went out, the newest first."""
    recent = {one["turn_id"] for one in shown}
    ids = [
        turn_id
        for turn_id in dict.fromkeys(one["turn_id"] for one in older if one["author"] == "bot")
        if turn_id is not None and turn_id not in recent
    ]
    named = msgspec.json.encode(ids).decode()
    rows = tx.all("traces.several", tenant_id=tenant_id, turn_ids=named)
    kept = {row["turn_id"]: turn_trace.decode(row["trace"]) for row in rows}
    return [trace for turn_id in ids if (trace := kept.get(turn_id)) is not None]


def _of_customer(
    tx: Tx, tenant_id: str, customer: Customer | None, shipping: Shipping, dates: ZoneInfo
) -> Summary:
    """What is known of the customer: no name, no number, no address."""
    if customer is None or not customer.customer_id:
        return Summary()
    who = {"tenant_id": tenant_id, "customer_id": customer.customer_id}
    rows = tx.all("traces.orders", **who, most=LISTED_MAX)
    orders = [
        OrderSeen(row["order_no"], row["state"], _date(row["created_at"], dates) or "")
        for row in rows
    ]
    return Summary(
        orders=tuple(orders),
        orders_in_all=rows[0]["orders"] if rows else 0,
        customer_tier=summary.word(customer.tier),
        customer_tax=customer.tax_preference,
        delivery_zone=summary.word(_zone(shipping, customer.postcode)),
    )


def _zone(shipping: Shipping, postcode: str | None) -> str | None:
    """The shop's own name for where the customer has things sent."""
    if postcode is None or not isinstance(shipping, ByZone):
        return None
    zone = zone_of(shipping.zones, postcode)
    return None if zone is None else zone.name


def _date(ms: Any, dates: ZoneInfo) -> str | None:
    return None if ms is None else f"{datetime.fromtimestamp(ms / 1000, dates):%Y-%m-%d}"
