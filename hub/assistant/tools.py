"""The tools of the shop, as types: what may be asked of it, and what it answers.

Both engines use them: the embedded one in code, a model with JSON. No argument names a shop, a
customer, a price, a discount or a total: those come from the turn. Each answer is a result or a
`Declined` with a stable code; nothing happens before the turn is committed.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from hub.commerce.carts import Cart
from hub.commerce.checkout import Till
from hub.commerce.drafts import Prepared
from hub.commerce.orders import Order
from hub.commerce.pricing import Quote, Refusal
from hub.commerce.products import Product
from hub.commerce.repeats import Repeat
from hub.commerce.shipping import Shipping
from hub.commerce.shop_profile import ShopProfile

Topic = Literal["hours", "delivery", "payment", "address", "contact"]
Reason = Literal[
    "customer_request",
    "unknown_question",
    "not_understood",
    "payment_claim",
    "complaint",
    "abuse",
    "discount",
]
"""Why a person is called."""

LATEST: Final = "latest"
"""Instead of a draft's id: the one that the customer was shown last."""

Sku = Annotated[str, Meta(min_length=1, max_length=80, description="a code that a tool gave")]
OrderNo = Annotated[str, Meta(min_length=1, max_length=40, description="like A-1001")]
Said = Annotated[str, Meta(min_length=1, max_length=200)]


class Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a tool is called with; the docstring of each kind says what the tool does."""


class SearchProducts(Arguments, frozen=True):
    """Find the shop's products that a customer's words mean, best first."""

    query: Said


class GetPrice(Arguments, frozen=True):
    """The price of so many units of a product, with tax and without delivery."""

    sku: Sku
    quantity: Decimal = Decimal(1)


class ViewCart(Arguments, frozen=True):
    """What the customer put together so far, and what it costs now."""


class BusinessInfo(Arguments, frozen=True):
    """What the shop says of itself."""

    topic: Topic


class OrderStatus(Arguments, frozen=True):
    """An order of this customer: the one with this number, or the newest."""

    order_no: OrderNo | None = None


class AddToCart(Arguments, frozen=True):
    """Put so many units more into the cart."""

    sku: Sku
    quantity: Decimal


class SetCartQuantity(Arguments, frozen=True):
    """Have exactly so many units of a product in the cart."""

    sku: Sku
    quantity: Decimal


class RemoveFromCart(Arguments, frozen=True):
    """Take a product out of the cart."""

    sku: Sku


class EmptyCart(Arguments, frozen=True):
    """Take everything out of the cart, at the customer's explicit wish only."""


class RepeatOrder(Arguments, frozen=True):
    """Put the goods of the customer's last order into the cart, at today's prices."""


class ApplyCoupon(Arguments, frozen=True):
    """Note a coupon that the customer named for the cart."""

    coupon: Said


class RememberCustomer(Arguments, frozen=True, kw_only=True):
    """Keep what the customer said of themselves; what is not given stays as it is."""

    tax_preference: Literal["gst", "none"] | None = None
    gstin: Said | None = None
    address: Annotated[str, Meta(min_length=1, max_length=1_000)] | None = None
    postcode: Annotated[str, Meta(min_length=1, max_length=16)] | None = None
    transporter: Said | None = None


class PrepareOrder(Arguments, frozen=True):
    """Make the order that the cart would be; its total must be shown, and a yes asked for.

    `postcode` may be a place's name; without one the remembered one counts.
    """

    postcode: Said | None = None
    payment: Annotated[str, Meta(max_length=40)] | None = None


class ConfirmOrder(Arguments, frozen=True):
    """Place the order that was shown, after the customer's explicit yes to it."""

    draft_id: Annotated[str, Meta(min_length=1, max_length=80)] = LATEST


class CancelOrder(Arguments, frozen=True):
    """Ask whether to cancel an order, or cancel it when the customer just said yes to that."""

    order_no: OrderNo


class Handover(Arguments, frozen=True):
    """Call a person of the shop; the reply must say so."""

    reason: Reason


TOOLS: Final[Mapping[str, type[Arguments]]] = {
    "search_products": SearchProducts,
    "get_price": GetPrice,
    "view_cart": ViewCart,
    "business_info": BusinessInfo,
    "order_status": OrderStatus,
    "add_to_cart": AddToCart,
    "set_cart_quantity": SetCartQuantity,
    "remove_from_cart": RemoveFromCart,
    "empty_cart": EmptyCart,
    "repeat_order": RepeatOrder,
    "apply_coupon": ApplyCoupon,
    "remember_customer": RememberCustomer,
    "prepare_order": PrepareOrder,
    "confirm_order": ConfirmOrder,
    "cancel_order": CancelOrder,
    "handover": Handover,
}
NAMES: Final = {arguments: name for name, arguments in TOOLS.items()}


class Declined(msgspec.Struct, frozen=True):
    """What the shop does not do, and why: `code` is one of `commerce.refused` or `pricing.Reason`.

    `refusals` are the lines that cannot be had so; `prepared` is the order as it is now, where the
    one that was shown is so no more: it is shown instead.
    """

    code: str
    refusals: tuple[Refusal, ...] = ()
    prepared: Prepared | None = None


class Found(msgspec.Struct, frozen=True):
    products: tuple[Product, ...]


class Priced(msgspec.Struct, frozen=True):
    """`quote` has one line and no delivery."""

    product: Product
    quote: Quote


class CartShown(msgspec.Struct, frozen=True):
    """`till.quote.refusals` are lines that cannot be had any more."""

    cart: Cart
    till: Till


class CartChanged(msgspec.Struct, frozen=True):
    """So many units of the product are in the cart now."""

    product: Product
    quantity: Decimal
    cart: Cart


class ShopInfo(msgspec.Struct, frozen=True):
    topic: Topic
    profile: ShopProfile
    shipping: Shipping


class OrderShown(msgspec.Struct, frozen=True):
    order: Order


class Repeated(msgspec.Struct, frozen=True):
    """What of the last order is in the cart now, and what could not be had."""

    repeat: Repeat
    cart: Cart


class CouponNoted(msgspec.Struct, frozen=True):
    """`amount` is what it takes off the cart as it is, in minor units."""

    coupon: str
    amount: int


class Remembered(msgspec.Struct, frozen=True):
    """The names of what was kept."""

    fields: tuple[str, ...]


class DraftShown(msgspec.Struct, frozen=True):
    prepared: Prepared


class Confirmed(msgspec.Struct, frozen=True):
    """The order's number may become another one at the commit, which then changes the reply."""

    order_no: str
    prepared: Prepared


class CancelAsked(msgspec.Struct, frozen=True):
    order: Order


class Cancelled(msgspec.Struct, frozen=True):
    order: Order


class HandedOver(msgspec.Struct, frozen=True):
    reason: Reason


Result = (
    Found
    | Priced
    | CartShown
    | CartChanged
    | ShopInfo
    | OrderShown
    | Repeated
    | CouponNoted
    | Remembered
    | DraftShown
    | Confirmed
    | CancelAsked
    | Cancelled
    | HandedOver
)
