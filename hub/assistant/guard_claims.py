"""CORE: what a reply says was done, and nobody did."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from hub.assistant.facts import Facts
from hub.assistant.guard_words import CODE, Claim, Offence, words
from hub.assistant.plain import plain
from hub.assistant.tables import fold

_SENTENCES: Final = re.compile(r"[.!?।؟…]+(?=\s|$)|\n\s*\n")
_CLAUSES: Final = re.compile(r"[.!?;,:\n।؟؛…]+(?=\s|$)|\s[-—]+\s|—")
_SPACED: Final = re.compile(r"(?<!\w)\w(?: \w(?!\w)){3,}")
_ORDER_NO: Final = re.compile(r"[A-Z]{1,5}-\d{3,}")
NAMED: Final = frozenset(("ordered", "cancelled"))
"""What is said of one order: one that stands is no ground for a new one."""


def find(text: str, facts: Facts) -> Iterator[Offence]:
    """Claims in a plain text that have no ground."""
    told = CODE.sub(lambda hit: "order" if _ORDER_NO.fullmatch(hit[0].upper()) else " ", text)
    joined = _SPACED.sub(lambda hit: hit[0].replace(" ", ""), re.sub(r"[*_~`]+", "", told))
    folded = "\n".join(" ".join(map(fold, line.split())) for line in joined.casefold().split("\n"))
    for effect, claim in words().claims.items():
        backed = effect in facts.effects
        if effect in NAMED and not names_any(text, facts.orders):
            backed = False
        if not backed and any(_is_made(claim, one) for one in _SENTENCES.split(folded)):
            yield Offence("claim", effect)


def _is_made(claim: Claim, sentence: str) -> bool:
    for clause in _CLAUSES.split(sentence):
        hit = claim.phrases.search(clause)
        if hit is not None and not claim.excuses.search(clause[: hit.end()]):
            return True
    if claim.things is None or claim.done is None or not claim.things.search(sentence):
        return False
    return any(_is_done(claim, clause) for clause in _CLAUSES.split(sentence))


def _is_done(claim: Claim, clause: str) -> bool:
    last = None if claim.done is None else next(iter(_reversed(claim.done, clause)), None)
    return last is not None and not claim.excuses.search(clause[: last.end()])


def _reversed(pattern: re.Pattern[str], text: str) -> list[re.Match[str]]:
    return list(pattern.finditer(text))[::-1]


def names_any(text: str, codes: Iterable[str]) -> bool:
    """Whether the text has one of the codes, as a whole word."""
    either = "|".join(re.escape(plain(code)) for code in codes)
    return (
        bool(either) and re.search(rf"(?<!\w)(?:{either})(?!\w)", text, re.IGNORECASE) is not None
    )
