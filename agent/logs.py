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
from contextlib import ExitStack, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, BinaryIO, Final

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

    def doRollover(self) -> None:  # noqa: N802 - logging's name
        """Begin a new file; while somebody holds the old one (Windows), go on with that."""
        try:
            super().doRollover()
        except OSError:
            self.stream = self._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """A full disk costs the line here; stderr has it. The default would print it unscrubbed."""


def configure(level: str = "info", data_dir: Path | None = None, *, to_stderr: bool = True) -> None:
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
    _install(_formatter(shared), level, data_dir, to_stderr=to_stderr)


class Tail:
    """The log's lines as they come, across rotations; the first read begins a file back.

    No file stays open between two reads: on Windows it could not be rotated.
    """

    def __init__(self, data_dir: Path) -> None:
        self._paths = [data_dir / FILE_NAME]
        self._paths += [data_dir / f"{FILE_NAME}.{age}" for age in range(1, _FILES_KEPT)]
        self._inode: int | None = None
        self._offset = 0
        self.rest = b""  # of a line whose end has not come

    def read(self) -> list[str]:
        """The whole lines that were not read yet, oldest first."""
        with ExitStack() as stack:
            files = self._opened(stack)
            if not files:
                return []
            inodes = list(files)
            begin = inodes.index(self._inode) if self._inode in files else max(len(inodes) - 2, 0)
            content = self.rest + b"".join(self._unread(files[it], it) for it in inodes[begin:])
        *lines, self.rest = content.split(b"\n")
        return [line.decode("utf-8", "replace") for line in lines]

    def _opened(self, stack: ExitStack) -> dict[int, BinaryIO]:
        """The files by their inodes, oldest first; one that is renamed meanwhile counts once."""
        found: dict[int, BinaryIO] = {}
        for path in self._paths:
            with suppress(OSError):
                file = stack.enter_context(path.open("rb"))
                found.setdefault(os.fstat(file.fileno()).st_ino, file)
        return dict(reversed(found.items()))

    def _unread(self, file: BinaryIO, inode: int) -> bytes:
        is_known = inode == self._inode and os.fstat(file.fileno()).st_size >= self._offset
        file.seek(self._offset if is_known else 0)
        content = file.read()
        self._inode, self._offset = inode, file.tell()
        return content


def tail(data_dir: Path, lines: int) -> Iterator[str]:
    """The newest `lines` lines of the log, oldest first, across one rotation."""
    log = Tail(data_dir)
    newest = deque(log.read(), maxlen=lines)
    if log.rest:
        newest.append(log.rest.decode("utf-8", "replace"))
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


def _install(
    formatter: logging.Formatter, level: str, data_dir: Path | None, *, to_stderr: bool
) -> None:
    has_stderr = to_stderr and sys.stderr is not None  # a Windows program without a console
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)] if has_stderr else []
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
