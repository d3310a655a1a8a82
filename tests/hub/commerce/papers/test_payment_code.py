import io

import msgspec
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hub.commerce.papers.jobs import Payment, payable
from hub.commerce.papers.payment_code import picture, uri
from tests.hub.commerce.papers import samples

PAYMENT = Payment(vpa="sample@okbank", payee="Sample & Bolts", amount=2_860_000, order_no="A-1001")


def scanned(file: bytes) -> str:
    """What a phone reads; in so many dots a reader of bars may see some, too."""
    image = Image.open(io.BytesIO(file)).convert("L")
    (found,) = zxingcpp.read_barcodes(
        image, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    )
    return found.text


def test_the_link_has_what_payment_apps_want() -> None:
    """Payee, amount with two decimals, currency, note and reference, in NPCI's form."""
    assert uri(PAYMENT) == (
        "upi://pay?pa=sample@okbank&pn=Sample%20%26%20Bolts&am=28600.00&cu=INR"
        "&tn=Order%20A-1001&tr=A-1001"
    )


def test_a_phone_reads_the_link_from_the_picture() -> None:
    """The picture is a PNG, and what it holds is the link."""
    file = picture(PAYMENT)
    assert file.startswith(b"\x89PNG")
    assert scanned(file) == uri(PAYMENT)


@settings(max_examples=40)
@given(st.text(max_size=200), st.integers(1, 10**13))
def test_any_name_and_amount_can_be_scanned(payee: str, amount: int) -> None:
    """Names of any script and length."""
    payment = Payment(vpa="sample@okbank", payee=payee, amount=amount, order_no="A-1001")
    assert scanned(picture(payment)) == uri(payment)
    assert f"am={amount // 100}.{amount % 100:02}&" in uri(payment)


@pytest.mark.parametrize(
    ("currency", "exponent", "total", "can"),
    [("INR", 2, 1, True), ("AED", 2, 1, False), ("INR", 2, 0, False), ("INR", 0, 1, False)],
)
def test_only_rupees_are_paid_so(currency: str, exponent: int, total: int, can: bool) -> None:
    """Two decimals of them, and something at all."""
    bill = samples.bill(currency=currency)
    assert payable(msgspec.structs.replace(bill, exponent=exponent, total=total)) is can
