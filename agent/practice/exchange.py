"""The running network: it writes each fact down, applies it, and tells whoever watches.

Times and keys are made here, so that the model in `network.py` stays plain.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import msgspec

from agent.files import Files
from agent.practice.kinds import Card, ChangeKind, Place
from agent.practice.ledger import Ledger
from agent.practice.network import (
    OWNER,
    AnyFact,
    Attachment,
    Changed,
    Customer,
    CustomerRead,
    Grouped,
    Joined,
    Network,
    Unlinked,
    Wrote,
)
from agent.practice.owner_phone import REMOVED, OwnerPhone


class Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes wrong on purpose between the shop's page and the network.

    `lose_ack`: a message arrives, its acknowledgement does not. `hang`: it does not even arrive.
    `offline`: the page has no connection. `conflict`: another window took the session over.
    `lose_files`: the network has no file any more that the page asks for. `qr_s`: how long a QR
    lives, for pages that are loaded from then on.
    """

    ack_delay_s: float = 0.03
    lose_ack: bool = False
    hang: bool = False
    offline: bool = False
    conflict: bool = False
    lose_files: bool = False
    qr_s: float = 20.0


class Watcher:
    """What changed since it was last asked; several changes melt into one."""

    def __init__(self) -> None:
        self._chats: set[str] = set()
        self._event = asyncio.Event()

    def note(self, chats: set[str]) -> None:
        """Something changed, in these chats."""
        self._chats |= chats
        self._event.set()

    async def changes(self) -> AsyncIterator[set[str]]:
        """The chats that changed, each time something did."""
        while True:
            await self._event.wait()
            self._event.clear()
            chats, self._chats = self._chats, set()
            yield chats


class Exchange:
    """The one owner of a running network."""

    def __init__(
        self,
        network: Network,
        ledger: Ledger,
        now_ms: Callable[[], int],
        files: Files,
        *,
        links_by_itself: bool = True,
    ) -> None:
        self.network = network
        self.files = files
        self._links_by_itself = links_by_itself
        self.faults = Faults()
        self.page_connected = False
        self.reloads = 0
        self.owner_phone = OwnerPhone(network, self.commit)
        self.shop_typing: set[str] = set()
        self.customer_typing: set[str] = set()
        self._ledger = ledger
        self._now_ms = now_ms
        self._watchers: set[Watcher] = set()

    def commit(self, fact: AnyFact) -> None:
        """Let something happen, and write it down."""
        self.network.apply(fact)
        self._ledger.append(fact)
        chat = getattr(fact, "chat", None)
        self.notify(set() if chat is None else {chat})

    def notify(self, chats: set[str]) -> None:
        """Tell every watcher that something changed."""
        for watcher in self._watchers:
            watcher.note(chats)

    @contextmanager
    def watch(self) -> Iterator[Watcher]:
        """A watcher that hears of every change while the block runs."""
        watcher = Watcher()
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    def now_ms(self) -> int:
        """The wall clock, milliseconds UTC."""
        return self._now_ms()

    def set_faults(self, faults: Faults) -> None:
        """Replace all fault knobs."""
        self.faults = faults
        self.notify(set())

    def add_customer(
        self, name: str, *, hidden_phone: bool = False, by_phone: bool = False
    ) -> Customer:
        """Invent a customer. Most are seen by the shop under a LID, as on the real network."""
        n = self.network.next_customer_number()
        user = f"9198000000{n:02d}"
        chat = f"{user}@c.us" if by_phone else f"{300_000_000_000_000 + n}@lid"
        name = name or f"Customer {n - 10}"
        customer = Customer(f"c{n}", name, chat, None if hidden_phone else f"+{user}")
        self.commit(Joined(customer))
        return customer

    def add_group(self, name: str, members: tuple[str, ...]) -> str:
        """Make a group; a KeyError names a member who does not exist."""
        for member in members:
            self.network.customers[member]
        chat = f"{120_363_000_000_000_000 + len(self.network.chats)}@g.us"
        self.commit(Grouped(chat, name, members))
        return chat

    def write(
        self,
        chat: str,
        author: str,
        text: str,
        sealed_s: float = 0,
        media: Attachment | None = None,
        *,
        reply_to: str | None = None,
        place: Place | None = None,
        cards: tuple[Card, ...] = (),
    ) -> str:
        """A customer (or the owner's phone) writes; answers the message's key."""
        key = _new_key("3A" if author != OWNER else "3C")
        self.set_customer_typing(chat, False)
        at_ms = self.now_ms()
        self.commit(Wrote(chat, key, author, text, at_ms, sealed_s, media, reply_to, place, cards))
        return key

    def change(self, chat: str, target: str, kind: ChangeKind, text: str) -> str:
        """A customer edits or revokes an own message, or reacts to any; answers the change's key.

        A KeyError names a message that does not exist, or is not theirs to change.
        """
        found, members = self.network.chats[chat], self.network.chats[chat].members
        author = found.messages[target].author
        if kind == "reaction":
            author = members[0]
        elif author not in members:
            raise KeyError(target)
        key = _new_key("3A")
        self.commit(Changed(chat, key, target, author, kind, text, self.now_ms()))
        return key

    def read(self, chat: str) -> None:
        """The customer looks at the chat; nothing is recorded when nothing was unread."""
        messages = self.network.chats[chat].messages.values()
        if any(m.from_shop and m.state != "read" for m in messages):
            self.commit(CustomerRead(chat))

    def link(self) -> None:
        """The owner's phone links the browser, as if it had scanned the code."""
        self.owner_phone.link()

    def unlink(self, reason: str | None = REMOVED) -> None:
        """The owner's phone ends the link; no browser is linked by itself from here on.

        `reason` is WhatsApp's word for it, as the page hears it.
        """
        self._links_by_itself = False
        self.owner_phone.reason = reason
        if self.network.device is not None:
            self.commit(Unlinked())

    def meet(self, device: str | None) -> None:
        """A browser came that holds the store of `device`; a foreign store is worth nothing."""
        if device != self.network.device and not self._links_by_itself:
            self.unlink()
        elif self._links_by_itself:
            self.link()

    def reload_page(self) -> None:
        """Have the shop's page load itself anew, as WhatsApp Web does after an update."""
        self.reloads += 1
        self.notify(set())

    def set_customer_typing(self, chat: str, active: bool) -> None:
        """The customer composes, or stops."""
        self._set_typing(self.customer_typing, chat, active)

    def set_shop_typing(self, chat: str, active: bool) -> None:
        """The shop composes, or stops."""
        self._set_typing(self.shop_typing, chat, active)

    def set_page_connected(self, connected: bool) -> None:
        """The shop's page came or went."""
        self.page_connected = connected
        self.shop_typing.clear()
        self.notify(set())

    def _set_typing(self, typing: set[str], chat: str, active: bool) -> None:
        if (chat in typing) != active:
            (typing.add if active else typing.discard)(chat)
            self.notify({chat})


def _new_key(prefix: str) -> str:
    return prefix + secrets.token_hex(9).upper()


def wall_clock_ms() -> int:
    """Milliseconds since 1970 UTC; the practice phone's composition root hands it in."""
    return time.time_ns() // 1_000_000
