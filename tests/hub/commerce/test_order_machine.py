"""Any order of shopping, showing, confirming, cancelling and selling keeps the shop's promises."""

from contextlib import suppress
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hub.commerce import carts, checkout, order_moves, orders
from hub.commerce.aliases import Alias
from hub.commerce.bills import Bill
from hub.commerce.carts import Cart
from hub.commerce.drafts import LIFE_MS, Draft, Wish
from hub.commerce.effects import (
    AskCancel,
    CancelOrder,
    EndDraft,
    KeepOrder,
    Outdated,
    PlaceOrder,
    SetCart,
)
from hub.commerce.order_states import STATES, OrderState
from hub.commerce.products import Slab, milli
from hub.commerce.refused import IllegalMove, Refused
from tests.hub.commerce.counter import ANN, BEN, HERE, SHOP, Counter, product

WHO = st.sampled_from([ANN, BEN])
SKUS = st.sampled_from(["TEA", "ROPE", "RICE"])
WISHES = st.sampled_from([HERE, Wish("500001", "upi"), Wish("999999"), Wish()])


class Shop(RuleBasedStateMachine):
    """One shop, two customers; every rule is one turn or one thing that the shop does."""

    def __init__(self) -> None:
        super().__init__()
        self.counter = Counter()
        self.supply = {"TEA": Decimal(30), "ROPE": Decimal("7.5")}
        self.counter.sells(
            product(
                "TEA", 24_000, stock=self.supply["TEA"], slabs=(Slab(Decimal(10), Decimal(5)),)
            ),
            product("ROPE", 1_450, stock=self.supply["ROPE"], step=Decimal("0.5")),
            product("RICE", 64_999, min_qty=Decimal(2)),
        )
        self.counter.gives(name="Ten", pct=Decimal(10), min_value=100_000, uses_max=3)
        self.counter.gives(name="First", amount=5_000, first_order=True)
        self.shown: list[tuple[Alias, Draft]] = []

    def teardown(self) -> None:
        self.counter.connection.close()

    @rule(who=WHO, sku=SKUS, quantity=st.integers(-1, 30), adds=st.booleans())
    def customer_changes_the_cart(self, who: Alias, sku: str, quantity: int, adds: bool) -> None:
        before, item = self.counter.cart(who), self.counter.product(sku)
        change = carts.add if adds else carts.set_quantity
        after = change(before, item, Decimal(quantity) / 2)
        if isinstance(after, Cart):
            self.counter.turn(SetCart(before, after), alias=who)
        else:
            assert self.counter.cart(who) == before

    @rule(who=WHO, sku=SKUS)
    def customer_takes_out(self, who: Alias, sku: str) -> None:
        before = self.counter.cart(who)
        self.counter.turn(SetCart(before, carts.remove(before, sku)), alias=who)
        assert not self.counter.cart(who).quantity(sku)

    @rule(who=WHO, wish=WISHES)
    def reply_shows_a_draft(self, who: Alias, wish: Wish) -> None:
        counter = self.counter
        try:
            draft = counter.shows(wish, who, turn_id=f"shown_{len(self.shown)}")
        except Refused:
            return
        customer, place = counter.customer(who), draft.delivery.destination
        look = checkout.price(counter.tx, SHOP, customer, counter.cart(who), place, counter.now)
        assert draft.bill.total == look.quote.total, "the cart costs what the draft says"
        self.shown.append((who, draft))

    @rule(who=WHO)
    def customer_says_yes(self, who: Alias) -> None:
        """To what was shown last, which may be done with, too old or different by now."""
        mine = [draft for whose, draft in self.shown if whose == who]
        if mine:
            self.confirm(mine[-1], who, who, None)

    @precondition(lambda self: self.shown)
    @rule(data=st.data(), says=WHO, same_turn=st.booleans())
    def somebody_says_yes(self, data: st.DataObject, says: Alias, same_turn: bool) -> None:
        """To any draft ever shown to anybody, also in the very turn that shows it."""
        who, draft = data.draw(st.sampled_from(self.shown))
        self.confirm(draft, who, says, draft.turn_id if same_turn else None)

    def confirm(self, draft: Draft, who: Alias, says: Alias, turn_id: str | None) -> None:
        was = [order for order in self.orders() if order.draft_id == draft.draft_id]
        said = PlaceOrder(draft.draft_id)
        try:
            (order,) = self.counter.turn(said, alias=says, turn_id=turn_id).orders
        except Outdated:
            assert not was or says != who, "a second yes gives the order back"
            return
        assert says == who
        assert order.bill == draft.bill, "what was shown is what is ordered"
        if was:
            assert order.order_no == was[0].order_no
        else:
            assert turn_id != draft.turn_id
            assert self.counter.now < draft.created_at + LIFE_MS
            assert self.counter.cart(who) == Cart()

    @rule(who=WHO)
    def customer_says_no(self, who: Alias) -> None:
        self.counter.turn(EndDraft(), KeepOrder(), alias=who)

    @rule(
        who=WHO,
        sku=SKUS,
        quantity=st.integers(1, 8),
        meanwhile=st.sampled_from(["nothing", "nothing", "price", "cart", "silence"]),
    )
    def customer_orders(self, who: Alias, sku: str, quantity: int, meanwhile: str) -> None:
        """The way that most go, with what may come between the total and the yes."""
        self.customer_changes_the_cart(who, sku, 2 * quantity, adds=False)
        self.reply_shows_a_draft(who, HERE)
        if meanwhile == "price":
            self.shop_changes_a_price(sku, 777)
        elif meanwhile == "cart":
            self.customer_changes_the_cart(who, sku, 2, adds=True)
        if meanwhile != "silence":
            self.customer_says_yes(who)

    @precondition(lambda self: self.orders())
    @rule(data=st.data(), asks=st.booleans(), stranger=st.integers(0, 5))
    def customer_cancels(self, data: st.DataObject, asks: bool, stranger: int) -> None:
        """One of the orders: mostly one of their own, by a question or by a yes."""
        order = data.draw(st.sampled_from(self.orders()))
        own = next(who for who in (ANN, BEN) if self.is_of(order, who))
        who = own if stranger else {ANN: BEN, BEN: ANN}[own]
        effect = (AskCancel if asks else CancelOrder)(order.order_no)
        try:
            self.counter.turn(effect, alias=who)
        except Outdated:
            return
        assert who == own
        assert order.state in ("confirmed", "cancelled")
        assert asks or order.state == "cancelled" or order.cancel_turn_id, "not without asking"

    def is_of(self, order: orders.Order, who: Alias) -> bool:
        return order.customer_id == self.counter.customer(who).customer_id

    @precondition(lambda self: self.orders())
    @rule(data=st.data(), new=st.sampled_from(STATES))
    def shop_moves_an_order(self, data: st.DataObject, new: OrderState) -> None:
        number = data.draw(st.integers(1001, 1000 + len(self.orders())))
        with suppress(IllegalMove):
            order_moves.set_state(
                self.counter.tx, SHOP, f"A-{number}", new, "operator", self.counter.now
            )

    @rule(sku=SKUS, price=st.sampled_from([24_000, 1_450, 64_999, 1]))
    def shop_changes_a_price(self, sku: str, price: int) -> None:
        self.counter.change(sku, price=price)

    @rule(sku=st.sampled_from(["TEA", "ROPE"]), more=st.integers(-10, 10))
    def shop_counts_its_stock(self, sku: str, more: int) -> None:
        stock = self.counter.stock(sku)
        assert stock is not None
        counted = max(Decimal(0), stock + more)
        self.supply[sku] += counted - stock
        self.counter.change(sku, stock_milli=milli(counted))

    @rule(seconds=st.sampled_from([60, 1_799, 1_800]))
    def time_passes(self, seconds: float) -> None:
        self.counter.clock.advance(seconds)

    @invariant()
    def every_unit_is_on_the_shelf_or_in_an_order(self) -> None:
        """Stock is neither sold twice nor lost nor found, and never below zero."""
        for sku, supply in self.supply.items():
            ordered = sum(
                line.quantity
                for order in self.orders()
                if order.state != "cancelled"
                for line in order.bill.lines
                if line.sku == sku
            )
            stock = self.counter.stock(sku)
            assert stock is not None
            assert stock >= 0
            assert stock + ordered == supply

    @invariant()
    def each_draft_has_at_most_one_order_and_each_customer_one_question(self) -> None:
        placed = self.orders()
        assert len({order.draft_id for order in placed}) == len(placed)
        numbers = sorted(order.order_no for order in placed)
        assert numbers == [f"A-{1001 + at}" for at in range(len(placed))]
        questions = self.counter.rows(
            "SELECT customer_id FROM drafts WHERE state = 'open' UNION ALL"
            " SELECT customer_id FROM orders WHERE cancel_turn_id IS NOT NULL"
        )
        assert len({row["customer_id"] for row in questions}) == len(questions)

    @invariant()
    def every_bill_adds_up(self) -> None:
        for order in self.orders():
            assert order.total == order.bill.total == total_of(order.bill) >= 0
            assert sum(part.amount for part in order.bill.tax_parts) == order.bill.tax
            assert sum(given.amount for given in order.bill.discounts) == order.bill.discount
            assert len({given.rule_id for given in order.bill.discounts}) == len(
                order.bill.discounts
            )

    @invariant()
    def a_rules_uses_are_the_orders_that_had_it(self) -> None:
        for row in self.counter.rows("SELECT rule_id, uses FROM discount_rules"):
            had = [
                order
                for order in self.orders()
                if order.state != "cancelled"
                and any(given.rule_id == row["rule_id"] for given in order.bill.discounts)
            ]
            assert row["uses"] == len(had)

    def orders(self) -> list[orders.Order]:
        return orders.of_shop(self.counter.tx, SHOP, None, 1_000)


def total_of(bill: Bill) -> int:
    added = 0 if bill.tax_included else bill.tax
    return bill.goods - bill.discount + bill.shipping + added + bill.rounding


Shop.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestShop = Shop.TestCase
TestShop.__doc__ = "No order of events breaks a promise of the shop."
