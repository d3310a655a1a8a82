"""Text frames to messages and back: the only JSON of the wire.

    decode(frame) -> Control | Event | QuarantinedEvent | UnknownControl
    encode(control or event) -> str

A frame that breaks the envelope raises RemoteProtocolError 4003; one over the limit 1009. An event
whose envelope is sound but whose `data` is not comes back as QuarantinedEvent (SPEC §3).
"""

import json
from collections.abc import Iterable
from functools import cache
from itertools import chain
from math import isinf
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw, UnsetType

from protocol.errors import CloseCode, LocalProtocolError, RemoteProtocolError
from protocol.messages import (
    CONTROLS,
    EVENTS,
    FRAME_MAX_BYTES,
    INT_MAX,
    Command,
    CommandResult,
    Control,
    Event,
    EventData,
    Frame,
    Instant,
    QuarantinedEvent,
    Seq,
    UnknownControl,
)

DEPTH_MAX = 100  # of what is stored; a level more is refused before a writer meets it
_FREE_FORM = (Command, CommandResult)  # the only ones with content of any depth
_UNSTORABLE = "a text holds NUL or half a surrogate pair, or a number is out of range"


class _Envelope(msgspec.Struct):
    """Every well-formed frame, read in one pass; `data` stays text until its type is known."""

    type: str
    id: UUID | UnsetType = UNSET
    seq: Seq | UnsetType = UNSET
    ts: Instant | UnsetType = UNSET
    data: Raw | UnsetType = UNSET


def _read_hook(wanted: type, value: Any) -> Any:
    if wanted is Instant and isinstance(value, str):
        return Instant.parse(value)
    raise ValueError(f"expected {wanted.__name__}")


def _write_hook(value: Any) -> Any:
    if isinstance(value, Instant):
        return str(value)
    raise NotImplementedError(type(value).__name__)


_envelope: Final = msgspec.json.Decoder(_Envelope, dec_hook=_read_hook)
_control: Final = {
    name: msgspec.json.Decoder(c, dec_hook=_read_hook) for name, c in CONTROLS.items()
}
_event: Final = {name: msgspec.json.Decoder(e, dec_hook=_read_hook) for name, e in EVENTS.items()}
_encoder: Final = msgspec.json.Encoder(enc_hook=_write_hook)


def decode(frame: str) -> Frame:
    """Read one text frame.

    Raises:
        RemoteProtocolError: 1009 over the frame limit; 4003 for a broken envelope, a control frame
            that does not decode, or an event type without `seq`.
    """
    raw = frame.encode("utf-8", "surrogatepass")
    if len(raw) > FRAME_MAX_BYTES:
        raise RemoteProtocolError(CloseCode.TOO_BIG, "frame over the limit")
    try:
        envelope = _envelope.decode(raw)
        if envelope.type in CONTROLS:
            return _decode_control(envelope.type, envelope.data)
        return _decode_event(envelope, frame)
    except (msgspec.MsgspecError, RecursionError):
        # Rare: bad data, a stray key on a control frame, or a surrogate that msgspec refuses even
        # in fields that nobody reads. The slow reader tells them apart.
        pass
    try:
        return _decode_carefully(frame)
    except RecursionError:
        raise _violation("nested too deep") from None


def _decode_control(name: str, data: Raw | UnsetType) -> Control:
    if data is UNSET:
        raise _violation("data is missing")
    control = _control[name].decode(data)
    if _needs_walk(CONTROLS[name], data) and _is_unstorable(control):
        raise _violation(f"{name} holds what cannot be stored")
    return control


def _decode_event(envelope: _Envelope, frame: str) -> Frame:
    if envelope.seq is UNSET:
        return _without_seq(envelope.type)
    if envelope.id is UNSET or envelope.ts is UNSET or envelope.data is UNSET:
        raise _violation("an event needs id, seq, ts and data")
    name, data = envelope.type, envelope.data
    decoder = _event.get(name)
    if decoder is None:
        return QuarantinedEvent(
            name,
            envelope.id,
            envelope.seq,
            envelope.ts,
            "unknown_type",
            "unknown event type",
            frame,
        )
    content = decoder.decode(data)
    if _needs_walk(EVENTS[name], data) and _is_unstorable(content):
        raise msgspec.ValidationError(_UNSTORABLE)
    return Event(envelope.id, envelope.seq, envelope.ts, content)


def _decode_carefully(frame: str) -> Frame:
    """Read a frame with the standard library's more patient parser and judge each part."""
    try:
        fields = json.loads(frame, parse_constant=_no_constant)
    except ValueError:
        raise _violation("not JSON") from None
    if not isinstance(fields, dict) or not isinstance(name := fields.get("type"), str):
        raise _violation("a frame is an object with a string type")
    if name in CONTROLS:
        return _convert_control(name, fields)
    if "seq" not in fields:
        return _without_seq(name)
    if "data" not in fields:
        raise _violation("an event needs id, seq, ts and data")
    try:
        head = msgspec.convert(
            {key: fields.get(key) for key in ("id", "seq", "ts")}, _Head, dec_hook=_read_hook
        )
    except (msgspec.ValidationError, UnicodeEncodeError):
        raise _violation("an event needs id, seq, ts and data") from None
    return _convert_event(name, head, fields["data"], frame)


