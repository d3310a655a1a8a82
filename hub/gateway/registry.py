"""The sockets that are open now, and which of them speaks for which agent."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from hub.store.outbound import Order
from protocol.errors import CloseCode
from protocol.messages import Drain

if TYPE_CHECKING:
    from hub.gateway.connection import Connection


class Registry:
    """Every open connection; at most one of them is seated for an agent."""

    def __init__(self) -> None:
        self._open: set[Connection] = set()
        self._seats: dict[str, Connection] = {}
        self._known: set[str] = set()
        self._told: set[Connection] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def count(self) -> int:
        """How many sockets are open, seated or not."""
        return len(self._open)

    def agents(self) -> list[str]:
        """The agents that have a socket open, welcomed or not."""
        return [connection.who.agent_id for connection in self._open]

    def add(self, connection: "Connection") -> None:
        """A socket was accepted."""
        self._open.add(connection)
        self._empty.clear()

    def remove(self, connection: "Connection") -> None:
        """A socket is gone and what it brought is on disk."""
        self._open.discard(connection)
        self.part(connection)
        if self._seats.get(connection.who.agent_id) is connection:
            del self._seats[connection.who.agent_id]
        if not self._open:
            self._empty.set()

    def seat(self, connection: "Connection") -> None:
        """Let a connection speak for its agent; the one with the lower generation has to go."""
        agent_id = connection.who.agent_id
        other = self._seats.get(agent_id)
        if other is not None and other.generation > connection.generation:
            other, connection = connection, other
        self._seats[agent_id] = connection
        if other is not None:
            other.close(CloseCode.REPLACED, "another connection of this agent took over")

    def is_known(self, agent_id: str) -> bool:
        """Whether an agent has told this process what it knows (`recall.py`)."""
        return agent_id in self._known

    def is_up_to_date(self, agent_id: str) -> bool:
        """Whether an agent is connected, has told what it knew, and sees what customers write."""
        return self._seats.get(agent_id) in self._told

    def know(self, agent_id: str) -> bool:
        """An agent has told what it knows; False when that is no news."""
        is_news = agent_id not in self._known
        self._known.add(agent_id)
        return is_news

    def keep_up(self, connection: "Connection", is_current: bool) -> bool:
        """Whether a connection's agent knows all that was said; True when it does from now on."""
        is_news = is_current and connection not in self._told
        (self._told.add if is_current else self._told.discard)(connection)
        return is_news

    def part(self, connection: "Connection") -> None:
        """A connection is over, though what it brought may still be on its way to the disk."""
        self._told.discard(connection)

    def expel(self, agent_id: str, code: int, reason: str) -> None:
        """Close every socket of an agent, also one that has not said hello."""
        for connection in list(self._open):
            if connection.who.agent_id == agent_id:
                connection.close(code, reason)

    def deliver(self, order: Order) -> None:
        """An order was put into an agent's `down` log."""
        if (connection := self._seats.get(order.agent_id)) is not None:
            connection.deliver(order)

    def show_typing(self, agent_id: str, account: str, chat: str, composing: bool) -> None:
        """Tell an agent that somebody composes an answer; lost when it is not connected."""
        if (connection := self._seats.get(agent_id)) is not None:
            connection.show_typing(account, chat, composing)

    def ask_pause(self, message: str, retry_after_s: float) -> None:
        """Ask every agent to send no new events for a while."""
        for connection in self._seats.values():
            connection.ask_pause(message, retry_after_s)

    async def drain(self, farewell: Callable[[], Drain]) -> None:
        """Ask every agent to leave, each with a farewell of its own; returns when all are gone."""
        for connection in list(self._open):
            connection.drain(farewell())
        await self._empty.wait()
