"""The end of the agent's log for the page: only the last piece of the file is read."""

from pathlib import Path
from typing import Any, Final

import msgspec

from agent.logs import FILE_NAME

LINES_MAX: Final = 80
_TAIL_BYTES: Final = 65_536
_DETAILS_MAX_CHARS: Final = 400  # an exception's trace is for `sak-agent logs`
_HEAD: Final = ("at", "level", "event", "logger", "exception")


class LogLine(msgspec.Struct, frozen=True):
    """One line; `at` is UTC as it stands in the file."""

    at: str
    level: str
    event: str
    details: str


def last_lines(data_dir: Path) -> list[LogLine]:
    """The newest lines, oldest first; none when there is no log."""
    try:
        with (data_dir / FILE_NAME).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - _TAIL_BYTES, 0))
            content = file.read(_TAIL_BYTES)
    except OSError:
        return []
    lines = content.split(b"\n")
    if size > _TAIL_BYTES:
        lines = lines[1:]  # it may be half of one
    return [line for raw in lines[-LINES_MAX - 1 :] if (line := _line(raw)) is not None]


def _line(raw: bytes) -> LogLine | None:
    try:
        entry = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    details = " ".join(
        f"{name}={value}"
        for name, value in entry.items()
        if name not in _HEAD and value is not None
    )
    at, level, event = (str(entry.get(name, "")) for name in _HEAD[:3])
    return LogLine(at, level, event, details[:_DETAILS_MAX_CHARS])
