"""One agent per data directory, on both kinds of locks; whom a second one is told of."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.lock import AlreadyRunningError, DataDirLock, holder, is_held

# Windows' locks as [msvcrt] has them: of bytes at the file's position, kept from others as a whole.
MSVCRT = """
import errno, fcntl, os, sys, types
def locking(descriptor, mode, count):
    at = os.lseek(descriptor, 0, os.SEEK_CUR)
    assert at > 1 << 20, "others could not read what stands there"
    flags = fcntl.LOCK_UN if mode == 0 else fcntl.LOCK_EX | fcntl.LOCK_NB
    try:
        fcntl.lockf(descriptor, flags, count, at, os.SEEK_SET)
    except OSError as error:
        raise PermissionError(errno.EACCES, "Permission denied") from error
sys.modules["msvcrt"] = types.SimpleNamespace(locking=locking, LK_NBLCK=2, LK_UNLCK=0)
import pathlib, time, typing
sys.platform = "win32"
"""
HOLD = """
from pathlib import Path
from agent.lock import DataDirLock
with DataDirLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
TRY = """
from pathlib import Path
from agent.lock import AlreadyRunningError, DataDirLock, is_held
print(is_held(Path(sys.argv[1])))
try:
    with DataDirLock(Path(sys.argv[1])):
        print("taken")
except AlreadyRunningError as error:
    print(error)
"""
SYSTEMS = {"posix": "import sys\n", "windows": MSVCRT}


@contextmanager
def held(system: str, path: Path) -> Iterator[int]:
    """Another process that holds the directory; its number."""
    with subprocess.Popen(
        [sys.executable, "-c", SYSTEMS[system] + HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process.pid
        process.communicate()


def attempt(system: str, path: Path) -> list[str]:
    """What a process finds that would like to hold it, too."""
    done = subprocess.run(
        [sys.executable, "-c", SYSTEMS[system] + TRY, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.skipif(sys.platform == "win32", reason="it plays Windows on POSIX")
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_second_agent_is_told_which_process_and_what_to_do(system: str, tmp_path: Path) -> None:
    """The number can be read while the lock is held, and all is free when the holder has ended."""
    with held(system, tmp_path) as pid:
        there, sentence = attempt(system, tmp_path)
        assert there == "True"
        assert f"process {pid}" in sentence
        assert "stop it first" in sentence
        assert "--profile NAME" in sentence
    assert attempt(system, tmp_path) == ["False", "taken"]


def test_a_killed_holder_leaves_nothing_locked(tmp_path: Path) -> None:
    """The number that stays behind is overwritten by the next holder."""
    with held("posix", tmp_path) as pid:
        os.kill(pid, 9)
    assert not is_held(tmp_path)
    assert holder(tmp_path) == pid
    with DataDirLock(tmp_path):
        assert holder(tmp_path) == os.getpid()
        with pytest.raises(AlreadyRunningError), DataDirLock(tmp_path):
            pass
        assert holder(tmp_path) == os.getpid()


def test_who_holds_it_may_be_unknown(tmp_path: Path) -> None:
    """No file, and one that an older agent made."""
    assert holder(tmp_path) is None
    (tmp_path / "agent.lock").touch()
    assert holder(tmp_path) is None
    assert not is_held(tmp_path / "nowhere")
