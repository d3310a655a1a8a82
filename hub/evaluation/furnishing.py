"""The file's shops, goods, customers and past orders, set up by the services that a shop uses."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from hub.commerce import carts, catalog, customers, drafts, order_moves, orders, shop_settings
from hub.commerce.aliases import aliases_of
from hub.commerce.carts import Cart
from hub.commerce.catalog import CatalogFile
from hub.commerce.catalog_fields import Money
from hub.commerce.drafts import Wish
from hub.commerce.errors import BadValueError, CatalogError
from hub.commerce.order_states import OrderState
from hub.commerce.pricing import Refusal
from hub.commerce.products import Product, milli
from hub.commerce.refused import Refused
from hub.evaluation.format import EvalFileError, Goods, PastOrder, Person, Rules, Shops, Tenant
from hub.gateway import pairing, tokens
from hub.gateway.pairing import Device
from hub.gateway.tokens import IssuedToken
from hub.store.policy import PolicyError
from hub.store.tx import Tx

AGENT_ID: Final = "agt_evaluation"
MONTH_MS: Final = 30 * 24 * 3_600_000
HOUR_MS: Final = 3_600_000
MINUTE_MS: Final = 60_000

WAYS: Final[Mapping[str, tuple[OrderState, ...]]] = {
    "pending": (),
    "confirmed": (),
    "packed": ("packed",),
    "shipped": ("packed", "shipped"),
    "delivered": ("packed", "shipped", "delivered"),
    "returned": ("packed", "shipped", "delivered", "returned"),
    "cancelled": ("cancelled",),
}
"""The file's word for where an order is -> the states that it went through."""


def read_goods(folder: Path, shops: Shops, tenant: str) -> CatalogFile | None:
    """What a shop sells, checked as any catalog file; None for nothing. EvalFileError."""
    shop = shops.tenants[tenant]
    entries = [_entry(goods, shop) for goods in shops.products if goods.tenant == tenant]
    if not entries:
        return None
    path = folder / "products.json"
    path.write_text(json.dumps({"products": entries}), "utf-8")
    try:
        return catalog.read_file(path, Money(shop.currency, shop.exponent))
    except CatalogError as error:
        rows = "; ".join(f"{entries[row.row - 1]['sku']}, {row}" for row in error.rows[:3])
        raise EvalFileError(f"products of {tenant}: {rows or error}") from None
    finally:
        path.unlink()


def _entry(goods: Goods, shop: Tenant) -> dict[str, Any]:
    """A product as a catalog file has it, amounts in major units."""
    entry: dict[str, Any] = {
        "sku": goods.sku,
        "name": goods.name,
        "price": _major(goods.price, shop.exponent),
        "tax_pct": f"{goods.tax_pct:f}",
        "unit": goods.unit,
        "aliases": list(goods.aliases),
        "packs": goods.packs,
        "slabs": [{"min_qty": f"{at:f}", "pct": f"{pct:f}"} for at, pct in goods.slabs],
        "category": goods.category,
        "description": goods.description,
    }
    counts = {name: getattr(goods, name) for name in ("stock", "min_qty", "step")}
    entry |= {name: f"{count:f}" for name, count in counts.items() if count is not None}
    if goods.pieces_per_unit is not None:
        entry["pieces_per_unit"] = goods.pieces_per_unit
    return entry


def open_shop(tx: Tx, *, shops: Shops, tenant: str, goods: CatalogFile | None, now_ms: int) -> None:
    """Open a shop as its owner would, with its agent, customers and past orders; EvalFileError."""
    shop = shops.tenants[tenant]
    begun_at = now_ms - 2 * MONTH_MS
    columns = {
        "name": shop.name,
        "mode": "auto",
        "contact_policy": "everyone",
        "currency": shop.currency,
        "exponent": shop.exponent,
        "locale": shop.locale,
        "timezone": shop.tz,
    }
    tx.run("tenants.insert", tenant_id=tenant, **columns, created_at=begun_at)
    settings = _settings(shops, tenant)
    tx.run("tenants.update", tenant_id=tenant, **columns, settings=settings)
    _pair(tx, tenant, begun_at)
    if goods is not None:
        catalog.take(tx, tenant, goods, begun_at)
    known = {
        name: _meet(tx, name, person, begun_at)
        for name, person in shops.customers.items()
        if person.tenant == tenant
    }
    past = [(no, order) for no, order in shops.orders.items() if order.tenant == tenant]
    for place, (order_no, order) in enumerate(past):
        at = now_ms - MONTH_MS + place * HOUR_MS
        try:
            _place(tx, order_no, order, known[order.customer], shop, at)
        except Refused as refused:
            raise EvalFileError(f"order {order_no}: it is refused ({refused.code})") from None
    if goods is not None:
        catalog.take(tx, tenant, goods, now_ms)  # the file's stock is what is there now


def _settings(shops: Shops, tenant: str) -> str:
    shop, rules = shops.tenants[tenant], shops.rules
    said = {
        "tax_name": shop.tax_name,
        "tax_included": "yes" if shop.prices_include_tax else "no",
        "tax_basis": "line",
        "shipping": _shipping(shop),
        "city": shop.city,
        "hours": shop.hours,
        "upi_vpa": shop.upi_vpa,
        "payment": ", ".join(shop.payment),
        "languages": ", ".join(shop.languages),
        "order_prefix": _prefix(shops, tenant),
        **_rules(rules),
        **shop.settings,
    }
    settings, money = "{}", Money(shop.currency, shop.exponent)
    for key, text in said.items():
        try:
            settings = shop_settings.change(settings, key, text, money) if text else settings
        except (BadValueError, PolicyError) as error:
            raise EvalFileError(f"tenant {tenant}, {key}: {error}") from None
    return settings


