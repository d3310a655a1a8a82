"""What `sak-agent doctor` looks at: each check says how a part is, and what to do about it."""

import asyncio
import hashlib
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final, Literal

import msgspec

from agent.clock import Clock
from agent.database import JournalError
from agent.journal import FILE_NAME, Facts, Identity, Journal
from agent.lock import is_held
from agent.pairing import PairingError, request
from agent.settings import Settings

FREE_MIN_BYTES: Final = 200 * 2**20  # below it a browser and a journal stop within the day
FREE_LOW_BYTES: Final = 2**30
SKEW_MAX_S: Final = 30.0  # a Date header has whole seconds, a slow network some more
_BANNER: Final = re.compile(rb"wa-js v(\d+\.\d+\.\d+[\w.-]*)")
_BANNER_BYTES: Final = 400

Verdict = Literal["ok", "warn", "fail"]


class Check(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the doctor's. `remedy` is there whenever something can be done."""

    name: str
    verdict: Verdict
    finding: str
    remedy: str | None = None


def examine(settings: Settings, clock: Clock) -> Iterator[Check]:
    """Every check, in the order in which one depends on the other; not inside an event loop."""
    yield Check("settings", "ok", f"sound; driver {settings.driver}")
    data_dir = _data_dir(settings.data_dir)
    yield data_dir
    if data_dir.verdict == "fail":
        return
    yield judge_disk(shutil.disk_usage(_nearest(settings.data_dir)).free)
    yield _agent(settings.data_dir)
    journal, identity = _journal(settings.data_dir / FILE_NAME, clock)
    yield journal
    if identity is not None:
        yield from _hub(identity, settings, clock)
    yield from _memory(settings) if settings.driver == "memory" else _web(settings)


def _data_dir(path: Path) -> Check:
    name, remedy = "data directory", "Give it to this user, or set SAK_AGENT_DATA_DIR to another."
    existing = _nearest(path)
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        return Check(name, "fail", f"{existing} cannot be written: {error.strerror}", remedy)
    if existing != path:
        return Check(name, "ok", f"{path} will be made")
    if sys.platform != "win32" and path.stat().st_mode & 0o077:
        remedy = f"Run `chmod 700 {path}`: who can read it can be this shop's WhatsApp."
        return Check(name, "warn", f"{path} is open to other users", remedy)
    return Check(name, "ok", f"{path}, closed to other users")


def _nearest(path: Path) -> Path:
    """The path itself, or the closest of its parents that exists."""
    return next(place for place in (path, *path.parents) if place.exists())


def judge_disk(free_bytes: int) -> Check:
    """Whether so much free space is enough."""
    finding, remedy = f"{free_bytes / 2**30:.1f} GiB free", "Free some space."
    if free_bytes < FREE_MIN_BYTES:
        return Check("disk", "fail", finding, remedy)
    if free_bytes < FREE_LOW_BYTES:
        return Check("disk", "warn", finding, remedy)
    return Check("disk", "ok", finding)


def _agent(data_dir: Path) -> Check:
    try:
        running = is_held(data_dir)
    except OSError as error:
        remedy = "Give the data directory and all files in it to this user."
        return Check("agent", "fail", f"its lock cannot be opened: {error.strerror}", remedy)
    if running:
        return Check("agent", "ok", "an agent is running with this data directory")
    return Check("agent", "warn", "no agent is running", "Start it with `sak-agent run`.")


def _journal(path: Path, clock: Clock) -> tuple[Check, Identity | None]:
    """The journal's health, and who this agent is by it."""
    unpaired = "Run `sak-agent pair URL CODE` with a code from the hub."
    if not path.exists():
        return Check("journal", "warn", "none yet: this PC is not paired", unpaired), None
    try:
        identity, facts = asyncio.run(_read(path, clock))
    except JournalError as error:
        return _failed("journal", error), None
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


def _hub(identity: Identity, settings: Settings, clock: Clock) -> Iterator[Check]:
    base = identity.hub_url
    try:
        response = asyncio.run(request(base, "GET", "/healthz", settings))
    except PairingError as error:
        yield _failed("hub", error)
        return
    if not response.is_success:
        remedy = "Ask whoever runs the hub; the agent goes on trying meanwhile."
        yield Check("hub", "fail", f"{base} answers {response.status_code}", remedy)
        return
    yield Check("hub", "ok", f"{base} answers")
    yield _skew(response.headers.get("Date"), clock)


def _skew(date: str | None, clock: Clock) -> Check:
    try:
        hub_s = parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return Check("clock", "warn", "the hub's answer carries no time to compare with")
    ahead_s = clock.now_ms() / 1000 - hub_s
    if abs(ahead_s) <= SKEW_MAX_S:
        return Check("clock", "ok", "agrees with the hub's")
    finding = f"{abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} the hub's"
    remedy = "Let the system set its clock by itself: old messages could pass as new ones."
    return Check("clock", "warn", finding, remedy)


def _memory(settings: Settings) -> Iterator[Check]:
    inbox = settings.memory_in
    if inbox is not None and not inbox.exists():
        remedy = "Nothing arrives until it is made."
        yield Check("driver", "warn", f"{inbox} does not exist", remedy)
    else:
        yield Check("driver", "ok", "the memory driver: files, no WhatsApp")


def _web(settings: Settings) -> Iterator[Check]:
    """Browser and bundle; imported here because nobody else shall wait for Playwright."""
    from agent.drivers.whatsapp_web import WhatsAppWebError
    from agent.drivers.whatsapp_web.browser import find_browser
    from agent.drivers.whatsapp_web.inject import find_bundle

    ways: tuple[tuple[str, Callable[[], str]], ...] = (
        ("browser", lambda: str(find_browser(settings.browser))),
        ("wa-js", lambda: _bundle_facts(find_bundle(None))),
    )
    for name, find in ways:
        try:
            yield Check(name, "ok", find())
        except WhatsAppWebError as error:
            yield _failed(name, error)


def _failed(name: str, error: Exception) -> Check:
    """An error whose sentence is a finding, a colon and what to do."""
    finding, _, remedy = str(error).partition(": ")
    return Check(name, "fail", finding, remedy[:1].upper() + remedy[1:] or None)


def _bundle_facts(path: Path) -> str:
    content = path.read_bytes()
    banner = _BANNER.search(content[:_BANNER_BYTES])
    version = banner[1].decode() if banner else "of unknown version"
    return f"{version}, sha256 {hashlib.sha256(content).hexdigest()[:16]}…"
