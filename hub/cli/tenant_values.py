"""Values that a person types for a tenant, checked before they reach the database."""

import re
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from babel import Locale, UnknownLocaleError
from babel.numbers import get_currency_precision, list_currencies

from hub.cli.command import Failure, is_readable, printable

ID_PREFIX: Final = "ten_"
NAME_MAX_CHARS: Final = 80
MODES: Final = ("off", "suggest", "auto")
CONTACT_POLICIES: Final = ("unknown", "chosen", "everyone")
EXPONENT_MAX: Final = 4


def columns(key: str, text: str) -> dict[str, Any]:
    """The columns of `tenants` that setting `key` to `text` changes; Failure."""
    match key:
        case "name":
            return {"name": name(text)}
        case "mode":
            return {"mode": _one_of(key, text, MODES)}
        case "contact_policy":
            return {"contact_policy": _one_of(key, text, CONTACT_POLICIES)}
        case "currency":
            return currency(text)
        case "exponent":
            return {"exponent": _exponent(text)}
        case "locale":
            return {"locale": locale(text)}
        case _:
            return {"timezone": timezone(text)}


COLUMNS: Final = (
    "name",
    "mode",
    "contact_policy",
    "currency",
    "exponent",
    "locale",
    "timezone",
)


def name(text: str) -> str:
    """A tenant's name; never one that could be taken for an id."""
    found = text.strip()
    if not is_readable(found) or len(found) > NAME_MAX_CHARS:
        raise _unfit(f"A name has 1 to {NAME_MAX_CHARS} printable characters.")
    if found.startswith(ID_PREFIX):
        raise _unfit(f"A name must not begin with {ID_PREFIX}, because ids do. Choose another.")
    return found


def currency(text: str) -> dict[str, Any]:
    """A currency and how many decimals its minor unit has."""
    code = text.strip().upper()
    if code not in list_currencies():
        raise _unfit(f"{printable(text)} is no currency. Write its ISO 4217 code, like INR.")
    return {"currency": code, "exponent": get_currency_precision(code)}


def locale(text: str) -> str:
    """A locale as CLDR writes it."""
    try:
        return str(Locale.parse(text.strip().replace("-", "_")))
    except (UnknownLocaleError, ValueError):
        raise _unfit(f"{printable(text)} is no locale. Write one like en_IN.") from None


def timezone(text: str) -> str:
    """A time zone of the IANA list."""
    wanted = text.strip()
    try:
        return ZoneInfo(wanted).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if not available_timezones():
            raise _unfit("This machine has no time zone data. Install tzdata first.") from None
        raise _unfit(f"{printable(text)} is no time zone. Write one like Asia/Kolkata.") from None


def _exponent(text: str) -> int:
    if not re.fullmatch(f"[0-{EXPONENT_MAX}]", text.strip()):
        raise _unfit(f"The exponent counts a currency's decimals: 0 to {EXPONENT_MAX}.")
    return int(text)


def _one_of(key: str, text: str, allowed: tuple[str, ...]) -> str:
    if text not in allowed:
        raise _unfit(f"{key} is one of {', '.join(allowed)}.")
    return text


def _unfit(message: str) -> Failure:
    return Failure("bad_value", message)
