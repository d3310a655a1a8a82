"""Notifications of the desktop, where it has any; elsewhere the log and the panel are the way.

They come through the package desktop-notifier: the session bus on Linux, toasts on Windows, and on
macOS only from a Python that is part of a signed application. Nothing here may hold up or end the
agent: a notification that is not shown is a line in the log.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from agent.attention import Attention
from protocol.scrub import scrub_text

log = structlog.get_logger(__name__)

TITLE: Final = "Shop assistant"
WAITING_MAX: Final = 16  # more at once would only cover each other
SHOW_S: Final = 10.0  # a session bus that is asked and does not answer
_PACKAGE: Final = "desktop_notifier"
_INSTEAD: Final = "no desktop notifications here: the log and the panel tell instead"

Show = Callable[[str, str], Awaitable[bool]]
"""Shows a title and a sentence; false when the desktop did not take them."""


class NoDesktopError(Exception):
    """There is no desktop to notify; the message says why."""


class Notifications:
    """Shows what the bell rings, one after the other."""

    def __init__(self, connect: Callable[[], Awaitable[Show]] | None = None) -> None:
        """`connect` finds the desktop; it is asked again for each ring until there is one."""
        self._connect = connect or desktop
        self._waiting: asyncio.Queue[Attention] = asyncio.Queue(WAITING_MAX)
        self._show: Show | None = None
        self._said = False

    def tell(self, one: Attention) -> None:
        """Have it shown; forgotten when too many wait."""
        if not self._waiting.full():
            self._waiting.put_nowait(one)

    async def run(self) -> None:
        """Show until cancelled."""
        while True:
            one = await self._waiting.get()
            try:
                async with asyncio.timeout(SHOW_S):
                    await self._shown(scrub_text(one.text))
            except (NoDesktopError, ImportError, OSError, ValueError, TimeoutError) as error:
                self._give_up(type(error).__name__, str(error))
            except Exception:  # a desktop's own faults are not the agent's
                log.exception("the desktop broke")
                self._give_up("defect", "")

    async def _shown(self, text: str) -> None:
        if self._show is None:
            self._show = await self._connect()
        if not await self._show(TITLE, text):
            raise NoDesktopError("The desktop did not take the notification.")

    def _give_up(self, kind: str, reason: str) -> None:
        """Begin anew with the next ring: somebody may have logged in."""
        self._show = None
        if not self._said:
            log.info(_INSTEAD, kind=kind, reason=reason)
        self._said = True


async def desktop() -> Show:
    """The desktop of the person who runs this process.

    Raises:
        ImportError: desktop-notifier is not installed.
        NoDesktopError, OSError, ValueError: there is no desktop, or none that listens to us.
    """
    from desktop_notifier import DesktopNotifier, Urgency

    # It writes each failure with its whole trace; we say it once, and shorter.
    logging.getLogger(_PACKAGE).setLevel(logging.CRITICAL)
    notifier = DesktopNotifier(app_name=TITLE, app_icon=None)
    if not await notifier.get_capabilities():
        raise NoDesktopError("This system shows nothing of a program that is not signed.")

    async def show(title: str, text: str) -> bool:
        dispatched = asyncio.Event()
        await notifier.send(
            title=title, message=text, urgency=Urgency.Critical, on_dispatched=dispatched.set
        )
        return dispatched.is_set()

    return show
