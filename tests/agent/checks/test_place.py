"""Where the agent's files may lie, and what is said when they lie badly."""

from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import pytest

from agent.checks.place import (
    FREE_LOW_BYTES,
    FREE_MIN_BYTES,
    check_data_dir,
    is_far,
    judge_disk,
    who_copies,
)

MOUNTS = [("/", "ext4"), ("/mnt/shop", "NFS4"), ("/mnt/shop/local", "xfs"), ("Z:\\", "cifs")]


def test_free_space_is_judged_by_what_a_day_needs() -> None:
    """Plenty, little and too little."""
    verdicts = [judge_disk(size).verdict for size in (FREE_LOW_BYTES, FREE_MIN_BYTES, 1)]
    assert verdicts == ["ok", "warn", "fail"]


@pytest.mark.parametrize(
    ("path", "who"),
    [
        (PureWindowsPath(r"C:\Users\asha\OneDrive\sak"), "OneDrive"),
        (PureWindowsPath(r"C:\Users\asha\OneDrive - Sample Shop\Documents\sak"), "OneDrive"),
        (PurePosixPath("/home/asha/Dropbox/sak"), "Dropbox"),
        (PurePosixPath("/Users/asha/Library/Mobile Documents/sak"), "iCloud Drive"),
        (PurePosixPath("/Users/asha/Library/CloudStorage/X/sak"), "a cloud service of macOS"),
        (PurePosixPath("/home/asha/sync/sak"), "Syncthing"),
        (PurePosixPath("/home/asha/.local/share/sak-agent"), None),
        (PurePosixPath("/home/asha/OneDriver/sak"), None),
    ],
)
def test_a_synchronised_folder_is_known_by_its_name_or_its_marks(
    path: PurePath, who: str | None
) -> None:
    """Two computers with copies of one profile lose the link."""
    marks = {PurePosixPath("/home/asha/sync/.stfolder")}
    assert who_copies(path, lambda mark: mark in marks) == who


@pytest.mark.parametrize(
    ("path", "far"),
    [
        (PurePosixPath("/mnt/shop/data"), True),
        (PurePosixPath("/mnt/shop/local/data"), False),
        (PurePosixPath("/home/asha"), False),
        (PureWindowsPath(r"Z:\data"), True),
        (PureWindowsPath(r"\\server\share\data"), True),
        (PureWindowsPath(r"C:\data"), False),
    ],
)
def test_a_disk_of_another_computer_is_known(path: PurePath, far: bool) -> None:
    """The journal's log needs memory that is shared, which no network has."""
    assert is_far(path, MOUNTS) is far


def test_a_synchronised_directory_is_a_warning_with_the_way_out(tmp_path: Path) -> None:
    """It works for now, so it is no failure."""
    found = check_data_dir(tmp_path / "Dropbox" / "sak")
    assert (found.verdict, "Dropbox" in found.finding) == ("warn", True)
    assert "SAK_AGENT_DATA_DIR" in (found.remedy or "")
