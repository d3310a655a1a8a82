"""Talk about goods: what there is, what it costs, and what of it goes into the cart or out."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from hub.assistant import tools
from hub.assistant.amounts import Amount, find_amounts, is_size, marks_of
from hub.assistant.asides import add_notes, bids
from hub.assistant.hearing import Heard, is_question
from hub.assistant.language import TALK
from hub.assistant.lists import Act
from hub.assistant.price_talk import is_one_of_it, pieces_of, price_one, quote, refuse
from hub.assistant.quantities import as_units, other_words, wanted, words_of
from hub.assistant.reading import Reader, Reading
from hub.assistant.search import CANDIDATES_MAX, Wish, has_digit, names, rank
from hub.assistant.shop_talk import tell_places
from hub.assistant.tables import fold
from hub.assistant.tools import CartChanged, CartShown, Declined
from hub.assistant.visit import Visit
from hub.assistant.wording import shown
from hub.commerce.bills import bill_of
from hub.commerce.catalog import categories, some_offered
from hub.commerce.drafts import Delivery
from hub.commerce.pricing import Refusal
from hub.commerce.products import Product

CART_MAX_CHARS: Final = 700
REFUSALS_MAX: Final = 3
LISTED_MAX: Final = 13  # products of a shop without categories; one more than are named
DOZEN: Final = 12
WISH_WORDS_MAX: Final = 3  # more words behind "I want" are hardly a product


def talk_of_goods(visit: Visit, reader: Reader, heard: Heard) -> None:
    """Answer what a sentence says of products, and do what it wants done with them."""
    words = words_of(heard.rest)
    if not words or _is_shop_talk_only(visit, heard, words):
        return
    after_change = visit.was_said("cart_hint")
    readings = list(reader.read(heard.rest, after_change=after_change))
    visit.priced.clear()
    asks = heard.asks or visit.language.means(heard.words, "price")
    for reading in readings:
        if heard.facts and not (reading.sought or reading.amount or reading.unsure):
            continue  # "cash instead"
        if reading.sought:
            visit.box.found(reading.sought, reading.products)
        _answer(visit, reading, asks=asks)


def counts_goods(visit: Visit, heard: Heard) -> bool:
    """Whether a sentence names something, and how many of it."""
    words = words_of(heard.rest)
    amounts = find_amounts(words, visit.language)
    return bool(amounts) and bool(other_words(words, amounts, visit.language))


def _is_shop_talk_only(visit: Visit, heard: Heard, words: Sequence[str]) -> bool:
    """Whether what is left of a sentence but frames what was understood of it."""
    if not (heard.facts or heard.checkout or heard.coupon):
        return False
    language = visit.language
    framing = language.places(
        words, "outside", "want", "have", "yes", "agree", "checkout", "thanks"
    )
    return all(at in framing or fold(word) in language.filler for at, word in enumerate(words))


def _answer(visit: Visit, reading: Reading, *, asks: bool) -> None:
    add_notes(visit, reading, asks=asks)
    told = reading.amount is None or visit.has_said("info")
    if "outside" in reading.asides and told and not bids(visit, reading):
        return  # the product is not what is asked about
    place = _place_of(visit, reading)
    reading = _at_place(visit, reading, place) if place else _in_cart(visit, reading)
    if place and not reading.products:
        visit.tell("ask", "which_product")
        return
    if reading.act is Act.DENY:
        _leave_out(visit, reading)
        return
    if len(reading.products) == 1 and (reading.exact or reading.act is Act.REMOVE):
        _one(visit, reading, reading.products[0], asks=asks)
    elif reading.act is Act.REMOVE and not reading.products:
        _not_removed(visit, reading)
    elif reading.products:
        _add_options(visit, reading)
    elif reading.foreign or reading.asides & {"discount", "outside", "tax"}:
        return  # the note says it
    else:
        _add_talk(visit, reading)


def _one(visit: Visit, reading: Reading, product: Product, *, asks: bool) -> None:
    """One product: priced, or put into the cart when a quantity of it is wanted."""
    asks = asks or _was_asked_before(visit, reading)
    if reading.act is Act.REMOVE and not asks:
        _remove(visit, reading, product)
    elif reading.act is Act.REMOVE and visit.box.overlay.cart.quantity(product.sku):
        visit.tell("info", "how_to_remove", product=shown(product))
    elif reading.act is Act.DOUBLE and not asks and visit.box.overlay.cart.quantity(product.sku):
        held = visit.box.overlay.cart.quantity(product.sku)
        put(visit, Act.SET, product, held * 2, None)
    elif reading.unsure is not None and reading.unsure.either is not None:
        _ask_which(visit, product, reading.unsure)
    elif asks and is_one_of_it(visit, reading):
        price_one(visit, reading, product, asks=True)
    elif reading.amount is None:
        _uncounted(visit, reading, product, asks=asks)
    else:
        amount = _measured(visit, reading, product, reading.amount)
        quantity = as_units(product, amount)
        if quantity is None:
            visit.box.trace.not_counted(product, amount.number)
            visit.say("refused", product.sku, visit.wording.not_counted(product, amount.measure))
        elif asks:
            quantity += visit.priced.get(product.sku, Decimal(0)) if reading.more else 0
            quote(visit, product, quantity, amount, more=reading.more)
        else:
            _put_instead(visit, reading)
            put(visit, reading.act, product, quantity, amount)


def _uncounted(visit: Visit, reading: Reading, product: Product, *, asks: bool) -> None:
    """A product without an amount: in place of another, one of its size, or its price."""
    if not asks and (held := _put_instead(visit, reading)):
        put(visit, Act.SET, product, held, None)
    elif not asks and _is_one_wanted(visit, reading, product):
        put(visit, reading.act, product, Decimal(1), None)
    else:
        price_one(visit, reading, product, asks=asks)


def _is_one_wanted(visit: Visit, reading: Reading, product: Product) -> bool:
    """Whether a wish names the size of the product and no amount: `I want rice 5 kg`."""
    words, language = reading.words, visit.language
    if reading.unsure is not None or any(language.means(words, i) for i in ("have", "stock")):
        return False
    sizes = [amount for amount in find_amounts(words, language) if is_size(amount, words)]
    if not any(as_units(product, amount) == 1 for amount in sizes):
        return False
    wishes = any("wish" in mark.kinds for mark in marks_of(words, language))
    going_on = visit.has_said("cart") or any(h.facts and not h.asks for h in visit.heard)
    return wishes or going_on or reading.act in (Act.ADD, Act.SET) or language.means(words, "want")


def _put_instead(visit: Visit, reading: Reading) -> Decimal:
    """Take out what another product was taken for; how many of it there were."""
    wrong = reading.instead
    held = Decimal(0) if wrong is None else visit.box.overlay.cart.quantity(wrong.sku)
    if wrong is not None and held:
        visit.box.remove_from_cart(tools.RemoveFromCart(wrong.sku))
        visit.say("cart", wrong.sku, visit.language.say("removed", product=shown(wrong)))
    return held


def put(visit: Visit, act: Act, product: Product, quantity: Decimal, amount: Amount | None) -> None:
    """Add so many, or have so many: whoever does not say "more" says how many in all."""
    if act is Act.ADD:
        result = visit.box.add_to_cart(tools.AddToCart(product.sku, quantity))
    else:
        result = visit.box.set_cart_quantity(tools.SetCartQuantity(product.sku, quantity))
    if isinstance(result, Declined):
        refuse(visit, product, result)
    else:
        asked = None if amount is None or act is Act.ADD else pieces_of(amount, product)
        _say_changed(visit, result, asked)


def _remove(visit: Visit, reading: Reading, product: Product) -> None:
    """Take a product out, or so many of it."""
    held = visit.box.overlay.cart.quantity(product.sku)
    own = reading.carried or find_amounts(reading.words, visit.language)
    said = reading.amount if own else None
    less = None if said is None else as_units(product, said)
    if said is not None and less is None:
        words = visit.wording.not_counted(product, said.measure)
        visit.say("refused", product.sku, words)
        return
    if less is not None and less < held:
        left = held - less if less > 0 else less  # of less than nothing none is taken
        result = visit.box.set_cart_quantity(tools.SetCartQuantity(product.sku, left))
    else:
        result = visit.box.remove_from_cart(tools.RemoveFromCart(product.sku))
    if isinstance(result, CartChanged) and result.quantity:
        _say_changed(visit, result, None)
    elif isinstance(result, CartChanged):
        visit.say("cart", product.sku, visit.language.say("removed", product=shown(product)))
    elif result.refusals:
        refuse(visit, product, result)
    elif not visit.is_told(product.sku):  # else it was taken out just now
        words = visit.language.say("not_there", product=shown(product))
        visit.say("cart", product.sku, words)


def _leave_out(visit: Visit, reading: Reading) -> None:
    """Take out of the cart what is not wanted; what is not in it needs no word."""
    for product in reading.products:
        if visit.box.overlay.cart.quantity(product.sku):
            visit.box.remove_from_cart(tools.RemoveFromCart(product.sku))
            words = visit.language.say("removed", product=shown(product))
            visit.say("cart", product.sku, words)


def _not_removed(visit: Visit, reading: Reading) -> None:
    """What was to be taken out is not in the cart, or was not named."""
    if reading.sought:
        found = visit.language.means(reading.words, "outside")
        visit.tell("unknown" if found else "cart", "unknown" if found else "not_in_cart")
    elif visit.box.overlay.cart.lines:
        visit.tell("cart", "how_to_empty")
    else:
        visit.tell("declined", "declined")


def _say_changed(visit: Visit, changed: CartChanged, pieces: Decimal | None) -> None:
    """What a product in the cart costs."""
    product = changed.product
    priced = visit.box.get_price(tools.GetPrice(product.sku, changed.quantity))
    if isinstance(priced, Declined):
        refuse(visit, product, priced)
    else:
        visit.say("cart", product.sku, visit.wording.quoted(priced.quote, pieces))


def sum_up(visit: Visit) -> None:
    """After a change: what the cart comes to, and how to go on."""
    language, cart = visit.language, visit.box.overlay.cart
    if not cart.lines:
        visit.tell("cart", "emptied")
        return
    shown_cart = visit.box.view_cart(tools.ViewCart())
    if isinstance(shown_cart, CartShown):
        total = visit.money(shown_cart.till.quote.total)
        reply = "cart_sum_shipped" if shown_cart.till.quote.shipping else "cart_sum"
        said = f"{language.say(reply, total=total)} {language.say('cart_hint')}"
        visit.say("cart", "cart", said)


def show_cart(visit: Visit, *, chars_max: int = CART_MAX_CHARS) -> None:
    """All that is in the cart, with its sums."""
    result = visit.box.view_cart(tools.ViewCart())
    if isinstance(result, Declined) or not result.cart.lines:
        visit.tell("cart", "cart_empty")
        return
    bill = bill_of(result.till.quote, result.till.currency, result.till.policy)
    lines = [visit.cart_teller.summary(bill, Delivery(), chars_max=chars_max)]
    if result.till.quote.refusals:
        lines.append(refusals_of(visit, result.till.quote.refusals))
    lines.append(visit.language.say("cart_hint"))
    visit.say("cart", "cart", "\n".join(lines))


def _ask_which(visit: Visit, product: Product, amount: Amount) -> None:
    either = visit.language.say(
        "either",
        first=visit.wording.number(amount.number),
        second=visit.wording.number(amount.either or amount.number),
        unit=visit.language.counted(amount.measure or product.unit, 2),
        product=shown(product),
    )
    visit.say("ask", product.sku, either)


def _measured(visit: Visit, reading: Reading, product: Product, amount: Amount) -> Amount:
    """A bare number right after a change counts what the change counted: boxes, if it did."""
    if amount.measure is not None or reading.sought or not visit.was_said("cart_hint"):
        return amount
    if _says_otherwise(visit, reading, amount):
        return amount
    before = find_amounts(words_of(visit.asked_before), visit.language)
    packs = {pack.casefold() for pack in product.packs}
    measure = next((a.measure for a in before if (a.measure or "") in packs), None)
    return amount if measure is None else msgspec.structs.replace(amount, measure=measure)


def _says_otherwise(visit: Visit, reading: Reading, amount: Amount) -> bool:
    """Whether a measure is named in this turn, or so many are counted by the dozen."""
    tables = visit.language.tables
    said = {fold(word) for heard in visit.heard for word in heard.words}
    counted = [fold(word) for word in reading.words[amount.start : amount.end]]
    times = (tables.times.at(counted, at) for at in range(len(counted)))
    dozens = any(hit is not None and hit[0] % DOZEN == 0 for hit in times)
    return dozens or not said.isdisjoint(tables.counts)


def _was_asked_before(visit: Visit, reading: Reading) -> bool:
    """Whether the quantity comes from the customer's last message, and that was a question."""
    if not reading.carried:
        return False
    words = words_of(visit.asked_before)
    language = visit.language
    return is_question(visit.asked_before, words, language) or language.means(words, "price")


