"""The bounds of fields: what a frame may hold, and what becomes of it beyond."""

import json
from typing import Any
from uuid import UUID

import pytest

from protocol import codec
from protocol.errors import CloseCode, LocalProtocolError, RemoteProtocolError
from protocol.messages import (
    CommandResult,
    Drain,
    Event,
    Hello,
    Instant,
    MessageReceived,
    QuarantinedEvent,
)
from tests.protocol.pair import hello, received

pytestmark = pytest.mark.core

ID = "987ca6b0-19c2-5ff6-81b3-7ed854a948e8"
HELLO: dict[str, Any] = json.loads(codec.encode(hello()))["data"]
MESSAGE: dict[str, Any] = json.loads(codec.encode_data(received()))


def control(name: str, data: object) -> str:
    return json.dumps({"type": name, "data": data})


def event(name: str, data: object) -> str:
    head = {"type": name, "id": ID, "seq": 1, "ts": "2026-01-01T10:00:00.000Z"}
    return json.dumps(head | {"data": data})


@pytest.mark.parametrize(
    "change",
    [
        {"window": 0},
        {"window": 1025},
        {"conn_no": -1},
        {"conn_no": 2**53},
        {"instance_id": "seven"},
        {"agent_id": None},
        {"caps": "none"},
        {"up": {"epoch": "", "head": 0}},
        {"up": {"epoch": "E" * 65, "head": 0}},
        {"status": {"whatsapp": "ready", "paused": False, "outbox": 0}},
    ],
    ids=str,
)
def test_a_hello_that_does_not_decode_closes_4003(change: dict[str, object]) -> None:
    """A window of 1 to 1024, an epoch of 1 to 64 characters, and every required field."""
    with pytest.raises(RemoteProtocolError) as caught:
        codec.decode(control("hello", HELLO | change))
    assert caught.value.code == CloseCode.PROTOCOL_VIOLATION


@pytest.mark.parametrize(
    "change",
    [
        {"window": 1},
        {"window": 1024},
        {"conn_no": 2**53 - 1},
        {"up": {"epoch": "E" * 64, "head": 0}},
        {"status": {"whatsapp": "napping", "paused": False, "outbox": 0, "inbox": 0}},
        {"a_later_field": {"of": ["any", "kind"]}},
    ],
    ids=str,
)
def test_a_hello_at_its_bounds_is_accepted(change: dict[str, object]) -> None:
    """The bounds belong to what is allowed; states and fields of a later version pass."""
    assert isinstance(codec.decode(control("hello", HELLO | change)), Hello)


@pytest.mark.parametrize("seconds", ["-1", "-0.001", "1e999", "9007199254740993", '"5"', "null"])
def test_seconds_out_of_range_close_4003(seconds: str) -> None:
    """A pause is a number from 0 on that every reader can count to."""
    frame = (
        '{"type":"error","data":{"code":"busy","message":"","retryable":true,"retry_after_s":%s}}'
    )
    with pytest.raises(RemoteProtocolError) as caught:
        codec.decode(frame % seconds)
    assert caught.value.code == CloseCode.PROTOCOL_VIOLATION


def test_seconds_may_be_fractions() -> None:
    """All `_s` fields are JSON numbers, whole or not."""
    drain = Drain(reconnect_min_s=0, reconnect_max_s=0.5, deadline_s=1.25, reason="deploy")
    assert codec.decode(codec.encode(drain)) == drain


@pytest.mark.parametrize(
    "change",
    [
        {"account": "919800000009"},
        {"account": "+019800000009"},
        {"account": "+919800000009\n"},
        {"chat": ""},
        {"wa_id": None},
        {"sent_at": "10 o'clock"},
        {"from_me": 1},
        {"sender": {}},
        {"media": {"mime": "image/png", "size": 2**53}},
        {"media": {"mime": "image/png", "size": 1, "sha256": "0" * 64 + "\n"}},
    ],
    ids=str,
)
def test_a_message_beyond_its_bounds_is_quarantined(change: dict[str, object]) -> None:
    """An account is E.164 with a plus, a chat has a name, what is required is not `null`."""
    decoded = codec.decode(event("message.received", MESSAGE | change))
    assert isinstance(decoded, QuarantinedEvent)
    assert decoded.code == "invalid_data"


