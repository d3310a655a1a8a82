"""What may stand in a log, on either side: no message text, no phone number, no secret. CORE.

`scrub_event` is a structlog processor by its shape and imports nothing of structlog; it stands last
before the renderer, so that formatted exceptions pass it too. Text goes by the name of its field,
numbers and secrets go by their looks wherever they turn up, and a struct of the wire is named, not
shown. Of a number the last two digits stay: enough to follow one chat through a log.
"""

import re
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

import msgspec

TEXT_FIELDS: Final = frozenset(
    {
        "answer",
        "body",
        "caption",
        "customer",
        "customer_name",
        "draft",
        "frame",
        "messages",
        "notify_name",
        "prompt",
        "question",
        "raw",
        "reply",
        "sender_name",
        "text",
        "transcript",
    }
)
SECRET_FIELDS: Final = frozenset(
    {
        "api_key",
        "authorization",
        "bearer",
        "cookie",
        "key_hash",
        "link_code",
        "pairing_code",
        "password",
        "qr",
        "secret",
        "token",
        "token_hash",
    }
)
NUMBER_FIELDS: Final = frozenset({"account", "chat", "lid", "participant", "phone", "sender", "to"})

_UUID = r"(?P<uuid>\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b)"
_SERVERS = r"c\.us|s\.whatsapp\.net|lid|g\.us|broadcast|newsletter"
_WHATSAPP_ID = rf"(?P<user>\+?[\w.:-]+)@(?P<server>{_SERVERS})(?![A-Za-z])"
_GROUPED = r"\d{2,5}\)?(?:[ -]\(?\d{3,6}\)?){1,4}"  # 91 98000 00001, 555) 010-0000, not 2026-11-22
_INTERNATIONAL = r"\+\(?\d(?:[ ().-]{0,2}\d){6,14}"
_PLAIN = r"\d{10,15}"
_PHONE = rf"(?<![0-9A-Za-z])(?<!\d\.)(?P<phone>{_INTERNATIONAL}|{_PLAIN}|{_GROUPED})(?![0-9A-Za-z])"
_NUMBERS: Final = re.compile(f"{_UUID}|{_WHATSAPP_ID}|{_PHONE}")
_PHONE_MIN_DIGITS = 10  # a national number with its area; with a plus sign seven are enough

_SECRETS: Final = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), r"\1 [secret]"),
    (re.compile(r"\b(?:sak_[a-z]+_|sk-)[\w-]{8,}"), "[secret]"),
    (re.compile(r"(?i)\b(token|secret|password|api_?key)([\"'\s]{0,2}[=:][\"'\s]{0,2})[^\s\"'&,;]+"),
     r"\1\2[secret]"),
    (re.compile(r"(?<=://)[^/\s@\"']+@"), "[secret]@"),
    (re.compile(r"(?<![\w-])[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}(?![\w-])"), "[secret]"),
    (re.compile(r"\"(text|body|caption)\"(\s*:\s*)\"(?:[^\"\\]|\\.)*\"?"), r'"\1"\2"[text]"'),
)  # fmt: skip

_QUOTED: Final = re.compile(r"['\"`].*['\"`]", re.DOTALL)


def scrub_event(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A log event without what must not stand there; the structlog processor of both sides."""
    return {name: _scrub_field(name, value) for name, value in event.items()}


def scrub_text(text: str) -> str:
    """`text` without phone numbers, WhatsApp ids and secrets, wherever they stand in it."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return _NUMBERS.sub(_mask_number, text)


def hush_event(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A library's log event without what its sentence quotes: a customer may have written it."""
    return {**event, "event": hush(str(event["event"]))}


def hush_exceptions(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A log event whose exceptions (a list of dicts, as structlog makes it) quote nothing."""
    traces = event.get("exception")
    return {**event, "exception": _hush_traces(traces)} if isinstance(traces, list) else event


def hush(sentence: str) -> str:
    """The sentence without all that stands between its first and last quotation mark."""
    return _QUOTED.sub("'...'", sentence)


def _hush_traces(traces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            **trace,
            "exc_value": hush(trace["exc_value"]),
            "exc_notes": [hush(note) for note in trace.get("exc_notes", ())],
            "exceptions": [_hush_traces(inner) for inner in trace.get("exceptions", ())],
        }
        for trace in traces
    ]


def _scrub_field(name: str, value: Any) -> Any:
    lowered = name.lower()
    if value is None or isinstance(value, bool):
        return value
    if lowered in SECRET_FIELDS:
        return "[secret]"
    if lowered in TEXT_FIELDS and not isinstance(value, int | float):
        return f"[text, {len(value)}]" if isinstance(value, str | list | tuple) else "[text]"
    if lowered in NUMBER_FIELDS and isinstance(value, int):
        return scrub_text(str(value))
    return _scrub_value(value)


def _scrub_value(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {
            scrub_text(str(name)): _scrub_field(str(name), item) for name, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_scrub_value(item) for item in value]
    if isinstance(value, msgspec.Struct):
        return f"<{type(value).__name__}>"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    return scrub_text(str(value))


def _mask_number(found: re.Match[str]) -> str:
    if found["uuid"]:
        return found[0]
    if found["user"]:
        return f"[..{found['user'][-2:]}]@{found['server']}"
    digits = re.sub(r"\D", "", found[0])
    if len(digits) < _PHONE_MIN_DIGITS and not found[0].startswith("+"):
        return found[0]
    return f"[..{digits[-2:]}]"