def _place_of(visit: Visit, reading: Reading) -> int:
    """Which line of the cart is meant by its place; 0 for none. -1 is the last one."""
    changes = reading.act in (Act.REMOVE, Act.SET, Act.DOUBLE)
    if reading.carried or not changes or reading.sought:
        return 0
    if reading.act is Act.SET and visit.was_said("which"):
        return 0  # of what was given to choose from
    ordinals = visit.language.tables.ordinals
    return next((ordinals[fold(word)] for word in reading.words if fold(word) in ordinals), 0)


def _at_place(visit: Visit, reading: Reading, place: int) -> Reading:
    """The reading about the line of the cart at this place, if there is one."""
    held = [line.product for line in visit.box.overlay.cart.lines]
    if place > len(held):
        return msgspec.structs.replace(reading, products=())
    product = held[place - 1 if place > 0 else place]
    return msgspec.structs.replace(reading, products=(product,), exact=True)


def _in_cart(visit: Visit, reading: Reading) -> Reading:
    """The reading about the one product of the cart that is meant, where a change is."""
    held = [line.product for line in visit.box.overlay.cart.lines]
    if reading.act not in (Act.REMOVE, Act.DENY, Act.SET, Act.DOUBLE) or not held:
        return reading
    skus = {product.sku for product in held}
    meant = [product for product in reading.products if product.sku in skus]
    if not meant and reading.sought:
        matches = rank(held, Wish(reading.sought, reading.words))
        meant = [match.product for match in matches]
    elif not meant and len(held) == 1 and not reading.products:
        meant = held
    if not meant:
        return reading
    amount = reading.amount
    if len(meant) == 1 and len(reading.products) > 1 and reading.unsure is None:
        said = find_amounts(reading.words, visit.language)
        counted = [each for each in said if not is_size(each, reading.words)]
        amount = amount or wanted(counted, names(meant[0]), reading.words)
    return msgspec.structs.replace(reading, products=tuple(meant), exact=True, amount=amount)


