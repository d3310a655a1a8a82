"""CORE: what a shop's PC has to live through while customers write, as a pure function of a seed.

Kills are spread over the run: each has a stretch of its own, in which it may strike at any message.
Ten browsers that end within their first minute, one after the other, are a PC on which nothing
helps: the agent then rests for an hour (docs of its driver), which is a rule and no fault.
"""

from collections.abc import Iterator
from enum import StrEnum
from random import Random
from typing import Final

import msgspec

CHATS: Final = 5
BURST_MAX: Final = 3
BURST_GAP_MAX_S: Final = 0.8
WORDS: Final = (
    "bolts", "carton", "please", "price", "today", "washers", "anchor", "delivery", "quick",
    "urgent", "steel", "sample", "brass", "again", "thanks", "tomorrow", "rivets", "colour",
)  # fmt: skip


class Kind(StrEnum):
    """What goes wrong. The first four are deaths by SIGKILL."""

    BROWSER = "browser"  # its main process
    RENDERER = "renderer"  # the process of WhatsApp's page
    HELPER = "helper"  # Playwright's own process, through which the agent speaks with the browser
    AGENT = "agent"
    NETWORK = "network"  # between the page and its network
    CABLE = "cable"  # between the agent and the hub


KILLS: Final = (Kind.BROWSER, Kind.RENDERER, Kind.HELPER, Kind.AGENT)
_KILLS_IN_TURN: Final = (
    Kind.BROWSER, Kind.AGENT, Kind.BROWSER, Kind.RENDERER, Kind.AGENT, Kind.HELPER,
)  # fmt: skip
_AWAY_S: Final = (0.0, 3.0)  # how long a killed agent stays away
_CUT_S: Final = (0.5, 6.0)


class Fault(msgspec.Struct, frozen=True):
    """Something that goes wrong when message `at` is about to be written; `for_s` it lasts."""

    at: int
    kind: Kind
    for_s: float = 0.0
    after_s: float = 0.0


class Line(msgspec.Struct, frozen=True):
    """The message `number`: what is written in which chat, and when, from the beginning on."""

    number: int
    chat: int
    text: str
    at_s: float

    @property
    def word(self) -> str:
        """What stands in this message only."""
        return word_of(self.number)


def word_of(number: int) -> str:
    """The word by which a reply shows which message it answers."""
    return f"ask-{number:06d}"


def plan(seed: int, messages: int, kills: int, cuts: int) -> tuple[Fault, ...]:
    """The faults of a run, in order; the same for the same arguments, on every machine."""
    chance = Random(f"{seed}/faults")  # noqa: S311 - a schedule, not a secret
    faults = [*_kills(chance, messages, kills), *_cuts(chance, messages, cuts)]
    return tuple(sorted(faults, key=lambda fault: fault.at))


def _kills(chance: Random, messages: int, kills: int) -> Iterator[Fault]:
    first = chance.randrange(len(_KILLS_IN_TURN)) if kills > 1 else 0
    for number in range(kills):
        kind = _KILLS_IN_TURN[(first + number) % len(_KILLS_IN_TURN)]
        away_s = round(chance.uniform(*_AWAY_S), 3) if kind is Kind.AGENT else 0.0
        at = _at(chance, messages, number, kills)
        yield Fault(at, kind, away_s, round(chance.random(), 3))


def _cuts(chance: Random, messages: int, cuts: int) -> Iterator[Fault]:
    for number in range(cuts):
        kind = Kind.CABLE if number % 3 == 2 else Kind.NETWORK
        for_s = round(chance.uniform(*_CUT_S), 3)
        yield Fault(_at(chance, messages, number, cuts), kind, for_s, round(chance.random(), 3))


def _at(chance: Random, messages: int, number: int, count: int) -> int:
    """A message of this fault's own stretch of the run."""
    first, end = messages * number // count, messages * (number + 1) // count
    return chance.randrange(first, max(first + 1, end))


def lines(seed: int, messages: int, burst_every_s: float) -> tuple[Line, ...]:
    """What the customers write: each now and then, mostly more than one message in a row."""
    chance = Random(f"{seed}/customers")  # noqa: S311 - a schedule, not a secret
    moments = sorted(
        moment
        for chat in range(CHATS)
        for moment in _moments(chance, chat, messages, burst_every_s)
    )
    return tuple(
        Line(number, chat, _text(chance, number), round(at_s, 3))
        for number, (at_s, chat) in enumerate(moments[:messages])
    )


def _moments(
    chance: Random, chat: int, messages: int, every_s: float
) -> Iterator[tuple[float, int]]:
    """When this customer writes: bursts of up to three messages, one every so often."""
    for burst in range(messages):
        at_s = every_s * (burst + chat / CHATS + chance.uniform(0, 0.1))
        for number in range(chance.randint(1, BURST_MAX)):
            yield at_s + number * chance.uniform(0.2, BURST_GAP_MAX_S), chat


def _text(chance: Random, number: int) -> str:
    return " ".join((word_of(number), *chance.sample(WORDS, chance.randint(2, 6))))
