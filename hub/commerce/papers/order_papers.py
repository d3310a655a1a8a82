"""The papers that orders are owed: what each says, and its end in one transaction with its sending.

A paper that was made but not sent is made again; its event has an id derived from order and kind,
so that a customer gets each once, whatever died in between.
"""

from collections.abc import Callable
from typing import Final, Literal
from uuid import UUID

import msgspec

from hub.commerce import customer_rows, shop_profile
from hub.commerce.bills import Bill
from hub.commerce.customer_rows import Customer
from hub.commerce.drafts import Delivery
from hub.commerce.order_states import stands
from hub.commerce.papers.jobs import Invoice, Party, Payment, payable
from hub.commerce.papers.summary import Teller, words_of
from hub.commerce.shop_profile import ShopProfile
from hub.store.outbound import Order, enqueue_down
from hub.store.tx import Row, Tx
from protocol.ids import name_based
from protocol.messages import Instant, MessageSend, SentMedia

TRIES_MAX: Final = 3
"""So often a paper may fail before it is given up."""

LATE_MS: Final = 24 * 3_600_000
"""After so long a paper is not sent any more: nobody waits for it, and a hub that comes back after
days must not send all of them at once."""

Kind = Literal["invoice", "payment_code"]


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `order_papers` that is still open."""

    tenant_id: str
    order_id: str
    kind: Kind
    account: str
    chat: str
    agent_id: str
    created_at: int
    tries: int

    @property
    def key(self) -> dict[str, str]:
        """Which paper it is, as queries take it."""
        return {"tenant_id": self.tenant_id, "order_id": self.order_id, "kind": self.kind}

    @property
    def event_id(self) -> UUID:
        """The id of the order to send it: the same at every attempt."""
        return name_based(msgspec.json.encode(["paper", self.order_id, self.kind]))

    @property
    def expires_at(self) -> int:
        """Until when it may be sent."""
        return self.created_at + LATE_MS


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What a paper says, and how it goes to the customer."""

    text: Invoice | Payment
    mime: str
    file_name: str
    caption: str


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A message with a file that was ordered: what the chat's history has to show."""

    tenant_id: str
    agent_id: str
    account: str
    chat: str
    event_id: UUID
    text: str
    media: SentMedia
    now_ms: int


RecordSaid = Callable[[Tx, Said], None]


class _Subject(msgspec.Struct, frozen=True, kw_only=True):
    """An order as its papers show it."""

    order_no: str
    is_paid: bool
    placed_at: int
    bill: Bill
    delivery: Delivery
    customer: Customer | None
    shop_name: str
    profile: ShopProfile
    locale: str
    timezone: str

    @property
    def teller(self) -> Teller:
        """Speaks the customer's language, or the shop's first one."""
        said = self.customer.language if self.customer is not None else None
        return Teller(words_of(said or next(iter(self.profile.languages), None)), self.locale)


def open_after(tx: Tx, place: tuple[int, str, str], limit: int) -> list[Paper]:
    """Open papers of all tenants, the oldest first, after one's (created_at, order_id, kind)."""
    created_at, order_id, kind = place
    where = {"created_at": created_at, "order_id": order_id, "kind": kind}
    return [Paper(**dict(row)) for row in tx.all("papers.open", **where, limit=limit)]


def content(tx: Tx, paper: Paper) -> Content | None:
    """What the paper says; None when there is nothing to send any more.

    Raises:
        LookupError, ValueError: the order is not there, or cannot be read.
    """
    row = tx.one("papers.subject", tenant_id=paper.tenant_id, order_id=paper.order_id)
    if row is None:
        raise LookupError("a paper's order is not there")
    if not stands(row["state"]):
        return None
    subject = _subject(tx, paper.tenant_id, row)
    return _invoice(subject) if paper.kind == "invoice" else _payment(subject)


