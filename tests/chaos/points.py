"""Named points at which a process of a chaos run ends itself with SIGKILL.

The product has no hooks: the main programs of the run wrap the product's own seams. A point is
ordered as `<point>:<n>` (die when it is passed for the n-th time), by the environment for one that
lies in the start-up, else by a file that may appear at any moment.
"""

import functools
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

ENV_ORDER: Final = "CHAOS_CRASH"
ENV_FILE: Final = "CHAOS_CRASH_FILE"

HUB_POINTS: Final = (
    "Store.write.uncommitted",
    "Store.write.after",
    "Store.submit.uncommitted",
    "Store.submit.after",
    "Session.committed.before",
    "ack.left",
    "engine",
    "Registry.deliver.before",
    "Session.send_events.after",
)
HUB_START_POINTS: Final = ("Session.welcome.before", "Session.welcome.after")
AGENT_POINTS: Final = (
    "Journal.record_inbound.before",
    "Journal.record_inbound.after",
    "Journal.unsent.after",
    "Journal.acknowledge_up.before",
    "Journal.acknowledge_up.after",
    "Journal.accept.before",
    "Journal.accept.after",
    "Session.committed.after",
    "Journal.mark.before",
    "Journal.mark.after",
    "MemoryDriver.send.after",
    "Journal.finish.before",
    "Journal.finish.after",
)
AGENT_START_POINTS: Final = (
    "Journal.next_conn_no.after",
    "Journal.reconcile.before",
    "Journal.reconcile.after",
    "Journal.note_searched.before",
)

Passed = Callable[[str], None]


class CrashPoint:
    """Counts how often the ordered point was passed, and dies in time."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._file: Path | None = Path(environ[ENV_FILE])
        self._point, self._left = _order(environ.get(ENV_ORDER, ""))

    def passed(self, point: str) -> None:
        """Say that the process is at `point`; does not return when it was told to die here."""
        file = self._file  # another thread may pass a point, too
        if file is not None and file.exists():
            (self._point, self._left), self._file = _order(file.read_text()), None
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def _order(text: str) -> tuple[str, int]:
    point, _, nth = text.partition(":")
    return point, int(nth or 0)


def around(owner: type, name: str, passed: Passed) -> None:
    """Pass `Owner.name.before` and `Owner.name.after` with every call of a coroutine method."""
    method, point = getattr(owner, name), f"{owner.__name__}.{name}"

    @functools.wraps(method)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        passed(f"{point}.before")
        result = await method(*args, **kwargs)
        passed(f"{point}.after")
        return result

    setattr(owner, name, wrapped)


def around_call(owner: type, name: str, passed: Passed) -> None:
    """The same for a method that is no coroutine."""
    method, point = getattr(owner, name), f"{owner.__name__}.{name}"

    @functools.wraps(method)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        passed(f"{point}.before")
        result = method(*args, **kwargs)
        passed(f"{point}.after")
        return result

    setattr(owner, name, wrapped)
