"""What every command shares: its manners on the terminal.

Exit codes: 0 done, 1 the program has a defect, 2 bad input or set-up, nothing changed. With
`--json` the last line of the output is one JSON object; a failure's is `{"error": {"code",
"message"}}`.
"""

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
from agent.settings import Settings, SettingsError
from protocol.messages import Instant

JSON_FLAG: Final = "--json"
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
        try:
            outcome = super().main(given, *rest, **(extra | {"standalone_mode": False}))
        except (click.Abort, KeyboardInterrupt):
            _fail(Failure("aborted", "Stopped."), as_json)
        except click.ClickException as error:
            _fail(error, as_json)
        except SENTENCES as error:
            _fail(explained(error), as_json)
        except OSError as error:
            _fail(Failure("system", f"{error}: check the path, its rights and the disk."), as_json)
        sys.exit(outcome if isinstance(outcome, int) else 0)


def explained(error: Exception) -> Failure:
    """An error whose message is a sentence already, as a failure named after its type."""
    name = type(error).__name__.removesuffix("Error")
    return Failure(_HUMP.sub("_", name).lower(), str(error))


def load_settings() -> Settings:
    """The settings of this process; SettingsError."""
    return Settings.load(os.environ)  # noqa: TID251 - the one place that hands it on


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
