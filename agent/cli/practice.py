"""The practice phone beside the agent: found running, or started and stopped with it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final

import click

from agent.cli.command import Failure
from agent.settings import Settings

STATE_NAME: Final = "practice-phone.jsonl"
LOG_NAME: Final = "practice-phone.log"
if sys.platform == "win32":  # Ctrl-C is for the agent alone, which ends the phone itself
    _APART: Final[dict[str, Any]] = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
else:
    _APART: Final[dict[str, Any]] = {"start_new_session": True}
_ASK_S: Final = 2.0
_STOP_S: Final = 5.0


@contextmanager
def practice_phone(settings: Settings) -> Iterator[str]:
    """The address of the stand-in page while the block runs.

    Raises:
        Failure: the phone could not be started.
    """
    port = settings.practice_port
    if port and _phone_answers(port):
        click.echo(f"Practice phone (a stand-in, not WhatsApp): http://127.0.0.1:{port}/", err=True)
        yield f"http://127.0.0.1:{port}/web"
        return
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    process = _start(port, settings.data_dir)
    try:
        yield _said_address(process, settings.data_dir)
    finally:
        _stop(process)


def _start(port: int, data_dir: Path) -> subprocess.Popen[str]:
    """Start it apart, so that Ctrl-C reaches the agent first."""
    state = str(data_dir / STATE_NAME)
    command = ["-m", "agent.practice", "phone", "--port", str(port), "--state", state]
    with (data_dir / LOG_NAME).open("w") as log:
        return subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            **_APART,
        )


def _said_address(process: subprocess.Popen[str], data_dir: Path) -> str:
    """Pass on where people find it, and return where the browser does: its first two lines."""
    assert process.stdout is not None  # noqa: S101 - it was started with a pipe
    people, browser = process.stdout.readline(), process.stdout.readline()
    if not browser:
        said = (data_dir / LOG_NAME).read_text("utf-8", "replace").splitlines() or [
            "it gave no reason."
        ]
        raise Failure("practice_phone", f"The practice phone did not start: {said[-1]}")
    click.echo(people.rstrip(), err=True)
    return browser.split()[-1]


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _phone_answers(port: int) -> bool:
    with closing(HTTPConnection("127.0.0.1", port, timeout=_ASK_S)) as connection:
        try:
            connection.request("GET", "/api/state")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
