"""The practice network: WhatsApp's server and every customer's phone as one plain model.

Whatever happens is a *fact*. `Network.apply(fact)` is the only way to change the model, so that a
file of facts rebuilds it (`ledger.py`). Time and message keys come in with the facts.

What the shop's page has not yet stored waits in `queue` as numbered stanzas, as WhatsApp's server
keeps messages for a device that is away. A customer's phone drops a message whose key it already
has; `Message.arrivals` counts how often it came.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec
from msgspec.structs import replace

from agent.practice.kinds import Card, ChangeKind, Place

SHOP = "shop"  # the shop's linked browser
OWNER = "owner"  # the shop owner's own phone
SHOP_PHONE = "+919800000009"

Tick = Literal["sent", "delivered", "read"]
_TICKS: tuple[Tick, ...] = ("sent", "delivered", "read")
_RECEIPT: dict[Tick, int] = {"sent": 1, "delivered": 2, "read": 3}


class Customer(msgspec.Struct, frozen=True):
    """One invented person. `chat` is what the shop sees; without `phone` their number is hidden."""

    id: str
    name: str
    chat: str
    phone: str | None = None


class Attachment(msgspec.Struct, frozen=True, omit_defaults=True):
    """The file of a message; `seconds` of one that was spoken."""

    sha256: str
    mime: str
    size: int
    name: str | None = None
    seconds: float | None = None


class Message(msgspec.Struct, frozen=True):
    """A message as the network has it; beside a file the text is its caption.

    `author` is a customer's id, `SHOP` or `OWNER`. What was revoked has no content any more.
    """

    chat: str
    key: str
    author: str
    text: str
    at_ms: int
    state: Tick = "sent"
    arrivals: int = 1
    reply_to: str | None = None
    media: Attachment | None = None
    place: Place | None = None
    cards: tuple[Card, ...] = ()
    edit_key: str | None = None
    changed_ms: int | None = None
    revoked: bool = False

    @property
    def from_shop(self) -> bool:
        """Whether the shop's account wrote it, on the PC or on the phone."""
        return self.author in (SHOP, OWNER)


class Fact(msgspec.Struct, frozen=True, tag_field="fact"):
    """Base of everything that can happen."""


class Joined(Fact, frozen=True, tag="joined"):
    """A customer got a phone."""

    customer: Customer


class Grouped(Fact, frozen=True, tag="grouped"):
    """A group of the shop and some customers came to be."""

    chat: str
    name: str
    members: tuple[str, ...]


class Wrote(Fact, frozen=True, tag="wrote"):
    """A customer, or the owner on the phone, wrote. A sealed text reaches the page unreadable."""

    chat: str
    key: str
    author: str
    text: str
    at_ms: int
    sealed_s: float = 0
    media: Attachment | None = None
    reply_to: str | None = None
    place: Place | None = None
    cards: tuple[Card, ...] = ()


class Changed(Fact, frozen=True, tag="changed"):
    """A customer edited or revoked the message `target`, or reacted to it; `key` is new."""

    chat: str
    key: str
    target: str
    author: str
    kind: ChangeKind
    text: str
    at_ms: int


class Sent(Fact, frozen=True, tag="sent"):
    """The shop's page handed a message over."""

    chat: str
    key: str
    text: str
    at_ms: int
    reply_to: str | None = None
    media: Attachment | None = None


class Reached(Fact, frozen=True, tag="reached"):
    """The customer's phone confirmed a message of the shop."""

    chat: str
    key: str


class CustomerRead(Fact, frozen=True, tag="customer_read"):
    """The customer opened the chat."""

    chat: str


class ShopRead(Fact, frozen=True, tag="shop_read"):
    """The shop opened the chat."""

    chat: str


class Stored(Fact, frozen=True, tag="stored"):
    """The page has every stanza up to `n` in its own store."""

    n: int


class Linked(Fact, frozen=True, tag="linked"):
    """The owner's phone linked a browser; earlier messages reach it as history, not as stanzas."""

    device: str
    phone: str = SHOP_PHONE


class Unlinked(Fact, frozen=True, tag="unlinked"):
    """The owner's phone, or the page itself, ended the link."""


AnyFact = (
    Joined
    | Grouped
    | Wrote
    | Changed
    | Sent
    | Reached
    | CustomerRead
    | ShopRead
    | Stored
    | Linked
    | Unlinked
)


