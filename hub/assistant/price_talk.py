"""What goods cost: of one unit, of so many, and why some cannot be had."""

from collections.abc import Sequence
from decimal import Decimal

from hub.assistant import tools
from hub.assistant.amounts import Amount, marks_of
from hub.assistant.lists import Act
from hub.assistant.reading import Reading
from hub.assistant.search import alternatives
from hub.assistant.tables import fold
from hub.assistant.tools import Declined
from hub.assistant.visit import Visit
from hub.assistant.wording import shown
from hub.commerce.pricing import Reason
from hub.commerce.products import PIECE_WORDS, Product, singular
from hub.commerce.shipping import NoShipping


def is_one_of_it(visit: Visit, reading: Reading) -> bool:
    """Whether the amount is but the measure of a price: `what is a kilo of sugar`."""
    amount = reading.amount
    if amount is None or amount.end != amount.start + 1 or amount.start >= len(reading.words):
        return False
    return fold(reading.words[amount.start]) in visit.language.tables.ones


def price_one(visit: Visit, reading: Reading, product: Product, *, asks: bool) -> None:
    """One product in no quantity: its price, with tax where that is asked about."""
    language, words = visit.language, reading.words
    if asks and language.means(words, "stock") and _is_there(product):
        visit.tell("price", "have_it")
    if asks and "tax" in reading.asides and not visit.box.policy.tax.included:
        quote(visit, product, product.least, Amount(product.least, None, 0, 0))
        return
    if asks and (pack := _pack_in(visit, product, words)) is not None:
        quote(visit, product, Decimal(product.packs[pack]), Amount(Decimal(1), pack, 0, 0))
        return
    wanted = (
        reading.act is Act.ADD
        or _goes_on(visit, words)
        or any(language.means(words, i) for i in ("want", "take_it"))
    )
    add_list_price(visit, product, ask=wanted and not asks)


def _is_there(product: Product) -> bool:
    """Whether at least the smallest order of it can be had now."""
    return product.offered and (product.stock is None or product.stock >= product.least)


def _goes_on(visit: Visit, words: Sequence[str]) -> bool:
    """Whether a wish goes on: `aur drill machine bhi`, right after a change of the cart."""
    marks = marks_of(words, visit.language)[:1]
    leads = any(m.start == 0 and not m.kinds.isdisjoint(("and", "more")) for m in marks)
    return leads and visit.was_said("cart_hint")


def _pack_in(visit: Visit, product: Product, words: Sequence[str]) -> str | None:
    """The pack of the product that is named without a number: `carton price?`."""
    counts = visit.language.tables.counts
    named = {counts[word] for word in map(fold, words) if word in counts}
    return next((pack for pack in product.packs if singular(pack) in named), None)


def quote(
    visit: Visit, product: Product, quantity: Decimal, amount: Amount, *, more: bool = False
) -> None:
    """What so many cost; of several quantities in one sentence each."""
    result = visit.box.get_price(tools.GetPrice(product.sku, quantity))
    if isinstance(result, Declined):
        refuse(visit, product, result)
        if any(refusal.reason is Reason.OVER_STOCK for refusal in result.refusals):
            visit.say("price", f"{product.sku} price", visit.wording.price(product))
        return
    said = visit.wording.quoted(result.quote, pieces_of(amount, product))
    several = product.sku in visit.priced and not more
    visit.priced[product.sku] = quantity
    visit.say("price", f"{product.sku} {quantity}" if several else product.sku, said)
    if not isinstance(visit.box.policy.shipping, NoShipping):
        visit.tell("price", "delivery_extra")
    if not visit.is_order_open:
        visit.tell("price", "add_quoted")


def add_list_price(visit: Visit, product: Product, *, ask: bool) -> None:
    """What one unit costs, and how many are wanted; why not where not even the least can be had."""
    result = visit.box.get_price(tools.GetPrice(product.sku, product.one))
    if isinstance(result, Declined):
        refuse(visit, product, result)
        return
    said = visit.wording.price(product)
    if ask:
        unit = visit.language.counted(product.unit, 2)
        said += " " + visit.language.say("how_many", unit=unit, product=shown(product))
    visit.say("price", product.sku, said)


def refuse(visit: Visit, product: Product, declined: Declined) -> None:
    said = [visit.wording.refusal(refusal) for refusal in declined.refusals]
    if not said:
        said = [visit.language.say("cart_full" if declined.code == "cart_full" else "not_found")]
    visit.say("refused", product.sku, "\n".join(said))
    if any(refusal.reason is Reason.OUT_OF_STOCK for refusal in declined.refusals):
        _offer_instead(visit, product)


def _offer_instead(visit: Visit, product: Product) -> None:
    """Name what is like a product that is not there."""
    near = alternatives(visit.tx, visit.tenant_id, product)
    if near:
        lines = [visit.wording.option(other) for other in near]
        visit.say("refused", "instead", "\n".join([visit.language.say("instead"), *lines]))


def pieces_of(amount: Amount, product: Product) -> Decimal | None:
    """The pieces that were asked for, where the product is counted in something else."""
    in_pieces = amount.measure in PIECE_WORDS and product.unit not in PIECE_WORDS
    return amount.number if in_pieces else None
