"""An audit as it is printed: a table of days for each of the shop's numbers, and what differs."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from hub.cli.command import moment, printable, table
from hub.conversation.audit import Calendar, Comparison, Day
from hub.store.tx import Row
from protocol.audit import Shown

NAMED_MAX: Final = 200  # messages of each kind that are named, the oldest; all are counted
LINES_MAX: Final = 20
HEADS: Final = (
    "day", "seen", "stored", "answered", "waiting", "open", "left", "missing", "extra", "own",
)  # fmt: skip


class Healed(msgspec.Struct, frozen=True):
    """What became of missing messages: why they were not told again, and which are still missing.

    The shop's own may stay so: a reply that the hub forgot is not sent to it anew.
    """

    why: str | None
    missing: tuple[Shown, ...]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One number of the shop. `why` says why its phone was not asked.

    `found` counts the messages of which the agent itself did not know.
    """

    account: str
    agent_id: str | None
    why: str | None
    since_ms: int
    found: int
    compared: Comparison
    healed: Healed | None = None

    @property
    def left(self) -> tuple[Shown, ...]:
        """What is missing in the end."""
        return self.compared.missing if self.healed is None else self.healed.missing

    @property
    def is_wrong(self) -> bool:
        """Whether a customer's message is among that."""
        return not all(one.from_me for one in self.left)


def facts_of(tenant: Row, calendar: Calendar, findings: Sequence[Finding]) -> dict[str, Any]:
    """All of it for programs."""
    return {
        "tenant_id": tenant["tenant_id"],
        "timezone": tenant["timezone"],
        "since": moment(calendar.since_ms),
        "until": moment(calendar.until_ms),
        "accounts": [_account(finding) for finding in findings],
    }


def _account(finding: Finding) -> dict[str, Any]:
    compared = finding.compared
    return {
        "account": finding.account,
        "agent_id": finding.agent_id,
        "asked": finding.why is None,
        "why": finding.why,
        "since": moment(finding.since_ms),
        "found": finding.found,
        "days": [msgspec.to_builtins(day) for day in compared.days],
        "missing": [_named(one) for one in compared.missing[:NAMED_MAX]],
        "missing_count": len(compared.missing),
        "not_told_again": None if finding.healed is None else finding.healed.why,
        "still_missing": [_named(one) for one in finding.left[:NAMED_MAX]],
        "still_missing_count": len(finding.left),
        "extra": [{"chat": chat, "wa_id": wa_id} for chat, wa_id in compared.extra[:NAMED_MAX]],
    }


def _named(one: Shown) -> dict[str, Any]:
    return {
        "chat": one.chat,
        "wa_id": one.wa_id,
        "sent_at": str(one.sent_at),
        "from_me": one.from_me,
    }


def lines_of(tenant: Row, findings: Sequence[Finding]) -> Iterator[str]:
    """The same for people."""
    if not findings:
        yield f"{printable(tenant['name'])} has had no chats and no agent yet."
    for finding in findings:
        yield f"{finding.account}, {_asked(finding)}"
        yield from table(HEADS, [_cells(day) for day in finding.compared.days])
        yield from _found(finding)
        yield from _missing(finding)
        if extra := len(finding.compared.extra):
            yield f"{extra} stored but not on the phone any more: deleted there."


def _asked(finding: Finding) -> str:
    if finding.why is None:
        return f"compared with its phone since {moment(finding.since_ms)}"
    return f"only what the store knows. {finding.why}"


def _cells(day: Day) -> list[object]:
    return [
        day.day, day.seen, day.stored, day.answered, day.waiting, day.open, day.left, day.missing,
        day.extra, day.own_seen,
    ]  # fmt: skip


def _found(finding: Finding) -> Iterator[str]:
    if finding.found:
        yield f"{finding.found} were new to the agent itself, which told them now."
    if arriving := sum(day.arriving or 0 for day in finding.compared.days):
        yield f"{arriving} are on their way: their files come first."
    if erased := sum(day.erased or 0 for day in finding.compared.days):
        yield f"{erased} were erased here, and stay away."


def _missing(finding: Finding) -> Iterator[str]:
    missing = finding.compared.missing
    for one in missing[:LINES_MAX]:
        whose = "own" if one.from_me else "customer's"
        yield f"missing: {one.sent_at}  {printable(one.chat)}  {printable(one.wa_id)}  {whose}"
    if len(missing) > LINES_MAX:
        yield f"... and {len(missing) - LINES_MAX} more; --json names {NAMED_MAX}."
    if finding.healed is not None and finding.healed.why is not None:
        yield f"They were not told again. {finding.healed.why}"
    if finding.is_wrong:
        yield f"{len(missing) - len(finding.left)} are back, {len(finding.left)} are not."
    elif missing:
        yield f"Told again: {len(missing) - len(finding.left)} of {len(missing)} are back."
    elif finding.why is None:
        yield "Nothing is missing."
