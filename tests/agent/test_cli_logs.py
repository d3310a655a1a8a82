"""`sak-agent logs --follow`: a person watches what the agent does."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent import logs
from agent.cli.logs import readable


def line(number: int) -> str:
    return f'{{"n": {number}, "event": "ok", "level": "info", "at": "T", "logger": "l"}}\n'


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
def test_following_shows_what_comes_also_after_a_rotation_and_ends_by_ctrl_c(
    tmp_path: Path,
) -> None:
    """The newest lines first, then each new one once; Ctrl-C is the usual end and no failure."""
    log = tmp_path / logs.FILE_NAME
    log.write_text(line(1) + line(2))
    env = {k: v for k, v in os.environ.items() if not k.startswith("SAK_")}  # noqa: TID251 - its PATH
    command = [sys.executable, "-m", "agent", "--set", f"data_dir={tmp_path}", "logs", "-fn", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "T info ok n=2\n"
        with log.open("a") as file:
            file.write(line(3) + line(4)[:-9])
        assert process.stdout.readline() == "T info ok n=3\n"
        with log.open("a") as file:
            file.write(line(4)[-9:])
        log.rename(tmp_path / f"{logs.FILE_NAME}.1")
        log.write_text(line(5))
        assert [process.stdout.readline() for _ in range(2)] == [
            "T info ok n=4\n",
            "T info ok n=5\n",
        ]
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_a_line_is_readable_and_what_is_no_json_stays() -> None:
    """Time, kind and event first; what is empty is left out."""
    assert (
        readable('{"x": null, "n": 1, "event": "e", "level": "info", "at": "T"}') == "T info e n=1"
    )
    assert readable('{"torn') == '{"torn'
