"""A shop's price policy: `pricing` in `tenants.settings`.

What is not set there is as usual in the shop's currency. Read with tolerance, written strictly:
`change` refuses with a sentence for the person who typed.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, get_args

import msgspec

from hub.commerce import shop_profile, stored
from hub.commerce.catalog_fields import Money, parse_flag, parse_percent
from hub.commerce.errors import BadValueError
from hub.commerce.pricing import Policy
from hub.commerce.rounding import Rounding
from hub.commerce.shipping_text import parse_shipping, write_shipping
from hub.commerce.tax import Tax

SECTION: Final = "pricing"
TAX_NAME_MAX_CHARS: Final = 20

Parse = Callable[[str, Money], Any]


@lru_cache(maxsize=256)
def load(settings: str, currency: str, exponent: int) -> Policy:
    """The policy that `tenants.settings` describe; the shop's state comes from its profile."""
    policy = stored.sound(stored.section(settings, SECTION), usual(currency))
    tax = policy.tax
    if currency == "INR" and tax.state is None:
        tax = msgspec.structs.replace(tax, state=shop_profile.load(settings).gst_state)
    return msgspec.structs.replace(policy, exponent=exponent, tax=tax)


def usual(currency: str) -> Policy:
    """What a shop with this currency does unless it says otherwise: in India GST in its parts."""
    return Policy(tax=Tax(name="GST", parts=2) if currency == "INR" else Tax())


def change(settings: str, key: str, text: str, money: Money) -> str:
    """The new `tenants.settings` after `key` was set to what a person typed; BadValueError.

    An empty text takes the setting back.
    """
    if key not in KEYS:
        raise BadValueError(f"there is no setting {key!r}", f"use one of {', '.join(KEYS)}")
    (*path, name), parse = _SETTINGS[key]
    said = stored.section(settings, SECTION)
    place = said
    for step in path:
        inner = place.get(step)
        place[step] = dict(inner) if isinstance(inner, dict) else {}
        place = place[step]
    place.pop(name, None)
    if text.strip():
        place[name] = msgspec.to_builtins(parse(text.strip(), money))
    return stored.with_section(settings, SECTION, said)


def shown(policy: Policy) -> dict[str, str]:
    """Every setting's value as a person would type it."""
    texts = {key: _text(_value(policy, path)) for key, (path, _) in _SETTINGS.items()}
    return texts | {"shipping": write_shipping(policy.shipping, policy.exponent)}


def _text(value: object) -> str:
    return ("no", "yes")[value] if isinstance(value, bool) else f"{value}"


def _value(policy: Policy, path: tuple[str, ...]) -> Any:
    value: Any = policy
    for name in path:
        value = getattr(value, name)
    return value


def _one_of(*allowed: str) -> Parse:
    def parse(text: str, _: Money) -> str:
        word = text.casefold().replace(" ", "_").replace("-", "_")
        if word not in allowed:
            raise BadValueError(f"{text!r} is not among them", f"write {', '.join(allowed)}")
        return word

    return parse


def _tax_name(text: str, _: Money) -> str:
    if not text.isprintable() or len(text) > TAX_NAME_MAX_CHARS:
        raise BadValueError("this is no tax's name", "write it as on an invoice, like GST or VAT")
    return text


def _parts(text: str, money: Money) -> int:
    if text not in ("1", "2"):
        raise BadValueError(f"{text!r} parts", "write 2 for CGST and SGST, else 1")
    if text == "2" and money.currency != "INR":
        raise BadValueError("only a tax of India has CGST and SGST", "write 1")
    return int(text)


_SETTINGS: Final[Mapping[str, tuple[tuple[str, ...], Parse]]] = {
    "line_rounding": (("line_rounding",), _one_of("minor", "whole_up")),
    "total_rounding": (("total_rounding",), _one_of("minor", "whole_up")),
    "rounding": (("rounding",), _one_of(*get_args(Rounding))),
    "tax_name": (("tax", "name"), _tax_name),
    "tax_included": (("tax", "included"), parse_flag),
    "tax_basis": (("tax", "basis"), _one_of("line", "order")),
    "tax_rate": (("tax", "order_pct"), parse_percent),
    "tax_on_shipping": (("tax", "on_shipping"), parse_flag),
    "tax_parts": (("tax", "parts"), _parts),
    "shipping": (("shipping",), parse_shipping),
}

KEYS: Final = tuple(_SETTINGS)
