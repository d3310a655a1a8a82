"""A shop's customers over a database in memory, for tests that need no loop."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from hub.commerce import customer_rows, customers
from hub.commerce.customers import Customer, aliases_of
from hub.store.schema import bring_up_to_date
from hub.store.tx import Tx, load_queries

CHAT = "919800000001@c.us"
PHONE = "+919800000001"
LID = "123456789012345@lid"
GSTIN = "27AAPFU0939F1ZV"


class People:
    """Shops `ten_a` and `ten_b`; `now` moves by a second with every step."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.tx = Tx(connection, load_queries())
        self.now = 1_800_000_000_000
        self.ids = 0
        for tenant_id in ("ten_a", "ten_b"):
            self.do("INSERT INTO tenants (tenant_id, name, created_at) VALUES (?, ?, 0)", tenant_id)

    def do(self, sql: str, *params: Any) -> None:
        """A change that only a test makes; the first parameter fills a second place as well."""
        count = sql.count("?")
        self.connection.execute(sql, (*params, *params[: count - len(params)]))

    def rows(self, sql: str, *params: Any) -> list[dict[str, Any]]:
        """The answer to a question that only a test asks."""
        return [dict(row) for row in self.connection.execute(sql, params).fetchall()]

    def tick(self) -> int:
        self.now += 1_000
        return self.now

    def new_id(self) -> str:
        self.ids += 1
        return f"cus_{self.ids}"

    def hears(
        self,
        chat: str,
        phone: str | None = None,
        lid: str | None = None,
        *,
        name: str | None = None,
        tenant_id: str = "ten_a",
    ) -> Customer:
        """Somebody writes; who that is."""
        aliases = aliases_of(chat, phone, lid)
        return customers.ensure(self.tx, tenant_id, aliases, name, self.tick(), self.new_id())

    def finds(
        self, chat: str, phone: str | None = None, lid: str | None = None, tenant_id: str = "ten_a"
    ) -> str | None:
        """The id of whoever a message is from."""
        found = customers.find(self.tx, tenant_id, aliases_of(chat, phone, lid))
        return None if found is None else found.customer_id

    def names(self, customer_id: str) -> list[str]:
        """What a customer is known by."""
        return [str(alias) for alias in customer_rows.aliases(self.tx, "ten_a", customer_id)]

    def audit(self) -> list[tuple[str, str]]:
        """Whom something was done to, and what."""
        found = self.rows("SELECT customer_id, action FROM customer_audit ORDER BY id")
        return [(row["customer_id"], row["action"]) for row in found]

    def product(self, number: int) -> None:
        sql = (
            "INSERT OR IGNORE INTO products (product_id, tenant_id, sku, name, price, updated_at)"
            " VALUES (?, 'ten_a', 'P-' || ?, 'Cup', 100, 0)"
        )
        self.do(sql, number)

    def cart(self, customer_id: str) -> dict[int, int]:
        """Product to thousandths, in the order of the lines."""
        sql = (
            "SELECT product_id, quantity_milli FROM cart_lines WHERE customer_id = ? ORDER BY place"
        )
        return {row["product_id"]: row["quantity_milli"] for row in self.rows(sql, customer_id)}

    def puts(self, customer_id: str, product_id: int, milli: int) -> None:
        """A line goes into a cart, or its quantity changes."""
        self.product(product_id)
        sql = (
            "INSERT INTO cart_lines VALUES ('ten_a', ?, ?, ?, (SELECT count(*) FROM cart_lines), ?)"
            " ON CONFLICT DO UPDATE SET quantity_milli = excluded.quantity_milli,"
            " updated_at = excluded.updated_at"
        )
        self.do(sql, customer_id, product_id, milli, self.tick())

    def shows(self, customer_id: str, draft_id: str, chat: str = CHAT, state: str = "open") -> None:
        """A draft is shown in a chat."""
        turn_id, at = f"turn-{draft_id}", self.tick()
        self.do(
            "INSERT INTO turns (turn_id, tenant_id, agent_id, account, chat, state, first_at,"
            " due_at) VALUES (?, 'ten_a', 'agt_a', '+919800000009', ?, 'answered', 0, 0)",
            turn_id,
            chat,
        )
        self.do(
            "INSERT INTO drafts VALUES (?, 'ten_a', ?, ?, ?, '{}', '{}', 'hash', 0, ?, ?, NULL)",
            draft_id,
            customer_id,
            state,
            turn_id,
            at,
            at,
        )

    def orders(self, customer_id: str, draft_id: str, chat: str = CHAT) -> str:
        """An order is placed in a chat; its id."""
        self.shows(customer_id, draft_id, chat, "ordered")
        number = 1001 + len(self.rows("SELECT 1 FROM orders"))
        sql = (
            "INSERT INTO orders (order_id, tenant_id, customer_id, draft_id, number, order_no,"
            " state, bill, delivery, total, created_at, updated_at)"
            " VALUES (?, 'ten_a', ?, ?, ?, ?, 'confirmed', '{}', '{}', 0, ?, 0)"
        )
        at = self.tick()
        self.do(sql, f"ord-{draft_id}", customer_id, draft_id, number, f"A-{number}", at)
        return f"ord-{draft_id}"

    def orders_of(self, customer_id: str) -> list[str]:
        sql = "SELECT order_id FROM orders WHERE customer_id = ? ORDER BY number"
        return [row["order_id"] for row in self.rows(sql, customer_id)]

    def drafts_of(self, customer_id: str) -> dict[str, str]:
        """Draft to state, oldest first."""
        sql = "SELECT draft_id, state FROM drafts WHERE customer_id = ? ORDER BY created_at"
        return {row["draft_id"]: row["state"] for row in self.rows(sql, customer_id)}


@contextmanager
def gathered() -> Iterator[People]:
    """People over a new database."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        bring_up_to_date(connection)
        yield People(connection)
