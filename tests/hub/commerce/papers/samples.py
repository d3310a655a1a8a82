"""Bills for tests: priced ones, and any that the types allow."""

from decimal import Decimal

from hypothesis import strategies as st

from hub.commerce.bills import Bill, BillLine, bill_of
from hub.commerce.discounts import Discounted, DiscountRule, Occasion
from hub.commerce.papers.jobs import Invoice, Party
from hub.commerce.pricing import Line, Policy, Terms, quote
from hub.commerce.products import Product, Slab
from hub.commerce.shipping import PerUnit
from hub.commerce.tax import Tax, TaxPart

GST = Policy(
    line_rounding="whole_up",
    total_rounding="whole_up",
    tax=Tax(name="GST", basis="order", order_pct=Decimal(18), on_shipping=True, parts=2),
    shipping=PerUnit(rate_below=2_000, rate_from=1_500, threshold=Decimal(15)),
)
GST_BY_LINE = Policy(tax=Tax(name="GST", parts=2, state="27"))
VAT = Policy(tax=Tax(name="VAT", included=True, basis="line"))
ARABIC_HINDI = ("برغي سداسي (مجلفن) M8×50", "षट्कोण बोल्ट M8×50, जस्ता चढ़ा")


def product(number: int = 0, **changes: object) -> Product:
    facts: dict[str, object] = {
        "sku": f"BX-{number}",
        "name": f"Hex bolt M8×{number}",
        "unit": "carton",
        "price": 251_100,
        "tax_pct": Decimal(18),
        "hsn": "73181500",
        "slabs": (Slab(Decimal(10), pct=Decimal(7)),),
    }
    return Product(**(facts | changes))  # type: ignore[arg-type] # a test's own facts


def bill(
    quantities: tuple[int, ...] = (10, 7),
    policy: Policy = GST,
    *,
    currency: str = "INR",
    state: str | None = None,
    off_pct: int = 0,
    **changes: object,
) -> Bill:
    """What so many cartons of different bolts cost."""
    lines = [Line(product(at, **changes), quantity) for at, quantity in enumerate(quantities)]
    rule = DiscountRule(rule_id="r", name="Festival", pct=Decimal(off_pct or 1))
    terms = Terms(rules=(rule,) if off_pct else (), occasion=OCCASION, state=state)
    return bill_of(quote(lines, policy, terms), currency, policy)


OCCASION = Occasion(at_ms=1_800_000_000_000, weekday=0, hour=12)


def invoice(of: Bill, **changes: object) -> Invoice:
    facts: dict[str, object] = {
        "order_no": "A-1001",
        "placed_at": 1_795_000_000_000,
        "timezone": "Asia/Kolkata",
        "locale": "en_IN",
        "shop": Party(name="Sample Bolts", address="12 Sample Road", tax_number="27AAPFU0939F1ZV"),
        "customer": Party(name="A customer", address="1 Sample Street"),
        "bill": of,
    }
    return Invoice(**(facts | changes))  # type: ignore[arg-type] # a test's own facts


AMOUNTS = st.integers(-(2**63), 2**63 - 1)
NUMBERS = st.decimals(0, 10**7, allow_nan=False, places=3)
TEXTS = st.one_of(st.text(max_size=60), st.sampled_from(ARABIC_HINDI), st.text(max_size=1_500))
SLABS = st.builds(
    Slab,
    NUMBERS,
    pct=st.none() | st.decimals(0, 100, places=2),
    unit_price=st.none() | AMOUNTS,
)
LINES = st.builds(
    BillLine,
    sku=TEXTS,
    name=TEXTS,
    unit=TEXTS,
    quantity=NUMBERS,
    price=AMOUNTS,
    better=st.none() | SLABS,
    gross=AMOUNTS,
    discount=AMOUNTS,
    rounding=AMOUNTS,
    net=AMOUNTS,
    order_discount=AMOUNTS,
    tax_pct=st.decimals(0, 100, places=2),
    tax=AMOUNTS,
    hsn=st.none() | TEXTS,
)
BILLS = st.builds(
    Bill,
    currency=st.sampled_from(["INR", "AED", "JPY", "KWD"]),
    exponent=st.integers(0, 4),
    lines=st.lists(LINES, max_size=6).map(tuple),
    goods=AMOUNTS,
    discounts=st.lists(st.builds(Discounted, TEXTS, TEXTS, AMOUNTS), max_size=4).map(tuple),
    discount=AMOUNTS,
    shipping=AMOUNTS,
    tax_name=TEXTS,
    tax_included=st.booleans(),
    tax_parts=st.lists(st.builds(TaxPart, TEXTS, AMOUNTS), max_size=2).map(tuple),
    tax=AMOUNTS,
    rounding=AMOUNTS,
    total=AMOUNTS,
)
LOCALES = st.sampled_from(["en_IN", "hi_IN", "ar_AE", "en_AE", "ja_JP"])
