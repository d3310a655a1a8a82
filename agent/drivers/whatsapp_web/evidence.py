"""CORE: from what a probe found to the state that is said, and to what is done about it.

`ready` is never believed of a page that did not answer the last probe, and not of one whose badges
say that it keeps something to itself: a page can be linked, on line and quick to answer, and deaf.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec

from agent.drivers.whatsapp_web.ladder import Trouble
from agent.drivers.whatsapp_web.mapping import ADVICE, PageState, whatsapp_state

BAN_HOLD_MS: Final = (
    6 * 3_600_000
)  # WhatsApp tells a ban, never its end: if it lasts, it tells again
_FETCH: Final = (
    "WhatsApp Web shows messages that did not arrive here: the agent is fetching them now."
)
_DEAF: Final = (
    "WhatsApp Web shows unread messages that this agent cannot read: answer those chats on the "
    "shop's phone, and update the agent. Messages are kept."
)
_PROXY: Final = (
    "WhatsApp refuses this computer's way into the internet: switch off its VPN or proxy."
)
_NAMES: Final = {
    Trouble.NOT_READY: "it did not become ready",
    Trouble.BROKEN: "it did not say how it is",
    Trouble.DEAF: "it kept messages to itself",
    Trouble.CRASHED: "its page crashed",
    Trouble.CLOSED: "its page was closed",
    Trouble.HANGS: "it did not answer",
    Trouble.GONE: "the browser ended, or did not start",
}


_LACKS_SHOWN: Final = 3


class Hears(StrEnum):
    """How far we are with messages that WhatsApp shows as unread and that were never recorded."""

    ALL = "all"
    WAITS = "waits"  # they may be on their way here
    FETCHED = "fetched"  # they were asked for
    RELOADED = "reloaded"  # the page was loaded anew for them
    DEAF = "deaf"  # nothing helped


class Hearing(msgspec.Struct, frozen=True):
    """Since when we are so far, and when the page was last loaded for it; monotonic seconds."""

    hears: Hears = Hears.ALL
    since: float = 0.0
    reloaded_at: float | None = None


class Remedy(StrEnum):
    """What to do about unheard messages now."""

    FETCH = "fetch"  # read the chats in which they are
    RELOAD = "reload"  # also when reading helped: the next ones would not be heard either


class Patience(msgspec.Struct, frozen=True):
    """Seconds."""

    unheard_s: float = 60.0  # a message on its way: its turn, a lookup, the daemon's disk
    fetch_again_s: float = 600.0
    reload_again_s: float = 900.0


def listen(
    hearing: Hearing, lacking: int, now: float, patience: Patience
) -> tuple[Hearing, Remedy | None]:
    """What `lacking` unheard messages mean after what is known of earlier ones."""
    hears, reloaded_at = hearing.hears, hearing.reloaded_at
    may_reload = reloaded_at is None or now - reloaded_at >= patience.reload_again_s
    waited_s = now - hearing.since
    if lacking == 0:
        if hears is Hears.FETCHED and may_reload:
            return Hearing(Hears.ALL, now, now), Remedy.RELOAD
        return Hearing(reloaded_at=reloaded_at), None
    match hears:
        case Hears.ALL:
            return Hearing(Hears.WAITS, now, reloaded_at), None
        case Hears.WAITS if waited_s >= patience.unheard_s:
            return Hearing(Hears.FETCHED, now, reloaded_at), Remedy.FETCH
        case Hears.FETCHED if may_reload:
            return Hearing(Hears.RELOADED, now, now), Remedy.RELOAD
        case Hears.FETCHED | Hears.RELOADED:
            return Hearing(Hears.DEAF, now, reloaded_at), Remedy.FETCH
        case Hears.DEAF if waited_s >= patience.fetch_again_s:
            return Hearing(Hears.DEAF, now, reloaded_at), Remedy.FETCH
    return hearing, None


class Findings(msgspec.Struct, frozen=True):
    """All that a state is judged by. `answered`: this document answered its last probe."""

    page: PageState
    answered: bool
    hears: Hears
    was_linked: bool
    is_banned: bool
    lacks: tuple[str, ...] | None = ()  # what the self-test missed; None: it has not ended yet


class Verdict(msgspec.Struct, frozen=True):
    """The protocol's word, and one sentence for the shop owner."""

    whatsapp: str
    advice: str


def judge(findings: Findings) -> Verdict:
    """What is said of WhatsApp."""
    page = findings.page
    whatsapp = whatsapp_state(page, was_linked=findings.was_linked)
    if findings.is_banned and whatsapp not in ("qr", "logged_out"):
        return plain("restricted")
    if whatsapp == "restricted" and page.mode == "PROXYBLOCK":
        return Verdict(whatsapp, _PROXY)
    if findings.lacks and whatsapp in ("starting", "syncing", "ready"):
        return lacking(findings.lacks)
    if whatsapp != "ready":
        return plain(whatsapp)
    if not findings.answered or findings.lacks is None:
        return plain("syncing")
    match findings.hears:
        case Hears.ALL | Hears.WAITS:
            return plain("ready")
        case Hears.FETCHED | Hears.RELOADED:
            return Verdict("syncing", _FETCH)
        case Hears.DEAF:
            return Verdict("page_changed", _DEAF)


def plain(whatsapp: str) -> Verdict:
    """A state with its usual advice."""
    return Verdict(whatsapp, ADVICE[whatsapp])


def lacking(functions: Sequence[str]) -> Verdict:
    """What is said of a page on which wa-js cannot do all that we call."""
    shown = ", ".join(functions[:_LACKS_SHOWN]) + ("…" if len(functions) > _LACKS_SHOWN else "")
    return Verdict(
        "page_changed",
        f"WhatsApp Web changed, and this agent cannot work with it ({shown}): run `sak-agent "
        "update-bundle`, and answer on the shop's phone meanwhile. Nothing is lost.",
    )


def resting(trouble: Trouble, rest_s: float) -> Verdict:
    """What is said while the agent has stopped trying."""
    why = _NAMES.get(trouble, "it could not be reached")
    return Verdict(
        "stopped",
        f"WhatsApp Web could not be brought back ({why}): press *Try again now* in this "
        f"agent's panel, or update the agent; it tries by itself every "
        f"{max(1, round(rest_s / 60))} minutes. Messages are kept.",
    )


def is_banned(restricted_ms: int | None, lifted_ms: int, now_ms: int) -> bool:
    """Whether a ban that WhatsApp told of holds, unless a person has lifted it since."""
    if restricted_ms is None or restricted_ms <= lifted_ms:
        return False
    return now_ms - restricted_ms < BAN_HOLD_MS
