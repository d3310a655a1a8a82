"""Live messages that wait until what came before them was searched for, so that chats keep order.

A page that comes back tells what arrives from then on, and a moment later the search finds what
arrived while nobody listened. Whoever wrote in that moment is recorded after the search. Nobody
waits long: not when WhatsApp does not become ready, and a search that failed is an end as well.
What is held is lost with the process and found by its next search: WhatsApp has it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, NoReturn

from agent.drivers.driver import DriverStatus
from protocol.messages import MessageReceived

HOLD_MAX_S: Final = 30.0
_COMING: Final = frozenset({"starting", "syncing", "offline"})  # a search follows, if all goes well


class Held:
    """Lets live messages through to `record`, or keeps them until a search ended."""

    def __init__(self, record: Callable[[MessageReceived], Awaitable[object]]) -> None:
        self._record = record
        self._waiting: deque[MessageReceived] = deque()
        self._holds = True
        self._news = asyncio.Event()

    def driver_changed(self, status: DriverStatus) -> None:
        """Hold while WhatsApp comes; what it tells in a state without a search is let through."""
        if status.whatsapp in _COMING:
            self._holds = True
            self._news.set()
        elif status.whatsapp != "ready":
            self.let_go()

    def let_go(self) -> None:
        """A search ended, or none is to be expected."""
        self._holds = False
        self._news.set()

    async def take(self, message: MessageReceived) -> None:
        """Record it, or keep it for later; what is not live is found by a search itself."""
        if message.live and (self._holds or self._waiting):
            self._waiting.append(message)
            self._news.set()
        else:
            await self._record(message)

    async def run(self) -> NoReturn:
        """Work until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            if self._holds and self._waiting:
                await self._hold()
            while self._waiting and not self._holds:
                await self._record(self._waiting[0])
                self._waiting.popleft()

    async def _hold(self) -> None:
        """Wait for the search, but not for ever."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HOLD_MAX_S):
                while self._holds:
                    await self._news.wait()
                    self._news.clear()
        self._holds = False
