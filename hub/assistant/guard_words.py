"""CORE: what the guard finds in a reply, and the words by which it does: `claims.toml`."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Final, Literal

import msgspec

from hub.assistant.facts import Effect
from hub.assistant.plain import plain
from hub.assistant.tables import fold

Kind = Literal[
    "empty",
    "too_long",
    "amount",
    "percent",
    "number",
    "code",
    "order_no",
    "link",
    "phone",
    "payment_address",
    "claim",
    "unsaid",
    "rules",
]

NUMBER: Final = r"\d+(?:,\d{2,3})*(?:\.\d+)?"
CODE: Final = re.compile(r"(?<![\w-])[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)+(?![\w-])")
_LEFT: Final = r"(?<![\w\u0900-\u0963\u064b-\u065f])"
_RIGHT: Final = r"(?![\w\u0900-\u0963])"


class Offence(msgspec.Struct, frozen=True):
    """What is wrong with a reply; `what` is a bounded piece of it, or what it fails to say."""

    kind: Kind
    what: str = ""


class Claim(msgspec.Struct, frozen=True):
    """How an effect is claimed: by a phrase, or by a thing and what was done in one sentence."""

    phrases: re.Pattern[str]
    things: re.Pattern[str] | None
    done: re.Pattern[str] | None
    excuses: re.Pattern[str]


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a language has to tell the guard."""

    amount: re.Pattern[str]
    marks: frozenset[str]
    times: Mapping[str, int]
    near: re.Pattern[str]
    priced: re.Pattern[str]
    counts: frozenset[str]
    percents: frozenset[str]
    zeros: frozenset[str]
    order: re.Pattern[str]
    domains: frozenset[str]
    dotted: re.Pattern[str]
    handles: re.Pattern[str]
    claims: Mapping[Effect, Claim]


@lru_cache(maxsize=1)
def words() -> Words:
    """The words of this house."""
    data = tomllib.loads(files("hub.assistant").joinpath("claims.toml").read_text("utf-8"))
    money, links = data["money"], data["links"]
    times = {plain(word): many for word, many in money["times"].items()}
    numbered = r"\s?(?:no\.?|number|id)?\s?[#:]?\s?(\d{3,18})(?!\d)"
    order = rf"(?<!\w)(?:{either(data['order']['words'])}){numbered}"
    near = phrases(money["near"])
    domains = either(links["domains"])
    return Words(
        amount=_amount(money["marks"], times),
        marks=frozenset(map(fold, map(str.casefold, money["marks"]))),
        times=times,
        near=near,
        priced=re.compile(
            rf"(?:{near.pattern})(?:\s(?:{phrases(money['between']).pattern}))*[\s:=→(*.-]{{0,6}}$",
            re.IGNORECASE,
        ),
        counts=frozenset(fold(plain(word)) for word in money["counts"]),
        percents=frozenset(fold(plain(word)) for word in money["percents"]),
        zeros=frozenset(fold(plain(word)) for word in money["zeros"]),
        order=re.compile(order, re.IGNORECASE),
        domains=frozenset(links["domains"]),
        dotted=re.compile(
            rf"(?<=\w)\s?(?:[\[({{]\s?(?:dot|\.)\s?[\])}}]\s?|\s(?:dot|\.)\s?(?=(?:{domains})\b)"
            rf"|\.\s(?=(?:{domains})\b/))",
            re.IGNORECASE,
        ),
        handles=re.compile(rf"(?<=\w)\sat\s(?=(?:{either(links['handles'])})\b)", re.IGNORECASE),
        claims=_claims(data["excuses"], data["claims"]),
    )


def _amount(marks: list[str], times: Mapping[str, int]) -> re.Pattern[str]:
    """A number with a mark of money on either side of it."""
    many = either(times)
    signs = either(mark for mark in marks if not mark[0].isalnum())
    named = either(mark for mark in marks if mark[0].isalnum())
    grouped = rf"{NUMBER}(?:(?: \d{{2}})* \d{{3}})?(?![\d%])"
    return re.compile(
        rf"(?:{signs}|(?<![^\W\d_])(?:{named}))[\s:=(.-]{{0,4}}(?P<after>{grouped})"
        rf"(?:\s?(?P<times_a>{many})(?!\w))?(?P<stuck>[A-Za-z]*)"
        rf"|(?<![\w.,])(?P<before>{grouped})(?:\s?(?P<times_b>{many}))?\s?"
        rf"(?:{signs}|(?:{named})(?!\w))(?!\s?\d)"
        rf"|(?<![\w.,])(?P<slashed>{grouped})\s?/-",
        re.IGNORECASE,
    )


def _claims(
    excuses: Mapping[str, list[str]], claims: Mapping[str, Mapping[str, list[str]]]
) -> dict[Effect, Claim]:
    found: dict[Effect, Claim] = {}
    for effect, table in claims.items():
        kinds = table.get("excuses", list(excuses))
        found[effect] = Claim(  # type: ignore[index]
            phrases=phrases(table.get("phrases", [])),
            things=phrases(table["things"]) if "things" in table else None,
            done=phrases(table["done"]) if "done" in table else None,
            excuses=phrases([*table.get("but", []), *(w for kind in kinds for w in excuses[kind])]),
        )
    return found


def either(alternatives: Iterable[str]) -> str:
    """A pattern for any of the words, the longest first."""
    longest_first = sorted({plain(word) for word in alternatives}, key=len, reverse=True)
    return "|".join(map(re.escape, longest_first))


def phrases(alternatives: Iterable[str]) -> re.Pattern[str]:
    """A pattern for any of the phrases as whole words, folded.

    `^` in front: at the beginning of a clause; `*` behind: whatever the word ends in.
    """
    patterns = [_phrase(one) for one in sorted(alternatives, key=len, reverse=True)]
    return re.compile("|".join(patterns) or r"(?!)", re.IGNORECASE)


def _phrase(phrase: str) -> str:
    folded = " ".join(fold(word) for word in plain(phrase.strip("^*")).casefold().split())
    front = r"^\W*" if phrase.startswith("^") else _LEFT
    return front + re.escape(folded) + (r"\w*" if phrase.endswith("*") else _RIGHT)
