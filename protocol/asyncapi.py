"""Builds `asyncapi.yaml` (AsyncAPI 3.0) from the types in `messages.py`.

    python -m protocol.asyncapi --write     write the file anew
    python -m protocol.asyncapi --check     exit 1 when the file no longer fits the types

The document takes the hub's point of view: it receives what agents send.
"""

import argparse
import inspect
import sys
from pathlib import Path
from typing import Any

import msgspec
import yaml

from protocol.errors import CloseCode, may_reconnect
from protocol.messages import (
    CONTROLS,
    EVENTS,
    FRAME_MAX_BYTES,
    INT_MAX,
    SUBPROTOCOL,
    Control,
    EventData,
    Instant,
)

FILE = Path(__file__).with_name("asyncapi.yaml")
_SCHEMAS = "#/components/schemas/{name}"
_INTRODUCTION = (
    "A shop's agent and its hub over one websocket. Frames are UTF-8 JSON text of at most "
    f"{FRAME_MAX_BYTES} bytes. Control frames are {{type, data}}; events are {{type, id, seq, ts, "
    "data}, stand in durable logs and are acknowledged. SPEC.md is the normative text; unknown "
    "fields and unknown control types are ignored."
)


def build() -> dict[str, Any]:
    """The whole document as plain values."""
    kinds: list[type[Control | EventData]] = [*CONTROLS.values(), *EVENTS.values()]
    _, schemas = msgspec.json.schema_components(
        kinds, ref_template=_SCHEMAS, schema_hook=_schema_of
    )
    for schema in schemas.values():  # Python before 3.13 keeps a docstring's indentation
        schema["description"] = inspect.cleandoc(schema["description"])
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "SAK agent protocol",
            "version": "1.0.0",
            "description": _INTRODUCTION,
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {"hub": _server()},
        "channels": {"agent": _channel(kinds)},
        "operations": _operations(kinds),
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "sak_a_ token"}
            },
            "messages": {_name(kind): _message(kind) for kind in kinds},
            "schemas": schemas,
        },
    }


def _server() -> dict[str, Any]:
    return {
        "host": "hub.example:443",
        "protocol": "wss",
        "description": "The agent dials; the token goes into the Authorization header.",
        "security": [{"$ref": "#/components/securitySchemes/token"}],
    }


def _channel(kinds: list[type[Control | EventData]]) -> dict[str, Any]:
    codes = {
        str(code.value): {
            "name": code.name.lower(),
            "reconnect": may_reconnect(code),
        }
        for code in CloseCode
    }
    return {
        "address": "/agent",
        "description": f"Subprotocol {SUBPROTOCOL}; binary frames close with 4003.",
        "messages": {_name(k): {"$ref": f"#/components/messages/{_name(k)}"} for k in kinds},
        "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
        "x-close-codes": codes,
    }


def _operations(kinds: list[type[Control | EventData]]) -> dict[str, Any]:
    ways = {"receive": ("up", "both"), "send": ("down", "both")}
    return {
        f"{action}{_name(kind)}": {
            "action": action,
            "channel": {"$ref": "#/channels/agent"},
            "summary": _first_line(kind),
            "messages": [{"$ref": f"#/channels/agent/messages/{_name(kind)}"}],
        }
        for action, wanted in ways.items()
        for kind in kinds
        if kind.WAY in wanted
    }


def _message(kind: type[Control | EventData]) -> dict[str, Any]:
    is_event = issubclass(kind, EventData)
    properties: dict[str, Any] = {"type": {"const": kind.TYPE}}
    if is_event:
        properties["id"] = {"type": "string", "format": "uuid"}
        properties["seq"] = {"type": "integer", "minimum": 1, "maximum": INT_MAX}
        properties["ts"] = _schema_of(Instant)
    properties["data"] = {"$ref": _SCHEMAS.format(name=_name(kind))}
    return {
        "name": kind.TYPE,
        "title": "event" if is_event else "control frame",
        "summary": _first_line(kind),
        "payload": {"type": "object", "required": list(properties), "properties": properties},
    }


def _schema_of(kind: type) -> dict[str, Any]:
    if kind is Instant:
        return {"type": "string", "format": "date-time", "description": "RFC 3339"}
    raise NotImplementedError(kind.__name__)


def _name(kind: type) -> str:
    return kind.__name__


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").partition("\n")[0]


def render() -> str:
    """The text of `asyncapi.yaml`."""
    head = "# Generated from messages.py by `make spec`; edit the types, not this file.\n"
    return head + yaml.safe_dump(build(), sort_keys=False, allow_unicode=True, width=100)


def main() -> int:
    """Write or check the file; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m protocol.asyncapi")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="write asyncapi.yaml anew")
    action.add_argument("--check", action="store_true", help="fail when it does not fit the types")
    if parser.parse_args().write:
        FILE.write_text(render(), encoding="utf-8")
    elif not FILE.exists() or FILE.read_text(encoding="utf-8") != render():
        sys.stderr.write("protocol/asyncapi.yaml does not fit messages.py: run `make spec`.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
