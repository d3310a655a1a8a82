"""The systemd unit: systemd itself has no complaint, and reads back the words that went in."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.service.plan import UnfitError
from agent.service.systemd import program_in, quoted, render
from tests.agent.service.plans import PLAIN, TEXT, WORD, plan

ANALYZE = shutil.which("systemd-analyze")
ODD_FOLDERS = ("Sam & Söhne", "दुकान", "100% wool", "%h $HOME ${HOME}", "a;b #c", "a=b")
_ESCAPES = {"\\\\": "\\", '\\"': '"'}


def unquoted(line: str) -> list[str]:
    """The words of a line as systemd.syntax(7) has them; only the forms that we write."""
    words = re.findall(r'"((?:[^"\\]|\\.)*)"', line)
    assert line == " ".join(f'"{word}"' for word in words)
    plain = [re.sub(r"\\.", lambda found: _ESCAPES[found[0]], word) for word in words]
    assert all("%" not in word.replace("%%", "") for word in plain)
    return [word.replace("%%", "%") for word in plain]


def value(unit: str, name: str) -> str:
    """What a unit sets."""
    (found,) = [line for line in unit.splitlines() if line.startswith(f"{name}=")]
    return found.removeprefix(f"{name}=")


@given(st.lists(WORD, max_size=4), TEXT)
def test_every_word_comes_back_as_it_went_in(words: list[str], secret: str) -> None:
    """Quotes, backslashes, `%` and `$` are nothing special to the program that is run."""
    unit = render(plan("-m", *words, environment={"HTTPS_PROXY": secret}))
    command = value(unit, "ExecStart")
    assert command.startswith(":")  # no variables
    assert unquoted(command[1:]) == [PLAIN, "-m", *words]
    assert unquoted(value(unit, "Environment")) == [f"HTTPS_PROXY={secret}"]
    assert program_in(unit) == PLAIN


def test_what_systemd_cannot_run_is_refused() -> None:
    """It takes no quote or backslash in a program's path, and would join or cut a directory's."""
    for program in ("/opt/sam's/python", '/opt/"x"/python', "/opt/a\\b/python"):
        with pytest.raises(UnfitError, match="quote or a backslash"):
            render(plan(program=program))
    for folder in ("/data/x\\", "/data/x "):
        with pytest.raises(UnfitError, match="another data directory"):
            render(plan(folder=folder))


def test_a_window_waits_for_the_desktop_and_a_server_for_the_network() -> None:
    """Without a desktop there is no window; a server's unit names its user."""
    assert value(render(plan(has_window=True)), "WantedBy") == "graphical-session.target"
    assert value(render(plan()), "WantedBy") == "default.target"
    server = render(plan(), for_system=True)
    assert value(server, "WantedBy") == "multi-user.target"
    assert value(server, "User") == "asha"


def test_it_is_started_again_with_a_pause_and_for_ever() -> None:
    """A crash at night is not the end, and not a busy loop."""
    unit = render(plan())
    assert value(unit, "Restart") == "on-failure"
    assert int(value(unit, "RestartSec")) >= 5
    assert value(unit, "StartLimitIntervalSec") == "0"


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("for_system", [False, True])
@pytest.mark.parametrize("folder", ODD_FOLDERS)
def test_systemd_finds_no_fault(tmp_path: Path, folder: str, for_system: bool) -> None:
    """`systemd-analyze verify` finds program and directory under their odd names, and is quiet."""
    place = tmp_path / folder
    place.mkdir()
    program = place / "python"
    program.touch(mode=0o755)
    odd = plan(
        "-m", "agent", "--set", f"data_dir={place}", "run",
        program=str(program), folder=str(place), environment={"NO_PROXY": folder},
    )  # fmt: skip
    unit = tmp_path / "sak-agent.service"
    text = render(odd, for_system=for_system)
    unit.write_text(text.replace("User=asha", "User=root"), "utf-8")
    done = verify(unit, for_system=for_system)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
def test_systemd_does_look_at_the_unit(tmp_path: Path) -> None:
    """The check above is worth something: a program that is not there and a wrong key are told."""
    unit = tmp_path / "sak-agent.service"
    unit.write_text(render(plan(program="/nowhere/python")), "utf-8")
    assert "/nowhere/python" in verify(unit).stderr
    unit.write_text(render(plan(program="/bin/true")).replace("KillMode", "KillMood"), "utf-8")
    assert "KillMood" in verify(unit).stderr


def verify(unit: Path, *, for_system: bool = False) -> subprocess.CompletedProcess[str]:
    """What systemd says of a unit's file."""
    assert ANALYZE is not None
    which = "--system" if for_system else "--user"
    folder = str(unit.parent)
    env = dict(os.environ) | {"XDG_RUNTIME_DIR": folder, "HOME": folder, "LC_ALL": "C.UTF-8"}  # noqa: TID251 - its PATH
    return subprocess.run(
        [ANALYZE, "verify", which, "--man=no", "--recursive-errors=no", str(unit)],
        capture_output=True,
        text=True,
        env=env,
        timeout=60,
        check=False,
    )


def test_quoting_is_one_form() -> None:
    """A word is always quoted: a lone `;` would begin another command."""
    assert quoted(";") == '";"'
    assert quoted('a\\"%') == '"a\\\\\\"%%"'
