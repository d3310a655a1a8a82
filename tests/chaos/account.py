"""One WhatsApp account as an agent of a chaos run sees it: the memory driver, for one PC at a time.

WhatsApp ends the session of a linked device as soon as a copy of it logs in. So does this: whoever
started last has the account, named in a file; the other one is in conflict, tells and sends nothing
until the file is gone, which is what choosing *Use Here* does.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from agent.drivers.driver import DriverStatus, Lookup, Outcome, SendOrder, Sink
from agent.drivers.memory import MemoryDriver, MemorySettings
from protocol.messages import MessageReceived

_LOOK_EVERY_S: Final = 0.1
_DOUBTFUL_EVERY: Final = 64
"""Of so many sends one ends without a word whether it went out, and half of those did."""


class OneSession:
    """The account's session; each process that starts takes it."""

    def __init__(self, holder: Path) -> None:
        self._holder = holder
        self._lock = holder.with_name(f"{holder.name}.lock")
        self._me = str(os.getpid())
        self._holder.write_text(self._me)

    def is_mine(self) -> bool:
        """Whether no other process took it; a session that nobody has is taken."""
        try:
            return self._holder.read_text() == self._me
        except FileNotFoundError:
            self._holder.write_text(self._me)
            return True

    @contextmanager
    def used(self) -> Iterator[bool]:
        """Whether the account is ours, and stays so while the block runs."""
        with self._lock.open("w") as file:
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield self.is_mine()


class AccountDriver:
    """The memory driver while the session is ours; in conflict otherwise."""

    def __init__(
        self, settings: MemorySettings, session: OneSession, now_ms: Callable[[], int]
    ) -> None:
        self._settings = settings
        self._now_ms = now_ms
        self._session = session
        self._phone = MemoryDriver(settings, now_ms)
        self._conflict: DriverStatus | None = None
        self._doubted = set[str]()

    @property
    def status(self) -> DriverStatus:
        return self._conflict or self._phone.status

    async def run(self, sink: Sink) -> None:
        """Be the memory driver, a new one each time that the account comes back."""
        while True:
            async with asyncio.TaskGroup() as group:
                running = group.create_task(self._phone.run(sink), name="memory driver")
                while self._session.is_mine():  # noqa: ASYNC110 - a file cannot set an Event
                    await asyncio.sleep(_LOOK_EVERY_S)
                running.cancel()
            self._conflict = DriverStatus("conflict", self._phone.status.account)
            await sink.changed(self._conflict)
            while not self._session.is_mine():  # noqa: ASYNC110 - the same
                await asyncio.sleep(_LOOK_EVERY_S)
            self._phone, self._conflict = MemoryDriver(self._settings, self._now_ms), None

    async def send(self, order: SendOrder) -> Outcome:
        with self._session.used() as mine:
            if not mine:
                return Outcome("unknown")
            chance = int(order.key[-4:], 16)
            if chance % _DOUBTFUL_EVERY or order.key in self._doubted:
                return await self._phone.send(order)
            self._doubted.add(order.key)
            if chance % (2 * _DOUBTFUL_EVERY):
                await self._phone.send(order)
            return Outcome("unknown")

    async def look_up(self, order: SendOrder) -> Lookup:
        with self._session.used() as mine:
            return await self._phone.look_up(order) if mine else Lookup.UNAVAILABLE

    async def mark_read(self, chat: str) -> None:
        await self._phone.mark_read(chat)

    async def typing(self, chat: str, active: bool) -> None:
        await self._phone.typing(chat, active)

    def sweep(self, since_ms: int) -> AsyncIterator[MessageReceived]:
        return self._phone.sweep(since_ms)

    def fetch(self, message: MessageReceived) -> AsyncIterator[bytes]:
        return self._phone.fetch(message)
