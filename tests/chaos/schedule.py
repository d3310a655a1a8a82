"""CORE: what goes wrong when, as a pure function of a seed.

A run is a chain of rounds. Within one, faults overlap as they like; at its end everything has to
settle. That pause is no mercy but physics: a restored hub is healed by what the agents still know,
a wiped agent by what the hub still knows, so never may both forget the same moment. A round
therefore has restores of the hub (and the backup that they go back to), or wiped and cloned agents.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import cycle, islice, pairwise
from random import Random
from typing import Final, TypeVar

import msgspec

from tests.chaos.points import AGENT_POINTS, AGENT_START_POINTS, HUB_POINTS, HUB_START_POINTS

T = TypeVar("T")

MESSAGES_PER_ROUND: Final = 250
HUB_SHARE: Final = 0.4  # of the kills; the agents share the rest
NAMED_SHARE: Final = 0.6  # of the kills happen at a named point
NTH_MAX: Final = 3  # a named point is passed at most so often before it kills
JUMPS_S: Final = (-3600, -900, -7, 7, 900, 3600)
"""Wall clocks jump by less than what makes a message stale, which is a rule and no fault."""


class Kind(StrEnum):
    """What goes wrong."""

    KILL = "kill"
    DEPLOY = "deploy"
    BACKUP = "backup"
    RESTORE = "restore"
    WIPE = "wipe"
    CLONE = "clone"
    DISK_FULL = "disk_full"
    CLOCK_JUMP = "clock_jump"
    STOP = "stop"
    CUT_RST = "cut_rst"
    CUT_FIN = "cut_fin"
    DEAF_UP = "deaf_up"
    DEAF_DOWN = "deaf_down"
    HALF_OPEN = "half_open"
    DELAY = "delay"
    NARROW = "narrow"
    SLOW_READER = "slow_reader"
    REORDER = "reorder"
    REFUSE = "refuse"


LINK_KINDS: Final = (
    Kind.CUT_RST,
    Kind.CUT_FIN,
    Kind.DEAF_UP,
    Kind.DEAF_DOWN,
    Kind.HALF_OPEN,
    Kind.DELAY,
    Kind.NARROW,
    Kind.SLOW_READER,
    Kind.REORDER,
    Kind.REFUSE,
)


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Something that goes wrong when message `at` is about to be written.

    `agent`: whom it hits, None for the hub. `point`: where a kill happens, at the `nth` passing;
    without one, at once. `for_s`: how long it lasts. `by_s`: how far a clock is off from then on.
    """

    at: int
    kind: Kind
    agent: int | None = None
    point: str = ""
    nth: int = 1
    for_s: float = 0.0
    by_s: float = 0.0


class Round(msgspec.Struct, frozen=True):
    """The messages `first` up to but not including `end`, and what goes wrong meanwhile."""

    first: int
    end: int
    faults: tuple[Fault, ...]


def plan(seed: int, messages: int, kills: int, agents: int) -> tuple[Round, ...]:
    """The schedule of a run; the same for the same arguments, on every machine."""
    chance = Random(seed)  # noqa: S311 - a schedule, not a secret
    count = max(2, messages // MESSAGES_PER_ROUND)
    bounds = [messages * i // count for i in range(count + 1)]
    faults = [
        *_kills(chance, messages, kills, agents),
        *_links(chance, messages, max(len(LINK_KINDS), kills // 2), agents),
        *_of_processes(chance, messages, kills, agents),
    ]
    for number, (first, end) in enumerate(pairwise(bounds)):
        faults.extend(_of_round(chance, number, first, end, agents))
    faults.sort(key=lambda fault: fault.at)
    return tuple(
        Round(first, end, tuple(fault for fault in faults if first <= fault.at < end))
        for first, end in pairwise(bounds)
    )


def _kills(chance: Random, messages: int, kills: int, agents: int) -> Iterator[Fault]:
    hub_points = cycle(_shuffled(chance, HUB_POINTS * 3 + HUB_START_POINTS))
    agent_points = cycle(_shuffled(chance, AGENT_POINTS * 3 + AGENT_START_POINTS))
    for _ in range(kills):
        hub = chance.random() < HUB_SHARE
        named = chance.random() < NAMED_SHARE
        yield Fault(
            at=chance.randrange(messages),
            kind=Kind.KILL,
            agent=None if hub else chance.randrange(agents),
            point=next(hub_points if hub else agent_points) if named else "",
            nth=chance.randint(1, NTH_MAX),
        )


def _links(chance: Random, messages: int, count: int, agents: int) -> Iterator[Fault]:
    for kind in islice(cycle(_shuffled(chance, LINK_KINDS)), count):
        yield Fault(
            at=chance.randrange(messages),
            kind=kind,
            agent=chance.randrange(agents),
            for_s=round(chance.uniform(0.2, 2.5), 3),
        )


def _of_processes(chance: Random, messages: int, kills: int, agents: int) -> Iterator[Fault]:
    """Deploys, stopped processes, full disks and clocks that jump; at least one of each."""
    for _ in range(max(1, kills // 15)):
        yield Fault(at=chance.randrange(messages), kind=Kind.DEPLOY)
    for kind, count, low_s, high_s in (
        (Kind.STOP, max(2, kills // 10), 0.3, 3.0),
        (Kind.DISK_FULL, max(1, messages // 1000), 0.5, 2.0),
        (Kind.CLOCK_JUMP, max(2, messages // 300), 0.0, 0.0),
    ):
        for number in range(count):
            yield Fault(
                at=chance.randrange(messages),
                kind=kind,
                agent=None if number % 2 else chance.randrange(agents),
                for_s=round(chance.uniform(low_s, high_s), 3),
                by_s=chance.choice(JUMPS_S) if kind is Kind.CLOCK_JUMP else 0.0,
            )


def _of_round(chance: Random, number: int, first: int, end: int, agents: int) -> Iterator[Fault]:
    """A hub that goes back to a backup, or an agent that forgets; see the module's first lines."""
    half = first + (end - first) // 2
    if number % 2 == 0:
        yield Fault(at=chance.randrange(first, half), kind=Kind.BACKUP)
        yield Fault(at=chance.randrange(half, end), kind=Kind.RESTORE)
        return
    yield Fault(at=chance.randrange(first, end), kind=Kind.WIPE, agent=chance.randrange(agents))
    if number % 8 == 1:
        yield Fault(
            at=chance.randrange(first, half),
            kind=Kind.CLONE,
            agent=chance.randrange(agents),
            for_s=round(chance.uniform(1.0, 4.0), 3),
        )


def _shuffled(chance: Random, things: Sequence[T]) -> list[T]:
    return chance.sample(things, len(things))
