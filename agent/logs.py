"""Where the agent's log goes: JSON lines on stderr and in a file that is rotated.

Everything passes `protocol.scrub` last, also what libraries write through `logging`, of whose
sentences and exceptions nothing quoted stays. The file is
for `sak-agent logs` and for a person who looks into a fault; it is readable by its owner only.
"""

import logging
import os
import sys
from collections import deque
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final

import structlog

from protocol.scrub import hush_event, hush_exceptions, scrub_event

FILE_NAME: Final = "agent.log"
_FILE_MAX_BYTES: Final = 5 * 1024 * 1024
_FILES_KEPT: Final = 3
_FRAMES_MAX: Final = 20


class _OwnersFile(RotatingFileHandler):
    """A rotating file that nobody but its owner can read, from its first byte."""

    def _open(self) -> Any:
        os.close(os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """A full disk costs the line here; stderr has it. The default would print it unscrubbed."""


def configure(level: str = "info", data_dir: Path | None = None) -> None:
    """Send every log of this process to stderr and, with `data_dir`, to its `agent.log`.

    Raises:
        OSError: the file cannot be opened.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=_FRAMES_MAX)
        ),
        hush_exceptions,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    _install(_formatter(shared), level, data_dir)


def tail(data_dir: Path, lines: int) -> Iterator[str]:
    """The newest `lines` lines of the log, oldest first, across one rotation."""
    newest: deque[str] = deque(maxlen=lines)
    for path in (data_dir / f"{FILE_NAME}.1", data_dir / FILE_NAME):
        if path.exists():
            with path.open(encoding="utf-8", errors="replace") as file:
                newest.extend(line.rstrip("\n") for line in file)
    return iter(newest)


def _formatter(shared: list[structlog.typing.Processor]) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[hush_event, *shared],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            scrub_event,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )


def _install(formatter: logging.Formatter, level: str, data_dir: Path | None) -> None:
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if data_dir is not None:
        path = data_dir / FILE_NAME
        handlers.append(
            _OwnersFile(
                path, maxBytes=_FILE_MAX_BYTES, backupCount=_FILES_KEPT - 1, encoding="utf-8"
            )
        )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        handler.setFormatter(formatter)
        root.addHandler(handler)
    root.setLevel(logging.WARNING)  # libraries: their debug lines show whole frames
    logging.getLogger("agent").setLevel(level.upper())
