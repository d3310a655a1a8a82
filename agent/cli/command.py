"""What every command shares: its manners on the terminal.

Exit codes: 0 done, 1 the program has a defect, 2 bad input or set-up, nothing changed. With
`--json` the last line of the output is one JSON object; a failure's is `{"error": {"code",
"message"}}`.
"""

import io
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final, NoReturn

import click
import msgspec

from agent.daemon import NotPairedError
from agent.database import JournalError
from agent.lock import AlreadyRunningError
from agent.pairing import PairingError
from agent.settings import PREFIX, Settings, SettingsError
from protocol.messages import Instant

JSON_FLAG: Final = "--json"
STOPPED: Final = "Stopped. What had begun may have been done: look before you try again."
json_option = click.option(
    JSON_FLAG, "as_json", is_flag=True, help="End with one line that is a JSON object."
)
# Their messages are sentences for the user; their names, without Error, are the codes.
SENTENCES: Final = (
    SettingsError,
    PairingError,
    NotPairedError,
    AlreadyRunningError,
    JournalError,
)
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Failure(click.ClickException):
    """Why a command did not do what it was asked: a code for programs, a sentence for people."""

    exit_code = 2

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


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
        except (click.Abort, KeyboardInterrupt):
            _fail(Failure("aborted", STOPPED), as_json)
        except click.ClickException as error:
            _fail(error, as_json)
        except SENTENCES as error:
            _fail(explained(error), as_json)
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
            message = f"Argument {number} is no UTF-8 text: type it anew, or set LC_ALL=C.UTF-8."
            raise Failure("usage", message)


def _of_the_system(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    reason = error.strerror or type(error).__name__
    return f"{where}{reason}: check the path, its rights and the disk."


def explained(error: Exception) -> Failure:
    """An error whose message is a sentence already, as a failure named after its type."""
    name = type(error).__name__.removesuffix("Error")
    return Failure(_HUMP.sub("_", name).lower(), str(error))


def load_settings() -> Settings:
    """The settings of this process; SettingsError."""
    return Settings.load(environment())


def environment() -> dict[str, str]:
    """The environment, with the settings of the command line in it; Failure."""
    context = click.get_current_context(silent=True)
    typed = {} if context is None else context.find_root().params
    given = dict(os.environ)  # noqa: TID251 - the one place that hands it on
    for setting in typed.get("settings") or ():
        name, mark, value = setting.partition("=")
        if not mark:
            raise Failure("usage", f"--set {setting} has no value: give it as NAME=VALUE.")
        given[f"{PREFIX}{name.upper()}"] = value
    if typed.get("profile"):
        given[f"{PREFIX}PROFILE"] = typed["profile"]
    return given


def answer(facts: dict[str, Any], lines: Iterable[str], *, as_json: bool) -> None:
    """Tell what was done: to a program the facts, to a person the lines."""
    if as_json:
        click.echo(msgspec.json.encode(facts))
    else:
        for line in lines:
            click.echo(line)


def moment(ms: int | None) -> str | None:
    """A time as every answer shows it: RFC 3339 UTC."""
    return None if ms is None else str(Instant(ms))


def _fail(error: click.ClickException, as_json: bool) -> NoReturn:
    if as_json:
        code = error.code if isinstance(error, Failure) else "usage"
        answer({"error": {"code": code, "message": error.format_message()}}, [], as_json=True)
    else:
        error.show()
    sys.exit(error.exit_code)
