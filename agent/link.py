"""The way to the hub: one connection after the other, with the pauses that the backoff gives."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from enum import StrEnum
from http import HTTPStatus
from typing import Final
from uuid import UUID

import msgspec
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidProxyStatus, InvalidStatus, WebSocketException
from websockets.http11 import Response
from websockets.typing import Subprotocol

from agent import backoff, pairing
from agent.backoff import Backoff, Pause
from agent.clock import Clock
from agent.connection import Connection, Context, Ended
from agent.database import JournalFullError
from agent.journal import Identity, Journal
from agent.portal import ADVICE, is_page_instead
from agent.settings import PREFIX, Settings
from protocol.errors import CloseCode
from protocol.messages import (
    FRAME_MAX_BYTES,
    SUBPROTOCOL,
    AgentStatus,
    Hello,
    LogHead,
    Typing,
    Welcome,
)
from protocol.session import Role, Session
from protocol.session import Settings as SessionSettings

log = structlog.get_logger(__name__)

CLOSE_TIMEOUT_S: Final = 2.0  # until a hub that does not answer our close frame is left
LOOK_S: Final = 2.0  # while refused: how often to see whether the PC was paired anew

_PAIR_AGAIN: Final = "make a new code at the hub and run `sak-agent pair`."
_REFUSALS: Final[dict[int, str]] = {
    HTTPStatus.UNAUTHORIZED: f"The hub does not know this PC's token: {_PAIR_AGAIN}",
    HTTPStatus.FORBIDDEN: f"The hub has revoked this PC: {_PAIR_AGAIN}",
    HTTPStatus.BAD_REQUEST: "The hub does not speak this version: update sak-agent or the hub.",
}
_ENDS: Final[dict[int, str]] = {
    CloseCode.REVOKED: f"The hub has revoked this PC: {_PAIR_AGAIN}",
    CloseCode.DUPLICATE_AGENT: "A second PC uses this one's identity, probably a copied disk: "
    "stop it and pair it anew.",
    CloseCode.UNSUPPORTED: "The hub needs what this sak-agent cannot do: update it.",
    CloseCode.REPLACED: "A newer connection of this agent took over.",
}


_PROXY: Final = (
    "The proxy refuses the way to the hub ({status}): correct " + f"{PREFIX}PROXY, or ask whoever "
    "looks after the network. Messages are kept."
)


_NO_TRUST: Final = (
    "The hub's certificate is not accepted: check this PC's date and time; if they are right, this "
    "network puts a page or a filter in the way. Messages are kept."
)
_CLOCK_OFF: Final = (
    "This PC's clock is wrong: let the system set date and time by itself. Until then the agent "
    "goes by the hub's clock."
)
_CLOCK_OFF_S: Final = 60.0


class _Straight(connect):
    """Goes nowhere but to the hub: a redirect is an answer, and not the hub's."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class Phase(StrEnum):
    """How the way to the hub is."""

    CONNECTING = "connecting"
    ONLINE = "online"
    WAITING = "waiting"  # until the next try
    REFUSED = "refused"  # the same, and somebody has to act
    STOPPED = "stopped"


class LinkStatus(msgspec.Struct, frozen=True):
    """What is known of the way to the hub. `retry_ms` is when the next try is due; `_ms` UTC."""

    phase: Phase
    since_ms: int
    reason: str = ""
    retry_ms: int | None = None


