"""The running agent: one TaskGroup that holds the link, the driver, the dispatcher and the sweeps.

A task that fails ends the process with its reason, so that whoever supervises it starts it anew,
instead of an agent that looks alive and is deaf.
"""

import asyncio
import os
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar
from uuid import uuid4

import psutil
import structlog
from msgspec.structs import replace

from agent import arrivals
from agent.attention import Bell, heed_hub, heed_whatsapp
from agent.clock import Clock
from agent.database import JournalFullError
from agent.dispatch import Dispatcher
from agent.downloads import Downloads
from agent.drivers.driver import Driver, DriverStatus, Unread
from agent.files import FOLDER, Files
from agent.held import Held
from agent.journal import FILE_NAME, Identity, Journal
from agent.link import Link, Phase
from agent.lock import DataDirLock
from agent.notify import Notifications
from agent.pacing import Policy
from agent.pairing import SOFTWARE
from agent.panel.server import Panel
from agent.panel.view import Sources
from agent.settings import Settings
from agent.signals import stopped_by_signals
from agent.status import StatusFile, write_status
from agent.sweeps import Sweeps
from agent.transfer import HubMedia
from agent.uploads import Uploads
from protocol.messages import AgentStatus, Instant, MessageReceived, SendState, Typing

T = TypeVar("T")

log = structlog.get_logger(__name__)

STOP_S: Final = 4.0  # for the last acknowledgements and the close frame
STATUS_EVERY_S: Final = 10.0
PRUNE_EVERY_S: Final = 3600.0
FULL_DISK_S: Final = 5.0
UNHEARD_AGE_MS: Final = 86_400_000  # what a sweep reaches back to
TYPING_MAX: Final = 32  # signs of typing that wait for the driver; more are forgotten
_NOT_PAIRED: Final = "This PC is not paired with a hub: run `sak-agent pair URL CODE` first."
_ACCOUNT = re.compile(r"\+[1-9][0-9]{1,14}")


class NotPairedError(Exception):
    """The PC has no hub yet; the message is one sentence for the user, with the remedy."""


async def run_agent(
    settings: Settings,
    driver: Driver,
    clock: Clock,
    panel_opened: Callable[[str], None] | None = None,
) -> None:
    """Be the agent until SIGTERM or SIGINT; `panel_opened` hears the panel's address and key.

    Raises:
        NotPairedError, AlreadyRunningError, JournalError: one sentence for the user; so is what
            the driver raises when nothing can heal it.
    """
    path = settings.data_dir / FILE_NAME
    with DataDirLock(settings.data_dir):
        if not path.exists():  # it would be made
            raise NotPairedError(_NOT_PAIRED)
        journal = await Journal.open(path, clock)
        try:
            identity = await journal.identity()
            if identity is None:
                raise NotPairedError(_NOT_PAIRED)
            daemon = Daemon(settings, journal, driver, clock, identity, panel_opened=panel_opened)
            with stopped_by_signals(daemon.stop):
                await daemon.run()
        finally:
            await journal.close()


