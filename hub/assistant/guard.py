"""CORE: whether a model's reply says nothing that the shop did not say.

Each amount, number, percentage, code, order number, link, phone, payment address and claimed effect
has to be among the facts. What a customer typed is no ground for an amount. The words by which all
of it is found stand in `claims.toml`.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from hub.assistant import guard_claims, guard_contacts, guard_numbers
from hub.assistant.facts import Facts
from hub.assistant.guard_claims import names_any
from hub.assistant.guard_words import CODE, Offence, words
from hub.assistant.plain import plain as plain

REPLY_MAX_CHARS: Final = 800  # leaves room for an apology and the notice that replies are automatic
HIDDEN_WORDS: Final = 6
"""So many words in a row of what is hidden are no accident."""


def offences(reply: str, facts: Facts, exponent: int) -> tuple[Offence, ...]:
    """Everything in the reply that has no ground; empty for one that may be sent."""
    text = plain(reply[: REPLY_MAX_CHARS + 1])
    if not any(map(str.isalnum, text)):
        return (Offence("empty"),)
    if max(len(reply), len(text)) > REPLY_MAX_CHARS:
        return (Offence("too_long"),)  # what is long takes long to judge
    found, rest = guard_contacts.find(text, facts)
    found += _codes(rest, facts)
    found += guard_numbers.find(_uncoded(rest), facts, exponent)
    found += guard_claims.find(text, facts)
    found += _unsaid(text, facts, exponent)
    found += _leaks(text, facts)
    return tuple(dict.fromkeys(found))


def grounds(said: Sequence[str], exponent: int) -> Facts:
    """What replies that were sent before are ground for: their amounts, codes and numbers."""
    text = plain("\n".join(said))
    codes = {hit[0].upper() for hit in CODE.finditer(text)}
    rest = CODE.sub(" ", text)
    return Facts(
        amounts=guard_numbers.amounts_in(rest, exponent),
        numbers=guard_numbers.numbers_in([rest]),
        percents=guard_numbers.percents_in(rest),
        codes=frozenset(codes),
        orders=frozenset(code for code in codes if _ends_in_number(code)),
    )


# --- codes and order numbers -------------------------------------------------------------------


def _codes(text: str, facts: Facts) -> Iterator[Offence]:
    named = plain("\n".join((*facts.names, *facts.record))).upper()
    for hit in CODE.finditer(text):
        code = hit[0].upper()
        if not _is_code(hit[0]) or code in facts.codes or code in facts.orders:
            continue
        if re.search(rf"(?<![\w-]){re.escape(code)}(?![\w-])", named):
            continue
        yield Offence("order_no" if _ends_in_number(code) else "code", code[:40])
    digits = {re.sub(r"\D", "", number) for number in facts.orders}
    for hit in words().order.finditer(CODE.sub(" ", text)):
        if hit[1] not in digits:
            yield Offence("order_no", hit[1][:20])


def _uncoded(text: str) -> str:
    """The text without codes and the numbers of orders, which were looked at."""
    bare = CODE.sub(lambda hit: " " if _is_code(hit[0]) else hit[0], text)
    return words().order.sub(" ", bare)


def _is_code(text: str) -> bool:
    """Whether hyphens join a code rather than words."""
    return text == text.upper() or any(map(str.isdigit, text))


def _ends_in_number(code: str) -> bool:
    return re.fullmatch(r"[A-Z]{1,5}-\d{3,}", code) is not None


# --- what must be said, and what must not ------------------------------------------------------


def _unsaid(text: str, facts: Facts, exponent: int) -> Iterator[Offence]:
    """What the customer has to read before the next yes, or after this one."""
    for name in sorted(facts.must_name):
        if not names_any(text, [name]):
            yield Offence("unsaid", f"the order number {name}")
    said = guard_numbers.minor_in(text, exponent)
    if facts.must_price is not None and facts.must_price not in said:
        yield Offence("unsaid", "the order's total, with the question whether to place it")


def _leaks(text: str, facts: Facts) -> Iterator[Offence]:
    said = _rows(text)
    if any(not said.isdisjoint(_rows(hidden)) for hidden in facts.hidden):
        yield Offence("rules")


@lru_cache(maxsize=64)
def _rows(text: str) -> frozenset[tuple[str, ...]]:
    """Every few words in a row of a text."""
    spoken = re.findall(r"\w+", plain(text).casefold())
    return frozenset(zip(*(spoken[at:] for at in range(HIDDEN_WORDS)), strict=False))
