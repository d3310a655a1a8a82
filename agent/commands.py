"""What the hub may order besides messages: one function per command, each returning its result.

Every command ends with exactly one result. `screenshot_state` is refused as unsupported (a picture
of the page would carry customers' text to the hub), and so is `reload` by a driver that has nothing
to reload. A command that a restart finds running reports `unknown`: it is never run twice.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, runtime_checkable

import msgspec
import structlog

from agent.clock import Clock
from agent.database import JournalError
from agent.drivers.driver import Driver
from agent.inbox import Job
from agent.journal import Journal
from protocol.messages import CommandResult, CommandState, Fault

log = structlog.get_logger(__name__)

RUNNING: Final = "running"
AUDIT_MS: Final = 86_400_000  # an audit looks back one day


class RefusedError(Exception):
    """The command cannot be obeyed; `code` goes to the hub with the sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@runtime_checkable
class Reloadable(Protocol):
    """A driver with a page that can be loaded again."""

    async def reload(self) -> None:
        """Load the page again; returns when it was asked to."""
        ...


class Means(msgspec.Struct, frozen=True):
    """What a command may use."""

    journal: Journal
    driver: Driver
    clock: Clock


async def obey(means: Means, job: Job) -> None:
    """Bring one command to its result, whatever state it is found in."""
    expires = job.order.expires_at
    if job.state == RUNNING:
        result = _failure(job, "unknown", "interrupted", "the agent stopped while this ran")
    elif expires is not None and means.clock.now_ms() >= expires.ms:
        result = CommandResult(ref=job.event_id, state="expired")
    elif (handler := _HANDLERS.get(job.order.name)) is None:
        result = _failure(job, "failed", "unknown_command", "this agent does not know the command")
    else:
        await means.journal.mark(job.event_id, RUNNING)
        result = await _run(handler, means, job)
    log.info("command ended", command=job.order.name, state=result.state)
    await means.journal.finish(job.event_id, result)


Handler = Callable[[Means], Awaitable[dict[str, Any] | None]]


async def _run(handler: Handler, means: Means, job: Job) -> CommandResult:
    try:
        data = await handler(means)
    except RefusedError as refusal:
        return _failure(job, "failed", refusal.code, str(refusal))
    except JournalError:
        raise
    except Exception:
        log.exception("command failed", command=job.order.name)
        return _failure(job, "failed", "internal", "the agent's log tells more")
    return CommandResult(ref=job.event_id, state="done", data=data)


async def _pause(means: Means) -> None:
    await means.journal.set_paused(True)


async def _resume(means: Means) -> None:
    await means.journal.set_paused(False)


async def _audit(means: Means) -> dict[str, Any]:
    """Compare what WhatsApp shows of the last day with the journal, and fill the gaps."""
    identity = await means.journal.identity()
    if identity is None or means.driver.status.whatsapp != "ready":
        raise RefusedError("not_ready", "WhatsApp is not ready: order the audit again later")
    since_ms = max(means.clock.now_ms() - AUDIT_MS, identity.paired_ms)
    seen = missed = 0
    async for message in means.driver.sweep(since_ms):
        seen += not message.from_me
        missed += await means.journal.record_inbound(message)
    counts, facts = await means.journal.counts(since_ms), await means.journal.facts()
    return {
        "since_ms": since_ms,
        "seen": seen,
        "missed": missed,
        "stored": counts.received,
        "answered": counts.answered,
        "failed": counts.failed,
        "unknown": counts.unknown,
        "expired": counts.expired,
        "waiting": facts.inbox,
    }


async def _reload(means: Means) -> None:
    if not isinstance(means.driver, Reloadable):
        raise RefusedError("unsupported", "this agent's driver has no page to reload")
    await means.driver.reload()


async def _screenshot_state(_means: Means) -> None:
    raise RefusedError("unsupported", "this agent takes no pictures of the page")


_HANDLERS: Final[dict[str, Handler]] = {
    "audit": _audit,
    "pause": _pause,
    "resume": _resume,
    "reload": _reload,
    "screenshot_state": _screenshot_state,
}


def _failure(job: Job, state: CommandState, code: str, message: str) -> CommandResult:
    return CommandResult(ref=job.event_id, state=state, error=Fault(code=code, message=message))
