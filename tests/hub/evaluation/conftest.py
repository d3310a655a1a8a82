"""The project's evaluation file, a small one of a test's own, and what a turn may have come to."""

from pathlib import Path
from typing import Any

import pytest

from hub.evaluation.judge import Exchange, Ground, Seen

FILE = Path(__file__).parents[2] / "eval" / "dialogues.yaml"

SMALL = """
rules: {clock: 2026-03-10T11:00:00}
tenants:
  kiosk:
    {name: Corner Kiosk, currency: INR, locale: en_IN, tz: Asia/Kolkata, tax_name: GST,
     payment: [cod], languages: [en, hi], hours: 09:00-18:00}
  depot:
    {name: Depot, currency: AED, locale: en_AE, tz: Asia/Dubai}
products:
- {tenant: kiosk, sku: SOAP-1, name: Rose Soap, price: 2500, tax_pct: 18, slabs: [[10, 5]]}
- {tenant: kiosk, sku: PEN-1, name: Blue Pen, price: 1000, stock: 5, step: 0.5, packs: {box: 10}}
- {tenant: depot, sku: CRATE-1, name: Cedar Crate, price: 9900}
customers:
  asha: {tenant: kiosk, phone: '+919800000001', lang: hi}
  ravi: {tenant: kiosk, phone: '+919800000002'}
  lina: {tenant: depot, phone: '+971500000005'}
orders:
  K-41:
    {tenant: kiosk, customer: asha, status: delivered, lines: {PEN-1: 2}, payment: paid,
     total: 2000}
dialogues:
"""


def small(tmp_path: Path, dialogues: str, shops: str = SMALL) -> Path:
    """A file with the kiosk and these dialogues."""
    path = tmp_path / "own.yaml"
    path.write_text(shops + dialogues, "utf-8")
    return path


def seen(**changes: Any) -> Seen:
    """A moment at which nothing is there but what is said."""
    usual: dict[str, Any] = {
        "cart": {},
        "draft_total": None,
        "orders": (),
        "handed_over": False,
        "paused": False,
        "flags": (),
        "amounts": frozenset(),
        "foreign": (),
    }
    return Seen(**(usual | changes))


def exchange(*replies: str, **changes: Any) -> Exchange:
    """A turn in which these replies came."""
    usual: dict[str, Any] = {
        "said": ("what does it cost?",),
        "calls": (),
        "at_first": seen(),
        "before": seen(),
        "after": seen(),
        "known": frozenset({2_500}),
    }
    return Exchange(replies=replies, **(usual | changes))


@pytest.fixture
def ground() -> Ground:
    """The kiosk, for its customer asha."""
    return Ground(
        currency="INR",
        exponent=2,
        languages=("en", "hi"),
        names={
            "SOAP-1": ("SOAP-1", "Rose Soap", "gulab sabun"),
            "PEN-1": ("PEN-1", "Blue Pen"),
            "CRATE-1": ("CRATE-1", "Cedar Crate"),
        },
        own=frozenset({"SOAP-1", "PEN-1"}),
        shop_name="Corner Kiosk",
        record='{"name":"Corner Kiosk","upi_vpa":"kiosk@examplebank","phone":"+919800000099"}',
        strangers=("ravi", "919800000002", "K-52"),
    )
