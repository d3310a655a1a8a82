"""The way from a cart to an order: what is still to be asked, the total, and the yes to it.

Nothing is remembered here between turns but what the database has: the cart, the customer's record
and the order that was shown. What is missing is asked for in one message.
"""

from typing import Final

from hub.assistant import tools
from hub.assistant.amounts import marks_of
from hub.assistant.hearing import Heard, hear, sentences
from hub.assistant.language import was_said
from hub.assistant.lists import VERBS
from hub.assistant.reading import Reader
from hub.assistant.search import has_digit
from hub.assistant.shop_talk import ways_to_pay
from hub.assistant.shopping import refusals_of, show_cart
from hub.assistant.toolbox import POSTCODE_MAX_CHARS
from hub.assistant.tools import Confirmed, Declined, DraftShown
from hub.assistant.visit import Visit
from hub.commerce.drafts import LIFE_MS
from hub.commerce.shipping import ByZone, NoShipping, zone_of

ADDRESS_WORDS_MIN: Final = 2


def note_facts(visit: Visit) -> None:
    """Keep what the customer says of themselves, and say so."""
    for heard in visit.heard:
        if not heard.asks:
            _note_tax_number(visit, heard)
            _note_delivery(visit, heard)


def keep_place(visit: Visit) -> None:
    """Keep where to deliver what is still to be chosen."""
    place = next((h.place for h in reversed(visit.heard) if h.place and not h.asks), None)
    if place is not None and len(place) <= POSTCODE_MAX_CHARS:
        visit.box.remember_customer(tools.RememberCustomer(postcode=place))
        if not visit.is_told("address_saved"):
            visit.tell("checkout", "place_saved", place=place)


def show_cart_at(visit: Visit, place: str | None) -> None:
    """The cart with its sums, delivery to the place included if one is asked about."""
    if place is not None and _is_reached(visit, place) and len(place) <= POSTCODE_MAX_CHARS:
        visit.box.remember_customer(tools.RememberCustomer(postcode=place))
    show_cart(visit)


def check_out(visit: Visit) -> None:
    """Ask for what is missing, or show the order and ask for a yes."""
    overlay = visit.box.overlay
    if not overlay.cart.lines:
        keep_place(visit)
        if not visit.has_said("price", "ask", "refused"):
            visit.tell("checkout", "cart_empty")
        return
    if visit.has_said("refused", "ask") or visit.is_told("tax_number_bad"):
        return
    if (missing := _missing(visit)) and not _is_complete(visit):
        _keep_reached(visit)
        visit.say("checkout", "checkout", "\n".join(missing))
        return
    _prepare(visit)


def confirm(visit: Visit) -> None:
    """The customer's yes to the order that was shown."""
    draft = visit.box.overlay.draft
    if draft is None:
        return
    if _wants_tax_question(visit):  # it was asked with the total; a yes without a number is a no
        visit.box.remember_customer(tools.RememberCustomer(tax_preference="none"))
    result = visit.box.confirm_order(tools.ConfirmOrder(draft.draft_id))
    if isinstance(result, Confirmed):
        bill = result.prepared.bill
        visit.tell("ordered", "placed", order_no=result.order_no, total=visit.money(bill.total))
        customer = visit.box.overlay.customer
        ships = not isinstance(visit.box.policy.shipping, NoShipping) or draft.delivery.destination
        if ships and (customer is None or customer.address is None):
            visit.tell("ordered", "ask_address")
    elif result.prepared is not None:
        visit.tell("draft", "changed")
        visit.say("draft", "draft", visit.show(result.prepared))
        visit.tell("draft", "confirm")
    elif result.code == "expired":
        visit.tell("draft", "expired")
        _prepare(visit)
    else:
        _say_why_not(visit, result)


def decline(visit: Visit) -> None:
    """The customer's no to the order that was shown."""
    visit.box.overlay.decline()
    visit.tell("checkout", "not_placed")


def ask_again(visit: Visit) -> bool:
    """Whether the yes came to a question that a yes does not answer; that is asked once more."""
    language, questions = visit.language, []
    if visit.was_said("ask_tax_number"):
        questions.append(language.say("send_tax_number"))
    if visit.was_said("ask_place"):
        questions.append(language.say("ask_place"))
    if _payment_asked(visit):
        questions.append(language.say("ask_payment", ways=ways_to_pay(visit)))
    if questions:
        visit.say("checkout", "checkout", "\n".join(questions))
    return bool(questions)