def _add_options(visit: Visit, reading: Reading) -> None:
    products: Sequence[Product] = reading.products
    heading = "options" if reading.exact else "close"
    if visit.language.means(reading.words, "cheapest") and len(products) < CANDIDATES_MAX:
        products = sorted(products, key=lambda product: product.price)
        heading = "cheapest" if len(products) > 1 else heading
    about = " ".join(product.sku for product in products)
    visit.say("ask", about, visit.wording.options(products, heading))


def _add_talk(visit: Visit, reading: Reading) -> None:
    """Answer a part that names no product of the shop."""
    words, language = reading.words, visit.language
    said = next((path for path in TALK if language.means(words, path)), None)
    if language.means(words, "person"):
        visit.wants_person = "customer_request"
    elif said is not None and not reading.sought:
        own = visit.turn.tenant.greeting if said == "greeting" else ""
        visit.say(said, said, own or language.say(said))
    elif language.is_only(words, "yes", "no", "later"):
        visit.say("declined", "", language.say("declined"))
    elif "list" in reading.asides and len(reading.sought) < 2:
        names = categories(visit.tx, visit.tenant_id)
        some = [product.name for product in some_offered(visit.tx, visit.tenant_id, LISTED_MAX)]
        known = visit.wording.list(names or some)
        visit.say("list", "list", known or language.say("which_product"))
    elif reading.amount is not None or language.is_only(words, "price"):
        visit.say("ask", "", language.say("which_product"))
    else:
        wish = len(reading.sought) <= WISH_WORDS_MAX and language.means(words, "want")
        shopping = wish or any(language.means(words, sense) for sense in ("price", "have"))
        sized = any(has_digit(word) for word in reading.sought)
        counted = reading.sought and find_amounts(words, language)
        path = "not_found" if shopping or sized or counted else "unknown"
        if counted:
            visit.miss(reading.sought)
        lost = visit.was_said("ask_place") and not any(heard.place for heard in visit.heard)
        if lost and path == "unknown" and tell_places(visit):
            return
        stray = counted or len(reading.sought) < 2
        visit.say(path, "stray" if stray else "unknown", language.say(path))


def refusals_of(visit: Visit, refusals: Sequence[Refusal]) -> str:
    """Why these lines cannot be had; of many the first."""
    return "\n".join(visit.wording.refusal(refusal) for refusal in refusals[:REFUSALS_MAX])
