"""What a shop's papers and answers say of the shop itself: `shop` in `tenants.settings`.

Read with tolerance, written strictly: `change` refuses with a sentence for the person who typed.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from hub.commerce import stored
from hub.commerce.errors import BadValueError
from hub.commerce.places import STATES, state_code
from hub.commerce.tax import check_gstin, state_of
from hub.store.policy import PolicyError, phone_number

SECTION: Final = "shop"

PAYMENTS: Final = ("cod", "upi", "bank", "card_link")
"""On delivery, by UPI, by bank transfer, by a link that the shop sends."""

Short = Annotated[str, Meta(max_length=120)]
Text = Annotated[str, Meta(max_length=500)]
Vpa = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{2,256}@[A-Za-z][A-Za-z0-9]{1,63}$")]
"""A UPI address, as NPCI's linking specification has it."""

Prefix = Annotated[str, Meta(pattern=r"^[A-Z]{1,5}$")]
LanguageTag = Annotated[str, Meta(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?$")]


class ShopProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A shop as its customers should know it. `state` is as GST numbers it; empty: not said."""

    address: Text = ""
    city: Short = ""
    state: Annotated[str, Meta(pattern=r"^[0-9]{2}$")] | None = None
    tax_number: Annotated[str, Meta(pattern=r"^[A-Z0-9]{5,20}$")] | None = None
    hours: Text = ""
    phone: Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{6,14}$")] | None = None
    upi_vpa: Vpa | None = None
    payment: tuple[Short, ...] = ("cod",)
    languages: tuple[LanguageTag, ...] = ("en", "hi", "hi-Latn", "ar")
    order_prefix: Prefix = "A"
    bank_text: Text = ""

    @property
    def gst_state(self) -> str | None:
        """The state by which GST is split: as set, or the one of the GSTIN."""
        if self.state is not None or self.tax_number is None:
            return self.state
        found = state_of(self.tax_number)
        return found if found in STATES else None


KEYS: Final = tuple(field.name for field in msgspec.structs.fields(ShopProfile))
DEFAULTS: Final = ShopProfile()


@lru_cache(maxsize=256)
def load(settings: str) -> ShopProfile:
    """The profile in `tenants.settings`; defaults stand where it says nothing sound."""
    return stored.sound(stored.section(settings, SECTION), DEFAULTS)


def change(settings: str, key: str, text: str, currency: str) -> str:
    """The new `tenants.settings` after `key` was set to what a person typed; BadValueError.

    An empty text takes the setting back.
    """
    if key not in KEYS:
        raise BadValueError(f"there is no setting {key!r}", f"use one of {', '.join(KEYS)}")
    said = stored.section(settings, SECTION)
    said.pop(key, None)
    if text.strip():
        said[key] = _parse(key, text, currency)
    profile = stored.sound(said, DEFAULTS)
    if currency == "INR" and profile.state and profile.tax_number:
        _check_state(profile.state, profile.tax_number)
    return stored.with_section(settings, SECTION, said)


def _check_state(state: str, tax_number: str) -> None:
    number_state = state_of(tax_number)
    if number_state != state:
        raise BadValueError(
            f"the GSTIN is of {STATES[number_state][0]} and the state is {STATES[state][0]}",
            "take one of them back first, with an empty value",
        )


def _parse(key: str, text: str, currency: str) -> Any:
    clean = " ".join(text.split())
    if key == "tax_number" and currency == "INR":
        return check_gstin(clean)
    value = _READ.get(key, _as_it_is)(clean)
    try:
        msgspec.convert({key: value}, ShopProfile)
    except msgspec.ValidationError:
        shown = clean if len(clean) <= 40 else clean[:39] + "…"
        raise BadValueError(f"{shown!r} does not fit {key}", _REMEDIES[key]) from None
    return value


def _as_it_is(text: str) -> str:
    return text


def _state(text: str) -> str:
    code = state_code(text)
    if code is None:
        raise BadValueError(f"{text!r} is no state of India", "write its name or GST number")
    return code


def _phone(text: str) -> str:
    try:
        return phone_number(text)
    except PolicyError:
        raise BadValueError(f"{text!r} is not a phone number", _REMEDIES["phone"]) from None


def _list(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _payments(text: str) -> list[str]:
    ways = _list(text.casefold())
    if unknown := next((way for way in ways if way not in PAYMENTS), None):
        raise BadValueError(f"{unknown!r} is no way to pay", _REMEDIES["payment"])
    return ways


_READ: Final[Mapping[str, Callable[[str], Any]]] = {
    "state": _state,
    "tax_number": lambda text: text.replace(" ", "").upper(),
    "phone": _phone,
    "payment": _payments,
    "languages": _list,
    "order_prefix": str.upper,
}

_REMEDIES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("address", "hours", "bank_text"), "use at most 500 characters"),
    "city": "use at most 120 characters",
    "state": "write its name or GST number",
    "tax_number": "write its 5 to 20 letters and digits",
    "phone": "write + and the country code first",
    "upi_vpa": "write it like shop@bank",
    "payment": f"choose from {', '.join(PAYMENTS)}",
    "languages": "write their codes, like en, hi, hi-Latn",
    "order_prefix": "use one to five letters",
}
