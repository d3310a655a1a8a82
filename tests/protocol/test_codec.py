"""Frames to messages and back, and what breaks where."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import codec
from protocol.codec import LogRow
from protocol.errors import CloseCode, LocalProtocolError, RemoteProtocolError
from protocol.messages import (
    FRAME_MAX_BYTES,
    Ack,
    CommandResult,
    Control,
    Event,
    Fault,
    Instant,
    MessageReceived,
    MessageSend,
    MessageStatus,
    QuarantinedEvent,
    SentMedia,
    Typing,
    UnknownControl,
)
from tests.protocol.pair import ACCOUNT, CHAT, hello, order, received, welcome

pytestmark = pytest.mark.core

ID = "987ca6b0-19c2-5ff6-81b3-7ed854a948e8"


def event(data: str, kind: str = "message.status", **envelope: str) -> str:
    """An event frame with raw JSON in `data` and, where given, in the envelope's keys."""
    keys = {"id": f'"{ID}"', "seq": "1", "ts": '"2026-01-01T10:00:00.000Z"'} | envelope
    head = ",".join(f'"{key}":{value}' for key, value in keys.items() if value)
    return f'{{"type":"{kind}",{head},"data":{data}}}'


def status(extra: str = "") -> str:
    return f'{{"ref":"{ID}","state":"sent"{extra}}}'


def violation(frame: str) -> int:
    with pytest.raises(RemoteProtocolError) as caught:
        codec.decode(frame)
    return int(caught.value.code)


@pytest.mark.parametrize(
    "message", [hello(), welcome(), Ack(seq=3), Typing(account=ACCOUNT, chat=CHAT, composing=True)]
)
def test_control_frames_survive_the_way(message: Control) -> None:
    """What one side encodes the other decodes."""
    assert codec.decode(codec.encode(message)) == message


def test_events_survive_the_way() -> None:
    """Id, seq, time and data arrive unchanged."""
    sent = Event(UUID(ID), 7, Instant(1_767_261_600_123), received("नमस्ते"))
    assert codec.decode(codec.encode(sent)) == sent


def test_absent_fields_are_left_out_and_null_counts_as_absent() -> None:
    """Optional means: not there."""
    assert "reply_to" not in codec.encode(Event(UUID(ID), 1, Instant(0), received()))
    decoded = codec.decode(event(status(',"wa_id":null')))
    assert isinstance(decoded, Event)
    assert decoded.data == MessageStatus(ref=UUID(ID), state="sent")


def test_times_are_milliseconds_utc_out_and_any_offset_in() -> None:
    """The same moment, however it is written."""
    assert str(Instant(1_767_261_600_007)) == "2026-01-01T10:00:00.007Z"
    for text in ("2026-01-01T15:30:00.0079+05:30", "2026-01-01T10:00:00.007Z"):
        assert Instant.parse(text) == Instant(1_767_261_600_007)
    assert str(Instant.parse("0007-01-01T00:00:00Z")) == "0007-01-01T00:00:00.000Z"
    assert repr(Instant(7)) == "Instant(7)"
    assert len({Instant(7), Instant(7)}) == 1
    with pytest.raises(ValueError, match="offset"):
        Instant.parse("2026-01-01T10:00:00")


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "null",
        "[]",
        '"text"',
        "{",
        '{"type":1}',
        '{"data":{}}',
        '{"type":"news","data":NaN}',
        '{"type":"news"}x',
        "[" * 100_000,
        '{"type":"news","data":' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"type":"ack"}',
        '{"type":"ack","data":{}}',
        '{"type":"ack","data":{"seq":-1}}',
        '{"type":"ack","data":{"seq":1.5}}',
        '{"type":"ack","data":{"seq":9007199254740992}}',
        '{"type":"ack","data":{"seq":' + "9" * 5000 + "}}",
        '{"type":"error","data":{"code":"busy","message":"","retryable":true}}',
        '{"type":"error","data":{"code":"a\\u0000","message":"","retryable":true}}',
        '{"type":"error","seq":"x","data":{"code":"a\\ud800","message":"","retryable":true}}',
        '{"type":"drain","data":{"reconnect_min_s":2,"reconnect_max_s":2,'
        '"deadline_s":1,"reason":""}}',
        '{"type":"message.status","id":"x","ts":"x","data":{}}',
        '{"type":"message.status","id":"x","ts":"\\ud800","data":{}}',
    ],
    ids=lambda frame: frame[:40],
)
def test_what_is_no_frame_closes_4003(frame: str) -> None:
    """Broken JSON, a broken control frame, or an event that hides its seq."""
    assert violation(frame) == CloseCode.PROTOCOL_VIOLATION