def show_again(visit: Visit) -> None:
    """The order that is open, as it would be now."""
    _prepare(visit)


def remind(visit: Visit) -> None:
    """That an order is still open, where something else was answered."""
    draft, overlay = visit.box.overlay.draft, visit.box.overlay
    if draft is None or overlay.shown is not None or visit.turn.now_ms >= draft.expires_at:
        return
    if visit.has_said("ask", "cancel"):
        return  # one question at a time
    if visit.has_said("unknown", "not_found"):
        if any(map(visit.was_said, ("unknown", "unknown_rest", "not_found"))):
            visit.wants_person = "not_understood"  # the second time in a row
            return
        _prepare(visit)  # a yes must come to what was just shown
        return
    visit.tell("reminder", "waiting", total=visit.money(draft.bill.total))
    visit.tell("reminder", "confirm")


def take_address(visit: Visit, heard: Heard) -> bool:
    """Whether a sentence is the address that was asked for; it is kept."""
    if not _is_address(visit, heard):
        return False
    address = " ".join(heard.text.split())
    visit.box.remember_customer(tools.RememberCustomer(address=address[:1_000]))
    visit.tell("checkout", "address_saved")
    return True


def _is_address(visit: Visit, heard: Heard) -> bool:
    language, words = visit.language, heard.words
    if heard.asks or len(words) < ADDRESS_WORDS_MIN or not _misses_address(visit):
        return False
    if any(language.means(words, intent) for intent in ("want", "person")):
        return False
    numbered = any(map(has_digit, words))
    if language.means(words, "address_word"):
        return visit.was_said("ask_address") or (numbered and not _names_goods(visit, heard))
    verbs = any(not mark.kinds.isdisjoint(VERBS) for mark in marks_of(words, language))
    timed = not language.tables.uncounted.isdisjoint(words)
    asked = visit.was_said("ask_address") and numbered and not (verbs or timed)
    return asked and not _names_goods(visit, heard)


def _misses_address(visit: Visit) -> bool:
    """Whether the address was asked for, now or a little earlier, and is not known yet."""
    customer, question = visit.box.overlay.customer, visit.language.say("ask_address")
    if visit.was_said("ask_address"):
        return True
    asked = any(line.author == "bot" and question in line.text for line in visit.turn.history)
    return asked and (customer is None or customer.address is None)


def _names_goods(visit: Visit, heard: Heard) -> bool:
    reader = Reader(visit.tx, visit.tenant_id, visit.language, visit.turn.history)
    return any(len(found.products) == 1 and found.exact for found in reader.read(heard.rest))


# --- what was said ------------------------------------------------------------------------


def _note_tax_number(visit: Visit, heard: Heard) -> None:
    none = heard.no_tax_number or (
        visit.was_said("ask_tax_number") and visit.language.is_only(heard.words, "no")
    )
    if heard.tax_number is not None:
        said = visit.box.remember_customer(tools.RememberCustomer(gstin=heard.tax_number))
        if isinstance(said, Declined):
            visit.tell("checkout", "tax_number_bad")
        elif (customer := visit.box.overlay.customer) is not None:
            visit.tell("checkout", "tax_number_saved", number=customer.tax_number)
    elif none:
        visit.box.remember_customer(tools.RememberCustomer(tax_preference="none"))
        visit.tell("checkout", "no_tax_number_saved")


def _note_delivery(visit: Visit, heard: Heard) -> None:
    if heard.address is not None:
        visit.box.remember_customer(tools.RememberCustomer(address=heard.address))
        visit.tell("checkout", "address_saved")
    if heard.transporter is not None:
        visit.box.remember_customer(tools.RememberCustomer(transporter=heard.transporter))
        visit.tell("checkout", "transporter_saved", name=heard.transporter)


def _facts(visit: Visit) -> bool:
    return any(heard.facts for heard in visit.heard)


def _keep_reached(visit: Visit) -> None:
    """Keep the place that was just said, if the shop delivers there: it is not asked again."""
    place = next((h.place for h in reversed(visit.heard) if h.place and not h.asks), None)
    if place is not None and _is_reached(visit, place) and len(place) <= POSTCODE_MAX_CHARS:
        visit.box.remember_customer(tools.RememberCustomer(postcode=place))


# --- what is missing ----------------------------------------------------------------------


