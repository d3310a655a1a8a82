"""The evaluation file: shops, goods, customers, orders, and dialogues with what must come of them.

Everything is read as text and converted by its type: a SKU `10` stays a SKU, an `09:30` a time of
day. Amounts are integer minor units.
"""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

BYTES_MAX: Final = 4 * 1024 * 1024
"""Some ten thousand dialogues."""

_ORDER_NO: Final = re.compile(r"[A-Z]{1,5}-\d{1,9}")

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


class ModelFault(msgspec.Struct, frozen=True, kw_only=True):
    """A script for a model that errs; only a model path can be run by it."""

    id: str
    what: str = ""


class Shops(msgspec.Struct, frozen=True, kw_only=True):
    """The part of the file that every dialogue begins with."""

    rules: Rules = Rules()
    tenants: dict[str, Tenant]
    products: tuple[Goods, ...]
    customers: dict[str, Person]
    orders: dict[str, PastOrder] = {}


class EvalFile(msgspec.Struct, frozen=True, kw_only=True):
    shops: Shops
    dialogues: tuple[Dialogue | Malformed, ...]
    model_faults: tuple[ModelFault, ...] = ()


def load(path: Path) -> EvalFile:
    """The file at `path`; EvalFileError. A faulty dialogue is kept as such: the others can run."""
    raw = _read(path)
    dialogues = raw.pop("dialogues", None)
    if not isinstance(dialogues, list) or not dialogues:
        raise EvalFileError(f"{path.name} has no dialogues; list at least one under 'dialogues:'")
    shops = _convert(raw, Shops, path.name)
    faults = _convert(raw.get("model_faults", []), tuple[ModelFault, ...], "model_faults")
    _check_shops(shops)
    kept = tuple(_dialogue(entry, number, shops) for number, entry in enumerate(dialogues, 1))
    ids = [dialogue.id for dialogue in kept]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise EvalFileError(f"dialogue {twice[0]}: its id is there twice; give each its own")
    return EvalFile(shops=shops, dialogues=kept, model_faults=faults)


def _read(path: Path) -> dict[str, Any]:
    try:
        import yaml  # only this command needs it
    except ImportError:
        raise EvalFileError("PyYAML is missing; install it: pip install pyyaml") from None
    if path.stat().st_size > BYTES_MAX:
        raise EvalFileError(f"{path.name} is above {BYTES_MAX // 1024 // 1024} MB; split it")
    try:
        raw = yaml.BaseLoader(path.read_text("utf-8")).get_single_data()
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        what = " ".join(str(error).split())[:300]
        raise EvalFileError(f"{path.name} is not YAML in UTF-8: {what}") from None
    if not isinstance(raw, dict):
        raise EvalFileError(f"{path.name} has no sections; begin with 'tenants:'")
    return raw


def _convert(raw: Any, kind: type[T], where: str) -> T:
    try:
        return msgspec.convert(raw, kind, strict=False)
    except msgspec.ValidationError as error:
        why, _, at = str(error).partition(" - at `$")
        raise EvalFileError(f"{where}, {_place(at)}: {why}" if at else f"{where}: {why}") from None


def _place(path: str) -> str:
    return path.rstrip("`").lstrip(".").replace("[...]", " (one of them)")


def _check_shops(shops: Shops) -> None:
    for kind, entries in (("customer", shops.customers), ("order", shops.orders)):
        for name, entry in entries.items():
            if entry.tenant not in shops.tenants:
                raise EvalFileError(f"{kind} {name}, tenant: there is no tenant {entry.tenant!r}")
    for goods in shops.products:
        if goods.tenant not in shops.tenants:
            raise EvalFileError(f"product {goods.sku}, tenant: there is no {goods.tenant!r}")
    for number, order in shops.orders.items():
        if not _ORDER_NO.fullmatch(number):
            raise EvalFileError(f"order {number}: write its number like A-1001")
        whose = shops.customers.get(order.customer)
        if whose is None or whose.tenant != order.tenant:
            raise EvalFileError(f"order {number}, customer: {order.customer!r} is not the shop's")
        if unknown := order.lines.keys() - _skus(shops, order.tenant):
            raise EvalFileError(f"order {number}, lines: no product {min(unknown)!r}")


def _dialogue(raw: Any, number: int, shops: Shops) -> Dialogue | Malformed:
    name = str(raw.get("id", f"number {number}")) if isinstance(raw, dict) else f"number {number}"
    try:
        dialogue = _convert(raw, Dialogue, f"dialogue {name}")
        _check(dialogue, shops)
    except EvalFileError as error:
        return Malformed(name, str(error))
    return dialogue


def _check(dialogue: Dialogue, shops: Shops) -> None:
    where = f"dialogue {dialogue.id}"
    whose = shops.customers.get(dialogue.customer)
    if dialogue.tenant not in shops.tenants:
        raise EvalFileError(f"{where}, tenant: there is no tenant {dialogue.tenant!r}")
    if whose is None or whose.tenant != dialogue.tenant:
        raise EvalFileError(f"{where}, customer: {dialogue.customer!r} is not the shop's")
    if not dialogue.turns:
        raise EvalFileError(f"{where}, turns: there are none")
    sold, anywhere = _skus(shops, dialogue.tenant), {goods.sku for goods in shops.products}
    named = [("given", {*dialogue.given.cart, *dialogue.given.stock}, sold)]
    for at, step in enumerate(dialogue.turns):
        behind, state = step.sys or Behind(), step.state
        if step.is_silent and step.sys is None:
            raise EvalFileError(f"{where}, turns[{at}]: nothing happens in it; add 'say:'")
        cart = set() if isinstance(state.cart, UnsetType) else set(state.cart)
        lines = set() if isinstance(state.order_lines, UnsetType) else set(state.order_lines)
        named += [
            (f"turns[{at}].skus", {*step.skus, *step.skus_not}, anywhere),
            (f"turns[{at}].state", cart | lines, sold),
            (f"turns[{at}].sys", {*behind.set_price, *behind.set_stock}, sold),
            (f"turns[{at}].sys", set(behind.set_status), set(shops.orders)),
        ]
    for field, used, known in named:
        if unknown := used - known:
            raise EvalFileError(f"{where}, {field}: there is no {min(unknown)!r}")


def _skus(shops: Shops, tenant: str) -> set[str]:
    return {goods.sku for goods in shops.products if goods.tenant == tenant}
