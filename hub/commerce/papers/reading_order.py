"""CORE: a line of mixed scripts as runs from left to right, by Unicode's bidirectional algorithm.

The rules are those of UAX 9 by their names there. Left out is what no shop writes into a name:
explicit embeddings and isolates, brackets beyond the three ASCII pairs, accents on a bracket.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Final
from unicodedata import bidirectional

import msgspec

_PAIRS: Final = {"(": ")", "[": "]", "{": "}"}
_MIRRORED: Final = str.maketrans("()[]{}<>«»", ")(][}{><»«")
_STRONG: Final = ("L", "R", "AL")
_NEUTRAL: Final = ("B", "S", "WS", "ON")
_PAIRS_MAX: Final = 63  # BD16


class Run(msgspec.Struct, frozen=True):
    """Characters in the order in which they are read, all in one direction."""

    text: str
    is_rtl: bool


def is_rtl(text: str) -> bool:
    """P2, P3: whether the first letter is one that is written from the right."""
    kinds = map(bidirectional, text)
    return next((kind for kind in kinds if kind in _STRONG), "L") != "L"


def visual(line: str, *, from_right: bool) -> list[Run]:
    """The runs of a line as they stand from left to right, in a paragraph of this direction."""
    levels = _levels(line, int(from_right))
    runs: list[tuple[int, str]] = []
    at = 0
    for level, group in groupby(levels):
        size = len(list(group))
        runs.append((level, line[at : at + size]))
        at += size
    for floor in range(max(levels, default=0), 0, -1):  # L2
        runs = _reversed_from(runs, floor)
    return [Run(text, bool(level % 2)) for level, text in runs]


def mirrored(text: str) -> str:
    """L4: what stands in a run from the right, from left to right."""
    return text[::-1].translate(_MIRRORED)


def _reversed_from(runs: list[tuple[int, str]], floor: int) -> list[tuple[int, str]]:
    """The runs with every sequence at or above the level `floor` turned round."""
    turned: list[tuple[int, str]] = []
    for is_above, group in groupby(runs, key=lambda run: run[0] >= floor):
        sequence = list(group)
        turned += reversed(sequence) if is_above else sequence
    return turned


def _levels(line: str, base: int) -> list[int]:
    around = "R" if base else "L"
    kinds = [bidirectional(char) or "L" for char in line]
    _resolve_marks(kinds, around)
    _resolve_numbers(kinds, around)
    _resolve_separators(kinds)
    _resolve_strays(kinds, around)
    _resolve_brackets(line, kinds, around)
    _resolve_neutrals(kinds, around)
    if base:  # I2
        return [1 if kind == "R" else 2 for kind in kinds]
    return [{"L": 0, "R": 1}.get(kind, 2) for kind in kinds]  # I1


def _resolve_marks(kinds: list[str], around: str) -> None:
    """W1; joiners, which UAX 9 lets go, are taken for marks."""
    for at, kind in enumerate(kinds):
        if kind in ("NSM", "BN"):
            kinds[at] = kinds[at - 1] if at else around


def _resolve_numbers(kinds: list[str], around: str) -> None:
    """W2, W3."""
    strong = around
    for at, kind in enumerate(kinds):
        if kind in _STRONG:
            strong = kind
        elif kind == "EN" and strong == "AL":
            kinds[at] = "AN"
    kinds[:] = ["R" if kind == "AL" else kind for kind in kinds]


def _resolve_separators(kinds: list[str]) -> None:
    """W4, W5, W6."""
    for at in range(1, len(kinds) - 1):
        before, kind, after = kinds[at - 1 : at + 2]
        if before == after and (
            (kind == "ES" and before == "EN") or (kind == "CS" and before in ("EN", "AN"))
        ):
            kinds[at] = before
    at = 0
    for kind, group in groupby(list(kinds)):
        end = at + len(list(group))
        beside = (kinds[at - 1] if at else "", kinds[end] if end < len(kinds) else "")
        if kind == "ET":
            kinds[at:end] = ["EN" if "EN" in beside else "ON"] * (end - at)
        at = end
    kinds[:] = ["ON" if kind in ("ES", "CS") else kind for kind in kinds]


def _resolve_strays(kinds: list[str], around: str) -> None:
    """W7."""
    strong = around
    for at, kind in enumerate(kinds):
        if kind in ("L", "R"):
            strong = kind
        elif kind == "EN" and strong == "L":
            kinds[at] = "L"


def _resolve_brackets(line: str, kinds: list[str], around: str) -> None:
    """N0."""
    for opens, closes in _pairs(line, kinds):
        inside = {_direction(kind) for kind in kinds[opens + 1 : closes]} - {""}
        if not inside:
            continue
        found = around
        if around not in inside:
            before = (_direction(kind) for kind in reversed(kinds[:opens]))
            found = next((one for one in before if one), around)
        kinds[opens] = kinds[closes] = found


def _pairs(line: str, kinds: Sequence[str]) -> list[tuple[int, int]]:
    """BD16: where the brackets that belong together stand."""
    stack: list[tuple[str, int]] = []
    pairs: list[tuple[int, int]] = []
    for at, char in enumerate(line):
        if kinds[at] != "ON":
            continue
        if char in _PAIRS:
            if len(stack) == _PAIRS_MAX:
                break
            stack.append((_PAIRS[char], at))
            continue
        opened = [place for place, (closer, _) in enumerate(stack) if closer == char]
        if opened:
            pairs.append((stack[opened[-1]][1], at))
            del stack[opened[-1] :]
    return sorted(pairs)


def _resolve_neutrals(kinds: list[str], around: str) -> None:
    """N1, N2."""
    at = 0
    for is_neutral, group in groupby(list(kinds), key=lambda kind: kind in _NEUTRAL):
        end = at + len(list(group))
        if is_neutral:
            before = _direction(kinds[at - 1]) if at else around
            after = _direction(kinds[end]) if end < len(kinds) else around
            kinds[at:end] = [before if before == after else around] * (end - at)
        at = end


def _direction(kind: str) -> str:
    """Which way something pulls the neutrals beside it; numbers do as letters from the right."""
    return "R" if kind in ("R", "EN", "AN") else "L" if kind == "L" else ""