def _missing(visit: Visit) -> list[str]:
    """The questions that are open."""
    language, questions = visit.language, []
    if _wants_tax_question(visit) and not visit.was_said("ask_tax_number"):
        questions.append(language.say("ask_tax_number"))
    place = _place(visit)
    if not _is_reached(visit, place):
        if place is not None:
            questions.append(language.say("undeliverable", place=place))
        questions.append(language.say("ask_place"))
    passed_over = _payment_asked(visit) and not _facts(visit)
    if _payment(visit) is None and len(visit.box.profile.payment) > 1 and not passed_over:
        questions.append(language.say("ask_payment", ways=ways_to_pay(visit)))
    return questions


def _is_reached(visit: Visit, place: str | None) -> bool:
    """Whether the shop delivers there, as far as it matters where."""
    shipping = visit.box.policy.shipping
    if not isinstance(shipping, ByZone):
        return True
    return place is not None and zone_of(shipping.zones, place) is not None


def _is_complete(visit: Visit) -> bool:
    """Whether the total need not wait: all that it needs was just said, or was shown before."""
    said = [heard for heard in visit.heard if not heard.asks]
    told = any(heard.place or heard.payment for heard in said) or visit.box.overlay.draft
    needs_payment = len(visit.box.profile.payment) > 1 and _payment(visit) is None
    return bool(told) and _is_reached(visit, _place(visit)) and not needs_payment


def _wants_tax_question(visit: Visit) -> bool:
    customer = visit.box.overlay.customer
    asked_for = visit.box.policy.tax.name.casefold() == "gst"
    return asked_for and (customer is None or customer.tax_preference is None)


def _payment_asked(visit: Visit) -> bool:
    return visit.was_said("ask_payment")


def _place(visit: Visit) -> str | None:
    """Where the order goes: as said now, as shown before, as remembered."""
    overlay = visit.box.overlay
    said = next((h.place for h in reversed(visit.heard) if h.place and not h.asks), None)
    shown = None if overlay.draft is None else overlay.draft.delivery.destination
    known = None if overlay.customer is None else overlay.customer.postcode
    return said or shown or known


def _payment(visit: Visit) -> str | None:
    """How it is paid: as said now, as shown before, as said a little earlier, or the only way."""
    overlay, ways = visit.box.overlay, visit.box.profile.payment
    said = next((h.payment for h in reversed(visit.heard) if h.payment), None)
    shown = None if overlay.draft is None else overlay.draft.delivery.payment
    only = ways[0] if len(ways) == 1 else None
    return said or shown or _said_earlier(visit) or only


def _said_earlier(visit: Visit) -> str | None:
    """The way to pay that the customer named since the last order, while this one was prepared."""
    for line in reversed(visit.turn.history):
        old = line.at_ms < visit.turn.now_ms - LIFE_MS
        if old or (line.author != "customer" and was_said("placed", line.text)):
            return None
        for text in sentences(line.text) if line.author == "customer" else ():
            payment = hear(text, visit.language, visit.shop, place_asked=False).payment
            if payment is not None:
                return payment
    return None


# --- the total ----------------------------------------------------------------------------


def _prepare(visit: Visit) -> None:
    place, payment = _place(visit), _payment(visit)
    result = visit.box.prepare_order(tools.PrepareOrder(place, payment))
    if isinstance(result, DraftShown):
        visit.say("draft", "draft", visit.show(result.prepared))
        if _wants_tax_question(visit):
            visit.tell("draft", "tax_number_note")
        visit.tell("draft", "confirm")
    else:
        _say_why_not(visit, result, place)


def _say_why_not(visit: Visit, declined: Declined, place: str | None = None) -> None:
    """What keeps the order from being made."""
    language = visit.language
    if declined.refusals:
        said = f"{refusals_of(visit, declined.refusals)}\n{language.say('unsold')}"
        visit.say("refused", "unsold", said)
    elif declined.code == "destination_required":
        visit.tell("checkout", "ask_place")
    elif declined.code == "undeliverable":
        visit.tell("checkout", "undeliverable", place=place or "")
        visit.tell("checkout", "ask_place")
    elif declined.code == "payment_unknown":
        visit.tell("checkout", "ask_payment", ways=ways_to_pay(visit))
    elif declined.code == "cart_empty":
        visit.tell("checkout", "cart_empty")
    elif declined.code == "total_too_large":
        visit.tell("checkout", "too_large")
    else:
        visit.tell("declined", "declined")
