"""What a shop may set about its conversations; every figure has a default.

Stored as JSON in `tenants.settings`. Reading is tolerant: an unknown key is ignored and a value
that does not fit counts as not set, so that a database of a later version still answers customers.
Writing is strict: `change` refuses with a sentence for the person at the keyboard.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

TEXT_MAX_CHARS: Final = 1_000  # a reply is never longer (docs/rules.md §1)
_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")  # E.164
_PHONE_LOOKS: Final = str.maketrans("", "", " -().")  # how people group digits
_CLOCK: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


class PolicyError(ValueError):
    """A setting that does not exist or a value that does not fit; the message is for people."""


class TenantPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A shop's rules for answering. Times are seconds; an empty text switches that text off.

    An empty `greeting` leaves the words to the assistant. `quiet_from` and `quiet_to` are times of
    the shop's day between which it starts nothing by itself; one that is empty, or both the same:
    it may at any time.
    """

    debounce_s: float = 3.0
    debounce_max_s: float = 15.0
    fresh_s: float = 900.0
    stale_s: float = 21_600.0
    takeover_s: float = 43_200.0
    greeting: str = ""
    disclosure: str = 'This is an automatic reply. To reach a person, write "person".'
    handover: str = "I am calling someone from the shop. They will answer you here."
    late_apology: str = "Sorry for the late reply."
    chosen: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    quiet_from: str = "21:00"
    quiet_to: str = "09:00"
    order_updates: bool = False  # reply-only: nothing is said that no customer asked for


DEFAULTS: Final = TenantPolicy()

SECONDS_MAX: Final[Mapping[str, float]] = {
    "debounce_s": 60.0,
    "debounce_max_s": 300.0,
    "fresh_s": 86_400.0,
    "stale_s": 604_800.0,
    "takeover_s": 2_592_000.0,
}
"""Times, and the most that each may be: beyond it an answer would surprise more than it helps."""

TEXTS: Final = ("greeting", "disclosure", "handover", "late_apology")
NUMBERS: Final = ("chosen", "never")
"""Lists of phone numbers; on the command line separated by commas."""

CLOCKS: Final = ("quiet_from", "quiet_to")
"""Times of day, `21:00`; an empty text is none."""
SWITCHES: Final = ("order_updates",)
"""`yes` or `no`."""

KEYS: Final = (*SECONDS_MAX, *TEXTS, *NUMBERS, *CLOCKS, *SWITCHES)


def load(settings: str, defaults: TenantPolicy = DEFAULTS) -> TenantPolicy:
    """The policy in `tenants.settings`; `defaults` stand where it says nothing sound."""
    policy = _apply(_stored(settings), defaults)
    return msgspec.structs.replace(
        policy,
        debounce_max_s=max(policy.debounce_s, policy.debounce_max_s),
        stale_s=max(policy.fresh_s, policy.stale_s),
    )


def change(settings: str, key: str, text: str) -> str:
    """The new `tenants.settings` after `key` was set to what a person typed; PolicyError."""
    stored = _stored(settings) | {key: _parse(key, text)}
    policy = _apply(stored, DEFAULTS)
    if policy.debounce_max_s < policy.debounce_s:
        raise PolicyError("debounce_max_s must not be below debounce_s; set the other one first")
    if policy.stale_s < policy.fresh_s:
        raise PolicyError("stale_s must not be below fresh_s; set the other one first")
    return json.dumps(stored, ensure_ascii=False, sort_keys=True)


def phone_number(text: str) -> str:
    """A phone number in E.164 form, as it is stored in the lists; PolicyError when it is none."""
    number = text.translate(_PHONE_LOOKS)
    if _PHONE.fullmatch(number) is None:
        raise PolicyError(f"{text!r} is not a phone number: write + and the country code first")
    return number


def _stored(settings: str) -> dict[str, Any]:
    try:
        value = json.loads(settings)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _apply(stored: Mapping[str, Any], defaults: TenantPolicy) -> TenantPolicy:
    sound = {key: stored[key] for key in KEYS if key in stored and _fits(key, stored[key])}
    changes = {key: tuple(value) if key in NUMBERS else value for key, value in sound.items()}
    return msgspec.structs.replace(defaults, **changes)


def _fits(key: str, value: object) -> bool:
    if key in SECONDS_MAX:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and 0 <= value <= SECONDS_MAX[key]  # type: ignore[operator] # a number here
    if key in TEXTS:
        return isinstance(value, str)
    if key in CLOCKS:
        return value == "" or (isinstance(value, str) and _clock(value) == value)
    if key in SWITCHES:
        return isinstance(value, bool)
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


def _parse(key: str, text: str) -> float | str | list[str] | bool:
    if key in SECONDS_MAX:
        return _parse_seconds(key, text)
    if key in TEXTS:
        if len(text) > TEXT_MAX_CHARS:
            raise PolicyError(f"{key} is {len(text)} characters long; {TEXT_MAX_CHARS} are allowed")
        return text.strip()
    if key in NUMBERS:
        return sorted({phone_number(part) for part in text.split(",") if part.strip()})
    if key in CLOCKS:
        return _parse_clock(key, text.strip())
    if key in SWITCHES:
        return _parse_switch(key, text.strip().casefold())
    raise PolicyError(f"there is no setting {key!r}")


def _parse_seconds(key: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise PolicyError(f"{key} is a number of seconds, not {text!r}") from None
    if not 0 <= value <= SECONDS_MAX[key]:
        raise PolicyError(f"{key} must be between 0 and {SECONDS_MAX[key]:g} seconds")
    return value


def _parse_clock(key: str, text: str) -> str:
    time = _clock(text) if text else ""
    if time is None:
        raise PolicyError(f"{key} is a time of day like 21:00, or empty for none, not {text!r}")
    return time


def _clock(text: str) -> str | None:
    """A time of day with two digits each; None when it is none."""
    found = _CLOCK.fullmatch(text)
    return None if found is None else f"{found[1]:0>2}:{found[2]}"


def _parse_switch(key: str, text: str) -> bool:
    if text not in ("yes", "no"):
        raise PolicyError(f"{key} is yes or no, not {text!r}")
    return text == "yes"
