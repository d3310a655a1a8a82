"""What the daemon asks of a WhatsApp, and what it is told.

A driver is one object with one owner: the daemon runs `run(sink)` in its TaskGroup for the life of
the process and calls the other methods from the same event loop. Every method ends: a driver puts
its own timeout on whatever it waits for.
"""

from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import msgspec

from agent.linking import LinkOffer as LinkOffer
from agent.linking import LinkWish as LinkWish
from protocol.messages import MessageReceived, SendState


class Lookup(StrEnum):
    """What WhatsApp knows of a message key."""

    ACKNOWLEDGED = "acknowledged"  # its server has it: the message is sent
    ABSENT = "absent"  # never handed over: sending again under the same key is safe
    PENDING = "pending"  # handed over, no acknowledgement: nobody can tell
    UNAVAILABLE = "unavailable"  # the page cannot be asked now


class Outcome(msgspec.Struct, frozen=True):
    """The end of one attempt to send. `unknown`: it may or may not have gone out."""

    state: Literal["sent", "failed", "unknown"]
    code: str = ""
    message: str = ""


class FileGoneError(Exception):
    """WhatsApp does not have the message's file any more."""


class FileNotNowError(Exception):
    """The file cannot be had at this moment; the sentence says why."""


class OrderedFile(msgspec.Struct, frozen=True):
    """A file to send; it lies at `path` until the sending is over."""

    path: Path
    sha256: str
    mime: str
    name: str | None = None


class SendOrder(msgspec.Struct, frozen=True):
    """A message to send, under a key that was derived before (`protocol.ids.whatsapp_key`).

    Beside a file `text` is its caption, or empty.
    """

    key: str
    account: str
    chat: str
    text: str
    reply_to: str | None = None
    file: OrderedFile | None = None


class Evidence(msgspec.Struct, frozen=True):
    """What the last probe of the page found, by which its state was judged."""

    stream_mode: str | None  # WhatsApp's own word; None before it has one
    authenticated: bool
    ping_ms: int | None  # how long the page took to answer; None when it did not
    last_event_ms: int | None  # when WhatsApp last told anything unasked, UTC; None: not yet
    unread_seen: int  # one-to-one chats that WhatsApp shows with unread messages
    unread_known: int  # … of these: the newest of those messages is recorded


class Unread(msgspec.Struct, frozen=True):
    """The newest message of a one-to-one chat that WhatsApp shows as unread.

    `since_ms` is from when on the chat is to be read if that message is lacking.
    """

    chat: str
    wa_id: str
    sent_ms: int
    since_ms: int


class LinkRefusedError(Exception):
    """It cannot be linked so; the message is one sentence for the user, with the remedy."""


class DriverStatus(msgspec.Struct, frozen=True):
    """What is known now. `whatsapp` is one of `protocol.messages.WHATSAPP_STATES`."""

    whatsapp: str
    account: str | None = None
    advice: str = ""  # one sentence for the shop owner, empty when all is well
    evidence: Evidence | None = None  # changes with every probe, which is no news by itself
    link: LinkOffer | None = None  # while a phone can be linked


class Sink(Protocol):
    """Where a driver reports. Each call returns when the fact is on disk."""

    async def received(self, message: MessageReceived) -> None:
        """A message stands in a chat. May be told twice: the natural key makes that harmless."""
        ...

    async def acknowledged(self, account: str, key: str, state: SendState) -> None:
        """WhatsApp said what became of the message under `key`."""
        ...

    async def composing(self, account: str, chat: str, active: bool) -> None:
        """The customer started or stopped typing."""
        ...

    async def changed(self, status: DriverStatus) -> None:
        """The driver's status is another than before."""
        ...

    async def lacks(self, account: str, unread: Sequence[Unread]) -> list[Unread]:
        """Which of these messages ought to be recorded, and are not; their `since_ms` may rise."""
        ...


class Driver(Protocol):
    """One WhatsApp."""

    @property
    def status(self) -> DriverStatus:
        """What is known now, without asking anybody."""
        ...

    async def run(self, sink: Sink) -> None:
        """Hold the WhatsApp until cancelled; heal what can be healed, raise when nothing can."""
        ...

    async def send(self, order: SendOrder) -> Outcome:
        """Send once. Never repeats by itself."""
        ...

    async def look_up(self, order: SendOrder) -> Lookup:
        """Ask what became of `order.key`."""
        ...

    async def mark_read(self, chat: str) -> None:
        """Show the customer that the shop has read the chat."""
        ...

    async def typing(self, chat: str, active: bool) -> None:
        """Show or end *typing…* in the chat."""
        ...

    def sweep(self, since_ms: int) -> AsyncIterator[MessageReceived]:
        """Every message of one-to-one chats since a moment (ms UTC), `live` false.

        Each chat's come oldest first.
        """
        ...

    def fetch(self, message: MessageReceived) -> AsyncIterator[bytes]:
        """The bytes of a message's file, in pieces; nobody has to take all of them.

        Raises:
            FileGoneError, FileNotNowError: there is none, for ever or for the moment.
            FileTooLargeError: it is larger than `agent.files` takes.
        """
        ...


@runtime_checkable
class Acquainted(Protocol):
    """A driver that knows chats from before the journal began."""

    async def customer_wrote(self, account: str, chat: str) -> bool:
        """Whether the customer wrote in this one-to-one chat, as far as the page holds it."""
        ...


@runtime_checkable
class Mendable(Protocol):
    """A driver whose page a person can help."""

    async def take_over(self) -> None:
        """Use WhatsApp here, although it is open elsewhere; raises when the page does not do it."""
        ...

    def begin_anew(self) -> None:
        """Forget what failed: a driver that has stopped trying starts again, now."""
        ...


@runtime_checkable
class Linkable(Protocol):
    """A driver that is linked with a phone."""

    def begin_link(self, wish: LinkWish) -> None:
        """Offer to link, from the first code on; what was offered before is worth nothing.

        Raises:
            LinkRefusedError: it is linked already, or not with this number.
        """
        ...
