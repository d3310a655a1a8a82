"""A shop's settings, one JSON object in `tenants.settings`, by sections.

Reading is tolerant, field by field: an unknown key is ignored and a value that does not fit counts
as not set, so that a database of a later version still answers customers.
"""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

S = TypeVar("S", bound=msgspec.Struct)


def section(settings: str, name: str) -> dict[str, Any]:
    """What is stored under `name`; empty where nothing sound is."""
    value = _stored(settings).get(name)
    return value if isinstance(value, dict) else {}


def with_section(settings: str, name: str, value: Mapping[str, Any]) -> str:
    """The settings with `value` under `name`, all else as it was."""
    return json.dumps(_stored(settings) | {name: value}, ensure_ascii=False, sort_keys=True)


def sound(stored: Mapping[str, Any], default: S) -> S:
    """`default` with every stored field that fits its type and the struct's own rules."""
    held = default
    for field in msgspec.structs.fields(default):
        if field.name not in stored:
            continue
        value = stored[field.name]
        now = getattr(held, field.name)
        try:
            if isinstance(now, msgspec.Struct) and type(now) is field.type:
                value = sound(value if isinstance(value, dict) else {}, now)
            else:
                value = msgspec.convert(value, field.type)
            held = msgspec.structs.replace(held, **{field.name: value})
        except ValueError:  # msgspec's own is one, and so is what a struct refuses
            continue
    return held


def _stored(settings: str) -> dict[str, Any]:
    try:
        value = json.loads(settings)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