@pytest.mark.parametrize(
    "envelope",
    [
        {"id": ""},
        {"id": "null"},
        {"id": '"not-a-uuid"'},
        {"seq": "null"},
        {"seq": "0"},
        {"seq": '"1"'},
        {"seq": "9007199254740992"},
        {"ts": ""},
        {"ts": '"yesterday"'},
        {"ts": '"2026-01-01T10:00:00"'},
        {"ts": "5"},
    ],
    ids=str,
)
def test_a_broken_envelope_closes_4003(envelope: dict[str, str]) -> None:
    """An event without sound id, seq and ts cannot even be put aside."""
    assert violation(event(status(), **envelope)) == CloseCode.PROTOCOL_VIOLATION


def test_an_event_without_data_closes_4003() -> None:
    """The key must be there; what it holds may be bad."""
    frame = f'{{"type":"message.status","id":"{ID}","seq":1,"ts":"2026-01-01T10:00:00Z"}}'
    assert violation(frame) == CloseCode.PROTOCOL_VIOLATION
    assert violation(frame.replace("}", ',"x":"\\ud800"}')) == CloseCode.PROTOCOL_VIOLATION


def test_a_frame_over_the_limit_closes_1009_and_one_at_the_limit_does_not() -> None:
    """The limit counts bytes, and the limit itself is allowed."""
    frame = '{"type":"news","data":"' + "é" * ((FRAME_MAX_BYTES - 25) // 2) + '"}'
    frame += " " * (FRAME_MAX_BYTES - len(frame.encode()))
    assert codec.decode(frame) == UnknownControl("news")
    assert violation(frame + " ") == CloseCode.TOO_BIG


@pytest.mark.parametrize(
    "data",
    [
        "null",
        "[]",
        "{}",
        status(',"wa_id":5'),
        status(',"wa_id":"a\\u0000"'),
        status(',"wa_id":"a\\ud800"'),
        f'{{"ref":"{ID}","state":"eaten"}}',
        f'{{"ref":"{ID}","state":"sent","error":{{"code":"c"}}}}',
    ],
)
def test_bad_data_is_quarantined(data: str) -> None:
    """The envelope is sound: the event keeps its place in the log and is put aside."""
    decoded = codec.decode(event(data))
    assert isinstance(decoded, QuarantinedEvent)
    assert (decoded.code, decoded.seq, decoded.id) == ("invalid_data", 1, UUID(ID))
    assert decoded.raw == event(data)


@pytest.mark.parametrize("levels", [150, 900])
@pytest.mark.parametrize("extra", ["", ',"x":"\\ud800"'])
def test_data_nested_too_deep_closes_4003(levels: int, extra: str) -> None:
    """What no writer could store again is refused, never an uncaught error."""
    deep = "[" * levels + "]" * levels
    frame = event(f'{{"ref":"{ID}","state":"done","data":{deep}{extra}}}', "command.result")
    assert violation(frame) == CloseCode.PROTOCOL_VIOLATION


def test_data_nested_64_deep_is_accepted() -> None:
    """The least that every receiver takes."""
    deep = "[" * 62 + '"\\u00e9"' + "]" * 62
    frame = event(f'{{"ref":"{ID}","state":"done","data":{deep}}}', "command.result")
    assert isinstance(codec.decode(frame), Event)


def test_unknown_fields_are_ignored_whatever_they_hold() -> None:
    """A later minor version may add what we cannot even store."""
    for extra in (',"new":{"deep":[1e999]}', ',"new":"\\ud800"', ',"new":99999999999999999999'):
        decoded = codec.decode(event(status(extra)))
        assert isinstance(decoded, Event)


def test_an_unknown_event_type_is_quarantined_as_such() -> None:
    """A frame with seq is an event, known or not; also when the slow reader has to judge it."""
    for data in ("{}", '{"x":"\\ud800"}'):
        decoded = codec.decode(event(data, "message.sung"))
        assert isinstance(decoded, QuarantinedEvent)
        assert decoded.code == "unknown_type"


def test_an_unknown_frame_without_seq_is_control() -> None:
    """It is ignored, but it has a name."""
    assert codec.decode('{"type":"news","id":"x"}') == UnknownControl("news")
    assert codec.decode('{"type":"news","data":"\\ud800"}') == UnknownControl("news")


def test_a_known_control_type_is_control_whatever_else_it_carries() -> None:
    """A stray seq does not make an ack an event."""
    for stray in ('"seq":"x"', '"seq":1,"id":5', '"x":"\\ud800"'):
        assert codec.decode(f'{{"type":"ack",{stray},"data":{{"seq":3}}}}') == Ack(seq=3)


def test_of_duplicate_keys_the_last_counts() -> None:
    """As JSON readers do."""
    assert codec.decode('{"type":"x","type":"ack","data":{"seq":1,"seq":2}}') == Ack(seq=2)


def test_a_send_needs_text_or_media() -> None:
    """An empty order is bad data."""
    media = SentMedia(sha256="0" * 64, mime="image/png")
    assert MessageSend(account=ACCOUNT, chat=CHAT, media=media).text is None
    frame = event(f'{{"account":"{ACCOUNT}","chat":"{CHAT}"}}', "message.send")
    assert isinstance(codec.decode(frame), QuarantinedEvent)


def test_an_owner_learns_when_enqueueing_what_could_never_be_sent() -> None:
    """Too large for a frame, or text that no receiver may store."""
    with pytest.raises(LocalProtocolError, match="too large"):
        codec.encode_data(order("x" * FRAME_MAX_BYTES))
    with pytest.raises(LocalProtocolError, match="NUL"):
        codec.encode_data(order("a\0"))
    result = CommandResult(ref=UUID(ID), state="done", data={"k": ["\ud800"]})
    with pytest.raises(LocalProtocolError, match="NUL"):
        codec.encode_data(result)


def test_only_values_of_the_wire_can_be_encoded() -> None:
    """A foreign object in free-form data is a defect of the program and says so."""
    with pytest.raises(NotImplementedError, match="object"):
        codec.encode_data(CommandResult(ref=UUID(ID), state="done", data=object()))


def test_the_largest_data_fits_into_the_largest_frame() -> None:
    """The check at enqueueing counts what the envelope will add."""
    overhead = len(codec.encode_data(order("")))
    low, high = 0, FRAME_MAX_BYTES
    while low < high:
        middle = (low + high + 1) // 2
        try:
            codec.encode_data(order("x" * middle))
            low = middle
        except LocalProtocolError:
            high = middle - 1
    text = codec.encode_data(order("x" * low))
    row = LogRow(UUID(ID), 2**53 - 1, Instant(0), "message.send", text)
    assert overhead < len(codec.encode_row(row).encode()) <= FRAME_MAX_BYTES
    assert isinstance(codec.decode(codec.encode_row(row)), Event)


def test_stored_data_is_read_back() -> None:
    """A log keeps an event's data as text."""
    data = MessageStatus(ref=UUID(ID), state="failed", error=Fault(code="c", message="m"))
    assert codec.decode_data("message.status", codec.encode_data(data)) == data


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=8,
)
names = st.sampled_from(["ack", "hello", "message.status", "message.received", "news", "", "error"])


