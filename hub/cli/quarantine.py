"""What agents sent that was stored and not understood, as it may be shown to an operator."""

import re
from typing import Final

import msgspec

from hub.cli.command import moment
from hub.store.tx import Row
from protocol.scrub import scrub_text

SHOWN_MAX: Final = 20  # agents: a screen of them
UNNAMED: Final = "[unnamed]"
_NAME: Final = re.compile(r"[A-Za-z]+(?:[._-][A-Za-z]+){0,4}[0-9]?")
_QUOTE: Final = re.compile(r"['\"]")
_PLACE: Final = re.compile(r" - at `\$[.\w\[\]]{0,80}`\Z")


class Quarantined(msgspec.Struct, frozen=True):
    """What one agent sent that was not understood; `code`, `type` and `reason` of the newest."""

    agent_id: str
    tenant_id: str
    events: int
    since: str | None
    newest_at: str | None
    code: str
    type: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.agent_id} of {self.tenant_id}: {self.events} since {self.since}, "
            f"newest {self.newest_at} {self.type}, {self.code}: {self.reason}"
        )


def listed(rows: list[Row]) -> tuple[Quarantined, ...]:
    """The first of these rows of `doctor.quarantine`, without what a customer may have written."""
    return tuple(_quarantined(row) for row in rows[:SHOWN_MAX])


def _quarantined(row: Row) -> Quarantined:
    return Quarantined(
        agent_id=row["agent_id"],
        tenant_id=row["tenant_id"],
        events=row["events"],
        since=moment(row["since"]),
        newest_at=moment(row["newest_at"]),
        code=row["code"],
        type=type_shown(row["type"]),
        reason=reason_shown(row["reason"]),
    )


def type_shown(name: str) -> str:
    """What an agent calls a type, if it looks like one: it may be any text, a customer's too."""
    is_name = _NAME.fullmatch(name) is not None and scrub_text(name) == name
    return name if is_name else UNNAMED


def reason_shown(reason: str) -> str:
    """The decoder's sentence without the value that it quotes; the place in the data stays."""
    quote = _QUOTE.search(reason)
    if quote is None:
        return scrub_text(reason)
    place = _PLACE.search(reason, quote.end())
    return scrub_text(f"{reason[: quote.start()]}'...'{place[0] if place else ''}")
