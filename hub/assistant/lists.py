"""CORE: what is to be done with the parts of a message, and for which of them a quantity counts.

All of it is decided from the words alone, in the order in which they stand.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec

from hub.assistant.amounts import UNCOUNTED, Amount, Mark, is_size
from hub.assistant.quantities import wanted
from hub.assistant.tables import Kind


class Act(StrEnum):
    """What is to be done with the quantity of an item."""

    NAME = "name"  # it is only named: a wish or a question
    ADD = "add"
    SET = "set"
    REMOVE = "remove"
    DENY = "deny"  # it is not what is wanted: out with it, if it is in
    DOUBLE = "double"


VERBS: Final[frozenset[Kind]] = frozenset(("add", "set", "remove", "less", "double"))
"""What a part may say of its own that is to be done."""


class Part(msgspec.Struct, frozen=True):
    """The words of an item with what is said in them, and the line that they stand in.

    `joined`: an "and" or a "+" stands in front of it.
    """

    words: tuple[str, ...]
    amounts: tuple[Amount, ...]
    named: tuple[str, ...]
    marks: tuple[Mark, ...]
    line: int
    joined: bool = False

    @property
    def amount(self) -> Amount | None:
        counted = [a for a in self.amounts if not is_size(a, self.words)]
        return wanted(counted, (), self.words)

    def says(self, kind: Kind) -> bool:
        return any(kind in mark.kinds for mark in self.marks)

    @property
    def verbs(self) -> frozenset[Kind]:
        """What it says is to be done."""
        return frozenset(kind for mark in self.marks for kind in mark.kinds) & VERBS

    @property
    def begins_named(self) -> bool:
        """Whether a product is named before the amount."""
        amount = self.amount
        before = self.words if amount is None else self.words[: amount.start]
        return any(word in self.named for word in before)

    def leads_to_name(self, mark: Mark) -> bool:
        """Whether a mark stands first, and right in front of a name: `no oil`."""
        return mark.start == 0 and self.words[mark.end : mark.end + 1] == self.named[:1]

    @property
    def is_for_each(self) -> bool:
        return self.says("each") or any(amount.each for amount in self.amounts)


def acts(parts: Sequence[Part], *, after_change: bool) -> list[Act]:
    """What is to be done with each part: by its own words, or by those of its neighbours."""
    own = [_own_act(part, at, after_change=after_change) for at, part in enumerate(parts)]
    own = [Act.DENY if _denies(parts, at) else act for at, act in enumerate(own)]
    acts: list[Act] = []
    going_on, governor = Act.NAME, None
    for at, (part, act) in enumerate(zip(parts, own, strict=True)):
        if at > 0 and goes_on(parts[at - 1], part):
            act = Act.REMOVE if acts[-1] is Act.REMOVE else Act.ADD
        elif act is None:
            going_on = Act.NAME if governor is None or _ends(governor, part) else going_on
            act = _verb_behind(parts, own, at) or (going_on if part.named else Act.NAME)
        elif _governs(part):
            going_on, governor = act, part
        acts.append(act)
    return acts


def _ends(governor: Part, part: Part) -> bool:
    """Whether what is taken out ends here: of "no oil, sugar 10" sugar is wanted."""
    if part.says("wish"):
        return True
    return governor.says("remove") and governor.amount is None and part.amount is not None


def _denies(parts: Sequence[Part], at: int) -> bool:
    """Whether a part only names what is not wanted, where another says what is.

    `no oil, just sugar 8`; `cheeni nahi, chawal 5`.
    """
    part = parts[at]
    others = (other for place, other in enumerate(parts) if place != at)
    if part.amount is not None or part.verbs or not part.named:
        return False
    if not any(other.named and (other.amount is not None or other.verbs) for other in others):
        return False
    words = [mark for mark in part.marks if "correct" in mark.kinds]
    return bool(words) and (_is_denied(part) or part.leads_to_name(words[0]))


def goes_on(before: Part, part: Part) -> bool:
    """Whether a part only says how many more in another measure: `2 boxes and 50 pieces`."""
    if before.amount is None or part.amount is None or part.verbs or part.says("correct"):
        return False
    alike = set(part.named) <= set(before.named) and not (before.is_for_each or part.is_for_each)
    counted = before.amount.measure is not None or bool(part.named)  # else "100 and 1000 pcs"
    apart = counted and before.amount.measure != part.amount.measure
    return part.joined and alike and apart


def names_both(part: Part, behind: Part) -> bool:
    """Whether the name stands behind the second amount: `2 boxes and 50 pieces of soap`."""
    amounts = (part.amount, behind.amount)
    measures = {None if amount is None else amount.measure for amount in amounts}
    counted = len(measures) > 1 and None not in measures
    said = part.named or part.verbs or behind.verbs or behind.begins_named
    return counted and behind.joined and bool(behind.named) and not said


def _own_act(part: Part, at: int, *, after_change: bool) -> Act | None:
    if part.says("remove") or (part.says("less") and part.amount is not None):
        return Act.REMOVE
    if part.says("double"):
        return Act.DOUBLE
    if part.says("add") or _says_more(part, first=at == 0):
        return Act.ADD
    if part.says("set") or (part.says("only") and part.amount is not None):
        return Act.SET
    bare = part.amount is not None and not part.named
    return Act.SET if bare and (after_change or part.says("correct")) else None


def _says_more(part: Part, *, first: bool) -> bool:
    """`5 more`; `aur 2`, where the word for "and" stands first or last."""
    for mark in part.marks:
        leads = first and mark.start == 0
        ends = mark.end == len(part.words)
        if "more" in mark.kinds and ("and" not in mark.kinds or leads or ends):
            return part.amount is not None
    return False


def _governs(part: Part) -> bool:
    """Whether what the part says goes on for the next: "add 2 oil and 5 sugar"."""
    return bool(part.verbs) and not _ends_in_verb(part)


def _ends_in_verb(part: Part) -> bool:
    """Whether the verb stands last, as in Hindi: "cheeni aur namak daal do"."""
    verbs = [mark for mark in part.marks if not mark.kinds.isdisjoint(VERBS)]
    return bool(verbs) and verbs[-1].end == len(part.words) and verbs[-1].start > 0


def _verb_behind(parts: Sequence[Part], own: Sequence[Act | None], at: int) -> Act | None:
    """The act of the next part that has one, if its verb stands last or alone."""
    for behind in range(at + 1, len(parts)):
        if own[behind] is None:
            continue
        part = parts[behind]
        if own[behind] is Act.REMOVE and _ends(part, parts[at]):
            return None  # "sugar 10, take out oil"
        alone = not part.named and part.amount is None and part.line >= parts[at].line
        return own[behind] if part.verbs and (_ends_in_verb(part) or alone) else None
    return None


def is_for_all(part: Part, act: Act) -> bool:
    if part.named:
        return False
    everything = part.is_for_each or part.says("both") or part.says("all")
    return everything and (part.amount is not None or act is Act.REMOVE)


def lenders(parts: Sequence[Part]) -> list[int | None]:
    """For each part the place of the one whose amount counts for it, too."""
    lenders: list[int | None] = [None] * len(parts)
    for at, part in enumerate(parts):
        if part.amount is None and not _has_size_for_each(part):
            continue
        for place in _covered(parts, at):
            other = parts[place]
            free = other.amount is None and other.named and lenders[place] is None
            if free and not (differ(other, part) or _is_denied(other) or _denies(parts, place)):
                lenders[place] = at
    return lenders


def differ(part: Part, other: Part) -> bool:
    """Whether each says something else is to be done: "remove rice and add 10 bags"."""
    return bool(part.verbs and other.verbs) and part.verbs.isdisjoint(other.verbs)


def are_two(part: Part, behind: Part) -> bool:
    """Whether each has an amount, and the first says what is to be done: `add 2 and sugar 5`."""
    counted = part.amount is not None and behind.amount is not None
    return counted and bool(part.verbs) and behind.joined and behind.begins_named


def takes_back(part: Part) -> bool:
    """Whether a part only says another number: `no, 3`."""
    return part.says("correct") and part.amount is not None and not part.named


def _is_denied(part: Part) -> bool:
    """`cheeni nahi`: what is named is just not wanted."""
    return any("correct" in mark.kinds and mark.end == len(part.words) for mark in part.marks)


def _has_size_for_each(part: Part) -> bool:
    """`2 kg each`: a weight that is no product's size."""
    return part.is_for_each and any(a.measure != UNCOUNTED for a in part.amounts)


def _covered(parts: Sequence[Part], at: int) -> range:
    """The places that the amount of the part at `at` speaks for, besides its own."""
    part = parts[at]
    everything = part.is_for_each or part.says("both") or (part.says("all") and not part.named)
    if everything:
        leads = not part.begins_named if part.named else at == 0
        return range(at + 1, len(parts)) if leads else range(at)  # "10 each: 8x80, 8x100"
    return _just_listed(parts, at)


def _just_listed(parts: Sequence[Part], at: int) -> range:
    """The places of the items without an amount right before one that ends in an amount."""
    part = parts[at]
    if part.named and not part.begins_named:
        return range(0)  # "8x60, 2 boxes washer": its own
    first = at
    while first > 0 and _is_open(parts[first - 1], part):
        first -= 1
    before = parts[first - 1] if first > 0 else None
    if before is not None and before.line == part.line and before.amount is not None:
        return range(0)  # "sugar 5, oil, rice 10": nobody knows
    return range(first, at) if part.named or at - first > 1 else range(0)


def _is_open(part: Part, behind: Part) -> bool:
    """Whether an item waits for the amount of `behind`, which on its own line may name nothing."""
    return (
        part.amount is None and bool(part.named) and not (behind.named and part.line != behind.line)
    )