class Link:
    """Keeps one connection to the hub as long as it runs."""

    def __init__(
        self,
        *,
        journal: Journal,
        settings: Settings,
        clock: Clock,
        instance_id: UUID,
        status: Callable[[], Awaitable[AgentStatus]],
        typing: Callable[[Typing], None],
        changed: Callable[[], None],
        roll: Callable[[], float],
    ) -> None:
        """`typing` takes the hub's *typing…*; `changed` is called when `self.status` changed."""
        self._journal = journal
        self._settings = settings
        self._clock = clock
        self._instance_id = instance_id
        self._agent_status = status
        self._changed = changed
        self._roll = roll
        self._context = Context(
            journal=journal,
            clock=clock,
            status=status,
            typing=typing,
            welcomed=self._welcomed,
            roll=roll,
            send_timeout_s=settings.send_timeout_s,
            inbox_max=settings.inbox_max,
        )
        self._backoff = Backoff(
            backoff.Policy(
                max_s=settings.backoff_max_s,
                reset_s=settings.backoff_reset_s,
                replaced_wait_s=settings.replaced_wait_s,
                stopped_retry_s=settings.stopped_retry_s,
            )
        )
        self._stopping = asyncio.Event()
        self._token_expires = asyncio.Event()  # on the present connection
        self._opening: asyncio.Timeout | None = None
        self._connection: Connection | None = None
        self.status = LinkStatus(Phase.CONNECTING, clock.now_ms())

    async def run(self) -> None:
        """Connect again and again until `stop`."""
        while not self._stopping.is_set():
            identity = await self._journal.identity()
            pause = await self._try(identity) if identity is not None else self._unpaired()
            await self._rest(pause, identity)
        self._set(Phase.STOPPED)

    def stop(self) -> None:
        """End the present connection cleanly, or the present wait at once."""
        self._stopping.set()
        if self._connection is not None:
            self._connection.stop()
        if self._opening is not None:
            self._opening.reschedule(0)

    def renew(self) -> None:
        """Connect anew: the hub tells its time again, and after a sleep the line may be dead."""
        if self._connection is not None:
            self._connection.stop()

    def tell_typing(self, typing: Typing) -> None:
        """Tell the hub that a customer composes; forgotten when there is no connection."""
        if self._connection is not None:
            self._connection.tell_typing(typing)

    # --- one try ----------------------------------------------------------------------------

    async def _try(self, identity: Identity) -> Pause:
        """Connect and stay until the end; returns the pause that is due then."""
        self._set(Phase.CONNECTING, self.status.reason)
        try:
            hello = await self._hello(identity)
            socket = await self._open(identity)
        except InvalidStatus as error:
            return self._refused(error)
        except InvalidProxyStatus as error:
            return self._failed(_PROXY.format(status=error.response.status_code))
        except JournalFullError as error:
            return self._failed(str(error))
        except ssl.SSLCertVerificationError:
            return self._failed(_NO_TRUST)
        except (OSError, WebSocketException, ValueError) as error:
            return self._failed(f"The hub cannot be reached ({type(error).__name__}).")
        if socket.subprotocol != SUBPROTOCOL:
            await socket.close(CloseCode.UNSUPPORTED)
            return self._ended(Ended(CloseCode.UNSUPPORTED, "", False, 0, None))
        session = Session(Role.AGENT, self._limits(), self._clock.monotonic(), hello)
        return await self._hold(socket, session)

    async def _open(self, identity: Identity) -> ClientConnection:
        url = identity.socket_url
        async with asyncio.timeout(self._settings.open_timeout_s) as self._opening:
            if self._stopping.is_set():
                self._opening.reschedule(0)
            try:
                return await _Straight(
                    url,
                    subprotocols=[Subprotocol(SUBPROTOCOL)],
                    additional_headers={"Authorization": f"Bearer {identity.token}"},
                    user_agent_header=pairing.USER_AGENT,
                    proxy=pairing.proxy_for(url, self._settings),
                    compression=None,
                    max_size=FRAME_MAX_BYTES,
                    open_timeout=None,
                    ping_interval=None,  # the protocol has its own heartbeats
                    close_timeout=CLOSE_TIMEOUT_S,
                )
            finally:
                self._opening = None

    async def _hold(self, socket: ClientConnection, session: Session) -> Pause:
        self._connection = Connection(socket, session, self._context)
        if self._stopping.is_set():
            self._connection.stop()
        try:
            async with asyncio.TaskGroup() as group:
                keeper = group.create_task(self._keep_token(), name="link token")
                ended = await self._connection.run()
                keeper.cancel()
        finally:
            self._connection = None
            socket.transport.abort()  # no effect on a socket that is closed
        return self._ended(ended)

    async def _keep_token(self) -> None:
        self._token_expires.clear()
        await self._token_expires.wait()
        await pairing.keep_token_fresh(self._settings, self._journal)

    def _limits(self) -> SessionSettings:
        return SessionSettings(
            window=self._settings.window,
            ack_timeout_s=self._settings.ack_timeout_s,
            heartbeat_timeout_s=self._settings.welcome_timeout_s,
        )

    async def _hello(self, identity: Identity) -> Hello:
        conn_no, own = await self._journal.next_conn_no(), await self._journal.own_log()
        return Hello(
            agent_id=identity.agent_id,
            instance_id=self._instance_id,
            conn_no=conn_no,
            software=pairing.SOFTWARE,
            caps=[],
            window=self._settings.window,
            up=LogHead(epoch=own.epoch, head=own.head),
            down=await self._journal.down_position(),
            status=await self._agent_status(),
        )

    # --- how it ended -----------------------------------------------------------------------

    async def _welcomed(self, welcome: Welcome) -> None:
        log.info("online", connection=welcome.connection_id)
        off_s = (self._clock.now_ms() - welcome.hub_time.ms) / 1000
        is_off = abs(off_s) > _CLOCK_OFF_S
        if is_off:
            log.warning("this PC's clock is wrong", ahead_of_the_hub_s=round(off_s))
        self._set(Phase.ONLINE, _CLOCK_OFF if is_off else "")
        if welcome.token_expires_at is not None:
            await self._journal.note_token_expiry(welcome.token_expires_at.ms)
            self._token_expires.set()

    def _ended(self, ended: Ended) -> Pause:
        log.info("connection ended", code=ended.code, reason=ended.reason, by_peer=ended.by_peer)
        pause = self._backoff.closed(ended.code, ended.live_s, self._roll(), ended.window)
        unknown = "The hub refused this agent." if pause.stopped else "The connection ended."
        return self._wait(pause, _ENDS.get(ended.code, unknown))

    def _refused(self, error: InvalidStatus) -> Pause:
        answer = error.response
        named = next(iter(answer.headers.get_all("Retry-After")), None)  # a proxy may add its own
        after = backoff.retry_after_s(named, self._clock.now_ms())
        pause = self._backoff.refused(answer.status_code, after, self._roll())
        log.warning("the hub refused", status=answer.status_code)
        return self._wait(pause, _why(answer))

    def _failed(self, reason: str) -> Pause:
        log.info("no connection", reason=reason)
        return self._wait(self._backoff.failed(self._roll()), reason)

    def _unpaired(self) -> Pause:
        pause = Pause(self._settings.stopped_retry_s, stopped=True)
        return self._wait(pause, f"This PC is not paired: {_PAIR_AGAIN}")

    def _wait(self, pause: Pause, reason: str) -> Pause:
        retry_ms = self._clock.now_ms() + int(pause.seconds * 1000)
        self._set(Phase.REFUSED if pause.stopped else Phase.WAITING, reason, retry_ms)
        return pause

    async def _rest(self, pause: Pause, identity: Identity | None) -> None:
        """Wait for the pause's end, or `stop`; refused, also for a new pairing."""
        until = self._clock.monotonic() + pause.seconds
        while not self._stopping.is_set() and (left := until - self._clock.monotonic()) > 0:
            try:
                async with asyncio.timeout(min(left, LOOK_S) if pause.stopped else left):
                    await self._stopping.wait()
            except TimeoutError:
                if pause.stopped and await self._journal.identity() != identity:
                    return

    def _set(self, phase: Phase, reason: str = "", retry_ms: int | None = None) -> None:
        self.status = LinkStatus(phase, self._clock.now_ms(), reason, retry_ms)
        self._changed()


def _why(answer: Response) -> str:
    """Why there is an HTTP answer instead of a connection, for the person who can act."""
    status, kind = answer.status_code, " ".join(answer.headers.get_all("Content-Type"))
    if is_page_instead(status, kind, bytes(answer.body or b"")):
        return ADVICE
    return _REFUSALS.get(status, f"The hub's address answered {status}.")
