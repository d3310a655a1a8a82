"""CORE: when an agent has told a hub that just started whatever the hub may have forgotten.

A hub that was restored from a backup lacks what happened since. Its agents have it: their logs show
what was answered, and an order that they have not carried out may answer what the hub takes for
new. So nobody is answered before the log was told up to where it stood when the agent came, and the
agent had no order left. A hub that was not restored loses nothing by waiting for that.
"""

from protocol.messages import AgentStatus, Hello, Position


class Recall:
    """One connection's part in it."""

    def __init__(self) -> None:
        self._head: int | None = None  # of the agent's log when it came
        self._told = 0
        self._is_idle = False
        self._is_ready = False

    def begin(self, hello: Hello, up: Position) -> None:
        """The hello was accepted; `up` is what we hold of its log."""
        if up.seq <= hello.up.head:  # else the agent closes and begins a new epoch
            self._head = hello.up.head
        self._told = up.seq
        self._is_idle = hello.status.inbox == 0
        self._is_ready = hello.status.whatsapp == "ready"

    def told(self, seq: int) -> None:
        """The agent's log is on disk up to here."""
        self._told = seq

    def beat(self, status: AgentStatus) -> None:
        """The agent says how it is: with nothing left to do or to tell it has told its results."""
        self._is_idle |= status.inbox == 0 == status.outbox
        self._is_ready = status.whatsapp == "ready"

    @property
    def is_complete(self) -> bool:
        """Whether the agent knows nothing more that we do not."""
        return self._head is not None and self._told >= self._head and self._is_idle

    @property
    def is_current(self) -> bool:
        """Whether it also sees what customers write now."""
        return self.is_complete and self._is_ready
