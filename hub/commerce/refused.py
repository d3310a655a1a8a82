"""What a shop does not do for whoever asks, each with a stable code for programs.

    Refused
    ├── CartEmpty             cart_empty: there is nothing to order
    ├── CartFull              cart_full: no further product fits in
    ├── NotSold               out_of_stock, below_minimum ...: lines that cannot be had as they are
    ├── DestinationRequired   destination_required: what shipping costs depends on it
    ├── Undeliverable         undeliverable: the shop does not go there
    ├── PaymentUnknown        payment_unknown: the shop does not take that kind
    ├── TotalTooLarge         total_too_large: more than the database can hold
    ├── NotFound              not_found: not this customer's, or not at all
    ├── ConfirmationRequired  confirmation_required: no yes in a message after the question
    ├── Expired               expired: what was shown is too old to say yes to
    ├── DraftChanged          draft_changed: the new total has to be shown first
    ├── TooLate               too_late: packed goods are not called off by the customer
    └── IllegalMove           illegal_move: an order's state that cannot follow the present one

Asking anew helps only after something else was done; nothing was changed.
"""

# ruff: noqa: N818 - they name answers, and `Refused` says what they are
from typing import TYPE_CHECKING

from hub.commerce.order_states import Actor, OrderState
from hub.commerce.pricing import Refusal

if TYPE_CHECKING:
    from hub.commerce.drafts import Prepared


class Refused(Exception):
    """Base of all; `code` is what tools and traces say."""

    code: str = "refused"


class CartEmpty(Refused):
    code = "cart_empty"


class CartFull(Refused):
    code = "cart_full"


class NotSold(Refused):
    """Lines that break a rule of their product; `refusals` say which."""

    def __init__(self, refusals: tuple[Refusal, ...]) -> None:
        super().__init__(", ".join(f"{r.product.sku}: {r.reason}" for r in refusals))
        self.refusals = refusals
        self.code = refusals[0].reason.value


class DestinationRequired(Refused):
    code = "destination_required"


class Undeliverable(Refused):
    code = "undeliverable"


class PaymentUnknown(Refused):
    code = "payment_unknown"


class TotalTooLarge(Refused):
    code = "total_too_large"


class NotFound(Refused):
    code = "not_found"


class ConfirmationRequired(Refused):
    code = "confirmation_required"


class Expired(Refused):
    code = "expired"


class DraftChanged(Refused):
    """`now` is what the customer has to see before saying yes again."""

    code = "draft_changed"

    def __init__(self, now: "Prepared") -> None:
        super().__init__("the order is not what was shown any more")
        self.now = now


class TooLate(Refused):
    code = "too_late"


class IllegalMove(Refused):
    code = "illegal_move"

    def __init__(self, actor: Actor, old: OrderState, new: str) -> None:
        super().__init__(f"an order that is {old} cannot become {new} by the {actor}")
