"""A picture that a customer's payment app reads: whom to pay how much, and for which order.

The text is a `upi://pay` link (NPCI, UPI Linking Specification 1.6): `pa` the payee's address, `pn`
their name, `am` the amount with two decimals, `cu` always INR, `tn` a note, `tr` the reference that
comes back with the payment. Payment apps refuse unsigned links that are clicked; scanned they work.
"""

import io
from decimal import Decimal
from typing import Final
from urllib.parse import quote

import segno

from hub.commerce.papers.jobs import UPI, Payment

NAME_MAX_CHARS: Final = 60  # a longer one makes a code that small screens cannot show
_SCALE: Final = 8  # pixels a module: some 400 in all, readable after WhatsApp's compression
_QUIET: Final = 4  # modules of white around it, which ISO/IEC 18004 demands


def uri(payment: Payment) -> str:
    """The link that the picture holds."""
    currency, exponent = UPI
    payee = " ".join(payment.payee.split())[:NAME_MAX_CHARS].strip()
    fields = {
        "pa": payment.vpa,
        "pn": payee,
        "am": f"{Decimal(payment.amount).scaleb(-exponent):.2f}",
        "cu": currency,
        "tn": f"Order {payment.order_no}",
        "tr": payment.order_no,
    }
    return "upi://pay?" + "&".join(f"{key}={quote(text, safe='@')}" for key, text in fields.items())


def picture(payment: Payment) -> bytes:
    """The code as a PNG file."""
    file = io.BytesIO()
    code = segno.make_qr(uri(payment), error="m")
    code.save(file, kind="png", scale=_SCALE, border=_QUIET)
    return file.getvalue()
