"""What `sak-agent doctor` looks at: each check says how a part is, and what to do about it."""

import asyncio
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

from agent.checks.check import Check, failed
from agent.checks.hub import check_hub
from agent.checks.place import check_data_dir, judge_disk, nearest
from agent.checks.service import check_service
from agent.checks.web import check_web
from agent.clock import Clock
from agent.database import JournalError
from agent.journal import FILE_NAME, Facts, Identity, Journal
from agent.lock import holder, is_held
from agent.pairing import SOFTWARE
from agent.settings import Settings

__all__ = ["Check", "examine"]


def examine(settings: Settings, clock: Clock) -> Iterator[Check]:
    """Every check, in the order in which one depends on the other; not inside an event loop."""
    yield Check("settings", "ok", f"sound; driver {settings.driver}")
    yield _versions()
    data_dir = check_data_dir(settings.data_dir)
    yield data_dir
    if data_dir.verdict == "fail":
        return
    yield judge_disk(shutil.disk_usage(nearest(settings.data_dir)).free)
    agent = _agent(settings.data_dir)
    yield agent
    yield check_service(settings)
    journal, identity = _journal(settings.data_dir / FILE_NAME, clock)
    yield journal
    if identity is not None:
        yield from check_hub(identity.hub_url, settings, clock)
    if settings.driver == "memory":
        yield _memory(settings)
    else:
        yield from check_web(settings, running=agent.verdict == "ok")


def _versions() -> Check:
    system = f"{platform.system()} {platform.release()}".strip()
    finding = f"{SOFTWARE.name} {SOFTWARE.version}, Python {platform.python_version()}, {system}"
    return Check("versions", "ok", finding)


def _agent(data_dir: Path) -> Check:
    try:
        running = is_held(data_dir)
    except OSError as error:
        remedy = "Give the data directory and all files in it to this user."
        return Check("agent", "fail", f"its lock cannot be opened: {error.strerror}", remedy)
    if running:
        pid = holder(data_dir)
        which = "" if pid is None else f", process {pid}"
        return Check("agent", "ok", f"an agent is running with this data directory{which}")
    return Check("agent", "warn", "no agent is running", "Start it with `sak-agent run`.")


def _journal(path: Path, clock: Clock) -> tuple[Check, Identity | None]:
    """The journal's health, and who this agent is by it."""
    unpaired = "Run `sak-agent pair URL CODE` with a code from the hub."
    if not path.exists():
        return Check("journal", "warn", "none yet: this PC is not paired", unpaired), None
    try:
        identity, facts = asyncio.run(_read(path, clock))
    except JournalError as error:
        return failed("journal", error), None
    waiting = (
        f"{facts.outbox + facts.arrivals} events wait for the hub, {facts.inbox} orders to be done"
    )
    if identity is None:
        return Check("journal", "warn", f"sound; not paired; {waiting}", unpaired), None
    return Check("journal", "ok", f"sound; {waiting}"), identity


async def _read(path: Path, clock: Clock) -> tuple[Identity | None, Facts]:
    journal = await Journal.open(path, clock)  # checks its soundness
    try:
        return await journal.identity(), await journal.facts()
    finally:
        await journal.close()


def _memory(settings: Settings) -> Check:
    inbox = settings.memory_in
    if inbox is not None and not inbox.exists():
        remedy = "Nothing arrives until it is made."
        return Check("driver", "warn", f"{inbox} does not exist", remedy)
    return Check("driver", "ok", "the memory driver: files, no WhatsApp")