class Daemon:
    """The agent's tasks, and the sink of its driver."""

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        driver: Driver,
        clock: Clock,
        identity: Identity,
        roll: Callable[[], float] = random.random,
        panel_opened: Callable[[str], None] | None = None,
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._driver = driver
        self._clock = clock
        self._identity = identity
        self._roll = roll
        self._notifications = Notifications()
        self._bell = Bell(self._notifications.tell if settings.notifications else None)
        self._downloads = self._new_downloads()
        self._uploads = self._new_uploads()
        self._dispatcher = Dispatcher(
            journal=journal,
            driver=driver,
            downloads=self._downloads,
            clock=clock,
            policy=Policy(
                settings.typing_chars_per_s,
                settings.typing_max_s,
                settings.send_gap_s,
                begun_max=settings.started_per_day,
            ),
            ring=self._bell.ring,
        )
        self._link = Link(
            journal=journal,
            settings=settings,
            clock=clock,
            instance_id=uuid4(),
            status=self.status,
            typing=self._hub_composes,
            changed=self._note_hub,
            roll=roll,
        )
        self._held = Held(self._record)
        self._sweeps = Sweeps(
            settings=settings,
            journal=journal,
            driver=driver,
            clock=clock,
            record=self._record,
            searched=lambda: self._persist(journal.note_searched),
            ended=self._held.let_go,
            jumped=lambda: self._link.renew(),
        )
        self._process = psutil.Process()
        self._typing: asyncio.Queue[Typing] = asyncio.Queue(TYPING_MAX)
        self._stopping = asyncio.Event()
        self._status_due = asyncio.Event()
        self._panel = self._new_panel(panel_opened)

    def _new_panel(self, opened: Callable[[str], None] | None) -> Panel:
        sources = Sources(
            settings=self._settings,
            journal=self._journal,
            clock=self._clock,
            driver=self._driver,
            hub=lambda: self._link.status,
            bell=self._bell,
            swept=lambda: self._sweeps.last,
        )
        return Panel(sources, opened, self._status_due.set)

    def _new_downloads(self) -> Downloads:
        return Downloads(
            files=Files(self._settings.data_dir / FOLDER / "down"),
            hub=HubMedia(self._journal, self._settings, self._clock),
            journal=self._journal,
            online=self._is_online,
            roll=self._roll,
        )

    def _new_uploads(self) -> Uploads:
        return Uploads(
            files=Files(self._settings.data_dir / FOLDER / "up"),
            hub=HubMedia(self._journal, self._settings, self._clock),
            journal=self._journal,
            driver=self._driver,
            online=self._is_online,
            roll=self._roll,
        )

    def _is_online(self) -> bool:
        return self._link.status.phase is Phase.ONLINE

    async def run(self) -> None:
        """Work until `stop`."""
        try:
            async with asyncio.TaskGroup() as group:
                link = group.create_task(self._link.run(), name="link")
                others = [
                    group.create_task(_endless(name, task), name=name)
                    for name, task in (
                        ("driver", self._driver.run(self)),
                        ("dispatch", self._dispatcher.run()),
                        ("downloads", self._downloads.run()),
                        ("uploads", self._uploads.run()),
                        ("sweeps", self._sweeps.run()),
                        ("held", self._held.run()),
                        ("typing", self._show_typing()),
                        ("status", self._write_status()),
                        ("prune", self._prune()),
                        ("panel", self._panel.run()),
                        ("notifications", self._notifications.run()),
                    )
                ]
                await self._stopping.wait()
                log.info("stopping")
                for task in others:
                    task.cancel()
                self._link.stop()
                await asyncio.wait([link], timeout=STOP_S)
                link.cancel()
        except BaseExceptionGroup as errors:
            raise _first(errors) from errors
        await self._write_status_once()

    def stop(self) -> None:
        """End everything cleanly; `run` returns within five seconds."""
        self._stopping.set()

    async def status(self) -> AgentStatus:
        """How this agent is, for the hub."""
        now, facts = self._driver.status, await self._journal.facts()
        last_ms = facts.last_inbound_ms
        return AgentStatus(
            whatsapp=now.whatsapp,
            account=now.account if is_account(now.account) else None,
            paused=facts.paused,
            outbox=facts.outbox,
            inbox=facts.inbox,
            last_inbound_at=None if last_ms is None else Instant(last_ms),
            rss_mib=self._rss_mib(),
            last_sweep=self._sweeps.last,
        )

    # --- the driver's sink ------------------------------------------------------------------

    async def received(self, message: MessageReceived) -> None:
        """Record a message of WhatsApp, after those that were missed before it."""
        await self._held.take(message)

    async def acknowledged(
        self,
        account: str,  # noqa: ARG002 - the sink's contract has it; a derived key needs no account
        key: str,
        state: SendState,
    ) -> None:
        """Tell the hub what WhatsApp says of one of our messages."""
        await self._persist(lambda: self._journal.note_ack(key, state))

    async def composing(self, account: str, chat: str, active: bool) -> None:
        """Tell the hub that the customer composes; it is worth nothing later."""
        if is_account(account):  # the hub closes a connection for a frame that does not decode
            self._link.tell_typing(Typing(account=account, chat=chat[:512], composing=active))

    async def changed(self, status: DriverStatus) -> None:
        """Look for missed messages when WhatsApp is back, and let the dispatcher look again."""
        log.info("whatsapp", state=status.whatsapp)
        self._held.driver_changed(status)
        self._sweeps.driver_changed(status)
        self._dispatcher.driver_changed(status)
        heed_whatsapp(self._bell, status.whatsapp, status.advice)
        self._status_due.set()

    async def lacks(self, account: str, unread: Sequence[Unread]) -> list[Unread]:
        """Which of these messages were never recorded; older ones than a day prove nothing."""
        paired_ms = (await self._journal.identity() or self._identity).paired_ms
        since_ms = max(paired_ms, self._journal.hub_now_ms() - UNHEARD_AGE_MS)
        missing = await self._journal.look(
            lambda tx: [one for one in unread if arrivals.lacks(tx, account, one, since_ms)]
        )
        return [replace(one, since_ms=max(one.since_ms, since_ms)) for one in missing]

    async def _record(self, message: MessageReceived) -> bool:
        return await self._persist(lambda: self._journal.record_inbound(message))

    async def _persist(self, step: Callable[[], Awaitable[T]]) -> T:
        """Do it, waiting for room when the disk is full: until then the driver waits too."""
        while True:
            try:
                return await step()
            except JournalFullError as error:
                log.error("what WhatsApp says cannot be kept", reason=str(error))
                await asyncio.sleep(FULL_DISK_S)

    # --- typing from the hub ----------------------------------------------------------------

    def _hub_composes(self, typing: Typing) -> None:
        if not self._typing.full():
            self._typing.put_nowait(typing)

    async def _show_typing(self) -> None:
        while True:
            typing = await self._typing.get()
            now = self._driver.status
            if now.whatsapp != "ready" or now.account != typing.account:
                continue
            if await self._journal.paused():
                continue
            try:
                await self._driver.typing(typing.chat, typing.composing)
            except Exception:
                log.exception("typing could not be shown")

    # --- timers -----------------------------------------------------------------------------

    def _note_hub(self) -> None:
        heed_hub(self._bell, self._link.status.phase, self._link.status.reason)
        self._status_due.set()

    async def _write_status(self) -> None:
        while True:
            self._status_due.clear()
            await self._write_status_once()
            try:
                async with asyncio.timeout(STATUS_EVERY_S):
                    await self._status_due.wait()
            except TimeoutError:
                pass

    async def _write_status_once(self) -> None:
        identity = await self._journal.identity() or self._identity
        now, facts, sweep = self._driver.status, await self._journal.facts(), self._sweeps.last
        status = StatusFile(
            written_ms=self._clock.now_ms(),
            pid=os.getpid(),
            version=SOFTWARE.version,
            agent_id=identity.agent_id,
            tenant_id=identity.tenant_id,
            hub_url=identity.hub_url,
            hub=self._link.status,
            whatsapp=now.whatsapp,
            account=now.account,
            advice=now.advice,
            paused=facts.paused,
            outbox=facts.outbox + facts.arrivals,
            inbox=facts.inbox,
            last_inbound_ms=facts.last_inbound_ms,
            last_sweep_ms=sweep.at.ms if sweep is not None else None,
            rss_mib=self._rss_mib(),
            panel_port=self._panel.port,
        )
        try:
            write_status(self._settings.data_dir, status)
        except OSError as error:
            log.warning("the status file cannot be written", reason=str(error))

    async def _prune(self) -> None:
        while True:
            await self._persist(self._journal.prune)
            await asyncio.sleep(PRUNE_EVERY_S)

    def _rss_mib(self) -> int:
        """Memory of this process and its browser."""
        total = 0
        for process in (self._process, *self._process.children(recursive=True)):
            with suppress(psutil.Error):  # it ended while we looked
                total += process.memory_info().rss
        return total >> 20


def is_account(account: str | None) -> bool:
    """Whether the hub will take this as the number of an account."""
    return account is not None and _ACCOUNT.fullmatch(account) is not None


async def _endless(name: str, task: Awaitable[Any]) -> None:
    await task
    raise RuntimeError(f"{name} ended by itself")


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that began it all."""
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
