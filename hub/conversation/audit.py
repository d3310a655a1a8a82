"""CORE: what an agent's WhatsApp shows of a period, compared with what the hub stored of it.

`audit_reading.py` reads what is compared here.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from protocol.audit import Shown

Key = tuple[str, str]
"""Chat and id in WhatsApp: what the account leaves of a natural key."""

Fate = Literal["answered", "waiting", "open", "left"]
"""What became of a customer's message.

`answered`: the reply went out, or the owner wrote. `waiting`: for a person, or as a draft. `open`:
the assistant is at it. `left`: no answer is owed, as in chats that the shop leaves to itself.
"""


class Stored(msgspec.Struct, frozen=True):
    """A message that the hub has; `fate` is None for the shop's own."""

    sent_ms: int
    fate: Fate | None


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """One day (YYYY-MM-DD) of the shop's calendar; all but the last two count customers' messages.

    seen + extra = stored + missing + arriving + erased, and stored = the four fates together. What
    only the phone could tell is None when it was not asked.
    """

    day: str
    seen: int | None = None
    stored: int = 0
    answered: int = 0
    waiting: int = 0
    open: int = 0
    left: int = 0
    missing: int | None = None
    extra: int | None = None
    arriving: int | None = None
    erased: int | None = None
    own_seen: int | None = None
    own_missing: int | None = None


class Comparison(msgspec.Struct, frozen=True):
    """Every day of the period, oldest first.

    `missing`: WhatsApp shows them, the hub has them not; oldest first. `extra`: the other way.
    """

    days: tuple[Day, ...]
    missing: tuple[Shown, ...] = ()
    extra: tuple[Key, ...] = ()


class Calendar(msgspec.Struct, frozen=True):
    """The days from `since_ms` to `until_ms` as the shop's clocks tell them."""

    zone: ZoneInfo
    since_ms: int
    until_ms: int

    def day_of(self, ms: int) -> str:
        """The day of a moment; one outside the period, by whose clock ever, counts at its edge."""
        inside = min(max(ms, self.since_ms), self.until_ms)
        return datetime.fromtimestamp(inside / 1000, self.zone).date().isoformat()

    def days(self) -> list[str]:
        """All of them, in order."""
        day = datetime.fromisoformat(self.day_of(self.since_ms))
        found, last = [], self.day_of(self.until_ms)
        while (name := day.date().isoformat()) <= last:
            found.append(name)
            day += timedelta(days=1)
        return found


def begins_ms(zone: ZoneInfo, now_ms: int, days: int) -> int:
    """The midnight at which the first of so many days began, today being the last."""
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    first = datetime.combine(today - timedelta(days=days - 1), datetime.min.time(), zone)
    return round(first.timestamp() * 1000)


def compare(
    shown: Sequence[Shown] | None,
    stored: Mapping[Key, Stored],
    erased: Iterable[Key],
    calendar: Calendar,
) -> Comparison:
    """Count day by day and name what differs; without `shown` only what the store knows.

    `stored` has every message of the period, and of what is shown whatever the hub has.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    missing: list[Shown] = []
    gone, met = set(erased), set()
    for one in shown or ():
        key = (one.chat, one.wa_id)
        if key in met:
            continue
        met.add(key)
        words = _met(one, stored.get(key), is_erased=key in gone)
        if "missing" in words or "own_missing" in words:
            missing.append(one)
        counts[calendar.day_of(one.sent_at.ms)].update(words)
    extra: list[Key] = []
    for key, row in stored.items():
        if key in met or row.fate is None:
            continue
        extra.append(key)
        counts[calendar.day_of(row.sent_ms)].update(("stored", row.fate, "extra"))
    days = tuple(_day(day, counts[day], asked=shown is not None) for day in calendar.days())
    missing.sort(key=lambda one: one.sent_at.ms)
    return Comparison(days, tuple(missing), () if shown is None else tuple(extra))


def _met(one: Shown, row: Stored | None, *, is_erased: bool) -> tuple[str, ...]:
    """The figures in which a message that WhatsApp shows counts."""
    is_here = row is not None or is_erased or one.arriving
    if one.from_me:
        return ("own_seen",) if is_here else ("own_seen", "own_missing")
    if row is not None:
        return ("seen", "stored", row.fate or "left")
    if is_erased:
        return ("seen", "erased")
    return ("seen", "arriving" if one.arriving else "missing")


_OF_THE_PHONE: Final = (
    "seen", "missing", "extra", "arriving", "erased", "own_seen", "own_missing",
)  # fmt: skip


def _day(day: str, counts: Counter[str], *, asked: bool) -> Day:
    zeros = dict.fromkeys(_OF_THE_PHONE, 0 if asked else None)
    known = {name: n for name, n in counts.items() if asked or name not in _OF_THE_PHONE}
    return msgspec.convert({"day": day, **zeros, **known}, Day)
