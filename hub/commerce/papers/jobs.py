"""What papers say, and the frames in which it goes to the process that prints them and back.

A frame is its length in four bytes, the highest first, and MessagePack. Nothing here needs what
printing needs: the hub itself never loads it.
"""

from typing import Final

import msgspec

from hub.commerce.bills import Bill
from hub.commerce.papers.fonts import Fonts

LENGTH_BYTES: Final = 4
UPI: Final = ("INR", 2)  # what UPI moves: a currency and its decimals


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """Who sells or who buys; the address may have several lines."""

    name: str
    address: str = ""
    tax_number: str | None = None
    phone: str | None = None


class Invoice(msgspec.Struct, frozen=True, kw_only=True, tag="invoice"):
    """What stands on an invoice. `placed_at` is in milliseconds UTC, shown in the shop's zone."""

    order_no: str
    placed_at: int
    timezone: str
    locale: str
    shop: Party
    customer: Party
    bill: Bill
    delivery: str = ""
    payment: str = ""
    bank: str = ""
    is_paid: bool = False


class Payment(msgspec.Struct, frozen=True, kw_only=True, tag="payment"):
    """What is to be paid by UPI: `amount` paise to the address `vpa`."""

    vpa: str
    payee: str
    amount: int
    order_no: str


class Job(msgspec.Struct, frozen=True):
    """What to print; an invoice needs fonts."""

    text: Invoice | Payment
    fonts: Fonts | None = None


class Printed(msgspec.Struct, frozen=True, tag="printed"):
    """A file."""

    data: bytes


class Spoiled(msgspec.Struct, frozen=True, tag="spoiled"):
    """Why there is none. What the error says is left out, for it may quote a customer."""

    error: str
    where: str


def payable(bill: Bill) -> bool:
    """Whether UPI can move the total: rupees, and something at all."""
    return (bill.currency, bill.exponent) == UPI and bill.total > 0


def frame(value: msgspec.Struct) -> bytes:
    """A value as it goes through a pipe."""
    body = msgspec.msgpack.encode(value)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body
