"""What every command shares: its manners on the terminal, and the open database.

Exit codes: 0 done, 1 done and something is wrong (`doctor`), 2 bad input or set-up, nothing
changed. With `--json` the last line of the output is one JSON object; a failure's is
`{"error": {"code", "message"}}`.
"""

import asyncio
import io
import os
import sys
import unicodedata
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, NoReturn, TypeVar

import click
import msgspec

from hub.clock import Clock, SystemClock
from hub.settings import Settings, SettingsError
from hub.store.database import Store
from hub.store.errors import StoreError
from hub.store.tx import Tx
from protocol.messages import Instant

T = TypeVar("T")

JSON_FLAG: Final = "--json"
JOINERS: Final = "\u200c\u200d"
"""They show nothing themselves, and many scripts and emoji cannot be written without them."""

_HARMLESS: Final = JOINERS + "\u061c\u200e\u200f"  # and the marks of direction in amounts
STOPPED: Final = "Stopped. What had begun may have been done: look before you try again."
json_option = click.option(
    JSON_FLAG, "as_json", is_flag=True, help="End with one line that is a JSON object."
)


class Failure(click.ClickException):
    """Why a command did not do what it was asked: a name for programs, a sentence for people.

    `details` stand beside the name and the sentence in the JSON.
    """

    exit_code = 2

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class Commands(click.Group):
    """The whole command line: turns every failure into one sentence, or its JSON."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        """Run the command that `args` name and exit with its code."""
        given = list(sys.argv[1:] if args is None else args)
        as_json = JSON_FLAG in given
        _print_anything()
        try:
            _check_text(given)
            outcome = super().main(given, *rest, **(extra | {"standalone_mode": False}))
        except click.Abort:
            _fail(Failure("aborted", STOPPED), as_json)
        except click.ClickException as error:
            _fail(error, as_json)
        except (StoreError, SettingsError) as error:
            _fail(Failure(error.code, str(error)), as_json)
        except OSError as error:
            failure = Failure("system", _of_the_system(error))
            try:
                _fail(failure, as_json)
            except OSError:  # the output itself is what cannot be written
                failure.show()
                sys.exit(failure.exit_code)
        sys.exit(outcome if isinstance(outcome, int) else 0)


def _print_anything() -> None:
    """Let no name break a command that did its work: the terminal's code may lack its letters."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _check_text(args: Sequence[str]) -> None:
    """Failure unless all that was typed is text; the system hands over any bytes."""
    for number, text in enumerate(args, start=1):
        if any("\ud800" <= char <= "\udfff" for char in text):
            message = f"Argument {number} is no UTF-8 text. Type it anew, or set LC_ALL=C.UTF-8."
            raise Failure("usage", message)


def _of_the_system(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    reason = error.strerror or type(error).__name__
    return f"{where}{reason}. Check the path, its rights and the disk."


def _fail(error: click.ClickException, as_json: bool) -> NoReturn:
    if as_json:
        code = error.code if isinstance(error, Failure) else "usage"
        details = error.details if isinstance(error, Failure) else {}
        _print_json({"error": {"code": code, "message": error.format_message(), **details}})
    else:
        error.show()
    sys.exit(error.exit_code)


class Session(msgspec.Struct, frozen=True):
    """What a command works with."""

    store: Store
    clock: Clock
    settings: Settings


def with_store(work: Callable[[Session], Awaitable[T]]) -> T:
    """The result of `work` on the database that the settings name, created and migrated before."""
    settings = load_settings()
    clock = SystemClock()

    async def run() -> T:
        async with Store.open(settings.database_url, clock) as store:
            return await work(Session(store, clock, settings))

    return asyncio.run(run())


def looked(look: Callable[[Tx], T]) -> T:
    """What `look` finds in the database."""
    return with_store(lambda session: session.store.read(look))


def changed(change: Callable[[Tx, int], T]) -> T:
    """The result of one change, made at the time that it is given, once it is on disk."""

    async def work(session: Session) -> T:
        now_ms = session.clock.now_ms()
        return await session.store.write(lambda tx: change(tx, now_ms))

    return with_store(work)


def load_settings() -> Settings:
    """The settings of this process; SettingsError."""
    return Settings.load(os.environ)  # noqa: TID251 - the one place that hands it on


def answer(facts: dict[str, Any], lines: Iterable[str], *, as_json: bool) -> None:
    """Tell what was done: to a program the facts, to a person the lines."""
    if as_json:
        _print_json(facts)
    else:
        for line in lines:
            click.echo(line)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lines in columns. What others named is shown without its control characters."""
    cells = [list(heads), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    padded = ("  ".join(map(str.ljust, row, widths)) for row in cells)
    return [line.rstrip() for line in padded]


def printable(value: object) -> str:
    """A value as it may go to a terminal; what is absent is a dash."""
    if value is None or value == "":
        return "-"
    return "".join(c if c.isprintable() or c in _HARMLESS else _instead(c) for c in str(value))


def _instead(char: str) -> str:
    """What stands for a character that would not show: amounts have blanks that do not break."""
    return " " if unicodedata.category(char) == "Zs" else "\ufffd"


def is_readable(text: str) -> bool:
    """Whether this is one line with something to read in it."""
    return bool(text.strip(JOINERS + " ")) and all(
        char.isprintable() or char in JOINERS for char in text
    )


def moment(ms: int | None) -> str | None:
    """A time as every answer shows it: RFC 3339 UTC."""
    return None if ms is None else str(Instant(ms))


def _print_json(facts: dict[str, Any]) -> None:
    click.echo(msgspec.json.encode(facts))
