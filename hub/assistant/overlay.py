"""What a turn would change of the shop, kept in memory over what a reader saw.

Tools change this alone. `effects` is the list of changes for the reply's transaction; dropping the
overlay undoes everything.
"""

from typing import Any, Literal

import msgspec

from hub.assistant.engine import Turn
from hub.commerce import carts, customers, drafts, orders
from hub.commerce.aliases import aliases_of
from hub.commerce.carts import Cart
from hub.commerce.customer_rows import Customer
from hub.commerce.drafts import Draft, Prepared, Wish
from hub.commerce.effects import (
    AskCancel,
    CancelOrder,
    Effect,
    EndDraft,
    KeepOrder,
    PlaceOrder,
    Remember,
    SetCart,
    ShowDraft,
)
from hub.commerce.orders import Order
from hub.store.tx import Tx

Question = Literal["asked", "cancelled", "kept"]


class Overlay:
    """The customer, the cart and the open questions as this turn leaves them.

    `draft` is what the customer was shown before and may say yes to, `cancelling` the order about
    which they were asked whether to cancel it; at most one of both. `shown` is this turn's.
    """

    def __init__(self, tx: Tx, turn: Turn) -> None:
        self._tx = tx
        self._tenant_id = turn.tenant.tenant_id
        self._now_ms = turn.now_ms
        aliases = aliases_of(turn.chat_key, turn.phone, turn.lid)
        self.customer: Customer | None = customers.find(tx, self._tenant_id, aliases)
        self.customer_id = None if self.customer is None else self.customer.customer_id
        self.cart: Cart = carts.load(tx, self._tenant_id, self.customer_id)
        self.draft: Draft | None = self._open_draft()
        self.cancelling: Order | None = self._asked_cancel()
        self.shown: Prepared | None = None
        self._was = self.cart
        self._told: dict[str, Any] = {}
        self._done: list[Effect] = []  # what must happen before the cart becomes what it is
        self._ended = False
        self._cancel: tuple[Question, str] | None = None

    @property
    def is_changed(self) -> bool:
        """Whether anything is not as the database has it, on which a price may depend."""
        return self.cart != self._was or bool(self._told)

    def prepare(self, wish: Wish) -> Prepared:
        """The order that the cart would be now; raises as `drafts.prepare`."""
        return drafts.prepare(
            self._tx, self._tenant_id, self.customer, self.cart, wish, self._now_ms
        )

    def set_cart(self, cart: Cart) -> None:
        """Change the cart; what this turn was to show is so no more."""
        self.cart = cart
        self.shown = None

    def remember(self, **fields: Any) -> None:
        """Note what the customer said of themselves; it was checked."""
        self._told |= fields
        known = self.customer or Customer("")  # of whom nothing else is known yet
        self.customer = msgspec.structs.replace(known, **fields)
        self.shown = None

    def show(self, prepared: Prepared) -> None:
        """Show an order and ask for a yes."""
        self.shown = prepared
        self._cancel = None

    def decline(self) -> None:
        """The customer said no to what was shown."""
        self._ended = True
        self.draft = None

    def place(self, draft: Draft, order_no: str) -> None:
        """The customer said yes to the draft: it becomes an order, and the cart is empty."""
        self._done += [*self._cart_change(), PlaceOrder(draft.draft_id, order_no)]
        self._was = self.cart = Cart()
        self.draft = None

    def answer_cancel(self, question: Question, order_no: str) -> None:
        """Ask whether to cancel an order, or what the customer said to that."""
        self._cancel = (question, order_no)
        self.cancelling = None
        if question == "asked":
            self.shown = None

    def effects(self) -> tuple[Effect, ...]:
        """All of it, in the order in which it has to happen."""
        effects: list[Effect] = [Remember(**self._told)] if self._told else []
        effects += [*self._done, *self._cart_change()]
        if self.shown is not None:
            effects.append(ShowDraft(self.shown.bill, self.shown.delivery))
        elif self._ended:
            effects.append(EndDraft())
        return (*effects, *self._cancel_change())

    def _cancel_change(self) -> list[Effect]:
        if self._cancel is None:
            return []
        said, order_no = self._cancel
        if said == "kept":
            return [KeepOrder()]
        return [AskCancel(order_no) if said == "asked" else CancelOrder(order_no)]

    def _cart_change(self) -> list[Effect]:
        return [SetCart(self._was, self.cart)] if self.cart != self._was else []

    def _open_draft(self) -> Draft | None:
        if self.customer_id is None:
            return None
        draft = drafts.newest(self._tx, self._tenant_id, self.customer_id)
        return draft if draft is not None and draft.state == "open" else None

    def _asked_cancel(self) -> Order | None:
        if self.customer_id is None:
            return None
        return orders.asked_cancel(self._tx, self._tenant_id, self.customer_id)
