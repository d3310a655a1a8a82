"""Fifty customers say yes at once, through the real writer: the shelf is emptied, not oversold."""

import asyncio
from collections import Counter as Tally
from collections.abc import Sequence
from decimal import Decimal
from functools import partial

import pytest

from hub.commerce import carts, customers, drafts, effects, orders
from hub.commerce.aliases import Alias
from hub.commerce.carts import Cart
from hub.commerce.catalog import product_of
from hub.commerce.drafts import Wish
from hub.commerce.effects import Effect, Outdated, PlaceOrder, Scene, SetCart, ShowDraft
from hub.store.database import Store
from hub.store.tx import Tx
from tests.hub.commerce.counter import product, put_product

CUSTOMERS = 50
NOW = 1_800_000_000_000


def scene(number: int, turn: str) -> Scene:
    taken = iter(range(1_000_000))
    return Scene(
        tenant_id="ten_a",
        aliases=(Alias("phone", f"+9198000000{number:02}"),),
        customer_name=None,
        turn_id=f"turn_{number}_{turn}",
        account="919800000099@c.us",
        chat=f"9198000000{number:02}@c.us",
        agent_id="agt_a",
        now_ms=NOW,
        new_ids=lambda: f"{number}_{turn}_{next(taken)}",
    )


def shop_for(tx: Tx, number: int, quantity: int) -> str:
    """One customer fills a cart and is shown the draft; its id."""
    (item,) = map(product_of, tx.all("catalog.all", tenant_id="ten_a"))
    cart = carts.set_quantity(Cart(), item, Decimal(quantity))
    assert isinstance(cart, Cart)
    effects.apply(tx, scene(number, "cart"), [SetCart(Cart(), cart)])
    customer = customers.find(tx, "ten_a", scene(number, "cart").aliases)
    assert customer is not None
    prepared = drafts.prepare(tx, "ten_a", customer, cart, Wish(), NOW)
    shown: Sequence[Effect] = [ShowDraft(prepared.bill, prepared.delivery)]
    effects.apply(tx, scene(number, "show"), shown)
    draft = drafts.newest(tx, "ten_a", customer.customer_id)
    assert draft is not None
    return draft.draft_id


async def say_yes(store: Store, number: int, draft_id: str, attempt: int, told: Tally[str]) -> None:
    """One yes of one customer, as its turn's commit does it; tallies the order or the refusal."""
    at = scene(number, f"yes_{attempt}")
    try:
        applied = await store.write(
            partial(effects.apply, scene=at, effects=[PlaceOrder(draft_id)])
        )
    except Outdated as outdated:
        told[outdated.code] += 1
    else:
        told[applied.orders[0].order_no] += 1


@pytest.mark.parametrize(
    ("quantities", "sold"),
    [
        ([1] * CUSTOMERS, 10),  # the last ten units, one each
        ([2] * CUSTOMERS, 5),
        ([10] + [5] * (CUSTOMERS - 1), None),  # whoever comes first
    ],
)
async def test_fifty_confirmations_of_the_last_ten_units(
    store: Store, quantities: list[int], sold: int | None
) -> None:
    """Exactly as many succeed as there are units, everybody else is refused, the stock ends at 0.

    Each says yes twice, at the same time: that makes no second order.
    """
    item = product("LAST", 5_000, stock=Decimal(10))
    await store.write(lambda tx: put_product(tx, "ten_a", item))
    shown = [
        await store.write(partial(shop_for, number=number, quantity=quantity))
        for number, quantity in enumerate(quantities)
    ]
    told: Tally[str] = Tally()
    async with asyncio.TaskGroup() as group:
        for attempt in range(2):
            for number, draft_id in enumerate(shown):
                group.create_task(say_yes(store, number, draft_id, attempt, told))
    (left,) = await store.all("catalog.all", tenant_id="ten_a")
    placed = await store.read(lambda tx: orders.of_shop(tx, "ten_a", None, 1_000))
    units = sum(int(line.quantity) for order in placed for line in order.bill.lines)
    assert (left["stock_milli"], units) == (0, 10)
    assert sold is None or len(placed) == sold
    assert [order.order_no for order in placed[::-1]] == [
        f"A-{1001 + at}" for at in range(len(placed))
    ]
    assert {no: told.pop(no) for no in [order.order_no for order in placed]} == {
        order.order_no: 2 for order in placed
    }
    assert told.keys() == {"out_of_stock"}
    assert told.total() == 2 * (CUSTOMERS - len(placed))


async def test_a_stock_that_goes_below_zero_is_refused_by_the_database(store: Store) -> None:
    """The last line of defence: the table's own rule, whatever the code above it does."""
    item = product("LAST", 5_000, stock=Decimal(1))
    await store.write(lambda tx: put_product(tx, "ten_a", item))
    (row,) = await store.all("catalog.all", tenant_id="ten_a")
    taken = {"tenant_id": "ten_a", "product_id": row["product_id"], "quantity_milli": 1_001}
    with pytest.raises(Exception, match="CHECK constraint"):
        await store.write(lambda tx: tx.run("orders.take_stock", **taken))
