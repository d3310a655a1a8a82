"""CORE: by what a customer is known, read from WhatsApp's ids and from what people type.

A phone is an alias only in E.164 and only where a country code says which one is meant; a number
that no country has stays the opaque id that WhatsApp made of it. Nothing is ever completed.
"""

import re
from collections.abc import Iterable
from typing import Final, Literal

import msgspec
import phonenumbers

from protocol.ids import is_one_to_one

AliasKind = Literal["phone", "lid", "username"]

RELIABILITY: Final[tuple[AliasKind, ...]] = ("lid", "username", "phone")
"""A LID is its account's for good; carriers give a phone number to somebody else."""
_TAIL_DIGITS: Final = 7
"""National forms differ in what stands before a number's last digits, never in these."""

_TELLING_DIGITS: Final = 7
"""Fewer may be anything: a size, a place in a log."""


class Alias(msgspec.Struct, frozen=True, order=True):
    """One name of a customer: a phone in E.164, a LID as `123@lid`, or WhatsApp's name as it is."""

    kind: AliasKind
    value: str

    def __str__(self) -> str:
        return self.value

    @property
    def tail(self) -> str:
        """What every id that means this alias contains, whatever else it has."""
        digits = "".join(c for c in self.value if c.isdecimal())
        if self.kind == "phone":
            return digits[-_TAIL_DIGITS:]
        return digits if self.kind == "lid" else self.value

    def is_named_in(self, text: str) -> bool:
        """Whether the whole number, or the name as a WhatsApp id, stands in `text`."""
        digits = "".join(c for c in self.value if c.isdecimal())
        if self.kind == "username":
            pattern = rf"(?<!\w){re.escape(self.value)}@"
        elif len(digits) < _TELLING_DIGITS:
            pattern = rf"(?<!\d){digits}(:\d+)?@"
        else:
            pattern = rf"(?<!\d){digits}(?!\d)"
        return re.search(pattern, text) is not None


def aliases_of(chat: str, phone: str | None, lid: str | None) -> tuple[Alias, ...]:
    """What a chat's key and its customer's sender fields say; nothing unless it is one-to-one.

    `phone` and `lid` are those of the customer's own message: of one that is `from_me` they are the
    shop's. The key comes first and rules on its own kind: a sender that contradicts it is not
    believed.
    """
    own = alias_of_chat(chat)
    if own is None:
        return ()
    told = (_lid_of(lid), _phone_of_id(phone))
    return (own, *(a for a in told if a is not None and a.kind != own.kind))


def alias_of_chat(chat: str) -> Alias | None:
    """The alias that a one-to-one chat's key is by itself; None for every other id.

    A device's number, after a colon, belongs to no person and is left out.
    """
    if not is_one_to_one(chat):
        return None
    user, _, server = chat.rpartition("@")
    user = user.partition(":")[0]
    if not user:
        return None
    if server == "lid":
        return Alias("lid", f"{user}@lid")
    return _phone_of_id(user) or Alias("username", user)


def typed(text: str, region: str | None) -> Alias:
    """The alias that a person typed: a phone, a WhatsApp id or a name.

    `region` is the country whose national numbers may be meant, as ISO 3166 writes it.
    """
    text = text.strip()
    return alias_of_chat(text) or _phone(text, region) or Alias("username", text.removeprefix("@"))


def first_of(aliases: Iterable[Alias]) -> list[Alias]:
    """The aliases, the most reliable first, each once."""
    return sorted(set(aliases), key=lambda alias: (RELIABILITY.index(alias.kind), alias.value))


def _lid_of(text: str | None) -> Alias | None:
    """The LID in a field that holds one, with or without its server."""
    if text is None:
        return None
    found = alias_of_chat(text if "@" in text else f"{text}@lid")
    return found if found is not None and found.kind == "lid" else None


def _phone_of_id(text: str | None) -> Alias | None:
    """The phone in a WhatsApp id or field, which names the country with or without a plus."""
    if text is None:
        return None
    number = text.partition("@")[0].partition(":")[0].strip()
    return _phone(number if number.startswith("+") else f"+{number}", None)


def _phone(text: str, region: str | None) -> Alias | None:
    if not any(c.isdecimal() for c in text) or any(c.isalpha() for c in text):
        return None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    # Possible, not valid: WhatsApp vouches for the number, and new ranges come before new tables.
    if not phonenumbers.is_possible_number(number):
        return None
    return Alias("phone", phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
