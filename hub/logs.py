"""Logs: one JSON object a line, without any message text, phone number or secret.

Everybody logs with `structlog.get_logger()`: an event name, then fields by name. What libraries say
through the standard library takes the same way, from warnings on: their debug lines show whole
frames. `protocol.scrub` knows what has to go; here it is put where nothing can pass beside it.
"""

import io
import logging
import sys
from contextlib import suppress
from typing import Any, Final, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor

from hub.clock import Clock
from protocol.messages import Instant
from protocol.scrub import hush_event, hush_exceptions, scrub_event

_FRAMES_MAX: Final = 20


def configure(level: str, clock: Clock, stream: TextIO | None = None) -> None:
    """Set up logging for this process; `stream` is stderr by default."""
    out = cast(TextIO, _Patient(stream or sys.stderr))
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _Stamp(clock),
        structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=_FRAMES_MAX)
        ),
        hush_exceptions,
    ]
    last: list[Processor] = [scrub_event, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[*common, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(out),
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[hush_event, *common],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.WARNING)


class _Patient(io.TextIOBase):
    """A stream that lets a line go when it cannot be written: a full disk must stop no work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


class _Stamp:
    """Says when, with milliseconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __call__(self, _logger: Any, _method: str, event: EventDict) -> EventDict:
        event["at"] = str(Instant(self._clock.now_ms()))
        return event