class Stanza(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that waits for the shop's page: a message, a change, or a receipt for `keys`."""

    n: int
    op: Literal["message", "change", "receipt"]
    chat: str
    message: Message | None = None
    change: Changed | None = None
    sealed_s: float = 0
    keys: tuple[str, ...] = ()
    ack: int = 0


class Chat:
    """One conversation with the shop, by key in order of arrival."""

    def __init__(self, chat: str, name: str, members: tuple[str, ...], is_group: bool) -> None:
        self.id = chat
        self.name = name
        self.members = members
        self.is_group = is_group
        self.messages: dict[str, Message] = {}


class Totals(msgspec.Struct, frozen=True):
    """What the shop's page sent: hand-overs, messages that customers saw, and repeats dropped."""

    arrivals: int
    shown: int
    repeated: int


class Network:
    """All customers, chats and messages, and what the shop's page has yet to fetch."""

    def __init__(self) -> None:
        self.customers: dict[str, Customer] = {}
        self.chats: dict[str, Chat] = {}
        self.queue: list[Stanza] = []
        self.device: str | None = None
        self.phone = SHOP_PHONE  # of the phone that linked the browser last
        self._last_n = 0

    def apply(self, fact: AnyFact) -> None:
        """Let `fact` have happened. A KeyError names a chat or customer that does not exist."""
        getattr(self, f"_on_{fact.__struct_config__.tag}")(fact)

    @property
    def identity(self) -> dict[str, str]:
        """Whose browser it is, as its page is told."""
        digits = self.phone.removeprefix("+")
        lid = f"1000000000000{digits[-2:]}@lid"
        return {"phone": f"{digits}@c.us", "lid": lid, "name": "Practice shop"}

    def next_customer_number(self) -> int:
        """The number for the next invented customer, from 11 on."""
        return 11 + len(self.customers)

    def history(self) -> list[Message]:
        """Every message that no stanza is waiting to bring, oldest first."""
        waiting = {stanza.message.key for stanza in self.queue if stanza.message is not None}
        messages = [m for m in self._messages() if m.key not in waiting]
        return sorted(messages, key=lambda message: message.at_ms)

    def totals(self) -> Totals:
        """Count what the shop's page sent."""
        sent = [m.arrivals for m in self._messages() if m.author == SHOP]
        return Totals(sum(sent), len(sent), sum(sent) - len(sent))

    def _messages(self) -> Iterator[Message]:
        return (m for chat in self.chats.values() for m in chat.messages.values())

    def _on_joined(self, fact: Joined) -> None:
        person = fact.customer
        self.customers[person.id] = person
        self.chats[person.chat] = Chat(person.chat, person.name, (person.id,), is_group=False)

    def _on_grouped(self, fact: Grouped) -> None:
        self.chats[fact.chat] = Chat(fact.chat, fact.name, fact.members, is_group=True)

    def _on_wrote(self, fact: Wrote) -> None:
        message = Message(
            fact.chat,
            fact.key,
            fact.author,
            fact.text,
            fact.at_ms,
            reply_to=fact.reply_to,
            media=fact.media,
            place=fact.place,
            cards=fact.cards,
        )
        self.chats[fact.chat].messages[fact.key] = message
        self._enqueue("message", fact.chat, message=message, sealed_s=fact.sealed_s)

    def _on_changed(self, fact: Changed) -> None:
        known = self.chats[fact.chat].messages
        message = replace(known[fact.target], changed_ms=fact.at_ms)
        if fact.kind == "edit":
            known[fact.target] = replace(message, text=fact.text, edit_key=fact.key)
        elif fact.kind == "revoke":
            known[fact.target] = replace(
                message, text="", media=None, place=None, cards=(), revoked=True
            )
        self._enqueue("change", fact.chat, change=fact)

    def _on_sent(self, fact: Sent) -> None:
        known = self.chats[fact.chat].messages
        if (old := known.get(fact.key)) is not None:
            known[fact.key] = replace(old, arrivals=old.arrivals + 1)
            return
        known[fact.key] = Message(
            fact.chat,
            fact.key,
            SHOP,
            fact.text,
            fact.at_ms,
            reply_to=fact.reply_to,
            media=fact.media,
        )

    def _on_reached(self, fact: Reached) -> None:
        message = self.chats[fact.chat].messages[fact.key]
        self._raise_ticks(fact.chat, [message], "delivered")

    def _on_customer_read(self, fact: CustomerRead) -> None:
        messages = self.chats[fact.chat].messages.values()
        self._raise_ticks(fact.chat, [m for m in messages if m.from_shop], "read")

    def _on_shop_read(self, fact: ShopRead) -> None:
        known = self.chats[fact.chat].messages
        for message in list(known.values()):
            if not message.from_shop:
                known[message.key] = replace(message, state="read")

    def _on_stored(self, fact: Stored) -> None:
        for stanza in self.queue:
            if stanza.n <= fact.n and stanza.message is not None:
                self._mark(stanza.message, "delivered")
        self.queue = [stanza for stanza in self.queue if stanza.n > fact.n]

    def _on_linked(self, fact: Linked) -> None:
        self.device = fact.device
        self.phone = fact.phone
        self.queue = []

    def _on_unlinked(self, _fact: Unlinked) -> None:
        self.device = None
        self.queue = []

    def _raise_ticks(self, chat: str, messages: list[Message], state: Tick) -> None:
        keys = tuple(m.key for m in messages if self._mark(m, state))
        if keys:
            self._enqueue("receipt", chat, keys=keys, ack=_RECEIPT[state])

    def _mark(self, message: Message, state: Tick) -> bool:
        """Raise a message's tick; a tick never falls. Says whether it rose."""
        known = self.chats[message.chat].messages
        present = known[message.key]
        if _TICKS.index(present.state) >= _TICKS.index(state):
            return False
        known[message.key] = replace(present, state=state)
        return True

    def _enqueue(
        self,
        op: Literal["message", "change", "receipt"],
        chat: str,
        *,
        message: Message | None = None,
        change: Changed | None = None,
        sealed_s: float = 0,
        keys: tuple[str, ...] = (),
        ack: int = 0,
    ) -> None:
        if self.device is None:
            return
        self._last_n += 1
        self.queue.append(Stanza(self._last_n, op, chat, message, change, sealed_s, keys, ack))
