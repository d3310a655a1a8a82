"""The command line over a real database of its own."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hub.cli import main


class Cli:
    """Runs `sak-hub` commands; `url` is their database."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / "deep" / "hub.db"
        self.env = {"SAK_HUB_DATABASE_URL": f"sqlite:///{self.path}", "SAK_HUB_CONFIG": ""}

    def run(self, *args: str) -> Result:
        """A command's exit code and output."""
        return CliRunner().invoke(main, args, env=self.env)

    def lines(self, *args: str) -> list[str]:
        """What a command that succeeds tells a person."""
        result = self.run(*args)
        assert result.exit_code == 0, result.output
        return result.output.splitlines()

    def facts(self, *args: str) -> dict[str, Any]:
        """The JSON object of a command that succeeds."""
        result = self.run(*args, "--json")
        assert result.exit_code == 0, result.output
        return last_object(result)

    def failure(self, *args: str) -> tuple[str, str]:
        """Code and message of a command that fails, which are the same with and without JSON."""
        result = self.run(*args, "--json")
        assert result.exit_code == 2, result.output
        error = last_object(result)["error"]
        plain = self.run(*args)
        assert plain.exit_code == 2
        assert plain.stdout == ""
        assert f"Error: {error['message']}" in plain.stderr
        return error["code"], error["message"]


def last_object(result: Result) -> dict[str, Any]:
    """The last line of the output, which is a JSON object."""
    found = json.loads(result.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)