def _rules(rules: Rules) -> dict[str, str]:
    return {
        "debounce_max_s": f"{rules.max_wait_s:g}",
        "debounce_s": f"{rules.debounce_s:g}",
        "stale_s": f"{rules.stale_after_s:g}",
    }


def _prefix(shops: Shops, tenant: str) -> str:
    numbers = [no for no, order in shops.orders.items() if order.tenant == tenant]
    return numbers[0].partition("-")[0] if numbers else ""


def _shipping(shop: Tenant) -> str:
    """The zones as the setting `shipping` is typed."""
    if shop.delivery is None:
        return ""
    zones = []
    for name, zone in shop.delivery.zones.items():
        free = (
            "" if zone.free_from is None else f" free from {_major(zone.free_from, shop.exponent)}"
        )
        zones.append(f"{name} {_major(zone.fee, shop.exponent)}{free} = {', '.join(zone.codes)}")
    return "; ".join(zones)


def _major(amount: int, exponent: int) -> str:
    return f"{Decimal(amount).scaleb(-exponent):f}"


def _pair(tx: Tx, tenant: str, now_ms: int) -> None:
    code, issued = pairing.new_code(), IssuedToken(tokens.new_token(), None)
    pairing.offer_in(tx, tenant, code, now_ms, 900.0)
    device = Device("Evaluation", "none", "0")
    pairing.pair_in(tx, code, device, agent_of(tenant), issued, now_ms)


def agent_of(tenant: str) -> str:
    """The agent that holds a shop's WhatsApp."""
    return f"{AGENT_ID}_{tenant}"


def _meet(tx: Tx, name: str, person: Person, now_ms: int) -> str:
    aliases = aliases_of(f"{person.phone.removeprefix('+')}@c.us", person.phone, None)
    known = customers.ensure(tx, person.tenant, aliases, name.title(), now_ms, f"customer_{name}")
    customers.remember(tx, person.tenant, known.customer_id, now_ms, language=person.lang)
    return known.customer_id


def _place(
    tx: Tx, order_no: str, past: PastOrder, customer_id: str, shop: Tenant, at_ms: int
) -> None:
    """Have the order shown, agreed to a minute later, and moved on to where it is."""
    tenant = past.tenant
    sold = {product.sku: product for product in catalog.products(tx, tenant)}
    cart = filled(sold, past.lines, f"order {order_no}, lines")
    carts.save(tx, tenant, customer_id, cart, at_ms)
    customer = customers.current(tx, tenant, customer_id)
    wish = Wish(_destination(order_no, past, shop))
    prepared = drafts.prepare(tx, tenant, customer, cart, wish, at_ms)
    shown_in, draft_id = f"{order_no} shown", f"draft_{order_no}"
    draft = drafts.show(tx, tenant, customer_id, prepared, shown_in, draft_id, at_ms)
    agreed_at, agreed_in = at_ms + MINUTE_MS, f"{order_no} agreed"
    order = orders.place(tx, tenant, draft, agreed_in, agreed_at, f"order_{order_no}")
    if order.total != past.total:
        raise EvalFileError(f"order {order_no}, total: the shop's comes to {order.total}")
    _, _, digits = order_no.rpartition("-")
    which = {"tenant_id": tenant, "order_id": order.order_id}
    tx.run("evaluation.renumber", **which, number=int(digits), order_no=order_no)
    set_status(tx, tenant, order_no, past.status, agreed_at)
    if past.awb or past.eta:
        order_moves.track(tx, tenant, order_no, past.awb, past.eta, agreed_at)
    if past.payment == "paid":
        order_moves.mark_paid(tx, tenant, order_no, "operator", agreed_at)


def _destination(order_no: str, past: PastOrder, shop: Tenant) -> str | None:
    if past.zone is None:
        return None
    zones = {} if shop.delivery is None else shop.delivery.zones
    if past.zone not in zones:
        raise EvalFileError(f"order {order_no}, zone: the shop has none called {past.zone!r}")
    return zones[past.zone].codes[0]


def filled(sold: Mapping[str, Product], wanted: Mapping[str, Decimal], where: str) -> Cart:
    """A cart with these quantities of products that the shop sells; EvalFileError."""
    cart = Cart()
    for sku, quantity in wanted.items():
        changed = carts.set_quantity(cart, sold[sku], quantity)
        if isinstance(changed, Refusal):
            raise EvalFileError(f"{where}: {quantity} of {sku} is refused ({changed.reason.value})")
        cart = changed
    return cart


def set_stock(tx: Tx, tenant: str, wanted: Mapping[str, Decimal]) -> None:
    """Change how much there is of some products."""
    rows = [{"tenant_id": tenant, "sku": sku, "stock_milli": milli(n)} for sku, n in wanted.items()]
    tx.many("evaluation.set_stock", rows)


def set_price(tx: Tx, tenant: str, wanted: Mapping[str, int]) -> None:
    """Change what some products cost."""
    rows = [{"tenant_id": tenant, "sku": sku, "price": price} for sku, price in wanted.items()]
    tx.many("evaluation.set_price", rows)


def set_status(tx: Tx, tenant: str, order_no: str, status: str, now_ms: int) -> None:
    """Take an order on to where it is to be, step by step; EvalFileError."""
    order = orders.find(tx, tenant, order_no)
    way: tuple[OrderState, ...] = WAYS[status]
    if order is not None and order.state in way:
        way = way[way.index(order.state) :]
    try:
        for state in way:
            order_moves.set_state(tx, tenant, order_no, state, "operator", now_ms)
    except Refused as refused:
        raise EvalFileError(f"order {order_no}: it cannot be {status} ({refused.code})") from None
