"""What the hub may order besides messages: one function per command, each returning its result.

Every command ends with exactly one result. `screenshot_state` is refused as unsupported (a picture
of the page would carry customers' text to the hub), and so is `reload` by a driver that has nothing
to reload. A command that a restart finds running reports `unknown`: it is never run twice.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar, runtime_checkable

import msgspec
import structlog

from agent import audit
from agent.clock import Clock
from agent.database import JournalError
from agent.drivers.driver import Driver
from agent.inbox import Job
from agent.journal import Journal
from protocol.audit import AuditArgs, AuditData, SweepArgs, SweepData, listed, plain, read
from protocol.messages import CommandResult, CommandState, Data, Fault, Instant

T = TypeVar("T", bound=Data)

log = structlog.get_logger(__name__)

RUNNING: Final = "running"
DAY_MS: Final = 86_400_000  # what is looked back to unless it is said
_UNREADABLE: Final = "the arguments are not what this command takes"


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


Args = dict[str, Any]
Handler = Callable[[Means, Args], Awaitable[dict[str, Any] | None]]


async def _run(handler: Handler, means: Means, job: Job) -> CommandResult:
    try:
        data = await handler(means, job.order.args)
    except RefusedError as refusal:
        return _failure(job, "failed", refusal.code, str(refusal))
    except audit.NotReadyError as error:
        return _failure(job, "failed", "not_ready", str(error))
    except JournalError:
        raise
    except Exception:
        log.exception("command failed", command=job.order.name)
        return _failure(job, "failed", "internal", "the agent's log tells more")
    return CommandResult(ref=job.event_id, state="done", data=data)


async def _pause(means: Means, _args: Args) -> None:
    await means.journal.set_paused(True)


async def _resume(means: Means, _args: Args) -> None:
    await means.journal.set_paused(False)


async def _audit(means: Means, given: Args) -> dict[str, Any]:
    """Tell what WhatsApp shows, and record what was missed of it."""
    args = _read(AuditArgs, given)
    reading = await audit.read(means.journal, means.driver, _since_ms(means, args.since))
    messages, later = listed(reading.shown)
    told = AuditData(
        account=reading.account,
        since=Instant(reading.since_ms),
        found=reading.found,
        messages=messages,
        next=later,
    )
    return plain(told)


async def _sweep(means: Means, given: Args) -> dict[str, Any]:
    """Tell what was missed, and once more what the hub asks for."""
    args = _read(SweepArgs, given)
    again = {(args.account, key.chat, key.wa_id) for key in args.again}
    since_ms = _since_ms(means, args.since)
    chats, found, repeated = await audit.search(means.journal, means.driver, since_ms, again)
    return plain(SweepData(chats=chats, found=found, again=repeated))


def _since_ms(means: Means, since: Instant | None) -> int:
    return means.journal.hub_now_ms() - DAY_MS if since is None else since.ms


def _read(kind: type[T], given: Args) -> T:
    try:
        return read(kind, given)
    except ValueError as error:
        raise RefusedError("invalid_args", f"{_UNREADABLE}: {error}") from error


async def _reload(means: Means, _args: Args) -> None:
    if not isinstance(means.driver, Reloadable):
        raise RefusedError("unsupported", "this agent's driver has no page to reload")
    await means.driver.reload()


async def _screenshot_state(_means: Means, _args: Args) -> None:
    raise RefusedError("unsupported", "this agent takes no pictures of the page")


_HANDLERS: Final[dict[str, Handler]] = {
    "audit": _audit,
    "sweep": _sweep,
    "pause": _pause,
    "resume": _resume,
    "reload": _reload,
    "screenshot_state": _screenshot_state,
}


def _failure(job: Job, state: CommandState, code: str, message: str) -> CommandResult:
    return CommandResult(ref=job.event_id, state=state, error=Fault(code=code, message=message))
