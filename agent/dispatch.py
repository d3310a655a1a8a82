"""The loop that carries out the hub's orders: one step at a time, because there is one WhatsApp.

Each round takes the open orders from the journal: commands first, then the oldest message of every
chat. The sender core says what each of those needs; the first that needs anything but waiting gets
it, and the next round begins. So chats overtake each other, a chat never overtakes itself, and one
chat's typing pause is another chat's turn.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar, cast
from uuid import UUID

import structlog
from msgspec.structs import replace

from agent.attention import Attention
from agent.begun import chats_begun
from agent.clock import Clock
from agent.commands import Means, obey
from agent.database import JournalFullError
from agent.downloads import Downloads
from agent.drivers.driver import (
    Acquainted,
    Driver,
    DriverStatus,
    Lookup,
    OrderedFile,
    Outcome,
    SendOrder,
)
from agent.inbox import Send
from agent.journal import Journal
from agent.pacing import Policy, gap_s, roll_of
from agent.send_notices import notice_of
from agent.sender import (
    Decision,
    Fetch,
    Finish,
    HandOver,
    LookUp,
    Outgoing,
    Progress,
    State,
    Step,
    Surroundings,
    Type,
    Wait,
    decide,
    judge,
    note_lookup,
)
from protocol.ids import is_one_to_one
from protocol.messages import MessageStatus, SendState

log = structlog.get_logger(__name__)

_REST_MAX_S: Final = 60.0  # the monotonic clock stands still while a laptop sleeps: look again
_FULL_DISK_S: Final = 5.0
_AS_HOPED: Final = frozenset({State.SENT, State.EXPIRED})
_UNTOUCHED: Final = Progress()

T = TypeVar("T")


class Dispatcher:
    """Takes orders from the journal, asks the core, calls the driver, keeps the results."""

    def __init__(
        self,
        *,
        journal: Journal,
        driver: Driver,
        downloads: Downloads,
        clock: Clock,
        policy: Policy,
        ring: Callable[[Attention], None] = lambda _one: None,
    ) -> None:
        """`ring` calls a person."""
        self._ring = ring
        self._journal = journal
        self._driver = driver
        self._downloads = downloads
        self._clock = clock
        self._policy = policy
        self._progress: dict[UUID, Progress] = {}
        self._free_at = 0.0
        self._is_tidy = False  # files may lie here whose orders have ended

    def driver_changed(self, _status: DriverStatus) -> None:
        """Look again: the driver may be ready now."""
        self._journal.inbox_grew.set()

    async def run(self) -> None:
        """Work until cancelled. A full disk is waited for; other journal errors end the agent."""
        while True:
            self._journal.inbox_grew.clear()
            try:
                if not self._is_tidy:
                    await self._downloads.prune()
                    self._is_tidy = True
                rest_s = await self._round()
            except JournalFullError as error:
                log.warning("sending waits for the disk", reason=str(error))
                rest_s = _FULL_DISK_S
            await self._rest(rest_s)

    async def _rest(self, rest_s: float) -> None:
        """Sleep so long, or until the journal has news."""
        try:
            async with asyncio.timeout(max(rest_s, 0)):
                await self._journal.inbox_grew.wait()
        except TimeoutError:
            pass

    async def _round(self) -> float:
        """Do the next thing that can be done; returns how many seconds nothing else can."""
        means = Means(self._journal, self._driver, self._clock)
        for job in await self._journal.pending_jobs():
            await obey(means, job)
        rows = await self._journal.pending_sends()
        self._progress = {row.event_id: self._of(row) for row in rows}
        until = self._clock.monotonic() + _REST_MAX_S
        paused = await self._journal.paused()
        for row in _heads(rows):
            decision = await self._decide(row, paused)
            if not isinstance(decision, Wait):
                await self._carry_out(row, decision)
                return 0.0
            # What was looked up is stale after a wait.
            self._progress[row.event_id] = replace(self._of(row), lookup=None)
            until = min(until, decision.until or until)
        return until - self._clock.monotonic()

    async def _decide(self, row: Send, paused: bool) -> Decision:
        """The core's word on one message; what the journal knows is asked only when it counts."""
        send, progress = self._as_core_sees(row), self._of(row)
        around = self._around(paused)
        decision = decide(send, progress, around, self._policy)
        if not isinstance(decision, Type | HandOver):
            return decision
        account, chat = row.order.account, row.order.chat
        around = replace(
            around,
            owner_wrote_ms=await self._journal.owner_wrote_ms(account, chat),
            begun=await self._begun(account, chat, around.now_ms),
        )
        return decide(send, progress, around, self._policy)

    async def _begun(self, account: str, chat: str, now_ms: int) -> int | None:
        """How many chats we began today, if this one would be one more.

        A journal may be younger than the chat: WhatsApp is asked as well.
        """
        number = await self._journal.look(lambda tx: chats_begun(tx, account, chat, now_ms))
        if number is None or not isinstance(self._driver, Acquainted):
            return number
        wrote = await self._ask("customer_wrote", self._driver.customer_wrote(account, chat), False)
        return None if wrote else number

    def _as_core_sees(self, row: Send) -> Outgoing:
        typing = self._of(row).typed_at is not None
        expires = row.order.expires_at
        return Outgoing(
            state=State.TYPING if typing and row.state == State.QUEUED else State(row.state),
            account=row.order.account,
            chars=len(row.order.text or ""),
            ordered_ms=row.ts_ms,
            expires_ms=expires.ms if expires is not None else None,
            attempts=row.attempts,
            file=self._downloads.state_of(row.order.media),
            roll=roll_of(row.event_id),
            one_to_one=is_one_to_one(row.order.chat),
        )

    def _around(self, paused: bool) -> Surroundings:
        status = self._driver.status
        return Surroundings(
            now_ms=self._journal.hub_now_ms(),  # what has an end has it on the hub's clock
            monotonic=self._clock.monotonic(),
            whatsapp=status.whatsapp,
            account=status.account,
            paused=paused,
            free_at=self._free_at,
        )

    async def _carry_out(self, row: Send, step: Step) -> None:
        match step:
            case Type(for_s=for_s):
                await self._begin_typing(row, for_s)
            case LookUp():
                await self._look_up(row)
            case Fetch():
                if row.order.media is not None:
                    self._downloads.fetch(row.order.media.sha256)
            case HandOver(begins=begins):
                await self._hand_over(row, begins)
            case Finish():
                await self._finish(row, step, row.attempts)

    async def _begin_typing(self, row: Send, for_s: float) -> None:
        await self._tell("mark_read", self._driver.mark_read(row.order.chat))
        typed_at = self._clock.monotonic() + for_s
        self._progress[row.event_id] = replace(self._of(row), typed_at=typed_at)
        if for_s > 0:
            await self._tell("typing", self._driver.typing(row.order.chat, True))

    async def _look_up(self, row: Send) -> None:
        found = await self._ask(
            "look_up", self._driver.look_up(self._order(row)), Lookup.UNAVAILABLE
        )
        now = self._clock.monotonic()
        self._progress[row.event_id] = note_lookup(self._of(row), found, now, self._policy)

    async def _hand_over(self, row: Send, begins: bool) -> None:
        """Commit that the message goes out, then let it go out once."""
        attempts = row.attempts + 1
        if not await self._journal.mark(row.event_id, State.SENDING, attempts, begins=begins):
            return  # WhatsApp acknowledged it a moment ago
        outcome = await self._ask("send", self._driver.send(self._order(row)), Outcome("unknown"))
        now = self._clock.monotonic()
        self._free_at = now + gap_s(roll_of(row.event_id), self._policy)
        self._progress[row.event_id] = Progress(
            look_at=now + self._policy.lookup_every_s, attempts=self._of(row).attempts + 1
        )
        if end := judge(outcome):
            await self._finish(row, end, attempts)

    async def _finish(self, row: Send, end: Finish, attempts: int) -> None:
        if self._of(row).typed_at is not None:
            await self._tell("typing", self._driver.typing(row.order.chat, False))
        say = log.info if end.state in _AS_HOPED else log.warning
        code = end.error.code if end.error is not None else None
        say("message ended", ref=row.event_id, state=end.state, code=code, attempts=attempts)
        status = MessageStatus(
            ref=row.event_id,
            wa_id=row.key if attempts or end.state is State.SENT else None,
            state=cast(SendState, end.state.value),
            error=end.error,
        )
        await self._journal.finish(row.event_id, status)
        if (notice := notice_of(end)) is not None:
            self._ring(notice)
        if row.order.media is not None:
            self._downloads.forget(row.order.media.sha256)
            self._is_tidy = False

    async def _tell(self, what: str, call: Awaitable[None]) -> None:
        """What only a customer would see: when it breaks, a line in the log is enough."""
        try:
            await call
        except Exception:
            log.exception("driver failed", call=what)

    async def _ask(self, what: str, call: Awaitable[T], otherwise: T) -> T:
        """The driver's answer, or `otherwise` when it breaks, which never ends the agent."""
        try:
            return await call
        except Exception:
            log.exception("driver failed", call=what)
            return otherwise

    def _order(self, row: Send) -> SendOrder:
        order, media, file = row.order, row.order.media, None
        if media is not None:
            path = self._downloads.files.path(media.sha256)
            file = OrderedFile(path, media.sha256, media.mime, media.name)
        return SendOrder(row.key, order.account, order.chat, order.text or "", order.reply_to, file)

    def _of(self, row: Send) -> Progress:
        return self._progress.get(row.event_id, _UNTOUCHED)


def _heads(rows: Iterable[Send]) -> list[Send]:
    """The oldest message of each chat, in the order of arrival."""
    heads: dict[tuple[str, str], Send] = {}
    for row in rows:
        heads.setdefault((row.order.account, row.order.chat), row)
    return list(heads.values())
