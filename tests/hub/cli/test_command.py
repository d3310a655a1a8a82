"""The command line's manners, which no command does for itself."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from hub.cli import main
from hub.cli.command import Commands, printable, table
from tests.hub.cli.conftest import Cli, last_object


@pytest.mark.parametrize(
    "args",
    [
        ("nope",),
        ("tenant", "nope"),
        ("tenant", "add"),
        ("tenant", "add", "Shop A", "--mode", "loud"),
        ("tenant", "list", "--nope"),
    ],
)
def test_wrong_usage_is_one_sentence_or_its_json(cli: Cli, args: tuple[str, ...]) -> None:
    """Exit code 2, an error object under --json, and no database made for nothing."""
    assert cli.failure(*args)[0] == "usage"
    assert not cli.path.exists()


def test_help_and_version_work_without_anything_set_up(cli: Cli) -> None:
    """Neither opens the database."""
    for args in (("--help",), ("--version",), ("tenant", "--help"), ("agent", "invite", "-h")):
        assert cli.run(*args).exit_code == 0
    assert not cli.path.exists()


def test_stopping_a_command_is_a_failure() -> None:
    """Ctrl-C ends with an error like any other, not with a traceback."""

    @click.group(cls=Commands)
    def group() -> None: ...

    @group.command()
    @click.option("--json", is_flag=True)
    def wait(json: bool) -> None:
        raise KeyboardInterrupt

    result = CliRunner().invoke(group, ["wait", "--json"])
    assert result.exit_code == 2
    assert last_object(result)["error"]["code"] == "aborted"


def test_tables_line_up_and_show_nothing_that_moves_the_cursor() -> None:
    """What is absent is a dash; control characters are replaced."""
    assert table(("a", "bcd"), [("xx", None), ("y\x1b", 1)]) == ["a   bcd", "xx  -", "y\ufffd  1"]
    assert printable("") == "-"


def test_what_amounts_and_many_scripts_need_is_shown() -> None:
    """A blank that does not break, the joiners of Indian scripts and emoji, marks of direction."""
    assert printable("AED\u00a0145.00") == "AED 145.00"
    assert (
        printable("\u0d28\u0d4d\u200d 👩\u200d👧 \u200f5")
        == "\u0d28\u0d4d\u200d 👩\u200d👧 \u200f5"
    )
    assert printable("\u202eevil") == "\ufffdevil"


def test_every_command_ends_in_json_when_asked() -> None:
    """No command lacks --json."""

    def commands(group: click.Group) -> list[click.Command]:
        found: list[click.Command] = []
        for command in group.commands.values():
            found += commands(command) if isinstance(command, click.Group) else [command]
        return found

    every = commands(main)
    assert len(every) == 47
    assert all(any("--json" in param.opts for param in command.params) for command in every)


def test_a_simple_command_starts_without_the_heavy_libraries(cli: Cli) -> None:
    """A shop's owner does not wait for a server or a model's client to be loaded."""
    code = (
        "import sys\n"
        "from hub.__main__ import main\n"
        "try:\n"
        "    main(['tenant', 'list', '--json'])\n"
        "finally:\n"
        "    heavy = {'openai', 'playwright', 'uvicorn', 'websockets'} & set(sys.modules)\n"
        "    print('heavy:', *sorted(heavy), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=cli.env,
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout) == {"tenants": []}
    assert done.stderr == "heavy:\n"


def test_bytes_that_are_no_text_are_refused(cli: Cli) -> None:
    """A terminal with another code than ours gets a sentence, and nothing is looked up."""
    code, message = cli.failure("agent", "revoke", "b\udcff")
    assert (code, message[:10]) == ("usage", "Argument 3")
    assert not cli.path.exists()


@pytest.mark.parametrize("coding", ["ascii", "cp1252"])
def test_a_terminal_without_the_letters_shows_others(cli: Cli, coding: str) -> None:
    """A command that did its work does not fail at the end for want of a letter."""
    done = subprocess.run(
        [sys.executable, "-m", "hub", "tenant", "add", "Shop \N{SHOPPING TROLLEY}"],
        env=cli.env | {"PYTHONIOENCODING": coding},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_what_the_system_refuses_is_one_sentence() -> None:
    """A full disk under the output, for one, is no defect of the program."""

    @click.group(cls=Commands)
    def group() -> None: ...

    @group.command()
    @click.option("--json", is_flag=True)
    def save(json: bool) -> None:
        raise OSError(28, "No space left on device", "out.txt")

    result = CliRunner().invoke(group, ["save", "--json"])
    assert result.exit_code == 2
    error = last_object(result)["error"]
    assert error["code"] == "system"
    assert error["message"].startswith("out.txt: No space left on device.")
