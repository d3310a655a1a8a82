"""`sak-agent audit`: WhatsApp, against what this PC recorded and the hub acknowledged."""

import asyncio
from collections.abc import Iterator
from typing import Final

import click
import msgspec

from agent.audit import DAYS, DAYS_MAX, Audit, Recorded, recorded
from agent.cli.command import Failure, answer, json_option, load_settings, moment
from agent.cli.panel_call import PanelCall
from agent.clock import SystemClock
from agent.daemon import NotPairedError
from agent.journal import FILE_NAME, Journal
from agent.settings import Settings

WAIT_S: Final = 600.0  # a month of many chats takes minutes
_NOT_PAIRED: Final = "This PC is not paired with a hub: run `sak-agent pair URL CODE` first."
_HEADS: Final = ("day", "seen", "stored", "arriving", "answered", "waiting", "own")


@click.command()
@click.option("--days", default=DAYS, show_default=True, type=click.IntRange(1, DAYS_MAX))
@json_option
def audit(days: int, as_json: bool) -> None:
    """Compare WhatsApp with what was recorded here and stored by the hub, day by day.

    The running agent does it, and records what was missed. Without one only the journal is read.
    """
    settings = load_settings()
    try:
        panel = PanelCall(settings)
    except Failure as failure:
        _answer_alone(asyncio.run(_recorded(settings, days)), str(failure), as_json=as_json)
        return
    told = msgspec.json.decode(panel.post("/api/audit", {"days": days}, WAIT_S), type=Audit)
    facts = msgspec.to_builtins(told) | {"asked": True}
    answer(facts, _lines(told), as_json=as_json)


async def _recorded(settings: Settings, days: int) -> Recorded:
    path = settings.data_dir / FILE_NAME
    if not path.exists():  # it would be made
        raise NotPairedError(_NOT_PAIRED)
    clock = SystemClock()
    journal = await Journal.open(path, clock)
    try:
        return await recorded(journal, clock, days)
    finally:
        await journal.close()


def _answer_alone(alone: Recorded, why: str, *, as_json: bool) -> None:
    lines = [
        f"WhatsApp was not asked. {why}",
        f"Since {moment(alone.since_ms)} this PC recorded {alone.received} messages of customers "
        f"and sent {alone.answered} replies; {alone.arriving} events wait for the hub.",
    ]
    answer(msgspec.to_builtins(alone) | {"asked": False, "why": why}, lines, as_json=as_json)


def _lines(told: Audit) -> Iterator[str]:
    yield f"Compared with WhatsApp since {moment(told.since_ms)}."
    rows = [_HEADS, *(tuple(str(getattr(day, head)) for head in _HEADS) for day in told.days)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    missed = f"{told.missed} were missed before and are recorded now."
    yield missed if told.missed else "Nothing was missed."
