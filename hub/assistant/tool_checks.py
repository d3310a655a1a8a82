"""What the tools look up and refuse before they do anything."""

from typing import Final

from hub.commerce import orders
from hub.commerce.errors import BadValueError
from hub.commerce.order_states import OrderState
from hub.commerce.orders import Order
from hub.commerce.products import Product
from hub.commerce.refused import NotFound, Refused
from hub.commerce.tax import check_gstin
from hub.store.tx import Tx

OVER: Final[tuple[OrderState, ...]] = ("delivered", "cancelled", "returned")
"""States in which nothing more happens to an order."""


class BadArguments(Refused):
    code = "bad_arguments"


class Unknown(Refused):
    """The shop said nothing of it."""

    code = "unknown"


class BadGstin(Refused):
    code = "bad_gstin"


def gstin(number: str) -> str:
    """A tax number in the form in which it is kept; BadGstin."""
    try:
        return check_gstin(number)
    except BadValueError as error:
        raise BadGstin(error.problem) from None


def order_meant(
    tx: Tx, tenant_id: str, customer_id: str | None, order_no: str | None
) -> Order | None:
    """The customer's order of that number; without one the newest that is not over, or else is."""
    if customer_id is None:
        return None
    if order_no is not None:
        return orders.of_customer(tx, tenant_id, customer_id, order_no)
    every = orders.all_of(tx, tenant_id, customer_id)
    under_way = (order for order in every if order.state not in OVER)
    return next(under_way, next(iter(every), None))


def there(order: Order | None) -> Order:
    """The order, if there is one; NotFound."""
    if order is None:
        raise NotFound("this customer has no such order")
    return order


def is_of(product: Product, sku: str) -> bool:
    """Whether the code is the product's, in small letters or large ones."""
    return product.sku.casefold() == sku.casefold()