class _Head(msgspec.Struct):
    id: UUID
    seq: Seq
    ts: Instant


def _convert_control(name: str, fields: dict[str, Any]) -> Control:
    try:
        control = msgspec.convert(fields.get("data"), CONTROLS[name], dec_hook=_read_hook)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise _violation(f"{name} does not decode") from error
    if _is_unstorable(control):
        raise _violation(f"{name} holds what cannot be stored")
    return control


def _convert_event(name: str, head: _Head, data: Any, frame: str) -> Event | QuarantinedEvent:
    code, reason = "unknown_type", "unknown event type"
    if name in EVENTS:
        try:
            content = msgspec.convert(data, EVENTS[name], dec_hook=_read_hook)
        except msgspec.ValidationError as error:
            code, reason = "invalid_data", str(error)
        except UnicodeEncodeError:  # half a surrogate pair where msgspec wants no text at all
            code, reason = "invalid_data", _UNSTORABLE
        else:
            if not _is_unstorable(content):
                return Event(head.id, head.seq, head.ts, content)
            code, reason = "invalid_data", _UNSTORABLE
    return QuarantinedEvent(name, head.id, head.seq, head.ts, code, reason, frame)


def _without_seq(name: str) -> UnknownControl:
    if name in EVENTS:
        raise _violation("an event needs id, seq, ts and data")
    return UnknownControl(name)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _violation(reason: str) -> RemoteProtocolError:
    return RemoteProtocolError(CloseCode.PROTOCOL_VIOLATION, reason)


def _needs_walk(kind: type[Control] | type[EventData], data: Raw) -> bool:
    """Cheap test that lets nearly every frame skip the walk of `_is_unstorable`."""
    return kind in _FREE_FORM or b"\\u" in memoryview(data).tobytes()


def _is_unstorable(content: msgspec.Struct) -> bool:
    """Whether it holds a text or a number that not every store and reader keeps as it is.

    Raises:
        RemoteProtocolError: 4003, nested deeper than DEPTH_MAX.
    """
    pending: list[tuple[Any, int]] = [(content, 0)]
    while pending:
        value, depth = pending.pop()
        if depth > DEPTH_MAX:
            raise _violation("nested too deep")
        if _is_bad(value):
            return True
        pending.extend((item, depth + 1) for item in _parts(value))
    return False


def _is_bad(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value or not (value.isascii() or _is_whole(value))
    if isinstance(value, int):
        return abs(value) > INT_MAX
    return isinstance(value, float) and isinf(value)


def _is_whole(text: str) -> bool:
    """Whether no half of a surrogate pair stands in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, msgspec.Struct):
        return (getattr(value, field) for field in value.__struct_fields__)
    if isinstance(value, dict):
        return chain.from_iterable(value.items())
    return value if isinstance(value, list) else ()


def encode(frame: Control | Event) -> str:
    """Write one frame; absent optional fields are left out."""
    if isinstance(frame, Event):
        return encode_row(
            LogRow(frame.id, frame.seq, frame.ts, frame.type, encode_data(frame.data))
        )
    return _encoder.encode({"type": frame.TYPE, "data": frame}).decode()


class LogRow(msgspec.Struct, frozen=True):
    """An event as a durable log keeps it: `data` is its JSON text, encoded once when enqueued."""

    id: UUID
    seq: int
    ts: Instant
    type: str
    data: str


def encode_row(row: LogRow) -> str:
    """Write the frame of a stored event without parsing its data again."""
    return _encoder.encode(
        {
            "type": row.type,
            "id": row.id,
            "seq": row.seq,
            "ts": row.ts,
            "data": Raw(row.data.encode()),
        }
    ).decode()


def encode_data(data: EventData) -> str:
    """The JSON text of an event's data, as a log stores it.

    Raises:
        LocalProtocolError: the frame would exceed the limit or hold what nobody accepts; an owner
            finds this out when it enqueues, not when it is too late to change anything.
    """
    try:
        text = _encoder.encode(data)
    except UnicodeEncodeError:
        text = None
    if text is None or (_may_be_unstorable(data, text) and _is_unstorable(data)):
        raise LocalProtocolError(f"{data.TYPE}: {_UNSTORABLE}")
    if len(text) + _overhead(data.TYPE) > FRAME_MAX_BYTES:
        raise LocalProtocolError(f"{data.TYPE} is too large for one frame")
    return text.decode()


def _may_be_unstorable(data: EventData, text: bytes) -> bool:
    """Cheap test: only these hold numbers of the caller's, and NUL is written with an escape."""
    return type(data) in _FREE_FORM or b"\\u" in text or getattr(data, "media", None) is not None


@cache
def _overhead(name: str) -> int:
    """The most that a frame holds around the data of an event of this type; bytes."""
    return len(encode_row(LogRow(UUID(int=0), INT_MAX, Instant(0), name, "")))


def decode_data(name: str, text: str) -> EventData:
    """Read back what `encode_data` wrote; `name` is the event's type."""
    data: EventData = _event[name].decode(text)
    return data
