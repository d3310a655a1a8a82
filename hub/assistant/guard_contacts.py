"""CORE: links, payment addresses, phone and account numbers of a reply that are not the shop's."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from hub.assistant.facts import Facts
from hub.assistant.guard_words import Offence, words
from hub.assistant.plain import plain

_ADDRESS: Final = re.compile(r"[\w.+-]+\s?@\s?(?=[A-Za-z])[\w.-]*\w")
_DOTTED: Final = r"(?:[\w-]+\.)+"
_LINK: Final = re.compile(
    rf"\b[a-z][a-z0-9+-]*:\s?//\s?\S*|//\S+|\b(?:mailto|tel|upi|sms|geo):\S+|www\.\S+"
    rf"|(?<![\w@.-]){_DOTTED}[^\W\d_][\w\u0900-\u0963]+\b(?:[/:?]\S*)?|\b\d{{1,3}}(?:\.\d{{1,3}}){{3}}\b\S*",
    re.IGNORECASE,
)
_SENTENCE: Final = re.compile(r"(?P<end>[^\W\d_]+)\.(?P<begin>[A-Z][a-z]+)")
_LONG: Final = re.compile(r"(?<![\w.,])(?:\+\s?|\()?\d(?:[\s().\-/_*•]{0,2}\d){6,}(?!\d|,\d)")
_DATE: Final = re.compile(r"(?<!\d)20\d\d-[01]\d-[0-3]\d(?!\d)")
_NATIONAL_DIGITS: Final = 10


def find(text: str, facts: Facts) -> tuple[list[Offence], str]:
    """Offences in a plain text, and the text without what is no amount for certain."""
    bare = _opened(text)
    own_links = {_link(hit) for line in facts.record for hit in _LINK.findall(_opened(plain(line)))}
    own = {_address(hit) for line in facts.record for hit in _ADDRESS.findall(plain(line))}
    found = [
        Offence("payment_address")
        for hit in _ADDRESS.findall(bare)
        if _address(hit) not in own and not _is_price(hit)
    ]
    rest = _ADDRESS.sub(lambda hit: hit[0] if _is_price(hit[0]) else " ", bare)
    links = [hit for hit in _LINK.findall(rest) if _is_link(hit)]
    found += [Offence("link") for hit in links if _link(hit) not in own_links]
    rest = _LINK.sub(lambda hit: " " if _is_link(hit[0]) else hit[0], rest)
    phones, rest = _phones(_DATE.sub(" ", rest), facts)
    return found + phones, rest


def _opened(text: str) -> str:
    """The text with dots and at signs in place of what is written for them."""
    signed = re.sub(r"\s?[\[({]\s?at\s?[\])}]\s?", "@", text, flags=re.IGNORECASE)
    return words().handles.sub("@", words().dotted.sub(".", signed))


def _address(text: str) -> str:
    return text.replace(" ", "").rstrip(".").casefold()


def _is_price(hit: str) -> bool:
    """Whether it is `tea @ Rs 240`."""
    return hit.partition("@")[2].strip().casefold().rstrip(".") in words().marks


def _link(text: str) -> str:
    bare = re.sub(r"^(?:https?:\s?//\s?)?(?:www\.)?", "", text.casefold())
    return bare.rstrip("/.,;:)!?")


def _is_link(hit: str) -> bool:
    """Whether it is one rather than two sentences without a space, or an abbreviation."""
    begun = _SENTENCE.fullmatch(hit)
    last = hit.rpartition(".")[2].casefold()
    if begun is not None and last not in words().domains:
        return False
    return hit.rstrip(".").casefold() not in words().marks


def _phones(text: str, facts: Facts) -> tuple[list[Offence], str]:
    """Offences, and the text without long numbers, whosever; amounts are none of them."""
    own = {_digits(hit) for line in facts.record for hit in _LONG.findall(plain(line))}
    amounts = [hit.span() for hit in words().amount.finditer(text)]
    found: list[Offence] = []

    def judged(hit: re.Match[str]) -> str:
        priced = any(start < hit.end() and hit.start() < end for start, end in amounts)
        if priced or not (_is_long(hit[0]) or _is_own(_digits(hit[0]), own)):
            return hit[0]
        if not _is_own(_digits(hit[0]), own):
            if _is_list(hit[0], facts):
                return hit[0]
            found.append(Offence("phone"))
        return " "

    return found, _LONG.sub(judged, text)


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number)


def _is_own(said: str, own: Iterable[str]) -> bool:
    national = said.removeprefix("0")
    return any(
        known == said or (len(national) >= _NATIONAL_DIGITS and known.endswith(national))
        for known in own
    )


def _is_long(number: str) -> bool:
    """Whether a number is a phone's or an account's rather than a count."""
    return len(_digits(number)) >= (7 if number.startswith("+") else 9)


def _is_list(hit: str, facts: Facts) -> bool:
    """Whether it is several known numbers side by side rather than a long one."""
    parts = re.findall(r"\d+", hit)
    return len(parts) > 1 and all(Decimal(part) in facts.known_numbers for part in parts)
