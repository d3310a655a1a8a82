"""CORE: what a scripted model does, one step for each request, as files write it.

A step is read under any of the names that people give its parts; a part that nobody knows is an
error that names it, so that no script passes by not being played.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

REPEATS_MAX: Final = 1_000
HTML: Final = "<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>"
BROKEN: Final = '{"id": "chatcmpl-1", "object": "chat.completion", "choices": [{"mess'

NAMES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("content", "reply", "message", "says"), "text"),
    **dict.fromkeys(("tool", "function", "tool_call"), "call"),
    **dict.fromkeys(("arguments",), "args"),
    **dict.fromkeys(("raw_arguments", "args_raw", "arguments_raw"), "raw_args"),
    **dict.fromkeys(("tool_calls", "parallel", "parallel_calls"), "calls"),
    **dict.fromkeys(("status", "status_code", "http_status"), "http"),
    **dict.fromkeys(("code", "error_type"), "error_code"),
    **dict.fromkeys(("retry_after_s",), "retry_after"),
    **dict.fromkeys(("trickle", "trickles_s", "drip_s"), "trickle_s"),
    **dict.fromkeys(("hang_s", "hangs", "stall", "stall_s", "timeout", "timeout_s"), "hang"),
    **dict.fromkeys(("never_answers", "silent", "no_answer"), "hang"),
    **dict.fromkeys(("delay", "sleep", "sleep_s", "wait_s", "slow_s", "latency_s"), "delay_s"),
    **dict.fromkeys(("after_s", "model_delay_s"), "delay_s"),
    **dict.fromkeys(("cut_after", "cut_after_bytes", "cut_stream", "cut_at", "truncate"), "cut"),
    **dict.fromkeys(("truncated", "half", "cut_after_chunks"), "cut"),
    **dict.fromkeys(("drop", "reset", "close", "disconnects", "connection_reset"), "disconnect"),
    **dict.fromkeys(("raw", "raw_body"), "body"),
    **dict.fromkeys(("garbled", "malformed", "malformed_json", "bad_json"), "broken_json"),
    **dict.fromkeys(("empty_choices", "no_choices"), "empty"),
    **dict.fromkeys(("finish",), "finish_reason"),
    **dict.fromkeys(("times",), "repeat"),
    **dict.fromkeys(("newer_message", "newer", "interrupted_by", "customer_says"), "then_say"),
    **dict.fromkeys(("comment", "what", "why"), "note"),
}
"""Another name of a part -> the one that is read here."""

STATUSES: Final[Mapping[str, int]] = {
    "insufficient_quota": 429,
    "rate_limit_exceeded": 429,
    "rate_limit": 429,
    "invalid_api_key": 401,
    "model_not_found": 404,
    "context_length_exceeded": 400,
    "content_policy_violation": 400,
    "server_error": 500,
}
"""The status that goes with an error's code where a step names the code alone."""

TROUBLES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("timeout", "hang", "read_timeout"), "hang"),
    **dict.fromkeys(("connection", "connection_error", "connection_reset", "reset"), "disconnect"),
    **dict.fromkeys(("disconnect", "refused", "network"), "disconnect"),
}
"""What else people call an error -> the part that it is."""

WORDS: Final = ("hang", "cut", "disconnect", "html", "broken_json", "empty")
"""A step that is one word."""


class ScriptError(ValueError):
    """A step is not as it must be; the message names the field."""


