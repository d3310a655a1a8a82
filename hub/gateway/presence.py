"""CORE: how an agent is, as the status table tells it (SPEC §6).

    unknown ──grace over──▶ lost ──5 min──▶ offline        online ⇄ degraded   by every beat
    a welcome leads to online or degraded, an ending to lost or offline, a block to blocked

Pure: a standing and something that happened give a transition or None, and `deadline` says when
time alone will change it. Moments are wall-clock milliseconds, because a standing outlives the
process. Which connection may speak for an agent is decided where the row is written.
"""

from enum import StrEnum
from typing import Final

import msgspec

from protocol.errors import CloseCode, LocalProtocolError
from protocol.messages import AgentStatus

QUEUED_MAX: Final = 1_000  # more than this waiting on the PC means degraded (SPEC §6)


class Status(StrEnum):
    """The six words of the status table."""

    UNKNOWN = "unknown"
    ONLINE = "online"
    DEGRADED = "degraded"
    LOST = "lost"
    OFFLINE = "offline"
    BLOCKED = "blocked"


class Reason(StrEnum):
    """Why a status changed; stands in the history."""

    HUB_STARTED = "hub_started"
    WELCOMED = "welcomed"
    BEAT = "beat"
    WHATSAPP_NOT_READY = "whatsapp_not_ready"
    PAUSED = "paused"
    BACKLOG = "backlog"
    CLEAN_STOP = "clean_stop"
    HEARTBEAT_TIMEOUT = "heartbeat_timeout"
    CONNECTION_ENDED = "connection_ended"
    GRACE_OVER = "grace_over"
    LOST_TOO_LONG = "lost_too_long"
    REVOKED = "revoked"
    DUPLICATE = "duplicate"
    UNBLOCKED = "unblocked"
    BLOCK_OVER = "block_over"


class Standing(msgspec.Struct, frozen=True):
    """An agent's row as far as it matters here. `blocked_until` is None for a revoked agent."""

    status: Status
    since: int
    blocked_until: int | None = None


class Limits(msgspec.Struct, frozen=True):
    """How long time alone may change nothing; milliseconds. Grace runs from `started_at` on."""

    started_at: int
    grace_ms: int = 90_000
    offline_after_ms: int = 300_000


class Transition(msgspec.Struct, frozen=True):
    """One row of the history."""

    before: Status
    after: Status
    reason: Reason


class Input(msgspec.Struct, frozen=True):
    """Base of what can happen to an agent's presence."""


class Welcomed(Input, frozen=True):
    """A hello was accepted; `status` came with it."""

    status: AgentStatus


class Beat(Input, frozen=True):
    """The present connection sent a heartbeat."""

    status: AgentStatus


class Ended(Input, frozen=True):
    """The present connection closed with `code`."""

    code: int


class Tick(Input, frozen=True):
    """Time has passed."""

    now: int


class HubStarted(Input, frozen=True):
    """This process begins and has seen nobody yet."""


class Revoked(Input, frozen=True):
    """The operator took the agent's right to connect; nothing gives it back."""


class Duplicate(Input, frozen=True):
    """Two instances of the agent keep replacing each other."""


class Unblocked(Input, frozen=True):
    """The operator lifted the block of a duplicate."""


class IllegalInputError(LocalProtocolError):
    """Something was reported that cannot happen to an agent of this status: a defect of ours."""


_CONNECTED: Final = frozenset({Status.ONLINE, Status.DEGRADED})
_ANY: Final = frozenset(Status)

POSSIBLE: Final[dict[type[Input], frozenset[Status]]] = {
    Welcomed: _ANY - {Status.BLOCKED},
    # A revocation is written by another process: beats and the end of the socket come after it.
    Beat: _ANY,
    Ended: _ANY - {Status.OFFLINE},
    Tick: _ANY,
    HubStarted: _ANY,
    Revoked: _ANY,
    Duplicate: _CONNECTED,
    Unblocked: _ANY,
}
"""In which status each input may arrive; what is absent raises IllegalInputError."""


def step(standing: Standing, happened: Input, limits: Limits) -> Transition | None:
    """The transition that `happened` causes, None when the status stays.

    Raises:
        IllegalInputError: `happened` is impossible in this status.
    """
    if standing.status not in POSSIBLE[type(happened)]:
        raise IllegalInputError(f"{type(happened).__name__} while {standing.status}")
    after, reason = _lead(standing, happened, limits)
    if after is standing.status:
        return None
    return Transition(standing.status, after, reason)


def deadline(standing: Standing, limits: Limits) -> int | None:
    """When a Tick will change this standing, if nothing else does before."""
    match standing.status:
        case Status.UNKNOWN:
            return max(standing.since, limits.started_at) + limits.grace_ms
        case Status.LOST:
            return standing.since + limits.offline_after_ms
        case Status.BLOCKED:
            return standing.blocked_until
        case _:
            return None


def _lead(standing: Standing, happened: Input, limits: Limits) -> tuple[Status, Reason]:
    stays = standing.status, Reason.BEAT
    match happened:
        case Revoked():
            return Status.BLOCKED, Reason.REVOKED
        case Tick(now):
            due = deadline(standing, limits)
            return stays if due is None or now < due else _EXPIRED[standing.status]
        case HubStarted():
            forgotten = standing.status in _CONNECTED or standing.status is Status.LOST
            return (Status.UNKNOWN, Reason.HUB_STARTED) if forgotten else stays
        case Unblocked():
            lifted = standing.status is Status.BLOCKED and standing.blocked_until is not None
            return (Status.OFFLINE, Reason.UNBLOCKED) if lifted else stays
        case _:
            return stays if standing.status is Status.BLOCKED else _of_connection(happened)


_EXPIRED: Final = {
    Status.UNKNOWN: (Status.LOST, Reason.GRACE_OVER),
    Status.LOST: (Status.OFFLINE, Reason.LOST_TOO_LONG),
    Status.BLOCKED: (Status.OFFLINE, Reason.BLOCK_OVER),
}


def _of_connection(happened: Input) -> tuple[Status, Reason]:
    match happened:
        case Welcomed(status):
            return _judge(status, Reason.WELCOMED)
        case Beat(status):
            return _judge(status, Reason.BEAT)
        case Ended(CloseCode.CLEAN_STOP):
            return Status.OFFLINE, Reason.CLEAN_STOP
        case Ended(CloseCode.HEARTBEAT_TIMEOUT):
            return Status.LOST, Reason.HEARTBEAT_TIMEOUT
        case Ended():
            return Status.LOST, Reason.CONNECTION_ENDED
        case _:
            return Status.BLOCKED, Reason.DUPLICATE


def _judge(status: AgentStatus, good: Reason) -> tuple[Status, Reason]:
    if status.whatsapp != "ready":
        return Status.DEGRADED, Reason.WHATSAPP_NOT_READY
    if status.paused:
        return Status.DEGRADED, Reason.PAUSED
    if max(status.outbox, status.inbox) > QUEUED_MAX:
        return Status.DEGRADED, Reason.BACKLOG
    return Status.ONLINE, good
