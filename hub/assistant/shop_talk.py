"""What the shop says of itself: hours, delivery, ways to pay, its place, its discounts."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from hub.assistant import tools
from hub.assistant.detection import SCRIPTS, script_of
from hub.assistant.language import TOPICS, Language
from hub.assistant.tools import ShopInfo
from hub.assistant.visit import Visit
from hub.assistant.wording import shown
from hub.commerce import discount_store
from hub.commerce.discounts import DiscountRule
from hub.commerce.products import Product, singular
from hub.commerce.shipping import ByZone, PerUnit, Zone, zone_of
from hub.commerce.words import normalise

DESCRIBED_MAX_CHARS: Final = 80
ZONES_MAX: Final = 5
PLACES_MAX: Final = 6
RULES_MAX: Final = 3

_SENTENCE_END: Final = re.compile(r"[.!?;\n।]+")
_PRICED: Final = re.compile(r"[%$€£₹¥]|https?:|@")


def inform(visit: Visit, words: Sequence[str]) -> bool:
    """Answer a question about the shop, if it said something of that; whether it did."""
    vpa = visit.box.profile.upi_vpa
    if vpa and visit.language.means(words, "upi_id"):
        visit.box.business_info(tools.BusinessInfo("payment"))
        visit.tell("info", "upi_id", vpa=vpa)
        return True
    known = False
    for topic in TOPICS:
        if visit.is_told(topic):
            known = True  # for the place that was asked about
        elif visit.language.means(words, f"ask_{topic}"):
            said = visit.box.business_info(tools.BusinessInfo(topic))
            if isinstance(said, ShopInfo):
                visit.say("info", topic, _told(visit, said))
                known = True
    return known


def describe(visit: Visit, words: Sequence[str], products: Sequence[Product]) -> bool:
    """Answer a question about one product with the sentence of its description that is about it.

    Only a short one that names no amount: the text was written to be read, not to be obeyed.
    """
    asked = {singular(words[at]) for at in visit.language.places(words, "outside")}
    for sentence in _SENTENCE_END.split(products[0].description if len(products) == 1 else ""):
        said = {singular(word) for word in normalise(sentence).split()}
        if said & asked and len(sentence) <= DESCRIBED_MAX_CHARS and not _PRICED.search(sentence):
            described = f"{shown(products[0])}: {sentence.strip()}."
            visit.say("info", "described", described)
            return True
    return False


def deliver_to(visit: Visit, place: str) -> None:
    """Answer whether the shop delivers to a place, and for how much."""
    shipping = visit.box.policy.shipping
    if not isinstance(shipping, ByZone):
        if not inform(visit, visit.language.intents["ask_delivery"][0]):
            visit.say("unknown", "unknown", visit.language.say("unknown"))
        return
    visit.box.business_info(tools.BusinessInfo("delivery"))
    zone = zone_of(shipping.zones, place)
    if zone is None:
        visit.tell("info", "undeliverable", place=place)
        visit.say("info", "delivery", _zones(visit, shipping))
    else:
        here = msgspec.structs.replace(zone, codes=(place,))
        said = f"{visit.language.say('delivers_there')}\n{_zone(visit, here)}"
        visit.say("info", "delivery", said)


def tell_places(visit: Visit) -> bool:
    """Ask once more where the order shall go, with the places to choose from, if there are."""
    shipping = visit.box.policy.shipping
    if isinstance(shipping, ByZone):
        visit.say("info", "delivery", _zones(visit, shipping))
        visit.tell("checkout", "ask_place")
    return isinstance(shipping, ByZone)


def ways_to_pay(visit: Visit) -> str:
    """The shop's ways to pay, as customers call them."""
    return visit.language.say("or").join(map(visit.teller.payment, visit.box.profile.payment))


def tell_rules(visit: Visit) -> None:
    """Name the discounts that anybody gets; those for few are nobody else's business."""
    rules = [
        rule
        for rule in discount_store.rules(visit.tx, visit.tenant_id)
        if not (rule.coupon or rule.tiers or rule.customers)
    ]
    if rules:
        lines = [_rule(visit, rule) for rule in rules[:RULES_MAX]]
        visit.say("info", "rules", "\n".join(lines))


def _rule(visit: Visit, rule: DiscountRule) -> str:
    language = visit.language
    if rule.pct is not None:
        said = language.say("rule_pct", name=rule.name, pct=f"{rule.pct.normalize():f}")
    else:
        said = language.say("rule_amount", name=rule.name, amount=visit.money(rule.amount or 0))
    if rule.min_value:
        said += language.say("rule_from", amount=visit.money(rule.min_value))
    return f"{said}."


def _told(visit: Visit, info: ShopInfo) -> str:
    language, profile = visit.language, info.profile
    if info.topic == "hours":
        return language.say("hours", hours=profile.hours.rstrip("."))
    if info.topic == "payment":
        return language.say("ways", ways=ways_to_pay(visit))
    if info.topic == "contact":
        return language.say("contact", phone=profile.phone)
    if info.topic == "address":
        place = ", ".join(filter(None, (profile.address, profile.city)))
        return language.say("address", address=place)
    return _delivery(visit, info)


def _delivery(visit: Visit, info: ShopInfo) -> str:
    if isinstance(info.shipping, ByZone):
        return _zones(visit, info.shipping)
    if isinstance(info.shipping, PerUnit):
        return _per_unit(visit, info.shipping)
    raise TypeError("nothing is said of this delivery")


def _zones(visit: Visit, shipping: ByZone) -> str:
    zones = [_zone(visit, zone) for zone in shipping.zones[:ZONES_MAX]]
    return "\n".join([visit.language.say("delivers"), *zones])


def _per_unit(visit: Visit, shipping: PerUnit) -> str:
    said = visit.language.say(
        "per_unit",
        rate_below=visit.money(shipping.rate_below),
        rate_from=visit.money(shipping.rate_from),
        threshold=visit.wording.number(shipping.threshold),
    )
    if shipping.free_from is None:
        return said
    free = visit.language.say("per_unit_free", free_from=visit.money(shipping.free_from))
    return f"{said} {free}"


def _legible(language: Language, codes: Sequence[str]) -> list[str]:
    """Places in the reader's script, where the shop names them in others as well.

    Which name is another's translation nobody says: they are left out where there are no more of
    them than of the reader's own.
    """
    own = [code for code in codes if script_of(code) in ("", SCRIPTS[language.code])]
    lettered = [code for code in own if script_of(code)]
    return own if len(codes) - len(own) <= len(lettered) else list(codes)


def _zone(visit: Visit, zone: Zone) -> str:
    codes = _legible(visit.language, zone.codes)
    places = visit.language.listed(codes[:PLACES_MAX]) + (" …" if len(codes) > PLACES_MAX else "")
    fee = visit.money(zone.fee)
    if zone.free_from is None:
        return visit.language.say("zone", places=places, fee=fee)
    free_from = visit.money(zone.free_from)
    return visit.language.say("zone_free", places=places, fee=fee, free_from=free_from)
