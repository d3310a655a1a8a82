"""A customer whose turns have effects: engine, then the reply's transaction, over a real store."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Any, Final

from hub.assistant.embedded import EmbeddedEngine
from hub.assistant.engine import Answer, Engine, Line, TenantProfile, Turn
from hub.commerce import carts, customers, discount_store, drafts, effects, orders
from hub.commerce.aliases import aliases_of
from hub.commerce.customer_rows import Customer as Record
from hub.commerce.discounts import DiscountRule
from hub.commerce.drafts import Draft
from hub.commerce.effects import Applied, Effect, Scene
from hub.commerce.orders import Order
from hub.conversation.transcript import HISTORY_MAX
from hub.store.database import Store
from hub.store.tx import Tx
from tests.fakes import FakeClock

PHONE: Final = "+919800000001"
IDS: Final = count(1)


class Shop:
    """What a test knows of a shop, and changes behind the conversations."""

    def __init__(self, store: Store, clock: FakeClock, tenant: TenantProfile) -> None:
        self.store = store
        self.clock = clock
        self.tenant = tenant

    @property
    def tenant_id(self) -> str:
        return self.tenant.tenant_id

    async def settles(self, **settings: Any) -> None:
        """The shop's settings, in place of those that it had."""
        await self._change(
            "UPDATE tenants SET settings = ? WHERE tenant_id = ?",
            json.dumps(settings),
            self.tenant_id,
        )

    async def changes(self, sku: str, **columns: Any) -> None:
        """A product changes while nobody looks."""
        for column, value in columns.items():
            await self._change(
                f"UPDATE products SET {column} = ? WHERE tenant_id = ? AND sku = ?",  # noqa: S608
                value,
                self.tenant_id,
                sku,
            )

    async def moves(self, order_no: str, state: str, **delivery: str) -> None:
        """An order goes on, as an operator does it."""
        await self._change(
            "UPDATE orders SET state = ?, delivery = json_patch(delivery, ?)"
            " WHERE tenant_id = ? AND order_no = ?",
            state,
            json.dumps(delivery),
            self.tenant_id,
            order_no,
        )

    async def gives(self, **fields: Any) -> None:
        """A discount rule."""
        rule = DiscountRule(rule_id=f"rule_{next(IDS)}", **fields)
        await self.store.write(partial(_give, tenant_id=self.tenant_id, rule=rule))

    async def _change(self, sql: str, *params: object) -> None:
        await self.store.write(lambda tx: tx._connection.execute(sql, params).rowcount)

    def customer(self, phone: str = PHONE, engine: Engine | None = None) -> "Shopper":
        """Somebody who writes to the shop."""
        return Shopper(self, phone, engine or EmbeddedEngine(self.store))


class Shopper:
    """Writes to a shop, reads its replies; what the replies say was done is done."""

    def __init__(self, shop: Shop, phone: str, engine: Engine) -> None:
        self.shop = shop
        self.phone = phone
        self.chat = f"{phone.removeprefix('+')}@c.us"
        self.history: tuple[Line, ...] = ()
        self.answers: list[Answer] = []
        self._engine = engine

    async def says(self, *texts: str, kind: str = "text") -> str:
        """The reply to a burst of messages, a minute after the last one."""
        self.shop.clock.advance(60)
        now_ms = self.shop.clock.now_ms()
        messages = tuple(Line("customer", text, now_ms, kind) for text in texts)
        turn = Turn(
            turn_id=f"turn_{next(IDS)}",
            tenant=self.shop.tenant,
            chat_key=self.chat,
            customer_name=None,
            phone=self.phone,
            messages=messages,
            history=self.history[-HISTORY_MAX:],
            now_ms=now_ms,
        )
        answer = await self._engine.answer(turn)
        self.answers.append(answer)
        applied = await self._apply(turn, answer.effects)
        text = applied.worded(answer.text)
        self.history += (*messages, Line("bot", text, now_ms))
        return text

    async def _apply(self, turn: Turn, wanted: Sequence[Effect]) -> Applied:
        scene = Scene(
            tenant_id=self.shop.tenant_id,
            aliases=aliases_of(self.chat, self.phone, None),
            customer_name=None,
            turn_id=turn.turn_id,
            account="919800000099@c.us",
            chat=self.chat,
            agent_id="agt_a",
            now_ms=turn.now_ms,
            new_ids=lambda: f"id_{next(IDS)}",
        )
        return await self.shop.store.write(partial(effects.apply, scene=scene, effects=wanted))

    @property
    def calls(self) -> list[tuple[str, str]]:
        """The tools that the last reply used, each with its outcome."""
        return [(call.name, call.outcome) for call in self.answers[-1].tool_calls]

    async def cart(self) -> dict[str, Decimal]:
        """Quantities by SKU."""
        found = await self._mine(lambda tx, tenant_id, me: carts.load(tx, tenant_id, me))
        return {line.product.sku: Decimal(line.quantity) for line in found.lines} if found else {}

    async def coupons(self) -> tuple[str, ...]:
        found = await self._mine(lambda tx, tenant_id, me: carts.load(tx, tenant_id, me))
        return found.coupons if found else ()

    async def draft(self) -> Draft | None:
        """What is up for confirmation."""
        found: Draft | None = await self._mine(drafts.newest)
        return found if found is not None and found.state == "open" else None

    async def orders(self) -> list[Order]:
        """The newest first."""
        return await self._mine(orders.all_of) or []

    async def record(self) -> Record | None:
        return await self.shop.store.read(self._found)

    async def _mine(self, look: Any) -> Any:
        me = await self.record()
        if me is None:
            return None
        return await self.shop.store.read(lambda tx: look(tx, self.shop.tenant_id, me.customer_id))

    def _found(self, tx: Tx) -> Record | None:
        return customers.find(tx, self.shop.tenant_id, aliases_of(self.chat, self.phone, None))


def profile(tenant_id: str, **more: Any) -> TenantProfile:
    """A shop in India, as conversations know it."""
    india: Mapping[str, Any] = {"currency": "INR", "locale": "en_IN", "timezone": "Asia/Kolkata"}
    return TenantProfile(tenant_id=tenant_id, name="Shop", exponent=2, **{**india, **more})


def _give(tx: Tx, *, tenant_id: str, rule: DiscountRule) -> None:
    discount_store.add(tx, tenant_id, rule, 1)