class Call(msgspec.Struct, frozen=True):
    """A tool that the model calls; `arguments` are sent as they are."""

    name: str
    arguments: str


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What the model does with one request.

    `body` goes out as it is in place of an answer in the endpoint's form. `cut_at`: the connection
    is closed after so much of the body, a share of it or a count of bytes; -1: before the answer
    begins. `hangs`: it never begins. `then_say` comes from the customer meanwhile.
    """

    status: int = 200
    headers: dict[str, str] = {}
    error_code: str | None = None
    text: str | None = None
    refusal: str | None = None
    calls: tuple[Call, ...] = ()
    body: str | None = None
    content_type: str = "application/json"
    choices: list[Any] | msgspec.UnsetType | None = msgspec.UNSET
    finish_reason: str | None = None
    usage: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET
    delay_s: float = 0.0
    trickle_s: float = 0.0
    hangs: bool = False
    cut_at: float | None = None
    then_say: str | None = None

    @property
    def is_call(self) -> bool:
        """Whether it is nothing but tools to be used."""
        whole = self.status == 200 and self.body is None and self.cut_at is None
        return whole and bool(self.calls)


def read(steps: object, where: str = "model") -> tuple[Reply, ...]:
    """A whole script; ScriptError."""
    if isinstance(steps, Mapping | str):
        steps = [steps]
    if not isinstance(steps, Sequence):
        raise ScriptError(f"{where}: it is a list of steps")
    return tuple(
        reply
        for number, step in enumerate(steps)
        for reply in _step(_mapping(step, f"{where}[{number}]"), f"{where}[{number}]")
    )


def _mapping(step: object, where: str) -> Mapping[str, Any]:
    if isinstance(step, str):
        word = step.strip().lower().replace(" ", "_")
        word = NAMES.get(word, word)
        return {word: True} if word in WORDS else {"text": step}
    if not isinstance(step, Mapping) or not step:
        raise ScriptError(f"{where}: write what the model does, like 'text: ...'")
    return step


def _step(step: Mapping[str, Any], where: str) -> list[Reply]:
    parts = _named(step, where)
    times = parts.pop("repeat", 1)
    fields: dict[str, Any] = {}
    for name, value in parts.items():
        if name in ("args", "raw_args"):
            continue  # with its call
        try:
            fields |= _PARTS[name](value, parts)
        except (TypeError, ValueError, KeyError) as error:
            raise ScriptError(f"{where}, {name}: {error}") from None
    if fields.get("error_code") is not None and "status" not in fields:
        if fields["error_code"] not in STATUSES:
            raise ScriptError(f"{where}: an error needs its status, like 'http: 500'")
        fields["status"] = STATUSES[fields["error_code"]]
    forever = times is True or times in ("forever", "always")
    if not forever and not (isinstance(times, int) and 1 <= times <= REPEATS_MAX):
        raise ScriptError(f"{where}, repeat: write a number from 1 to {REPEATS_MAX}")
    return [Reply(**fields)] * (1 if forever else times)  # the last one is repeated for ever


def _named(step: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The parts under the names that are read here; ScriptError for what is none."""
    parts: dict[str, Any] = {}
    for given, value in step.items():
        key = str(given).strip().lower().replace("-", "_")
        name = NAMES.get(key, key)
        if name == "error" and isinstance(value, str):
            name, value = _trouble(value)
        if name not in _PARTS:
            raise ScriptError(f"{where}: a step has no field {given!r}")
        if name in parts:
            raise ScriptError(f"{where}: {given!r} is there twice, under another name")
        parts[name] = value
    if {"args", "raw_args"} & parts.keys() and "call" not in parts:
        raise ScriptError(f"{where}: arguments need the 'call:' that they belong to")
    return parts


def _trouble(error: str) -> tuple[str, Any]:
    """An error as the part that it is: a wait, a closed connection, else a code."""
    return (TROUBLES[error], True) if error in TROUBLES else ("error_code", error)


# --- the parts -----------------------------------------------------------------------------------

Part = Callable[[Any, Mapping[str, Any]], dict[str, Any]]


