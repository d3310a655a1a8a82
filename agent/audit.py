"""What WhatsApp shows of a period, against what the journal took and the hub acknowledged.

    compare(journal, driver, clock, days) -> Audit      for the panel and `sak-agent audit`
    read(journal, driver, since_ms) -> Reading          for the hub, which compares with its store
    search(journal, driver, since_ms, again)            for the hub, which lost something

All search the chats once, and what nobody knew is recorded on the way, as by any search. Only
one-to-one chats count, and only what their people wrote: reactions, edits and revokes do not.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from agent.clock import Clock
from agent.database import Tx
from agent.drivers.driver import Driver
from agent.journal import Journal
from agent.outbox import storable
from protocol.audit import Shown
from protocol.messages import MessageReceived

DAYS: Final = 7
DAYS_MAX: Final = 31
CHANGES: Final = ("reaction", "edit", "revoke")  # they change a message, and are none themselves
ID_MAX: Final = 512  # `protocol.messages.WhatsAppId`
Key = tuple[str, str]
"""Chat and id of a message of the account that is linked now."""


class NotReadyError(Exception):
    """WhatsApp cannot be compared with anything now; the message is one sentence for the user."""


class Reading(msgspec.Struct, frozen=True):
    """What WhatsApp shows since a moment, oldest first; of so many the journal did not know."""

    account: str
    since_ms: int
    found: int
    shown: tuple[Shown, ...]


class Day(msgspec.Struct, frozen=True):
    """One day (YYYY-MM-DD) on this PC's calendar; what it counts are messages of customers.

    `seen` in WhatsApp = `stored`, by the hub, + `arriving` there. And `seen` = `answered`, by
    whomever, + `waiting`: nobody wrote in the chat since. `own` are the shop's own messages.
    """

    day: str
    seen: int = 0
    stored: int = 0
    arriving: int = 0
    answered: int = 0
    waiting: int = 0
    own: int = 0


class Audit(msgspec.Struct, frozen=True):
    """The days with messages, oldest first; `missed` were not known before and are told now."""

    since_ms: int
    until_ms: int
    missed: int
    days: tuple[Day, ...]


class Recorded(msgspec.Struct, frozen=True):
    """What the journal knows of a period by itself; of `arriving` the hub has yet to hear."""

    since_ms: int
    received: int
    answered: int
    arriving: int


async def compare(journal: Journal, driver: Driver, clock: Clock, days: int = DAYS) -> Audit:
    """Compare today and the days before it; takes as long as WhatsApp needs to show them.

    Raises:
        NotReadyError, JournalError; and what the driver raises when its page breaks.
    """
    until_ms = clock.now_ms()
    reading = await read(journal, driver, first_ms(until_ms, days))
    sent = await journal.look(lambda tx: _sent(tx, reading.account, reading.since_ms))
    counted = by_day(reading.shown, sent, lambda ms: local_day(min(ms, until_ms)))
    return Audit(reading.since_ms, until_ms, reading.found, counted)


async def read(journal: Journal, driver: Driver, since_ms: int) -> Reading:
    """Search the chats and record what was missed; raises as `compare`."""
    since_ms, account = await _begin(journal, driver, since_ms)
    shown: dict[Key, Shown] = {}
    found = 0
    async for message in driver.sweep(since_ms):
        found += await journal.record_inbound(message)
        if message.account == account and message.kind not in CHANGES:
            one = _shown(message)
            if all(0 < len(name) <= ID_MAX for name in (one.chat, one.wa_id)):
                shown[one.chat, one.wa_id] = one  # the hub knows no other
    arriving = await journal.look(lambda tx: _arriving(tx, account))
    in_order = sorted(shown.values(), key=lambda one: one.sent_at.ms)
    marked = tuple(_marked(one, arriving) for one in in_order)
    return Reading(account, since_ms, found, marked)


async def recorded(journal: Journal, clock: Clock, days: int = DAYS) -> Recorded:
    """What there is to say without WhatsApp; JournalError."""
    since_ms = first_ms(clock.now_ms(), days)
    counts, facts = await journal.counts(since_ms), await journal.facts()
    return Recorded(since_ms, counts.received, counts.answered, facts.outbox + facts.arrivals)


async def search(
    journal: Journal, driver: Driver, since_ms: int, again: set[tuple[str | None, str, str]]
) -> tuple[int, int, int]:
    """Record what was missed, and tell once more the messages in `again` (account, chat, id).

    Returns how many chats, messages that are told, and of them those in `again` there were.
    Raises as `compare`.
    """
    since_ms, _ = await _begin(journal, driver, since_ms)
    chats: set[str] = set()
    found = repeated = 0
    async for message in driver.sweep(since_ms):
        chats.add(message.chat)
        is_asked = _place(message) in again
        told = await journal.record_inbound(message, again=is_asked)
        found, repeated = found + told, repeated + (told and is_asked)
    return len(chats), found, repeated


async def _begin(journal: Journal, driver: Driver, since_ms: int) -> tuple[int, str]:
    """From when on, and whose chats: nothing older than the pairing is told."""
    identity, account = await journal.identity(), driver.status.account
    if identity is None or account is None or driver.status.whatsapp != "ready":
        raise NotReadyError("WhatsApp is not ready: compare again when it is.")
    return max(since_ms, identity.paired_ms), account


def by_day(
    shown: Iterable[Shown], sent_ms: Mapping[str, int], day_of: Callable[[int], str]
) -> tuple[Day, ...]:
    """Count; `sent_ms`: when this agent last wrote in a chat, as WhatsApp may not show it."""
    days: dict[str, Counter[str]] = defaultdict(Counter)
    last_ms, theirs = dict(sent_ms), []
    for one in shown:
        if one.from_me:
            last_ms[one.chat] = max(one.sent_at.ms, last_ms.get(one.chat, 0))
            days[day_of(one.sent_at.ms)]["own"] += 1
        else:
            theirs.append(one)
    for one in theirs:
        is_answered = last_ms.get(one.chat, -1) >= one.sent_at.ms
        ends = ("arriving" if one.arriving else "stored", "answered" if is_answered else "waiting")
        days[day_of(one.sent_at.ms)].update(("seen", *ends))
    return tuple(Day(day, **counts) for day, counts in sorted(days.items()))


def first_ms(now_ms: int, days: int) -> int:
    """When the first of so many days began on this PC, today being the last."""
    today = time.localtime(now_ms / 1000)
    first = (today.tm_year, today.tm_mon, today.tm_mday - (days - 1), 0, 0, 0, 0, 0, -1)
    return round(time.mktime(first) * 1000)


def local_day(ms: int) -> str:
    """The day of a moment on this PC."""
    return time.strftime("%Y-%m-%d", time.localtime(ms / 1000))


def _place(message: MessageReceived) -> tuple[str, str, str]:
    message, _ = storable(message)
    return message.account, message.chat, message.wa_id


def _shown(message: MessageReceived) -> Shown:
    """As the hub knows it."""
    message, _ = storable(message)
    return Shown(
        chat=message.chat,
        wa_id=message.wa_id,
        sent_at=message.sent_at,
        from_me=message.from_me,
    )


def _marked(one: Shown, arriving: set[Key]) -> Shown:
    is_arriving = (one.chat, one.wa_id) in arriving
    return msgspec.structs.replace(one, arriving=True) if is_arriving else one


def _arriving(tx: Tx, account: str) -> set[Key]:
    """What the hub has not acknowledged: in the outbox, or waiting for a file."""
    return {(row["chat"], row["wa_id"]) for row in tx.all("audit_arriving", account=account)}


def _sent(tx: Tx, account: str, since_ms: int) -> dict[str, int]:
    rows = tx.all("audit_sent", account=account, since_ms=since_ms)
    return {row["chat"]: row["at_ms"] for row in rows}
