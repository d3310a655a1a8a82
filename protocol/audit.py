"""What the commands `audit` and `sweep` carry: their `args`, and the `data` of their results.

Free-form content for the wire, so that another version's is never bad data; here it has its shape
(SPEC 4.18 to 4.20). Unknown fields are ignored, and every field of the args may be absent.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec

from protocol.messages import Account, Count, Data, Instant, WhatsAppId

T = TypeVar("T", bound=Data)

LISTED_MAX_BYTES: Final = 196_608
"""Of JSON: a list that fits into a frame with whatever stands around it."""


class MessageKey(Data, frozen=True, kw_only=True):
    """A message of a one-to-one chat, by the parts of its natural key that the account leaves."""

    chat: WhatsAppId
    wa_id: WhatsAppId


class Shown(Data, frozen=True, kw_only=True, omit_defaults=True):
    """A message that WhatsApp shows. `arriving`: the hub will be told of it, but was not yet."""

    chat: WhatsAppId
    wa_id: WhatsAppId
    sent_at: Instant
    from_me: bool = False
    arriving: bool = False


class AuditArgs(Data, frozen=True, kw_only=True, omit_defaults=True):
    """Which messages to list: those since a moment, else of the last day."""

    since: Instant | None = None


class AuditData(Data, frozen=True, kw_only=True, omit_defaults=True):
    """What WhatsApp shows of one-to-one chats from `since` on, and before `next` if that is there.

    `since` may be later than what was asked: nothing older than the pairing is told. `found`
    counts the messages of which the agent did not know before.
    """

    account: Account
    since: Instant
    found: Count
    messages: tuple[Shown, ...]
    next: Instant | None = None


class SweepArgs(Data, frozen=True, kw_only=True, omit_defaults=True):
    """Look for messages since a moment, else of the last day.

    Those in `again`, of `account`, are told once more although the hub acknowledged them.
    """

    since: Instant | None = None
    account: Account | None = None
    again: tuple[MessageKey, ...] = ()


class SweepData(Data, frozen=True, kw_only=True):
    """`found` counts the messages that are told; `again` those of them that were asked for."""

    chats: Count
    found: Count
    again: Count


def listed(
    messages: tuple[Shown, ...], max_bytes: int = LISTED_MAX_BYTES
) -> tuple[tuple[Shown, ...], Instant | None]:
    """The oldest messages that fit, and from when on to ask for the others.

    Those of one moment stay together, unless they alone are too many: a list has to get on.
    """
    count = fitting(messages, max_bytes)
    if count == len(messages):
        return messages, None
    cut = messages[count].sent_at
    whole = tuple(one for one in messages[:count] if one.sent_at.ms < cut.ms)
    return (whole, cut) if whole else (messages[:count], Instant(cut.ms + 1))


def fitting(items: Sequence[Data], max_bytes: int = LISTED_MAX_BYTES) -> int:
    """How many of the first items fit into so many bytes of JSON; at least one."""
    size = 0
    for count, one in enumerate(items):
        size += len(_encoder.encode(one)) + 1
        if size > max_bytes:
            return max(count, 1)
    return len(items)


def plain(content: Data) -> dict[str, Any]:
    """Args or data as free-form content."""
    return msgspec.json.decode(_encoder.encode(content), type=dict[str, Any])


def read(kind: type[T], content: Any) -> T:
    """Free-form content as what it should be; ValueError when it is not."""
    return msgspec.convert(content, kind, dec_hook=_read_hook)


def _read_hook(wanted: type, value: Any) -> Any:
    if wanted is Instant and isinstance(value, str):
        return Instant.parse(value)
    raise ValueError(f"expected {wanted.__name__}")


_encoder: Final = msgspec.json.Encoder(enc_hook=str)  # an Instant
