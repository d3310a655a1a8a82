"""The child process that prints: `python -m hub.commerce.papers.printing`.

A job comes in as a frame on stdin and the file, or what went wrong, goes out as one on stdout. The
process ends with its stdin: when it is no longer needed, or its parent died.
"""

import faulthandler
import signal
import sys
import traceback
from typing import BinaryIO, Final

import msgspec

from hub.commerce.papers import invoice, payment_code
from hub.commerce.papers.fonts import Fonts
from hub.commerce.papers.jobs import LENGTH_BYTES, Job, Payment, Printed, Spoiled, frame
from hub.commerce.papers.lettering import Lettering

JOB_MAX_S: Final = 120.0
"""After so long the process ends itself: a parent that is alive has ended it by then."""


class Printer:
    """Prints jobs; the fonts of the last one stay loaded."""

    def __init__(self) -> None:
        self._fonts: Fonts | None = None
        self._lettering: Lettering | None = None

    def file(self, job: Job) -> bytes:
        """What a job asks for, as a file."""
        if isinstance(job.text, Payment):
            return payment_code.picture(job.text)
        if job.fonts is None:
            raise ValueError("an invoice needs fonts")
        if self._lettering is None or job.fonts != self._fonts:
            self._fonts, self._lettering = job.fonts, Lettering(job.fonts)
        return invoice.render(job.text, self._lettering)


def serve(jobs: BinaryIO, answers: BinaryIO) -> None:
    """Print what comes in until nothing does."""
    printer = Printer()
    while len(head := jobs.read(LENGTH_BYTES)) == LENGTH_BYTES:
        body = jobs.read(int.from_bytes(head, "big"))
        faulthandler.dump_traceback_later(JOB_MAX_S, exit=True)
        answers.write(frame(_answer(printer, body)))
        answers.flush()
        faulthandler.cancel_dump_traceback_later()


def _answer(printer: Printer, body: bytes) -> Printed | Spoiled:
    try:
        return Printed(printer.file(msgspec.msgpack.decode(body, type=Job)))
    except Exception as error:  # noqa: BLE001 - whoever sent the job is told
        last = traceback.extract_tb(error.__traceback__)[-1]
        return Spoiled(type(error).__name__, f"{last.name}:{last.lineno}")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends this one
    serve(sys.stdin.buffer, sys.stdout.buffer)
