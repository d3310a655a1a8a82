"""Short words that take something: what was just priced, all that is there, all but something."""

from collections.abc import Sequence

import msgspec

from hub.assistant import tools
from hub.assistant.amounts import find_amounts, is_size, marks_of
from hub.assistant.hearing import Heard
from hub.assistant.lists import VERBS, Act
from hub.assistant.quantities import as_units, other_words, words_of
from hub.assistant.reading import Reader
from hub.assistant.search import Wish, has_digit, mentioned, rank
from hub.assistant.shopping import put, show_cart
from hub.assistant.visit import Visit
from hub.assistant.wording import shown
from hub.commerce.products import Product, on_step
from hub.commerce.words import normalise


def take_quoted(visit: Visit) -> None:
    """Put what was just priced into the cart, as many as it was priced for."""
    quoted = {product.sku for product in mentioned(visit.tx, visit.tenant_id, visit.last_words)}
    reader = Reader(visit.tx, visit.tenant_id, visit.language, visit.turn.history)
    for reading in reader.read(visit.asked_before):
        product = reading.products[0] if len(reading.products) == 1 else None
        if product is None or product.sku not in quoted or reading.amount is None:
            continue
        quantity = as_units(product, reading.amount)
        if quantity is not None:
            act = Act.ADD if reading.act is Act.ADD else Act.SET
            put(visit, act, product, quantity, reading.amount)
    if visit.is_silent:
        visit.tell("ask", "which_product")


def take_all_there(visit: Visit) -> bool:
    """Whether there is one product of which too many were wanted: the cart has all of it then."""
    named = mentioned(visit.tx, visit.tenant_id, visit.last_words)
    if len(named) != 1 or not named[0].stock:
        return False
    put(visit, Act.SET, named[0], on_step(named[0].stock, named[0].step), None)
    return True


def keep_only(visit: Visit, heard: Heard) -> bool:
    """Whether everything but what is named shall leave the cart; it does."""
    language, words = visit.language, words_of(heard.rest)
    apart = language.places(words, "except")
    removes = any("remove" in mark.kinds for mark in marks_of(words, language))
    empties = removes or language.means(words, "empty") or language.begins(words, "except")
    if not (heard.asks or empties) and apart and language.begins(words, "yes"):
        return _leave_out(visit, [word for at, word in enumerate(words) if at not in apart])
    if heard.asks or not apart or not empties:
        return False
    named = [word for at, word in enumerate(words) if at not in apart]
    held = [line.product for line in visit.box.overlay.cart.lines]
    kept = {product.sku for product in _meant(visit, named, held)}
    if not kept:
        visit.tell("cart", "not_in_cart")
        return True
    for product in held:
        if product.sku not in kept:
            visit.box.remove_from_cart(tools.RemoveFromCart(product.sku))
            visit.say("cart", product.sku, language.say("removed", product=shown(product)))
    if not visit.has_said("cart"):
        show_cart(visit)
    return True


def _leave_out(visit: Visit, words: Sequence[str]) -> bool:
    """Whether a yes to all but something names what is in the cart; that is taken out."""
    held = [line.product for line in visit.box.overlay.cart.lines]
    named = _meant(visit, words, held)
    for product in named:
        visit.box.remove_from_cart(tools.RemoveFromCart(product.sku))
        visit.say("cart", product.sku, visit.language.say("removed", product=shown(product)))
    return bool(named)


def swapped(visit: Visit, heard: Heard) -> Heard:
    """The sentence without a product of the cart in whose place it wants something else.

    That product is taken out: `replace the drill with 2 paint`, `drill ki jagah 2 paint`.
    """
    words = words_of(heard.rest)
    old, new = ((), ()) if heard.asks else _exchange(visit, words)
    held = [line.product for line in visit.box.overlay.cart.lines]
    wrong = _meant(visit, old, held) if held else []
    if len(wrong) != 1 or not _names_another(visit, new, wrong[0]):
        return heard
    count = visit.box.overlay.cart.quantity(wrong[0].sku)
    visit.box.remove_from_cart(tools.RemoveFromCart(wrong[0].sku))
    removed = visit.language.say("removed", product=shown(wrong[0]))
    visit.say("cart", wrong[0].sku, removed)
    counted = any(not is_size(amount, new) for amount in find_amounts(new, visit.language))
    rest = " ".join(new) if counted else f"{count:f} {' '.join(new)}"
    return msgspec.structs.replace(heard, rest=rest, words=tuple(words_of(rest)))


def _exchange(visit: Visit, words: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """What is not wanted and what is wanted for it, if the words say both."""
    language = visit.language
    for intent in ("instead_of", "in_its_place"):
        places = language.places(words, intent)
        if places:
            before, behind = words[: min(places)], words[max(places) + 1 :]
            return (behind, before) if intent == "instead_of" else (before, behind)
    verbs, joints = language.places(words, "swap"), language.places(words, "swap_for")
    joint = next((at for at in sorted(joints) if verbs and at > min(verbs) + 1), None)
    if joint is None:
        return (), ()
    return words[min(verbs) + 1 : joint], words[joint + 1 :]


def _names_another(visit: Visit, words: Sequence[str], product: Product) -> bool:
    """Whether the words name goods that are not the product, or the product in another size."""
    words = _first_clause(visit, words)
    sought, own = _sought(visit, words), normalise(product.name).split()
    sized = any(has_digit(word) and word not in own for word in sought)
    return bool(sought) and (sized or not _meant(visit, words, [product]))


def _first_clause(visit: Visit, words: Sequence[str]) -> Sequence[str]:
    """The words before an "and", or before something else is to be done."""
    for mark in marks_of(words, visit.language):
        before = words[: mark.start]
        said = find_amounts(before, visit.language) or _sought(visit, before)
        if said and not mark.kinds.isdisjoint(("and", *VERBS)):
            return before
    return words


def _sought(visit: Visit, words: Sequence[str]) -> list[str]:
    return other_words(words, find_amounts(words, visit.language), visit.language)


def _meant(visit: Visit, words: Sequence[str], products: Sequence[Product]) -> list[Product]:
    """Those of the products that the words name."""
    matches = rank(products, Wish(tuple(_sought(visit, words)), tuple(words)))
    return [match.product for match in matches]
