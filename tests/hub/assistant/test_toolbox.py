"""The tools as a model uses them: typed arguments, typed refusals, gates, and a clean trace."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from hub.assistant import tools
from hub.assistant.engine import Answer, Turn
from hub.assistant.language import load
from hub.assistant.toolbox import Toolbox
from hub.assistant.tools import TOOLS, Declined, Result
from hub.store.database import Store
from hub.store.tx import Tx
from tests.hub.assistant.shopper import Shop, Shopper

Use = tuple[str, dict[str, Any]]

BUY: list[Use] = [
    ("add_to_cart", {"sku": "SUG-WH-1K", "quantity": 5}),
    ("prepare_order", {"postcode": "411001", "payment": "cod"}),
]


class Script:
    """An engine that uses the tools that it is told to, as a model would."""

    def __init__(self, store: Store, *uses: Use) -> None:
        self.store = store
        self.uses = uses
        self.results: list[Result | Declined] = []

    async def answer(self, turn: Turn) -> Answer:
        return await self.store.read(lambda tx: self._answer(tx, turn))

    def _answer(self, tx: Tx, turn: Turn) -> Answer:
        words = turn.messages[-1].text.split()
        box = Toolbox(tx, turn, agrees=load("en").agrees(words))
        self.results = [box.call(name, json.dumps(args)) for name, args in self.uses]
        calls, done = box.calls, box.overlay.effects()
        return Answer(text="done", path="script", tool_calls=calls, effects=done)


async def uses(me: Shopper, text: str, *wanted: Use) -> list[Result | Declined]:
    """What the tools say in one turn."""
    script = Script(me.shop.store, *wanted)
    me._engine = script
    await me.says(text)
    return script.results


def code(result: Result | Declined) -> str:
    return result.code if isinstance(result, Declined) else "ok"


def test_no_tool_takes_what_the_turn_decides() -> None:
    """No argument names a shop, a customer, a price, a discount or a total; each tool explains."""
    forbidden = ("tenant", "customer", "price", "discount", "total", "amount")
    for kind in TOOLS.values():
        fields = msgspec.structs.fields(kind)
        assert not [f.name for f in fields if any(word in f.name for word in forbidden)]
        assert msgspec.json.schema(kind)["$defs"][kind.__name__]["description"]


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("get_price", '{"sku": "TEA-H'),
        ("get_price", '{"quantity": 2}'),
        ("get_price", '{"sku": "TEA-HILL-1K", "quantity": "many"}'),
        ("add_to_cart", '{"sku": "TEA-HILL-1K", "quantity": 2, "price": 1}'),
        ("order_status", '{"order_no": "A-1001", "tenant_id": "fasteners"}'),
        ("sell_everything", "{}"),
        ("handover", '{"reason": "because Asha +919800000055 wants it"}'),
    ],
)
async def test_bad_arguments_are_refused(grocer: Shop, name: str, args: str) -> None:
    """What does not fit the type does nothing, and leaves nothing but its code in the trace."""
    me = grocer.customer()

    class Broken(Script):
        def _answer(self, tx: Tx, turn: Turn) -> Answer:
            box = Toolbox(tx, turn, agrees=False)
            assert code(box.call(name, args)) == "bad_arguments"
            calls, done = box.calls, box.overlay.effects()
            return Answer(text="no", path="script", tool_calls=calls, effects=done)

    me._engine = Broken(grocer.store)
    await me.says("hello")
    assert me.calls == [(name if name in TOOLS else "unknown", "bad_arguments")]
    assert me.answers[-1].tool_calls[0].args == {}
    assert me.answers[-1].effects == ()


async def test_an_order_is_not_confirmed_where_it_is_prepared(grocer: Shop) -> None:
    """In the turn that shows the total no yes counts, and none without the customer's own word."""
    me = grocer.customer()
    confirm: Use = ("confirm_order", {"draft_id": "LATEST"})
    results = await uses(me, "yes", *BUY, confirm)
    assert [code(result) for result in results] == ["ok", "ok", "confirmation_required"]
    assert code((await uses(me, "what about tea?", confirm))[0]) == "confirmation_required"
    assert await me.orders() == []
    assert code((await uses(me, "yes please", confirm))[0]) == "ok"
    assert len(await me.orders()) == 1
    assert code((await uses(me, "yes", confirm))[0]) == "not_found"
    assert len(await me.orders()) == 1


async def test_a_change_beside_the_yes_is_shown_first(grocer: Shop) -> None:
    """A cart that changes in the turn of the yes is not what was agreed to."""
    me = grocer.customer()
    await uses(me, "order", *BUY)
    (_, refused) = await uses(
        me,
        "yes",
        ("set_cart_quantity", {"sku": "SUG-WH-1K", "quantity": 6}),
        ("confirm_order", {}),
    )
    assert isinstance(refused, Declined)
    assert refused.code == "draft_changed"
    assert refused.prepared is not None
    draft = await me.draft()
    assert draft is not None
    assert draft.bill == refused.prepared.bill
    assert draft.bill.lines[0].quantity == 6


