"""`sak-agent status` and `doctor`: what is, without changing it."""

import asyncio
from collections.abc import Iterator
from typing import Any, Final

import click
import msgspec

from agent.cli.command import Failure, answer, json_option, load_settings, moment
from agent.clock import SystemClock
from agent.database import move_aside
from agent.doctor import Check, examine
from agent.journal import FILE_NAME, Facts, Identity, Journal
from agent.lock import DataDirLock, is_held
from agent.settings import Settings, SettingsError
from agent.status import StatusFile, read_status

UNHEALTHY: Final = 2


@click.command()
@json_option
def status(as_json: bool) -> None:
    """Show how the agent, its WhatsApp and its way to the hub are."""
    settings = load_settings()
    running = is_held(settings.data_dir)
    said = read_status(settings.data_dir) if running else None
    identity, figures = asyncio.run(_held(settings))
    facts = {
        "running": running,
        "paired": identity is not None,
        "agent_id": identity.agent_id if identity else None,
        "tenant_id": identity.tenant_id if identity else None,
        "hub_url": identity.hub_url if identity else None,
        "whatsapp": said.whatsapp if said else "starting" if running else "stopped",
        "account": said.account if said else None,
        "advice": said.advice if said else "",
        "paused": figures.paused if figures else False,
        "outbox": figures.outbox if figures else 0,
        "inbox": figures.inbox if figures else 0,
        "last_inbound_at": moment(figures.last_inbound_ms) if figures else None,
        "last_sweep_at": moment(said.last_sweep_ms) if said else None,
        "hub": said.hub.phase if said else None,
        "hub_since": moment(said.hub.since_ms) if said else None,
        "hub_reason": said.hub.reason if said else "",
        "rss_mib": said.rss_mib if said else None,
        "pid": said.pid if said else None,
        "data_dir": str(settings.data_dir),
    }
    answer(facts, _status_lines(identity, figures, said, running=running), as_json=as_json)


async def _held(settings: Settings) -> tuple[Identity | None, Facts | None]:
    path = settings.data_dir / FILE_NAME
    if not path.exists():
        return None, None
    journal = await Journal.open(path, SystemClock())
    try:
        return await journal.identity(), await journal.facts()
    finally:
        await journal.close()


def _status_lines(
    identity: Identity | None, figures: Facts | None, said: StatusFile | None, *, running: bool
) -> Iterator[str]:
    if identity is None or figures is None:
        yield "This PC is not paired with a hub: run `sak-agent pair URL CODE`."
        return
    yield f"shop      {identity.tenant_id} at {identity.hub_url}, as agent {identity.agent_id}"
    if not running:
        yield "agent     not running: start it with `sak-agent run`"
    elif said is None:
        yield "agent     starting"
    else:
        yield f"agent     running, process {said.pid}, {said.rss_mib or '?'} MiB"
        reason = f": {said.hub.reason}" if said.hub.reason else ""
        yield f"hub       {said.hub.phase} since {moment(said.hub.since_ms)}{reason}"
        yield f"WhatsApp  {said.whatsapp} {said.account or ''}".rstrip()
        if said.advice:
            yield f"          {said.advice}"
    yield f"waiting   {figures.outbox} for the hub, {figures.inbox} orders"
    if figures.paused:
        yield "sending   paused by the hub"


@click.command()
@click.option("--move-journal-aside", is_flag=True, help="Put a damaged journal out of the way.")
@json_option
def doctor(move_journal_aside: bool, as_json: bool) -> int:
    """Check settings, disk, journal, hub, clock and browser; fails if the agent cannot work."""
    if move_journal_aside:
        return _move_aside(as_json)
    try:
        checks = list(examine(load_settings(), SystemClock()))
    except SettingsError as error:
        checks = [Check("settings", "fail", str(error), "docs/settings.md has all settings.")]
    failed = [check.name for check in checks if check.verdict == "fail"]
    facts: dict[str, Any] = {"ok": not failed, "checks": msgspec.to_builtins(checks)}
    if failed:
        message = f"Failed: {', '.join(failed)}. See the remedy of each."
        facts["error"] = {"code": "unhealthy", "message": message}
    answer(facts, [line for check in checks for line in _check_lines(check)], as_json=as_json)
    return UNHEALTHY if failed else 0


def _check_lines(check: Check) -> list[str]:
    lines = [f"{check.verdict:4}  {check.name}: {check.finding}"]
    return [*lines, f"      {check.remedy}"] if check.remedy else lines


def _move_aside(as_json: bool) -> int:
    settings = load_settings()
    path = settings.data_dir / FILE_NAME
    if not path.exists():
        raise Failure("no_journal", f"There is no journal at {path}: nothing has to be moved.")
    with DataDirLock(settings.data_dir):
        target = move_aside(path, SystemClock().now_ms())
    line = f"The journal is now {target}. Pair this PC again: `sak-agent pair URL CODE`."
    answer({"moved_to": str(target)}, [line], as_json=as_json)
    return 0