@given(
    st.fixed_dictionaries(
        {"type": names | json_values},
        optional={
            "id": st.just(ID) | json_values,
            "seq": st.integers(-1, 3) | json_values,
            "ts": st.just("2026-01-01T10:00:00Z") | json_values,
            "data": st.just({"ref": ID, "state": "sent"}) | json_values,
        },
    )
)
def test_any_json_is_a_frame_or_a_violation(value: dict[str, Any]) -> None:
    """Nothing that a peer can write escapes as another error."""
    try:
        codec.decode(json.dumps(value))
    except RemoteProtocolError as error:
        assert error.code == CloseCode.PROTOCOL_VIOLATION  # noqa: PT017 - both ends are allowed


@given(st.text())
def test_any_text_is_a_frame_or_a_violation(text: str) -> None:
    """Not even nonsense escapes as another error."""
    try:
        codec.decode(text)
    except RemoteProtocolError as error:
        assert error.code == CloseCode.PROTOCOL_VIOLATION  # noqa: PT017 - both ends are allowed


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200))
def test_any_storable_text_survives_the_way(text: str) -> None:
    """Emoji, right-to-left marks, control characters: all but NUL and half surrogates."""
    sent = Event(UUID(ID), 1, Instant(0), received(text or "x"))
    decoded = codec.decode(codec.encode(sent))
    assert isinstance(decoded, Event)
    assert isinstance(decoded.data, MessageReceived)
    assert decoded.data.text == (text or "x")
