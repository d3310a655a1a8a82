"""An order as it was shown to the customer, who has half an hour to say yes to exactly that.

`prepare` makes what is shown and looks again when it is said yes to; the hashes tell whether it is
still the same. What is confirmed is the bill, where it goes and how it is paid; the address within
the place, the transporter and the number on the invoice are the customer's record and may be given
later.
"""

from hashlib import sha256
from typing import Any, Final, Literal

import msgspec

from hub.commerce import checkout, shop_profile
from hub.commerce.bills import Bill, bill_of
from hub.commerce.carts import Cart
from hub.commerce.checkout import Till
from hub.commerce.customer_rows import Customer
from hub.commerce.refused import (
    CartEmpty,
    DestinationRequired,
    NotSold,
    PaymentUnknown,
    TotalTooLarge,
    Undeliverable,
)
from hub.commerce.shop_profile import ShopProfile
from hub.store.tx import Row, Tx

LIFE_MS: Final = 30 * 60_000
"""For how long what was shown may be said yes to (docs/rules.md §3)."""

TOTAL_MAX: Final = 2**63 - 1
"""The database's largest integer."""

DraftState = Literal["open", "ordered", "declined", "replaced", "expired"]


class Wish(msgspec.Struct, frozen=True):
    """What a customer says about an order besides its goods: a postcode or place, a way to pay."""

    destination: str | None = None
    payment: str | None = None


class Delivery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where an order goes, how it is paid, what its invoice says of the customer.

    `payment` is one of the shop's own words. `tracking` and `eta` come with the dispatch.
    """

    destination: str | None = None
    zone: str | None = None
    address: str | None = None
    transporter: str | None = None
    payment: str | None = None
    tax_preference: str | None = None
    tax_number: str | None = None
    tracking: str | None = None
    eta: str | None = None


class Prepared(msgspec.Struct, frozen=True):
    """An order that could be placed now."""

    bill: Bill
    delivery: Delivery
    hash: str


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer was shown by the reply to `turn_id`; open ones may be past their time."""

    draft_id: str
    customer_id: str
    state: DraftState
    turn_id: str
    bill: Bill
    delivery: Delivery
    hash: str
    created_at: int
    expires_at: int


def digest(bill: Bill, delivery: Delivery) -> str:
    """What makes two orders the same one to a customer who says yes, as SHA-256 in hex."""
    agreed = (bill, delivery.destination, delivery.zone, delivery.payment)
    return sha256(msgspec.json.encode(agreed)).hexdigest()


def prepare(
    tx: Tx, tenant_id: str, customer: Customer | None, cart: Cart, wish: Wish, now_ms: int
) -> Prepared:
    """The order that the cart would be now. Without a destination the remembered postcode counts.

    Raises:
        CartEmpty, NotSold, DestinationRequired, Undeliverable, PaymentUnknown, TotalTooLarge.
    """
    if not cart.lines:
        raise CartEmpty("there is nothing in the cart")
    remembered = None if customer is None else customer.postcode
    destination = wish.destination or remembered
    till = checkout.price(tx, tenant_id, customer, cart, destination, now_ms)
    _check(till, wish.payment, profile_of(tx, tenant_id))
    delivery = Delivery(
        destination=destination,
        zone=till.quote.zone,
        address=None if customer is None else customer.address,
        transporter=None if customer is None else customer.transporter,
        payment=wish.payment,
        tax_preference=None if customer is None else customer.tax_preference,
        tax_number=None if customer is None else customer.tax_number,
    )
    bill = bill_of(till.quote, till.currency, till.policy)
    return Prepared(bill, delivery, digest(bill, delivery))


def profile_of(tx: Tx, tenant_id: str) -> ShopProfile:
    """What the shop says of itself; LookupError for a shop that is none."""
    row = tx.one("tenants.by_id", tenant_id=tenant_id)
    if row is None:
        raise LookupError("the shop is not in the database")
    return shop_profile.load(row["settings"])


def _check(till: Till, payment: str | None, profile: ShopProfile) -> None:
    quote = till.quote
    if quote.refusals:
        raise NotSold(quote.refusals)
    if quote.undeliverable:
        raise Undeliverable("the shop does not deliver there")
    if not quote.shipping_known:
        raise DestinationRequired("what delivery costs depends on where to")
    if payment is not None and profile.payment and payment not in profile.payment:
        raise PaymentUnknown(f"the shop takes {', '.join(profile.payment)}")
    if quote.total > TOTAL_MAX:
        raise TotalTooLarge("the total is more than anybody can owe")


def show(
    tx: Tx,
    tenant_id: str,
    customer_id: str,
    prepared: Prepared,
    turn_id: str,
    draft_id: str,
    now_ms: int,
) -> Draft:
    """Keep what the reply to a turn shows; it takes the place of whatever was shown before."""
    end(tx, tenant_id, customer_id, "replaced", now_ms)
    draft = Draft(
        draft_id=draft_id,
        customer_id=customer_id,
        state="open",
        turn_id=turn_id,
        bill=prepared.bill,
        delivery=prepared.delivery,
        hash=prepared.hash,
        created_at=now_ms,
        expires_at=now_ms + LIFE_MS,
    )
    columns: dict[str, Any] = msgspec.structs.asdict(draft)
    columns |= {key: msgspec.json.encode(columns[key]).decode() for key in ("bill", "delivery")}
    columns |= {"tenant_id": tenant_id, "total": draft.bill.total, "now_ms": now_ms}
    tx.run("drafts.insert", **columns)
    return draft


def end(
    tx: Tx, tenant_id: str, customer_id: str, state: Literal["declined", "replaced"], now_ms: int
) -> bool:
    """End the customer's open draft; False when there is none."""
    whose = {"tenant_id": tenant_id, "customer_id": customer_id}
    return tx.run("drafts.end", **whose, state=state, now_ms=now_ms) == 1


def newest(tx: Tx, tenant_id: str, customer_id: str) -> Draft | None:
    """What the customer was shown last, whatever became of it."""
    row = tx.one("drafts.newest", tenant_id=tenant_id, customer_id=customer_id)
    return None if row is None else _draft_of(row)


def find(tx: Tx, tenant_id: str, customer_id: str, draft_id: str) -> Draft | None:
    """One draft of this customer."""
    whose = {"tenant_id": tenant_id, "customer_id": customer_id}
    row = tx.one("drafts.one", **whose, draft_id=draft_id)
    return None if row is None else _draft_of(row)


def is_later(tx: Tx, tenant_id: str, turn_id: str, shown_in: str, shown_at: int) -> bool:
    """Whether a turn can hold a yes to what the reply to another turn showed.

    It is another one, and its first message reached the hub no sooner than that reply was made. A
    turn that is not in the database is told by its id alone.
    """
    if turn_id == shown_in:
        return False
    row = tx.one("drafts.heard_at", tenant_id=tenant_id, turn_id=turn_id)
    return row is None or row["first_at"] >= shown_at


def _draft_of(row: Row) -> Draft:
    columns = dict(row)
    columns["bill"] = msgspec.json.decode(row["bill"], type=Bill)
    columns["delivery"] = msgspec.json.decode(row["delivery"], type=Delivery)
    return Draft(**columns)