def finish(
    tx: Tx, paper: Paper, made: Content, sha256: str, record_said: RecordSaid, now_ms: int
) -> Order | None:
    """Order a paper that was made to be sent, and end it; None if it is over or is to be made anew.

    Anew, because its order changed while it was made.
    """
    if content(tx, paper) != made:
        return None
    event_id = paper.event_id
    ended = tx.run(
        "papers.finish", **paper.key, now_ms=now_ms, sha256=sha256, event_id=str(event_id)
    )
    if ended == 0:
        return None
    media = SentMedia(sha256=sha256, mime=made.mime, name=made.file_name)
    data = MessageSend(
        account=paper.account,
        chat=paper.chat,
        text=made.caption,
        media=media,
        expires_at=Instant(paper.expires_at),
    )
    order = enqueue_down(tx, paper.tenant_id, paper.agent_id, event_id, data, now_ms)
    said = Said(
        tenant_id=paper.tenant_id,
        agent_id=paper.agent_id,
        account=paper.account,
        chat=paper.chat,
        event_id=event_id,
        text=made.caption,
        media=media,
        now_ms=now_ms,
    )
    record_said(tx, said)
    return order


def let_go(tx: Tx, paper: Paper, now_ms: int) -> None:
    """End a paper that nobody needs: its order was called off, or there is nothing to pay."""
    tx.run("papers.finish", **paper.key, now_ms=now_ms, sha256=None, event_id=None)


def count_try(tx: Tx, paper: Paper, now_ms: int) -> None:
    """Note that making the paper failed; the last time ends it."""
    tx.run("papers.count_try", **paper.key, now_ms=now_ms, tries_max=TRIES_MAX)


def give_up(tx: Tx, paper: Paper, now_ms: int) -> None:
    """End a paper that comes too late."""
    tx.run("papers.give_up", **paper.key, now_ms=now_ms, tries_max=TRIES_MAX)


def _subject(tx: Tx, tenant_id: str, row: Row) -> _Subject:
    return _Subject(
        order_no=row["order_no"],
        is_paid=row["paid_at"] is not None,
        placed_at=row["created_at"],
        bill=msgspec.json.decode(row["bill"], type=Bill),
        delivery=msgspec.json.decode(row["delivery"], type=Delivery),
        customer=customer_rows.current(tx, tenant_id, row["customer_id"]),
        shop_name=row["shop"],
        profile=shop_profile.load(row["settings"]),
        locale=row["locale"],
        timezone=row["timezone"],
    )


def _invoice(subject: _Subject) -> Content:
    profile, delivery, teller = subject.profile, subject.delivery, subject.teller
    payment = teller.payment(delivery.payment) if delivery.payment else ""
    terms = {"To": delivery.destination, "Transporter": delivery.transporter}
    text = Invoice(
        order_no=subject.order_no,
        placed_at=subject.placed_at,
        timezone=subject.timezone,
        locale=subject.locale,
        shop=Party(
            name=subject.shop_name,
            address="\n".join(line for line in (profile.address, profile.city) if line),
            tax_number=profile.tax_number,
            phone=profile.phone,
        ),
        customer=_buyer(subject),
        bill=subject.bill,
        delivery="\n".join(f"{name}: {said}" for name, said in terms.items() if said),
        payment=f"Payment: {payment}" if payment else "",
        bank=profile.bank_text,
        is_paid=subject.is_paid,
    )
    return Content(
        text=text,
        mime="application/pdf",
        file_name=f"invoice-{subject.order_no}.pdf",
        caption=teller.invoice_caption(subject.bill, subject.order_no),
    )


def _buyer(subject: _Subject) -> Party:
    """What the order says of the customer; what it does not say, the customer's record."""
    delivery, customer = subject.delivery, subject.customer or Customer("")
    wants_none = (delivery.tax_preference or customer.tax_preference) == "none"
    number = None if wants_none else delivery.tax_number or customer.tax_number
    return Party(
        name=customer.name or "Customer",
        address=delivery.address or customer.address or "",
        tax_number=number,
    )


def _payment(subject: _Subject) -> Content | None:
    """A code to pay with, where that is possible and still due, and no other way was chosen."""
    bill, vpa = subject.bill, subject.profile.upi_vpa
    other = subject.delivery.payment not in (None, "upi")
    if vpa is None or other or subject.is_paid or not payable(bill):
        return None
    return Content(
        text=Payment(
            vpa=vpa, payee=subject.shop_name, amount=bill.total, order_no=subject.order_no
        ),
        mime="image/png",
        file_name=f"payment-{subject.order_no}.png",
        caption=subject.teller.payment_caption(bill, subject.order_no, vpa),
    )