def _text(value: Any, _: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(value, Mapping):  # a whole message as the endpoint has it
        inner = {NAMES.get(str(key), str(key)): part for key, part in value.items()}
        if unknown := inner.keys() - {"text", "calls", "refusal", "role"}:
            raise ValueError(f"a message has no {min(unknown)!r}")
        inner.pop("role", None)
        found: dict[str, Any] = {}
        for name, part in inner.items():
            found |= _PARTS[name](part, inner)
        return found
    return {"text": None if value is None else _said(value)}


def _stream(value: Any, parts: Mapping[str, Any]) -> dict[str, Any]:
    """Pieces of a text: the hub asks for no stream, so they come as one body."""
    if isinstance(value, bool):
        return {}
    if "text" in parts:
        raise ValueError("write either 'text:' or 'stream:'")
    return {"text": "".join(_said(piece) for piece in value)}


def _call(value: Any, parts: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {"calls": (_called(value),)}
    given = {name: parts[name] for name in ("args", "raw_args") if name in parts}
    return {"calls": (_called({"call": value, **given}),)}


def _calls(value: Any, parts: Mapping[str, Any]) -> dict[str, Any]:
    if "call" in parts:
        raise ValueError("write either 'call:' or 'calls:'")
    return {"calls": tuple(_called(one) for one in value)}


def _called(given: Mapping[str, Any] | str) -> Call:
    if isinstance(given, str):
        return Call(given, "{}")
    parts = {NAMES.get(str(key), str(key)): value for key, value in given.items()}
    parts["call"] = parts.get("call", parts.pop("name", None))
    if isinstance(parts["call"], Mapping):  # as the endpoint has it: {function: {name, arguments}}
        return _called(parts["call"])
    if unknown := parts.keys() - {"call", "args", "raw_args", "id", "type", "note"}:
        raise ValueError(f"a call has no field {min(unknown)!r}")
    if not isinstance(parts["call"], str):
        raise ValueError("name the tool: 'call: get_price'")
    args = parts.get("args", {})
    if "raw_args" in parts:
        return Call(parts["call"], _said(parts["raw_args"]))
    return Call(parts["call"], args if isinstance(args, str) else json.dumps(args, default=str))


def _http(value: Any, _: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(value, int) or not 200 <= value <= 599:
        raise ValueError("write a status from 200 to 599")
    return {"status": value}


def _headers(value: Any, parts: Mapping[str, Any]) -> dict[str, Any]:
    headers = {str(name).lower(): _said(text) for name, text in dict(value).items()}
    if "retry_after" in parts:
        headers["retry-after"] = _said(parts["retry_after"])
    return {"headers": headers}


def _retry_after(value: Any, parts: Mapping[str, Any]) -> dict[str, Any]:
    return {} if "headers" in parts else {"headers": {"retry-after": _said(value)}}


def _error_code(value: Any, _: Mapping[str, Any]) -> dict[str, Any]:
    found = value.get("code", value.get("type")) if isinstance(value, Mapping) else value
    return {"error_code": _said(found)}


def _seconds(name: str) -> Part:
    def read_seconds(value: Any, _: Mapping[str, Any]) -> dict[str, Any]:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e6:
            raise ValueError("write seconds")
        return {name: float(value)}

    return read_seconds


def _hang(value: Any, parts: Mapping[str, Any]) -> dict[str, Any]:
    if value is False:
        return {}
    if value is True:
        return {"hangs": True}
    waits = _seconds("delay_s")(value, parts)
    says = {"text", "call", "calls", "http", "body", "json", "html"} & parts.keys()
    return waits if says else {**waits, "cut_at": -1.0}


def _cut(value: Any, _: Mapping[str, Any]) -> dict[str, Any]:
    if value is False:
        return {}
    if value is True:
        return {"cut_at": 0.5}
    if isinstance(value, int | float) and value >= 0:
        return {"cut_at": float(value)}
    raise ValueError("write true, or after how many bytes")


def _disconnect(value: Any, _: Mapping[str, Any]) -> dict[str, Any]:
    return {} if value is False else {"cut_at": -1.0}


def _html(value: Any, _: Mapping[str, Any]) -> dict[str, Any]:
    if value is False:
        return {}
    return {"body": HTML if value is True else _said(value), "content_type": "text/html"}


def _body(value: Any, _: Mapping[str, Any]) -> dict[str, Any]:
    body = value if isinstance(value, str) else json.dumps(value, default=str)
    is_page = body.lstrip()[:5].lower() in ("<html", "<!doc")
    return {"body": body} | ({"content_type": "text/html"} if is_page else {})


def _broken_json(value: Any, _: Mapping[str, Any]) -> dict[str, Any]:
    if value is False:
        return {}
    return {"body": BROKEN if value is True else _said(value)}


def _empty(value: Any, _: Mapping[str, Any]) -> dict[str, Any]:
    kinds: dict[Any, dict[str, Any]] = {
        False: {},
        True: {"choices": []},
        "choices": {"choices": []},
        "body": {"body": ""},
        "object": {"body": "{}"},
        "text": {"text": ""},
        "content": {"text": ""},
    }
    if value not in kinds:
        raise ValueError("write choices, body, object or text")
    return kinds[value]


def _choices(value: Any, _: Mapping[str, Any]) -> dict[str, Any]:
    if value is not None and not isinstance(value, list):
        raise ValueError("it is a list")
    return {"choices": value}


def _usage(value: Any, _: Mapping[str, Any]) -> dict[str, Any]:
    if value in (None, False):
        return {"usage": None}
    return {"usage": dict(value)}


def _as_text(name: str) -> Part:
    def read_text(value: Any, _: Mapping[str, Any]) -> dict[str, Any]:
        return {name: _said(value)}

    return read_text


def _said(value: Any) -> str:
    if isinstance(value, Mapping | list) or value is None:
        raise ValueError("write a text")
    return str(value).lower() if isinstance(value, bool) else str(value)


_PARTS: Final[Mapping[str, Part]] = {
    "text": _text,
    "stream": _stream,
    "refusal": _as_text("refusal"),
    "call": _call,
    "calls": _calls,
    "args": _as_text("args"),
    "raw_args": _as_text("raw_args"),
    "http": _http,
    "headers": _headers,
    "retry_after": _retry_after,
    "error_code": _error_code,
    "error": _error_code,
    "trickle_s": _seconds("trickle_s"),
    "hang": _hang,
    "delay_s": _seconds("delay_s"),
    "cut": _cut,
    "disconnect": _disconnect,
    "html": _html,
    "body": _body,
    "json": _body,
    "broken_json": _broken_json,
    "empty": _empty,
    "choices": _choices,
    "content_type": _as_text("content_type"),
    "finish_reason": _as_text("finish_reason"),
    "usage": _usage,
    "then_say": _as_text("then_say"),
    "repeat": lambda _value, _parts: {},
    "note": lambda _value, _parts: {},
}

FIELDS: Final = frozenset(_PARTS)
"""What a step may have, under the names that are read."""