@pytest.mark.parametrize(
    "change", [{"kind": "hologram"}, {"chat": "1@new.server"}, {"later": 2**60}, {"text": None}]
)
def test_what_a_later_version_may_send_is_a_message(change: dict[str, object]) -> None:
    """Kinds are open, ids opaque, unknown fields ignored, `null` means absent."""
    decoded = codec.decode(event("message.received", MESSAGE | change))
    assert isinstance(decoded, Event)
    assert isinstance(decoded.data, MessageReceived)


@pytest.mark.parametrize("number", ["9007199254740992", "-9007199254740992", "1e999"])
@pytest.mark.parametrize("where", ["%s", '[{"k":%s}]'])
def test_numbers_out_of_range_in_free_form_content_are_bad_data(number: str, where: str) -> None:
    """A command's arguments and results must mean the same to every reader, too."""
    for name, data in {
        "command": '{"name":"audit","args":{"day":%s}}',
        "command.result": f'{{"ref":"{ID}","state":"done","data":%s}}',
    }.items():
        frame = event(name, 0).replace('"data": 0', '"data": ' + data % (where % number))
        decoded = codec.decode(frame)
        assert isinstance(decoded, QuarantinedEvent)
        assert decoded.code == "invalid_data"


@pytest.mark.parametrize("number", [2**53 - 1, -(2**53) + 1, 1e300, 0.1, True])
def test_numbers_within_range_in_free_form_content_are_kept(number: float) -> None:
    """The bound is on integers; a fraction only has to be finite."""
    result = CommandResult(ref=UUID(ID), state="done", data=[number])
    sent = Event(UUID(ID), 1, Instant(0), result)
    assert codec.decode(codec.encode(sent)) == sent


def test_an_owner_cannot_enqueue_a_number_out_of_range() -> None:
    """Found out when enqueueing, not by the receiver."""
    with pytest.raises(LocalProtocolError, match="out of range"):
        codec.encode_data(CommandResult(ref=UUID(ID), state="done", data={"n": 2**53}))


@pytest.mark.parametrize("half", ["\ud800", "a\ud800"])
@pytest.mark.parametrize(
    "field", ["account", "chat", "wa_id", "sent_at", "kind", "from_me", "sender"]
)
def test_half_a_surrogate_pair_is_bad_data_in_any_field(field: str, half: str) -> None:
    """Also where a time, a number or an object is wanted."""
    decoded = codec.decode(event("message.received", MESSAGE | {field: half}))
    assert isinstance(decoded, QuarantinedEvent)
    assert decoded.code == "invalid_data"
    status = {"ref": half, "state": "sent"}
    assert isinstance(codec.decode(event("message.status", status)), QuarantinedEvent)


@pytest.mark.parametrize("key", ["type", "id", "seq", "ts"])
def test_half_a_surrogate_pair_in_an_envelope_is_judged_like_any_text(key: str) -> None:
    """A name that nobody knows is an unknown type, anything else is no envelope."""
    frame = json.loads(event("message.received", MESSAGE)) | {key: "\ud800"}
    if key == "type":
        decoded = codec.decode(json.dumps(frame))
        assert isinstance(decoded, QuarantinedEvent)
        assert decoded.code == "unknown_type"
        return
    with pytest.raises(RemoteProtocolError) as caught:
        codec.decode(json.dumps(frame))
    assert caught.value.code == CloseCode.PROTOCOL_VIOLATION


@pytest.mark.parametrize("field", ["agent_id", "instance_id", "conn_no", "caps", "status"])
def test_half_a_surrogate_pair_in_a_hello_closes_4003(field: str) -> None:
    """Wherever it stands."""
    with pytest.raises(RemoteProtocolError) as caught:
        codec.decode(control("hello", HELLO | {field: "\ud800"}))
    assert caught.value.code == CloseCode.PROTOCOL_VIOLATION
