"""A shop's counter in memory: the real schema and queries, a customer who shops turn by turn."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from itertools import count
from typing import Any, Final

import msgspec

from hub.commerce import carts, customers, discount_store, drafts, effects, orders
from hub.commerce.aliases import Alias
from hub.commerce.carts import Cart
from hub.commerce.catalog import product_of
from hub.commerce.customer_rows import Customer
from hub.commerce.discounts import DiscountRule
from hub.commerce.drafts import Draft, Prepared, Wish
from hub.commerce.effects import Applied, Effect, PlaceOrder, Scene, SetCart, ShowDraft
from hub.commerce.orders import Order
from hub.commerce.pricing import Refusal
from hub.commerce.products import Product, milli
from hub.store.schema import migrations
from hub.store.tx import Tx, load_queries
from tests.fakes import FakeClock

SHOP: Final = "ten_a"
OTHER_SHOP: Final = "ten_b"
ANN: Final = Alias("phone", "+919800000001")
BEN: Final = Alias("phone", "+919800000002")
HERE: Final = Wish("411004", "cod")

LOCAL: Final = {
    "type": "by_zone",
    "zones": [
        {"name": "local", "codes": ["411001", "411004"], "fee": 6_000, "free_from": 200_000},
        {"name": "far", "codes": ["500001"], "fee": 15_000},
    ],
}
PROFILE: Final = {"payment": ["cod", "upi"], "upi_vpa": "shop@examplebank", "state": "27"}
SETTINGS: Final = {"pricing": {"shipping": LOCAL}, "shop": PROFILE}


def put_shop(connection: sqlite3.Connection, tenant_id: str, settings: Any = SETTINGS) -> None:
    """A shop in Pune that delivers to three places."""
    connection.execute(
        "INSERT INTO tenants (tenant_id, name, mode, contact_policy, settings, created_at)"
        " VALUES (?, ?, 'auto', 'everyone', ?, 0)",
        (tenant_id, f"Shop {tenant_id}", json.dumps(settings)),
    )


def put_product(tx: Tx, tenant_id: str, product: Product) -> Product:
    """A product in the catalog, with its number."""
    newest = tx.one("catalog.newest_id")
    assert newest is not None
    numbered = msgspec.structs.replace(product, product_id=newest["product_id"] + 1)
    row = msgspec.structs.asdict(numbered) | {"tenant_id": tenant_id, "updated_at": 0}
    row |= {key: msgspec.json.encode(row[key]).decode() for key in ("aliases", "packs", "slabs")}
    row |= {
        "tax_pct": str(product.tax_pct),
        "stock_milli": None if product.stock is None else milli(product.stock),
        "min_milli": milli(product.min_qty),
        "step_milli": milli(product.step),
        "active": int(product.active),
    }
    tx.run("catalog.insert", **row)
    return numbered


def product(sku: str, price: int, **more: Any) -> Product:
    """A product taxed at 5 %."""
    return Product(sku=sku, name=f"Thing {sku}", price=price, **{"tax_pct": Decimal(5)} | more)


class Counter:
    """Two shops that sell nothing yet; each `turn` is another one unless it is named."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        for script in migrations():
            self.connection.executescript(script)
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.tx = Tx(self.connection, load_queries())
        for tenant_id in (SHOP, OTHER_SHOP):
            put_shop(self.connection, tenant_id)
        self._ids = (f"id_{number}" for number in count())
        self._turns = (f"turn_{number}" for number in count())

    @property
    def now(self) -> int:
        return self.clock.now_ms()

    def new_id(self) -> str:
        return next(self._ids)

    def new_turn(self) -> str:
        return next(self._turns)

    def sells(self, *products: Product, shop: str = SHOP) -> None:
        for each in products:
            put_product(self.tx, shop, each)

    def gives(self, shop: str = SHOP, **fields: Any) -> DiscountRule:
        """A discount rule in use."""
        rule = DiscountRule(rule_id=self.new_id(), **{"name": fields.get("name", "rule")} | fields)
        discount_store.add(self.tx, shop, rule, self.now)
        return rule

    def product(self, sku: str, shop: str = SHOP) -> Product:
        rows = self.tx.all("catalog.all", tenant_id=shop)
        return next(product_of(row) for row in rows if row["sku"] == sku)

    def change(self, sku: str, /, shop: str = SHOP, **columns: Any) -> None:
        """Change a product behind everybody's back."""
        for column, value in columns.items():
            self.connection.execute(
                f"UPDATE products SET {column} = ? WHERE tenant_id = ? AND sku = ?",  # noqa: S608
                (value, shop, sku),
            )

    def settings(self, settings: Any, shop: str = SHOP) -> None:
        self.connection.execute(
            "UPDATE tenants SET settings = ? WHERE tenant_id = ?", (json.dumps(settings), shop)
        )

    def customer(self, alias: Alias = ANN, shop: str = SHOP) -> Customer:
        return customers.ensure(self.tx, shop, [alias], None, self.now, self.new_id())

    def cart(self, alias: Alias = ANN, shop: str = SHOP) -> Cart:
        return carts.load(self.tx, shop, self.customer(alias, shop).customer_id)

    def scene(self, alias: Alias = ANN, shop: str = SHOP, turn_id: str | None = None) -> Scene:
        return Scene(
            tenant_id=shop,
            aliases=(alias,),
            customer_name=None,
            turn_id=turn_id or self.new_turn(),
            account="919800000099@c.us",
            chat=f"{alias.value[1:]}@c.us",
            agent_id="agt_a",
            now_ms=self.now,
            new_ids=self.new_id,
        )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Undo everything when something is raised, as the writer does."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except Exception:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def turn(
        self,
        *wanted: Effect,
        alias: Alias = ANN,
        shop: str = SHOP,
        turn_id: str | None = None,
    ) -> Applied:
        """One answered turn."""
        with self.transaction():
            return effects.apply(self.tx, self.scene(alias, shop, turn_id), wanted)

    def adds(self, sku: str, quantity: Any, alias: Alias = ANN, shop: str = SHOP) -> Cart | Refusal:
        """A turn that adds to the cart, if the shop sells that."""
        before = self.cart(alias, shop)
        after = carts.add(before, self.product(sku, shop), Decimal(quantity))
        if isinstance(after, Cart):
            self.turn(SetCart(before, after), alias=alias, shop=shop)
        return after

    def prepares(self, wish: Wish = HERE, alias: Alias = ANN, shop: str = SHOP) -> Prepared:
        """What a reader finds that the cart would be as an order."""
        customer, cart = self.customer(alias, shop), self.cart(alias, shop)
        return drafts.prepare(self.tx, shop, customer, cart, wish, self.now)

    def shows(
        self,
        wish: Wish = HERE,
        alias: Alias = ANN,
        shop: str = SHOP,
        turn_id: str | None = None,
    ) -> Draft:
        """A turn whose reply shows the order and asks for a yes."""
        prepared = self.prepares(wish, alias, shop)
        shown = ShowDraft(prepared.bill, prepared.delivery)
        self.turn(shown, alias=alias, shop=shop, turn_id=turn_id)
        return self.newest_draft(alias, shop)

    def newest_draft(self, alias: Alias = ANN, shop: str = SHOP) -> Draft:
        draft = drafts.newest(self.tx, shop, self.customer(alias, shop).customer_id)
        assert draft is not None
        return draft

    def says_yes(
        self,
        draft: Draft | None = None,
        alias: Alias = ANN,
        shop: str = SHOP,
        turn_id: str | None = None,
    ) -> Order:
        """A turn that places the order of a draft, the newest unless it is named."""
        draft = draft or self.newest_draft(alias, shop)
        said = PlaceOrder(draft.draft_id)
        (order,) = self.turn(said, alias=alias, shop=shop, turn_id=turn_id).orders
        return order

    def buys(self, sku: str, quantity: Any, alias: Alias = ANN, shop: str = SHOP) -> Order:
        """A whole order, from the cart to the yes."""
        self.adds(sku, quantity, alias, shop)
        self.shows(alias=alias, shop=shop)
        return self.says_yes(alias=alias, shop=shop)

    def stock(self, sku: str, shop: str = SHOP) -> Decimal | None:
        return self.product(sku, shop).stock

    def orders(self, alias: Alias = ANN, shop: str = SHOP) -> Sequence[Order]:
        return orders.all_of(self.tx, shop, self.customer(alias, shop).customer_id)

    def rows(self, sql: str, *params: object) -> list[Any]:
        return self.connection.execute(sql, params).fetchall()
