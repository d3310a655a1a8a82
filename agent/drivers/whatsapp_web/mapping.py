"""CORE: from what the page tells to the protocol's types. Nothing is guessed.

The structs here are what `page.js` sends. wa-js's message types become the protocol's few kinds;
a type that is new becomes `other`, so that nothing a customer sends vanishes.
"""

from mimetypes import guess_extension
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from agent.drivers.whatsapp_web.names import contacts_text, shown
from agent.link_words import HOW_QR, logout
from protocol.messages import (
    Instant,
    MessageReceived,
    ReceivedMedia,
    Sender,
    SendState,
)

_KINDS: Final = {
    "chat": "text",
    "image": "media",
    "video": "media",
    "gif": "media",
    "ptv": "media",
    "audio": "media",
    "ptt": "media",
    "document": "media",
    "sticker": "media",
    "location": "location",
    "vcard": "contact",
    "multi_vcard": "contact",
    "reaction": "reaction",
    "edit": "edit",
    "revoke": "revoke",
    "revoked": "revoke",
}
_RESTRICTED: Final = ("TOS_BLOCK", "SMB_TOS_BLOCK", "PROXYBLOCK")
_STATES: Final[dict[str | None, str]] = {
    None: "starting",
    "CONFLICT": "conflict",
    "DEPRECATED_VERSION": "page_changed",
    "OFFLINE": "offline",
    **dict.fromkeys(_RESTRICTED, "restricted"),
}
_ACKS: Final[dict[int, SendState]] = {-1: "failed", 1: "sent", 2: "delivered", 3: "read", 4: "read"}
ADVICE: Final = {
    "starting": "WhatsApp Web is starting.",
    "qr": HOW_QR,
    "syncing": "WhatsApp Web is loading the chats.",
    "ready": "",
    "conflict": "WhatsApp Web is open in another window: close it there, or press *Use "
    "WhatsApp here* in this agent's panel.",
    "offline": "WhatsApp Web has no connection: check this computer's internet.",
    "logged_out": logout(None),
    "restricted": "WhatsApp restricted this number: read why in WhatsApp on the shop's phone.",
    "page_changed": "WhatsApp Web changed in a way that this agent does not know: update the "
    "agent. Messages are kept.",
    "stopped": "The agent does not run WhatsApp Web.",
}


_FILE_KINDS: Final = {
    **dict.fromkeys(("image/jpeg", "image/png"), "image"),
    **dict.fromkeys(("video/mp4", "video/3gpp"), "video"),
    **dict.fromkeys(("audio/aac", "audio/mp4", "audio/mpeg", "audio/amr", "audio/ogg"), "audio"),
}
_NAME_MAX: Final = 120
_T_MAX: Final = 253_402_300_799  # the end of the year 9999: no later time can be written down


class PageMedia(msgspec.Struct, frozen=True):
    """What the page knows of a file; its bytes are fetched later (`Calls.fetch`)."""

    mime: str
    size: int
    name: str | None = None
    seconds: float | None = None


class PageMessage(msgspec.Struct, frozen=True):
    """A message as `describe` in messages.js copies it; `t` is in seconds.

    `cards` are the names and numbers in contacts' vCards, without all else.
    """

    chat: str
    id: str
    from_me: bool
    sender: str
    type: str
    t: Annotated[int, Meta(ge=0, le=_T_MAX)]
    phone: str | None = None
    lid: str | None = None
    name: str | None = None
    text: str | None = None
    media: PageMedia | None = None
    cards: tuple[str, ...] = ()
    reply_to: str | None = None


class PageUnread(msgspec.Struct, frozen=True):
    """The newest message of a customer in a chat with a badge; seconds.

    `since` is that of the oldest message under the badge, as far as the page holds it.
    """

    chat: str
    id: str
    t: Annotated[int, Meta(ge=0, le=_T_MAX)]
    since: Annotated[int, Meta(ge=0, le=_T_MAX)]


class PageState(msgspec.Struct, frozen=True):
    """The connection as `state` in page.js sees it; `account` is the own number's digits.

    `restricted_ms` is when WhatsApp told of a ban, if it did; `unread` comes with a probe only.
    """

    mode: str | None = None
    info: str | None = None
    online: bool = True
    authenticated: bool = False
    full_ready: bool = False
    account: str | None = None
    restricted_ms: int | None = None
    unread: tuple[PageUnread, ...] = ()


def received(message: PageMessage, account: str, *, live: bool) -> MessageReceived:
    """The event for a message of the page; `account` is E.164."""
    return MessageReceived(
        account=account,
        chat=message.chat,
        wa_id=message.id,
        sender=_sender(message),
        from_me=message.from_me,
        sent_at=Instant(message.t * 1000),
        live=live,
        kind=_KINDS.get(message.type, "other"),
        text=contacts_text(message.cards) or message.text,
        media=None if message.media is None else _media(message.media),
        reply_to=message.reply_to,
    )


def e164(digits: str | None) -> str | None:
    """A phone number as WhatsApp writes it, with the plus."""
    return f"+{digits}" if digits else None


def whatsapp_state(page: PageState, *, was_linked: bool) -> str:
    """The protocol's word for what the page says; `ready` only when a message could go out."""
    if page.mode == "QR":
        return "logged_out" if was_linked else "qr"
    if page.mode in _STATES:
        return _STATES[page.mode]
    if not page.online:
        return "offline"
    is_ready = page.mode == "MAIN" and page.full_ready and page.authenticated
    return "ready" if is_ready and page.account else "syncing"


def send_state(ack: int) -> SendState | None:
    """What an acknowledgement says; 0 (the clock) says nothing."""
    return _ACKS.get(ack)


def _sender(message: PageMessage) -> Sender:
    return Sender(
        id=message.sender,
        phone=e164(message.phone),
        lid=message.lid,
        name=shown(message.name),
    )


def _media(media: PageMedia) -> ReceivedMedia:
    return ReceivedMedia(
        mime=media.mime,
        size=media.size,
        name=media.name,
        seconds=media.seconds,
    )


def kind_of(mime: str) -> str:
    """As what WhatsApp shows a file: what it can be shown as, and everything else as a document."""
    return _FILE_KINDS.get(mime.partition(";")[0].strip().lower(), "document")


def file_name(name: str | None, mime: str) -> str:
    """The name that the customer sees: no folders, nothing invisible, never empty."""
    last = (name or "").replace("\\", "/").rpartition("/")[2]
    shown = "".join(letter for letter in last if letter.isprintable()).strip(". ")
    if shown:
        return shown if len(shown) <= _NAME_MAX else shown[-_NAME_MAX:].lstrip(". ")
    return f"file{guess_extension(mime.partition(';')[0]) or ''}"
