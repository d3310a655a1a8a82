"""The shop's tools at work on one turn's overlay, with a trace of every use."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from hub.assistant import tools, tracing
from hub.assistant.engine import ToolCall, Turn
from hub.assistant.overlay import Overlay
from hub.assistant.search import Wish as Sought
from hub.assistant.search import best, find
from hub.assistant.tool_checks import BadArguments, Unknown, gstin, is_of, order_meant, there
from hub.assistant.tools import (
    LATEST,
    TOOLS,
    Arguments,
    CancelAsked,
    Cancelled,
    CartChanged,
    CartShown,
    Confirmed,
    CouponNoted,
    Declined,
    DraftShown,
    Found,
    HandedOver,
    OrderShown,
    Priced,
    Remembered,
    Repeated,
    Result,
    ShopInfo,
)
from hub.assistant.tracing import Trace
from hub.commerce import carts, checkout, discount_store, drafts, order_moves, orders, repeats
from hub.commerce.carts import Cart
from hub.commerce.catalog import price_policy, product_of
from hub.commerce.drafts import Draft, Prepared, Wish
from hub.commerce.order_states import may_move
from hub.commerce.orders import Order
from hub.commerce.pricing import Line, Policy, Refusal, quote
from hub.commerce.products import Product
from hub.commerce.refused import (
    ConfirmationRequired,
    DraftChanged,
    NotFound,
    NotSold,
    Refused,
    TooLate,
)
from hub.commerce.shipping import NoShipping
from hub.commerce.shop_profile import ShopProfile
from hub.commerce.words import normalise
from hub.store.tx import Tx

POSTCODE_MAX_CHARS: Final = 16


class Toolbox:
    """All tools for one turn. `agrees`: the customer's messages are an explicit yes, nothing else.

    What `agrees` is true for is decided by code, from the customer's own words.
    """

    def __init__(self, tx: Tx, turn: Turn, *, agrees: bool) -> None:
        self._tx = tx
        self._turn = turn
        self._tenant_id = turn.tenant.tenant_id
        self._agrees = agrees
        self.overlay = Overlay(tx, turn)
        self.policy: Policy = price_policy(tx, self._tenant_id)
        self.profile: ShopProfile = drafts.profile_of(tx, self._tenant_id)
        self._goods_only = msgspec.structs.replace(
            self.policy, shipping=NoShipping(), total_rounding="minor"
        )  # an order is shipped and rounded as a whole
        self._known: dict[str, Product] = {}
        self.trace = Trace()
        self.handed_over: tools.Reason | None = None

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """Every use so far."""
        return tuple(self.trace.calls)

    def call(self, name: str, arguments: bytes | str) -> Result | Declined:
        """Use a tool by its name with JSON arguments, as a model does."""
        kind = TOOLS.get(name)
        try:
            if kind is None:
                raise BadArguments("there is no such tool")
            args = msgspec.json.decode(arguments, type=kind)
        except (Refused, msgspec.DecodeError, UnicodeDecodeError):
            traced = name if kind is not None else "unknown"
            self.trace.note(traced, {}, BadArguments.code)
            return Declined(BadArguments.code)
        return self._by_kind()[type(args)](args)

    def _by_kind(self) -> Mapping[type[Arguments], Callable[[Any], Result | Declined]]:
        return {kind: getattr(self, name) for name, kind in TOOLS.items()}

    # --- looking ---------------------------------------------------------------------------

    def search_products(self, args: tools.SearchProducts) -> Found | Declined:
        words = tuple(normalise(args.query).split())
        matches = best(find(self._tx, self._tenant_id, Sought(words, words))) if words else []
        return self.found(words, [match.product for match in matches])

    def found(self, words: Sequence[str], products: Sequence[Product]) -> Found:
        """Note a search that somebody else did."""
        self._known |= {product.sku.casefold(): product for product in products}
        query = tracing.known_words(words, products)
        self.trace.note("search_products", {"query": query}, f"{len(products)} found")
        return Found(tuple(products))

    def get_price(self, args: tools.GetPrice) -> Priced | Declined:
        def work() -> Priced:
            product = self._product(args.sku)
            priced = quote([Line(product, args.quantity)], self._goods_only)
            if priced.refusals:
                raise NotSold(priced.refusals)
            return Priced(product, priced)

        return self.trace.use(args, self._of_goods(args.sku, args.quantity), work)

    def view_cart(self, args: tools.ViewCart) -> CartShown | Declined:
        def work() -> CartShown:
            return CartShown(self.overlay.cart, self._till())

        return self.trace.use(args, {}, work)

    def business_info(self, args: tools.BusinessInfo) -> ShopInfo | Declined:
        def work() -> ShopInfo:
            profile, shipping = self.profile, self.policy.shipping
            known = {
                "hours": profile.hours,
                "delivery": not isinstance(shipping, NoShipping),
                "payment": profile.payment,
                "address": profile.address or profile.city,
                "contact": profile.phone,
            }
            if not known[args.topic]:
                raise Unknown("the shop said nothing of it")
            return ShopInfo(args.topic, profile, shipping)

        return self.trace.use(args, {"topic": args.topic}, work)

    def order_status(self, args: tools.OrderStatus) -> OrderShown | Declined:
        order = self._order(args.order_no)

        def work() -> OrderShown:
            return OrderShown(there(order))

        return self.trace.use(args, tracing.of_order(order), work)

    # --- the cart --------------------------------------------------------------------------

    def add_to_cart(self, args: tools.AddToCart) -> CartChanged | Declined:
        return self._change(args, args.sku, args.quantity, carts.add)

    def set_cart_quantity(self, args: tools.SetCartQuantity) -> CartChanged | Declined:
        return self._change(args, args.sku, args.quantity, carts.set_quantity)

    def remove_from_cart(self, args: tools.RemoveFromCart) -> CartChanged | Declined:
        def work() -> CartChanged:
            line = next((ln for ln in self.overlay.cart.lines if is_of(ln.product, args.sku)), None)
            if line is None:
                raise NotFound("it is not in the cart")
            self.overlay.set_cart(carts.remove(self.overlay.cart, args.sku))
            return CartChanged(line.product, Decimal(0), self.overlay.cart)

        return self.trace.use(args, self._of_goods(args.sku, None), work)

    def empty_cart(self, args: tools.EmptyCart) -> CartShown | Declined:
        def work() -> CartShown:
            self.overlay.set_cart(Cart())
            return CartShown(self.overlay.cart, self._till())

        return self.trace.use(args, {}, work)

    def repeat_order(self, args: tools.RepeatOrder) -> Repeated | Declined:
        def work() -> Repeated:
            customer_id = self.overlay.customer_id
            repeat = customer_id and repeats.last_time(self._tx, self._tenant_id, customer_id)
            if not repeat:
                raise NotFound("there was no order")
            cart = self.overlay.cart
            for line in repeat.cart.lines:
                fuller = carts.set_quantity(cart, line.product, Decimal(line.quantity))
                cart = fuller if isinstance(fuller, Cart) else cart
            self.overlay.set_cart(cart)
            return Repeated(repeat, cart)

        return self.trace.use(args, {}, work)

    def apply_coupon(self, args: tools.ApplyCoupon) -> CouponNoted | Declined:
        coupon = args.coupon.strip().upper()
        known = discount_store.knows_coupon(self._tx, self._tenant_id, coupon)

        def work() -> CouponNoted:
            if not known:
                raise NotFound("the shop has no such coupon")
            cart = self.overlay.cart
            others = tuple(named for named in cart.coupons if named != coupon)
            self.overlay.set_cart(msgspec.structs.replace(cart, coupons=others))
            before = self._till().quote.discount
            self.overlay.set_cart(carts.with_coupon(self.overlay.cart, coupon))
            return CouponNoted(coupon, max(0, self._till().quote.discount - before))

        return self.trace.use(args, {"coupon": coupon if known else "unknown"}, work)

    # --- the customer and the order --------------------------------------------------------

    def remember_customer(self, args: tools.RememberCustomer) -> Remembered | Declined:
        said = {k: v for k, v in msgspec.structs.asdict(args).items() if v is not None}

        def work() -> Remembered:
            fields = dict(said)
            if (number := fields.pop("gstin", None)) is not None:
                fields |= {"tax_number": gstin(number), "tax_preference": "gst"}
            elif fields.get("tax_preference") == "none":
                fields["tax_number"] = None
            if fields:
                self.overlay.remember(**fields)
            return Remembered(tuple(said))

        return self.trace.use(args, {"fields": list(said)}, work)

    def prepare_order(self, args: tools.PrepareOrder) -> DraftShown | Declined:
        given = [name for name in ("postcode", "payment") if getattr(args, name) is not None]

        def work() -> DraftShown:
            prepared = self.overlay.prepare(Wish(args.postcode, args.payment))
            if args.postcode is not None and len(args.postcode) <= POSTCODE_MAX_CHARS:
                self._keep_postcode(args.postcode)
            self.overlay.show(prepared)
            return DraftShown(prepared)

        return self.trace.use(args, {"given": given}, work)

    def confirm_order(self, args: tools.ConfirmOrder) -> Confirmed | Declined:
        def work() -> Confirmed:
            draft = self._draft(args.draft_id)
            prepared = self._confirmable(draft)
            order_no = orders.next_order_no(self._tx, self._tenant_id)
            self.overlay.place(draft, order_no)
            return Confirmed(order_no, prepared)

        return self.trace.use(args, {}, work)

    def cancel_order(self, args: tools.CancelOrder) -> CancelAsked | Cancelled | Declined:
        order, overlay = self._order(args.order_no), self.overlay

        def work() -> CancelAsked | Cancelled:
            found = there(order)
            if not may_move("customer", found.state, "cancelled"):
                raise TooLate(f"the order is {found.state}")
            asked = overlay.cancelling
            if asked is None or asked.order_id != found.order_id or not self._agrees:
                overlay.answer_cancel("asked", found.order_no)
                return CancelAsked(found)
            which = (self._tenant_id, found.customer_id, found.order_no)
            order_moves.cancellable_now(self._tx, *which, self._turn.turn_id, self._turn.now_ms)
            overlay.answer_cancel("cancelled", found.order_no)
            return Cancelled(found)

        return self.trace.use(args, tracing.of_order(order), work)

    def handover(self, args: tools.Handover) -> HandedOver | Declined:
        def work() -> HandedOver:
            self.handed_over = args.reason
            return HandedOver(args.reason)

        return self.trace.use(args, {"reason": args.reason}, work)

    # --- inside ----------------------------------------------------------------------------

    def _change(
        self,
        args: Arguments,
        sku: str,
        quantity: Decimal,
        change: Callable[[Cart, Product, Decimal], Cart | Refusal],
    ) -> CartChanged | Declined:
        def work() -> CartChanged:
            product = self._product(sku)
            changed = change(self.overlay.cart, product, quantity)
            if isinstance(changed, Refusal):
                raise NotSold((changed,))
            self.overlay.set_cart(changed)
            return CartChanged(product, changed.quantity(product.sku), changed)

        return self.trace.use(args, self._of_goods(sku, quantity), work)

    def _confirmable(self, draft: Draft) -> Prepared:
        """What a yes to the draft would order, all of this turn included."""
        if self.overlay.shown is not None or not self._agrees:
            raise ConfirmationRequired("the customer has not answered what is shown")
        wish = Wish(draft.delivery.destination, draft.delivery.payment)
        try:
            prepared = orders.confirmable(
                self._tx, self._tenant_id, draft, self._turn.turn_id, self._turn.now_ms
            )
            if self.overlay.is_changed:
                prepared = self.overlay.prepare(wish)
        except DraftChanged:
            prepared = self.overlay.prepare(wish)
        if prepared.hash != draft.hash:
            self.overlay.show(prepared)
            raise DraftChanged(prepared)
        return prepared

    def _draft(self, draft_id: str) -> Draft:
        overlay, wanted = self.overlay, draft_id.casefold()
        if overlay.shown is not None:
            raise ConfirmationRequired("the customer has not seen it yet")
        draft = overlay.draft
        if draft is None or wanted not in (LATEST, draft.draft_id.casefold()):
            raise NotFound("nothing is up for confirmation")
        return draft

    def _keep_postcode(self, postcode: str) -> None:
        known = self.overlay.customer
        if known is None or known.postcode != postcode:
            self.overlay.remember(postcode=postcode)

    def _till(self) -> checkout.Till:
        overlay = self.overlay
        place = None if overlay.customer is None else overlay.customer.postcode
        return checkout.price(
            self._tx, self._tenant_id, overlay.customer, overlay.cart, place, self._turn.now_ms
        )

    def _order(self, order_no: str | None) -> Order | None:
        return order_meant(self._tx, self._tenant_id, self.overlay.customer_id, order_no)

    def _product(self, sku: str) -> Product:
        product = self._known.get(sku.casefold())
        if product is None:
            named = msgspec.json.encode([sku]).decode()
            rows = self._tx.all("orders.products_named", tenant_id=self._tenant_id, skus=named)
            product = next(map(product_of, rows), None)
        if product is None or not product.offered:
            raise NotFound("the shop has no such product")
        self._known[sku.casefold()] = product
        return product

    def _of_goods(self, sku: str, quantity: Decimal | None) -> dict[str, Any]:
        try:
            known = self._product(sku).sku
        except NotFound:
            known = "unknown"
        return tracing.of_goods(known, quantity)
