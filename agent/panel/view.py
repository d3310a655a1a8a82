"""What the page shows, as one struct; made anew for each look at it."""

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Final, Literal

import msgspec

from agent.attention import Attention, Bell
from agent.clock import Clock
from agent.drivers.driver import Driver, Evidence, Linkable, LinkOffer, Mendable
from agent.journal import DAY_MS, Journal
from agent.link import LinkStatus, Phase
from agent.pairing import SOFTWARE
from agent.panel import words
from agent.panel.stored import Seen, ending, stored
from agent.panel.words import Said
from agent.settings import Settings
from protocol.messages import Sweep
from protocol.scrub import scrub_text

_SHOWN: Final = frozenset(
    {"link", "logged_out", "restricted", "conflict", "page_changed", "stopped", "hub_refused"}
)
"""Needs that the state of WhatsApp or of the hub shows already."""


Mend = Literal["take_over", "begin_anew"]
MENDS: Final[dict[str, Mend]] = {
    "conflict": "take_over",
    "stopped": "begin_anew",
    "page_changed": "begin_anew",
}
_UNLINKED: Final = ("qr", "logged_out")


class Sources(msgspec.Struct, frozen=True):
    """Where the panel looks."""

    settings: Settings
    journal: Journal
    clock: Clock
    driver: Driver
    hub: Callable[[], LinkStatus]
    bell: Bell
    swept: Callable[[], Sweep | None]


class Code(msgspec.Struct, frozen=True):
    """What links the phone: a drawing of so many modules, or letters to type."""

    expires_ms: int | None
    attempt: int
    attempts_max: int
    size: int
    path: str
    letters: str


class WhatsApp(msgspec.Struct, frozen=True):
    """`number` is how the shop's own number ends.

    `can_link` and `mend` are what buttons may ask of the driver now.
    """

    state: str
    said: Said
    number: str
    code: Code | None
    can_link: bool
    mend: Mend | None
    evidence: Evidence | None


class Hub(msgspec.Struct, frozen=True):
    phase: str
    said: Said
    since_ms: int
    retry_ms: int | None


class Waiting(msgspec.Struct, frozen=True):
    """What waits: for the hub, for files, for its turn to be sent; and what could not be read."""

    events: int
    files: int
    orders: int
    quarantined: int
    events_since_ms: int | None
    orders_since_ms: int | None


class Today(msgspec.Struct, frozen=True):
    """Since midnight on this PC."""

    seen: int
    sent: int
    by_owner: int
    failed: int
    unknown: int


class View(msgspec.Struct, frozen=True):
    """The panel at one moment; `now_ms` is what its ages count from."""

    now_ms: int
    shop: str
    version: str
    paused: bool
    whatsapp: WhatsApp
    hub: Hub
    needs: tuple[Attention, ...]
    waiting: Waiting
    today: Today
    last_inbound_ms: int | None
    swept_ms: int | None
    recent: tuple[Seen, ...]


async def look(sources: Sources) -> View:
    """Ask everybody; JournalError."""
    journal, now_ms = sources.journal, sources.clock.now_ms()
    facts, counts = await journal.facts(), await journal.counts(midnight_ms(now_ms))
    kept = await journal.look(lambda tx: stored(tx, now_ms - 7 * DAY_MS))
    identity, hub, swept = await journal.identity(), sources.hub(), sources.swept()
    return View(
        now_ms=now_ms,
        shop=identity.tenant_id if identity is not None else "",
        version=SOFTWARE.version,
        paused=facts.paused,
        whatsapp=_whatsapp(sources.driver, paused=facts.paused, hub=hub.phase),
        hub=Hub(hub.phase, words.of_hub(hub), hub.since_ms, hub.retry_ms),
        needs=tuple(_scrubbed(one) for one in sources.bell.open if one.kind not in _SHOWN),
        waiting=Waiting(
            events=facts.outbox,
            files=facts.arrivals,
            orders=facts.inbox,
            quarantined=kept.quarantined,
            events_since_ms=kept.events_since_ms,
            orders_since_ms=kept.orders_since_ms,
        ),
        today=Today(
            counts.received, counts.answered, counts.from_owner, counts.failed, counts.unknown
        ),
        last_inbound_ms=facts.last_inbound_ms,
        swept_ms=swept.at.ms if swept is not None else None,
        recent=kept.recent,
    )


def _scrubbed(one: Attention) -> Attention:
    return Attention(one.kind, scrub_text(one.text))


def _whatsapp(driver: Driver, *, paused: bool, hub: Phase) -> WhatsApp:
    status = driver.status
    return WhatsApp(
        state=status.whatsapp,
        said=words.of_whatsapp(status, paused=paused, hub=hub),
        number=ending(status.account),
        code=None if status.link is None else _code(status.link),
        can_link=isinstance(driver, Linkable) and status.whatsapp in _UNLINKED,
        mend=MENDS.get(status.whatsapp) if isinstance(driver, Mendable) else None,
        evidence=status.evidence,
    )


def _code(offer: LinkOffer) -> Code:
    """The offer to link, which leaves the driver for this page and for nobody else."""
    size, path, letters = 0, "", ""
    if offer.kind == "code":
        letters = offer.text
    else:
        size, path = _drawing(offer.text)
    return Code(offer.expires_ms, offer.attempt, offer.attempts_max, size, path, letters)


@lru_cache(maxsize=1)
def _drawing(text: str) -> tuple[int, str]:
    """A QR code as the data of one SVG path over a square of so many modules, edge included."""
    import segno  # nobody else needs it, and most days nobody links

    rows = [bytes(row) for row in segno.make_qr(text, error="m").matrix_iter(border=_EDGE)]
    runs = [run for y, row in enumerate(rows) for run in _runs(y, row)]
    return len(rows), "".join(runs)


_EDGE: Final = 4  # modules of white around it; ISO/IEC 18004


def _runs(y: int, row: bytes) -> list[str]:
    """One rectangle for each run of dark modules."""
    drawn, x = [], 0
    for part in row.replace(b"\0", b" ").split(b" "):
        if part:
            drawn.append(f"M{x} {y}h{len(part)}v1h-{len(part)}z")
        x += len(part) + 1
    return drawn


def midnight_ms(now_ms: int) -> int:
    """When today began on this PC."""
    today = time.localtime(now_ms / 1000)
    return int(time.mktime((*today[:3], 0, 0, 0, 0, 0, -1)) * 1000)
