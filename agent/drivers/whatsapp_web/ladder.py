"""CORE: what is done about a page that is in trouble, and when that ends.

    reload → new page → new browser → … with growing pauses … → rest

Each trouble has the rung that can cure it; one that comes back before the page was well for a
while is taken one rung higher. After `starts_max` browsers in vain the agent rests: whoever looks
after the shop is told, and once an hour one more browser is started, so that a PC left alone comes
back by itself. A network that is away is no trouble of the page: it is waited for, without an end.

Which rung cures what was measured: a page whose renderer died cannot be loaded again, a new one
can; one that hangs is only ended with its browser.
"""

from enum import IntEnum, StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace


class Trouble(StrEnum):
    """What is wrong."""

    UNREACHABLE = "unreachable"  # no way to WhatsApp's server, or to its sockets
    NOT_READY = "not_ready"  # the page is there, but not as this agent knows it
    BROKEN = "broken"  # the page answers, but not what was asked
    DEAF = "deaf"  # messages stand in the page that it did not tell of
    CRASHED = "crashed"  # its renderer died
    CLOSED = "closed"  # somebody closed its tab
    HANGS = "hangs"  # it does not answer
    GONE = "gone"  # the browser ended, or did not start
    WORN = "worn"  # nothing is wrong: the browser has grown, or is old
    UPDATED = "updated"  # nothing is wrong: there is another wa-js for it


class Rung(IntEnum):
    """What is done, from the least to the most."""

    RELOAD = 1
    PAGE = 2
    BROWSER = 3
    REST = 4


_CURES: Final = {
    Trouble.UNREACHABLE: Rung.RELOAD,
    Trouble.NOT_READY: Rung.RELOAD,
    Trouble.BROKEN: Rung.RELOAD,
    Trouble.DEAF: Rung.RELOAD,
    Trouble.CRASHED: Rung.PAGE,
    Trouble.CLOSED: Rung.PAGE,
    Trouble.HANGS: Rung.BROWSER,
    Trouble.GONE: Rung.BROWSER,
    Trouble.WORN: Rung.BROWSER,
    Trouble.UPDATED: Rung.RELOAD,
}
_WAITS_TO_A_BROWSER: Final = 5  # tries without a network; a new browser knows other name servers
HOUR_S: Final = 3600.0


class Policy(msgspec.Struct, frozen=True):
    """The ladder's figures; `_s` are seconds."""

    delays_s: tuple[float, ...] = (0.5, 1.0, 2.0, 3.0, 5.0, 15.0, 30.0, 60.0)
    starts_max: int = 10  # browsers in a row that brought nothing
    steady_s: float = 60.0  # well for so long: what went before is forgotten
    rest_s: float = HOUR_S


class Ladder(msgspec.Struct, frozen=True):
    """How far up we are since the page was last well for a while."""

    rung: Rung | None = None
    starts: int = 0
    waits: int = 0


class Step(msgspec.Struct, frozen=True):
    """Wait so long, then do this; `REST` is the waiting itself."""

    rung: Rung
    delay_s: float


def climb(ladder: Ladder, trouble: Trouble, calm_s: float, policy: Policy) -> tuple[Ladder, Step]:
    """What to do about a trouble of a page that had been well, ready or not, for `calm_s`."""
    if calm_s >= policy.steady_s:
        ladder = Ladder()
    if trouble is Trouble.WORN:
        return Ladder(), Step(Rung.BROWSER, 0)
    if trouble is Trouble.UPDATED:
        return ladder, Step(Rung.RELOAD, 0)
    if trouble is Trouble.UNREACHABLE:
        return _wait(ladder, policy)
    rung = _CURES[trouble]
    if ladder.rung is not None:
        rung = max(rung, min(Rung.BROWSER, Rung(ladder.rung + 1)))
    if rung is not Rung.BROWSER:
        return Ladder(rung, ladder.starts), Step(rung, 0)
    if ladder.starts >= policy.starts_max:
        return Ladder(Rung.BROWSER, ladder.starts), Step(Rung.REST, policy.rest_s)
    return Ladder(rung, ladder.starts + 1), Step(rung, _delay_s(ladder.starts, policy))


def _wait(ladder: Ladder, policy: Policy) -> tuple[Ladder, Step]:
    waits = ladder.waits + 1
    rung = Rung.BROWSER if waits % _WAITS_TO_A_BROWSER == 0 else Rung.RELOAD
    return replace(ladder, waits=waits), Step(rung, _delay_s(ladder.waits, policy))


def _delay_s(count: int, policy: Policy) -> float:
    return policy.delays_s[min(count, len(policy.delays_s) - 1)]


class Takeovers(msgspec.Struct, frozen=True):
    """When WhatsApp was taken back from another window, monotonic; the newest last."""

    at: tuple[float, ...] = ()


TAKEOVERS_PER_HOUR: Final = 3


def take_over(takeovers: Takeovers, now: float) -> Takeovers | None:
    """The takeovers with one more at `now`; None when two PCs would only fight over it."""
    recent = tuple(at for at in takeovers.at if now - at < HOUR_S)
    if len(recent) >= TAKEOVERS_PER_HOUR:
        return None
    return Takeovers((*recent, now))
