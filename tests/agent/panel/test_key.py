"""The secret of an installation is made once and read by its owner only."""

import stat
import sys
from pathlib import Path

import pytest

from agent.panel.key import FILE_NAME, panel_address, panel_key


def test_it_is_made_once(tmp_path: Path) -> None:
    """Each installation has its own, and keeps it over restarts."""
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
    key = panel_key(first)
    assert len(key) >= 43
    assert panel_key(first) == key
    assert panel_key(second) != key


@pytest.mark.skipif(sys.platform == "win32", reason="the user's folder guards it there")
def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    """As the journal with the hub's token."""
    panel_key(tmp_path)
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


@pytest.mark.parametrize("damaged", [b"", b"short\n", b"\xff" * 64])
def test_a_damaged_one_is_made_anew(tmp_path: Path, damaged: bytes) -> None:
    """An empty file, after a full disk, must not become an empty key."""
    (tmp_path / FILE_NAME).write_bytes(damaged)
    assert len(panel_key(tmp_path)) >= 43


def test_the_address_holds_it_only_when_asked() -> None:
    """What a log shows lets nobody in."""
    assert panel_address(3001) == "http://127.0.0.1:3001/"
    assert panel_address(3001, "k") == "http://127.0.0.1:3001/?key=k"
