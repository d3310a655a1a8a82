"""The evaluation file: shops, goods, customers, orders, and dialogues with what must come of them.

Everything is read as text and converted by its type: a SKU `10` stays a SKU, an `09:30` a time of
day. Amounts are integer minor units.
"""

from decimal import Decimal
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

Language = Literal["en", "hi", "hi-Latn", "ar"]
T = TypeVar("T")


class EvalFileError(ValueError):
    """The file is not as it must be; the message says where."""


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the file whose every field must be known: a typing error is no expectation."""


class Zone(Part, frozen=True, kw_only=True):
    codes: tuple[str, ...]
    fee: int
    free_from: int | None = None


class Zones(Part, frozen=True, kw_only=True):
    zones: dict[str, Zone]


class Tenant(Part, frozen=True, kw_only=True):
    """A shop. `settings` are further ones, under the names of `sak-hub tenant set`."""

    name: str
    currency: str
    exponent: int = 2
    locale: str
    tz: str
    city: str = ""
    prices_include_tax: bool = False
    tax_name: str = ""
    hours: str = ""
    phone_region: str = ""
    upi_vpa: str = ""
    delivery: Zones | None = None
    payment: tuple[str, ...] = ()
    languages: tuple[Language, ...] = ("en",)
    settings: dict[str, str] = {}


class Goods(Part, frozen=True, kw_only=True):
    """A product. A slab is `[from so many units, percent off]`."""

    tenant: str
    sku: str
    name: str
    price: int
    tax_pct: Decimal = Decimal(0)
    unit: str = "piece"
    stock: Decimal | None = None
    min_qty: Decimal | None = None
    step: Decimal | None = None
    slabs: tuple[tuple[Decimal, Decimal], ...] = ()
    packs: dict[str, int] = {}
    pieces_per_unit: int | None = None
    aliases: tuple[str, ...] = ()
    category: str = ""
    description: str = ""


class Person(Part, frozen=True, kw_only=True):
    tenant: str
    phone: str
    lang: Language | None = None


class PastOrder(Part, frozen=True, kw_only=True):
    """An order from before the dialogues; `total` is what the shop must compute for it."""

    tenant: str
    customer: str
    status: Literal[
        "pending", "confirmed", "packed", "shipped", "delivered", "returned", "cancelled"
    ]
    lines: dict[str, Decimal]
    zone: str | None = None
    payment: Literal["paid", "unpaid"] = "unpaid"
    awb: str | None = None
    eta: str | None = None
    delivered: str | None = None
    total: int


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the dialogues take for granted; other rules are words for people."""

    clock: str = "2026-03-10T11:00:00"
    debounce_s: float = 3
    max_wait_s: float = 15
    stale_after_s: float = 21_600


class Media(Part, frozen=True, kw_only=True):
    type: str
    seconds: int | None = None
    caption: str | None = None


class Flood(Part, frozen=True, kw_only=True):
    count: int
    window_s: float
    text: str


class Echo(Part, frozen=True, kw_only=True):
    """The other side begins with `text` and then repeats each of our replies."""

    rounds: int
    text: str = "hi"


class Behind(Part, frozen=True, kw_only=True):
    """What happens behind the conversation; `owner_says` is written from the shop's own phone."""

    set_price: dict[str, int] = {}
    set_stock: dict[str, Decimal] = {}
    set_status: dict[str, Literal["packed", "shipped", "delivered", "returned", "cancelled"]] = {}
    owner_says: str | None = None


class Given(Part, frozen=True, kw_only=True):
    cart: dict[str, Decimal] = {}
    stock: dict[str, Decimal] = {}


class State(Part, frozen=True, kw_only=True):
    """The shop after the turn; what is not named is free. `draft: null`: nothing is shown."""

    cart: dict[str, Decimal] | UnsetType = UNSET
    new_orders: int | UnsetType = UNSET
    order_total: int | UnsetType = UNSET
    order_lines: dict[str, Decimal] | UnsetType = UNSET
    draft_total: int | UnsetType = UNSET
    draft: UnsetType | None = UNSET
    cancelled: tuple[str, ...] | UnsetType = UNSET
    handover: bool | UnsetType = UNSET
    flags: tuple[str, ...] | UnsetType = UNSET


class Expected(Part, frozen=True, kw_only=True):
    """What must come of a turn; `replies` is 1 where neither it nor `replies_max` is said."""

    calls: tuple[str, ...] = ()
    calls_none: tuple[str, ...] = ()
    money: tuple[int, ...] = ()
    money_not: tuple[int, ...] = ()
    skus: tuple[str, ...] = ()
    skus_not: tuple[str, ...] = ()
    any_of: tuple[tuple[str, ...], ...] = ()
    none_of: tuple[str, ...] = ()
    lang: Language | None = None
    state: State = State()
    replies: int | None = None
    replies_max: int | None = None


class Step(Expected, frozen=True, kw_only=True):
    """One turn of a dialogue: what is done, and what must come of it."""

    say: str | None = None
    burst: tuple[tuple[float, str], ...] = ()
    media: Media | None = None
    flood: Flood | None = None
    echo: Echo | None = None
    sys: Behind | None = None
    message_id: str | None = None
    age_s: float = 0
    after_s: float | None = None
    model_delay_s: float = 0
    note: str = ""

    @property
    def is_silent(self) -> bool:
        """Whether the customer says nothing in it."""
        return not (
            self.say is not None or self.burst or self.media or self.flood or self.echo is not None
        )


class Dialogue(Part, frozen=True, kw_only=True):
    id: str
    tenant: str
    customer: str
    tags: tuple[str, ...] = ()
    embedded: Literal["must", "may"] = "must"
    given: Given = Given()
    turns: tuple[Step, ...]
    note: str = ""


class Malformed(msgspec.Struct, frozen=True):
    """A dialogue that cannot be held as it is written."""

    id: str
    why: str


class Shops(msgspec.Struct, frozen=True, kw_only=True):
    """The part of the file that every dialogue begins with."""

    rules: Rules = Rules()
    tenants: dict[str, Tenant]
    products: tuple[Goods, ...]
    customers: dict[str, Person]
    orders: dict[str, PastOrder] = {}


def convert(raw: Any, kind: type[T], where: str) -> T:
    """A part of the file as its type; EvalFileError with the place."""
    try:
        return msgspec.convert(raw, kind, strict=False)
    except msgspec.ValidationError as error:
        why, _, at = str(error).partition(" - at `$")
        raise EvalFileError(f"{where}, {_place(at)}: {why}" if at else f"{where}: {why}") from None


def _place(path: str) -> str:
    return path.rstrip("`").lstrip(".").replace("[...]", " (one of them)")


def skus(shops: Shops, tenant: str) -> set[str]:
    """The codes of what a shop sells."""
    return {goods.sku for goods in shops.products if goods.tenant == tenant}
