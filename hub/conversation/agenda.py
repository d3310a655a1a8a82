"""CORE: which turn is to be answered next. One entry per chat; times are monotonic seconds."""

import heapq

import msgspec

from hub.conversation.turns import ChatKey


class Due(msgspec.Struct, frozen=True):
    """A turn to answer at `at`; a typing customer puts it off to `latest`, never further."""

    key: ChatKey
    turn_id: str
    at: float
    latest: float
    quiet_s: float = 0.0  # after the last sign that the customer writes


class Agenda:
    """Turns by their time. A chat is *busy* from `take` to `free`: its next turn waits for that."""

    def __init__(self) -> None:
        self._entries: dict[ChatKey, Due] = {}
        self._heap: list[tuple[float, int, Due]] = []
        self._count = 0  # breaks ties, first come first served
        self._busy: set[ChatKey] = set()

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, due: Due) -> None:
        """Plan a chat's turn, in place of what was planned for the chat."""
        self._entries[due.key] = due
        self._push(due)

    def put_if_new(self, due: Due) -> None:
        """Plan a turn of a chat for which nothing is planned or under way."""
        if due.key not in self._busy:
            self.put_again(due)

    def put_again(self, due: Due) -> None:
        """Plan a turn that was taken, unless something newer is planned for its chat."""
        if due.key not in self._entries:
            self.put(due)

    def remove(self, key: ChatKey) -> None:
        """Plan nothing for the chat."""
        self._entries.pop(key, None)

    def composing(self, key: ChatKey, active: bool, now: float) -> None:
        """The customer types, or stopped: wait as long as is allowed, or for some quiet again."""
        due = self._entries.get(key)
        if due is not None and active:
            self.put(msgspec.structs.replace(due, at=max(due.at, due.latest)))
        elif due is not None and due.at >= due.latest:
            self.put(msgspec.structs.replace(due, at=min(due.at, now + due.quiet_s)))

    def take(self, now: float, room: int) -> list[Due]:
        """Up to `room` turns that are due, in order; their chats are busy from now on."""
        taken: list[Due] = []
        while len(taken) < room and (due := self._first()) is not None and due.at <= now:
            heapq.heappop(self._heap)
            del self._entries[due.key]
            self._busy.add(due.key)
            taken.append(due)
        return taken

    def begin(self, key: ChatKey) -> bool:
        """Make a chat busy whose turn need not be planned; False when it is."""
        if key in self._busy:
            return False
        self._busy.add(key)
        self.remove(key)
        return True

    def free(self, key: ChatKey) -> None:
        """The chat is no longer busy."""
        self._busy.discard(key)
        if (due := self._entries.get(key)) is not None:
            self._push(due)

    def next_at(self) -> float | None:
        """When the next turn of a chat that is not busy is due."""
        due = self._first()
        return None if due is None else due.at

    def _push(self, due: Due) -> None:
        self._count += 1
        heapq.heappush(self._heap, (due.at, self._count, due))

    def _first(self) -> Due | None:
        """The heap's first entry that still stands; outdated ones, and busy chats', are let go."""
        while self._heap:
            due = self._heap[0][2]
            if self._entries.get(due.key) is due and due.key not in self._busy:
                return due
            heapq.heappop(self._heap)
        return None
