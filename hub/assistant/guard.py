"""CORE: whether a model's reply says nothing that the shop did not say.

Each amount, percentage, code, order number, link, phone, payment address and claimed effect has to
be among the facts. What a customer typed is none. The words that mark money and claims stand in
`claims.toml`.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from importlib.resources import files
from typing import Final, Literal

import msgspec

from hub.assistant.facts import Effect, Facts

Kind = Literal[
    "empty",
    "too_long",
    "amount",
    "percent",
    "code",
    "order_no",
    "link",
    "phone",
    "payment_address",
    "claim",
    "unsaid",
]

REPLY_MAX_CHARS: Final = 800  # leaves room for an apology and the notice that replies are automatic
DIGITS_MAX: Final = 15

_SIGNS: Final = str.maketrans(
    {"٬": ",", "٫": ".", "’": "'", "‘": "'", "–": "-", "‑": "-", "−": "-", "،": ","}
)
_NUMBER: Final = r"\d+(?:,\d{2,3})*(?:\.\d+)?"
_BARE: Final = re.compile(rf"(?<![\w.,]){_NUMBER}(?![\d%])")
_PERCENT: Final = re.compile(
    rf"({_NUMBER})\s?(?:%|٪|percent\b|per cent\b|pct\b|फीसदी|प्रतिशत|بالمئة|في المئة)"
)
_CODE: Final = re.compile(r"(?<![\w-])[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)+(?![\w-])")
_LINK: Final = re.compile(
    r"(?:https?://|www\.)\S+|(?<![\w@.-])(?:[a-z0-9-]+\.)+(?:com|net|org|in|co|io|ly|me|shop|store|app|link|"
    r"xyz|info|biz|ae|uk|us|site|online|top|click|page|gl|gd|cc|ru|cn|example|test)(?![\w.-]*@)\b(?:/\S*)?",
    re.IGNORECASE,
)
_ADDRESS: Final = re.compile(r"[\w.+-]{2,}@[A-Za-z][\w.-]*")
_LONG: Final = re.compile(r"(?<![\w.,])\+?\d[\d ()-]{5,22}\d(?![\d,]|\.\d)")
_CLAUSES: Final = re.compile(r"[.!?;,\n।؟؛…]+(?=\s|$)|\s[-—]+\s|—")


class Offence(msgspec.Struct, frozen=True):
    """What is wrong with a reply; `what` is a bounded piece of it, or what it fails to say."""

    kind: Kind
    what: str = ""


class _Words(msgspec.Struct, frozen=True):
    amount: re.Pattern[str]
    spelled: re.Pattern[str]
    order: re.Pattern[str]
    near: re.Pattern[str]
    times: dict[str, int]
    unless: re.Pattern[str]
    claims: dict[Effect, re.Pattern[str]]


def offences(reply: str, facts: Facts, exponent: int) -> tuple[Offence, ...]:
    """Everything in the reply that has no ground; empty for one that may be sent."""
    text = plain(reply)
    if not text:
        return (Offence("empty"),)
    found = [Offence("too_long")] if len(reply) > REPLY_MAX_CHARS else []
    found += _addresses(text, facts)
    text = _LINK.sub(" ", _ADDRESS.sub(" ", text))
    found += _codes(text, facts)
    text = _CODE.sub(" ", text)
    found += _money(text, facts, exponent)
    found += _claims(text, plain(reply), facts)
    found += _unsaid(plain(reply), facts, exponent)
    return tuple(dict.fromkeys(found))


def plain(text: str) -> str:
    """The text with ASCII digits, one kind of space, and without signs of direction."""
    folded = unicodedata.normalize("NFKC", text).translate(_SIGNS)
    kept = (
        str(unicodedata.digit(char)) if char.isdecimal() else char
        for char in folded
        if unicodedata.category(char) != "Cf" or char in "\u200c\u200d"
    )
    return re.sub(r"[^\S\n]+", " ", "".join(kept)).strip()


def grounds(said: Sequence[str], exponent: int) -> Facts:
    """What replies that were sent before are ground for: their amounts, codes and numbers."""
    text = plain("\n".join(said))
    codes = {hit[0].upper() for hit in _CODE.finditer(text)}
    rest = _CODE.sub(" ", text)
    amounts = {_amount(hit, exponent) for hit in _words().amount.finditer(rest)}
    return Facts(
        amounts=frozenset(amount for amount in amounts if amount is not None),
        numbers=frozenset(_numbers_in([rest])),
        percents=frozenset(
            v for hit in _PERCENT.finditer(rest) if (v := _value(hit[1])) is not None
        ),
        codes=frozenset(codes),
        orders=frozenset(code for code in codes if _ends_in_number(code)),
    )


# --- links, addresses, phones ------------------------------------------------------------------


def _addresses(text: str, facts: Facts) -> Iterator[Offence]:
    record = plain("\n".join(facts.record)).casefold()
    for hit in _ADDRESS.finditer(text):
        if hit[0].rstrip(".").casefold() not in record:
            yield Offence("payment_address")
    for hit in _LINK.finditer(_ADDRESS.sub(" ", text)):
        if hit[0].rstrip(".,;)").casefold() not in record:
            yield Offence("link")
    digits = re.sub(r"[^\d\n]", "", record)
    for number in _LONG.findall(_words().amount.sub(" ", _CODE.sub(" ", text))):
        unknown = re.sub(r"\D", "", number) not in digits
        if _is_long(number) and unknown and not _is_list(number, facts):
            yield Offence("phone")


def _is_long(number: str) -> bool:
    """Whether a number is a phone's or an account's rather than a count."""
    return sum(map(str.isdigit, number)) >= (7 if number.startswith("+") else 9)


def _is_list(hit: str, facts: Facts) -> bool:
    """Whether it is several known numbers side by side rather than a long one."""
    parts = re.findall(r"\d+", hit)
    known = facts.numbers | _numbers_in(facts.names)
    return len(parts) > 1 and all(Decimal(part) in known for part in parts)


# --- codes and order numbers -------------------------------------------------------------------


def _codes(text: str, facts: Facts) -> Iterator[Offence]:
    known = {*facts.codes, *facts.orders}
    named = plain("\n".join((*facts.names, *facts.record))).upper()
    for hit in _CODE.finditer(text):
        code = hit[0].upper()
        if (hit[0] != code and not _ends_in_number(code)) or code in known or code in named:
            continue
        yield Offence("order_no" if _ends_in_number(code) else "code", code[:40])
    digits = {re.sub(r"\D", "", number) for number in facts.orders}
    for hit in _words().order.finditer(_CODE.sub(" ", text)):
        if hit[1] not in digits:
            yield Offence("order_no", hit[1][:20])


def _ends_in_number(code: str) -> bool:
    return re.fullmatch(r"[A-Z]{1,5}-\d{3,}", code) is not None


# --- money -------------------------------------------------------------------------------------


def _money(text: str, facts: Facts, exponent: int) -> Iterator[Offence]:
    words = _words()
    for hit in words.amount.finditer(text):
        if _amount(hit, exponent) not in facts.amounts:
            yield Offence("amount", re.sub(r"[^\d.,]", "", hit[0])[:24])
    if words.spelled.search(text):
        yield Offence("amount", "an amount in words")
    rest = words.amount.sub(" ", text)
    for hit in _PERCENT.finditer(rest):
        if _value(hit[1]) not in facts.percents:
            yield Offence("percent", hit[1][:12])
    known = facts.numbers | _numbers_in((*facts.names, *facts.record))
    rest = _LONG.sub(lambda hit: " " if _is_long(hit[0]) else hit[0], _PERCENT.sub(" ", rest))
    for clause in _CLAUSES.split(rest):
        priced = words.near.search(clause) is not None
        for hit in _BARE.finditer(clause):
            as_money = _minor(hit[0], 1, exponent) in facts.amounts
            precise = re.search(r"\.\d\d$", hit[0]) is not None
            if (priced or precise) and not as_money and _value(hit[0]) not in known:
                yield Offence("amount", hit[0][:24])


def _amount(hit: re.Match[str], exponent: int) -> int | None:
    times = _words().times.get((hit["times_a"] or hit["times_b"] or "").casefold(), 1)
    return _minor(hit["after"] or hit["before"] or hit["slashed"], times, exponent)


def _minor(number: str, times: int, exponent: int) -> int | None:
    value = _value(number)
    if value is None:
        return None
    minor = (value * times).scaleb(exponent)
    return int(minor) if minor == minor.to_integral_value() else None


def _value(number: str) -> Decimal | None:
    if sum(char.isdigit() for char in number) > DIGITS_MAX:
        return None
    try:
        return Decimal(number.replace(",", ""))
    except InvalidOperation:
        return None


def _numbers_in(texts: Sequence[str]) -> set[Decimal]:
    hits = re.findall(_NUMBER, plain("\n".join(texts)))
    return {value for hit in hits if (value := _value(hit)) is not None}


# --- effects -----------------------------------------------------------------------------------


def _claims(text: str, reply: str, facts: Facts) -> Iterator[Offence]:
    words = _words()
    for clause in _CLAUSES.split(text):
        for effect, phrases in words.claims.items():
            hit = phrases.search(clause)
            if hit is None or words.unless.search(clause[: hit.start()]):
                continue
            backed = effect in facts.effects
            if effect in ("ordered", "cancelled") and not _names_any(reply, facts.orders):
                backed = False  # an order that stands is no ground for a new one
            if not backed:
                yield Offence("claim", effect)


def _unsaid(text: str, facts: Facts, exponent: int) -> Iterator[Offence]:
    """What the customer has to read before the next yes, or after this one."""
    for name in sorted(facts.must_name):
        if not _names_any(text, [name]):
            yield Offence("unsaid", f"the order number {name}")
    said = {_minor(hit[0], 1, exponent) for hit in re.finditer(_NUMBER, text)}
    if facts.must_price is not None and facts.must_price not in said:
        yield Offence("unsaid", "the order's total, with the question whether to place it")


def _names_any(text: str, codes: Iterable[str]) -> bool:
    either = "|".join(map(re.escape, codes))
    return (
        bool(either) and re.search(rf"(?<!\w)(?:{either})(?!\w)", text, re.IGNORECASE) is not None
    )


@lru_cache(maxsize=1)
def _words() -> _Words:
    data = tomllib.loads(files("hub.assistant").joinpath("claims.toml").read_text("utf-8"))
    money, claims = data["money"], dict(data["claims"])
    marks, many = _either(money["marks"]), _either(money["times"])
    unless = claims.pop("unless")
    amount = (
        rf"(?<!\w)(?:{marks})\s?(?P<after>{_NUMBER})(?:\s?(?P<times_a>{many})(?!\w))?"
        rf"|(?<![\w.,])(?P<before>{_NUMBER})(?:\s?(?P<times_b>{many}))?\s?(?:{marks})(?!\w|\s?\d)"
        rf"|(?<![\w.,])(?P<slashed>{_NUMBER})\s?/-"
    )
    spelled = rf"(?<!\w)(?:{_either(money['words'])})\s(?:{marks})(?!\w)"
    numbered = r"\s?(?:no\.?|number|id)?\s?[#:]?\s?(\d{3,18})(?!\d)"
    order = rf"(?<!\w)(?:{_either(data['order']['words'])}){numbered}"
    return _Words(
        amount=re.compile(amount, re.IGNORECASE),
        spelled=re.compile(spelled, re.IGNORECASE),
        order=re.compile(order, re.IGNORECASE),
        near=_phrases(money["near"]),
        times={plain(word): many for word, many in money["times"].items()},
        unless=_phrases(unless),
        claims={effect: _phrases(table["phrases"]) for effect, table in claims.items()},
    )


def _either(words: Sequence[str] | dict[str, int]) -> str:
    longest_first = sorted((plain(word) for word in words), key=len, reverse=True)
    return "|".join(map(re.escape, longest_first))


def _phrases(words: Sequence[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{_either(words)})(?!\w)", re.IGNORECASE)
