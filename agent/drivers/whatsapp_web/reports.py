"""What the page tells, on its way to the daemon: in order, one at a time, bounded."""

import asyncio

import msgspec

from agent.drivers.driver import DriverStatus, Sink
from agent.drivers.whatsapp_web.errors import BrowserGoneError
from protocol.messages import MessageReceived, SendState


class Acknowledged(msgspec.Struct, frozen=True):
    account: str
    key: str
    state: SendState


class Composing(msgspec.Struct, frozen=True):
    account: str
    chat: str
    active: bool


Report = MessageReceived | Acknowledged | Composing | DriverStatus


class Reports:
    """A queue between the browser's events and the daemon's disk."""

    def __init__(self, limit: int) -> None:
        self._queue: asyncio.Queue[Report] = asyncio.Queue()
        self._limit = limit

    def put(self, report: Report) -> None:
        """Queue one report. A status always finds room: a life that ends tells one, too.

        Raises:
            BrowserGoneError: the daemon is too far behind. Nothing is lost: WhatsApp keeps the
                messages, and the sweep after the next start finds them.
        """
        if self._queue.qsize() >= self._limit and not isinstance(report, DriverStatus):
            raise BrowserGoneError("The agent does not keep up with WhatsApp.")
        self._queue.put_nowait(report)

    async def deliver(self, sink: Sink) -> None:
        """Hand every report to `sink`, for ever."""
        while True:
            await self._deliver_one(await self._queue.get(), sink)
            self._queue.task_done()

    async def delivered(self) -> None:
        """Wait until everything that was put so far is with the sink."""
        await self._queue.join()

    async def _deliver_one(self, report: Report, sink: Sink) -> None:
        match report:
            case MessageReceived():
                await sink.received(report)
            case Acknowledged(account, key, state):
                await sink.acknowledged(account, key, state)
            case Composing(account, chat, active):
                await sink.composing(account, chat, active)
            case DriverStatus():
                await sink.changed(report)