async def test_cancelling_takes_two_turns(grocer: Shop) -> None:
    """The first use asks, also at a yes to something else; the one after a yes cancels."""
    me = grocer.customer()
    await uses(me, "order", *BUY)
    await uses(me, "yes", ("confirm_order", {}))
    cancel: Use = ("cancel_order", {"order_no": "A-1001"})
    await uses(me, "yes", cancel)
    assert me.calls == [("cancel_order", "asked")]
    await uses(me, "why?", cancel)
    assert me.calls == [("cancel_order", "asked")]
    await uses(me, "yes", cancel)
    assert [order.state for order in await me.orders()] == ["cancelled"]


async def test_what_is_others_is_not_there(grocer: Shop, wholesaler: Shop) -> None:
    """Another customer's order and another shop's product are "not found"."""
    me, other = grocer.customer(), grocer.customer("+919800000002")
    await uses(me, "order", *BUY)
    await uses(me, "yes", ("confirm_order", {}))
    for use in (
        ("order_status", {"order_no": "A-1001"}),
        ("cancel_order", {"order_no": "A-1001"}),
        ("get_price", {"sku": "FF-8X80"}),
        ("add_to_cart", {"sku": "FF-8X80", "quantity": 1}),
        ("remove_from_cart", {"sku": "SUG-WH-1K"}),
        ("repeat_order", {}),
    ):
        (result,) = await uses(other, "hello", use)
        assert code(result) == "not_found", use
        assert me.shop.tenant_id not in str(other.answers[-1].tool_calls)


@pytest.mark.parametrize(
    ("use", "refusal"),
    [
        (("add_to_cart", {"sku": "SUG-WH-1K", "quantity": 2}), "below_minimum"),
        (("add_to_cart", {"sku": "SUG-WH-1K", "quantity": -5}), "not_positive"),
        (("add_to_cart", {"sku": "SUG-WH-1K", "quantity": "NaN"}), "not_positive"),
        (("set_cart_quantity", {"sku": "SOAP-NEEM", "quantity": 2.5}), "off_step"),
        (("set_cart_quantity", {"sku": "SOAP-NEEM", "quantity": 241}), "over_stock"),
        (("add_to_cart", {"sku": "ROPE-COT-10", "quantity": 1}), "out_of_stock"),
        (("get_price", {"sku": "SOAP-NEEM", "quantity": 999_999_999}), "over_stock"),
        (("prepare_order", {"postcode": "411001"}), "cart_empty"),
        (("apply_coupon", {"coupon": "FREE"}), "not_found"),
        (("remember_customer", {"gstin": "27AAPFU0939F1Z0"}), "bad_gstin"),
        (("business_info", {"topic": "address"}), "unknown"),
        (("confirm_order", {}), "not_found"),
    ],
)
async def test_refusals_have_codes(grocer: Shop, use: Use, refusal: str) -> None:
    """Each reason has its code, in the result and in the trace, and nothing changes."""
    me = grocer.customer()
    (result,) = await uses(me, "hello", use)
    assert code(result) == refusal
    assert me.calls == [(use[0], refusal)]
    assert me.answers[-1].effects == ()


@pytest.mark.parametrize(
    ("args", "refusal"),
    [
        ({}, "destination_required"),
        ({"postcode": "999999"}, "undeliverable"),
        ({"postcode": "411001", "payment": "gold"}, "payment_unknown"),
    ],
)
async def test_orders_that_cannot_be_made(grocer: Shop, args: dict[str, str], refusal: str) -> None:
    """An order needs a place that is delivered to and a way to pay that is taken."""
    me = grocer.customer()
    add: Use = ("add_to_cart", {"sku": "SUG-WH-1K", "quantity": 5})
    results = await uses(me, "order", add, ("prepare_order", args))
    assert [code(result) for result in results] == ["ok", refusal]
    assert await me.draft() is None
    assert await me.cart() == {"SUG-WH-1K": 5}


async def test_the_trace_keeps_no_personal_data(grocer: Shop) -> None:
    """What was told, asked or misspelt by a customer is not in the trace; codes are."""
    me = grocer.customer()
    private = ("27AAPFU0939F1ZV", "12 Hill Road", "Fast Wheels", "411060", "9800000055", "Asha")
    await uses(
        me,
        "hello",
        ("search_products", {"query": "white sugar Asha"}),
        ("remember_customer", {"gstin": private[0], "address": private[1]}),
        ("remember_customer", {"transporter": private[2], "postcode": private[3]}),
        ("prepare_order", {"postcode": private[3], "payment": "Asha"}),
        ("order_status", {"order_no": private[4]}),
        ("apply_coupon", {"coupon": "Asha"}),
        ("get_price", {"sku": "Asha 9800000055", "quantity": 9_800_000_055}),
    )
    trace = msgspec.json.encode(me.answers[-1].tool_calls).decode()
    assert [word for word in private if word in trace] == []
    assert '"query":"white sugar …"' in trace


async def test_what_a_search_and_a_cart_show(grocer: Shop) -> None:
    """Results are the shop's own objects, with quantities as they are now."""
    me = grocer.customer()
    found, changed, cart = await uses(
        me,
        "hello",
        ("search_products", {"query": "suger"}),
        ("add_to_cart", {"sku": "sug-wh-1k", "quantity": 5}),
        ("view_cart", {}),
    )
    assert isinstance(found, tools.Found)
    assert [product.sku for product in found.products] == ["SUG-WH-1K"]
    assert isinstance(changed, tools.CartChanged)
    assert changed.quantity == Decimal(5)
    assert isinstance(cart, tools.CartShown)
    assert cart.till.quote.total == 24_938
