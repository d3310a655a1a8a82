"""The directory of files: whole or not there, closed to others, leaving the journal its room."""

import asyncio
import hashlib
import stat
from pathlib import Path

import pytest

from agent.files import (
    FILE_MAX_BYTES,
    PIECE_BYTES,
    DiskError,
    FileDiffersError,
    Files,
    FileTooLargeError,
    pieces,
)
from tests.agent.samples import PDF

SHA256 = hashlib.sha256(PDF).hexdigest()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path / "media" / "down", reserve_bytes=0)


def keep(files: Files, content: bytes, sha256: str | None = None) -> str:
    with files.draft() as draft:
        draft.write(content)
        return draft.keep(sha256)


def test_a_file_is_there_once_it_is_whole(files: Files, tmp_path: Path) -> None:
    """Under its hash, and for the owner only."""
    assert files.names() == set()
    with files.draft() as draft:
        draft.write(PDF[:5])
        assert files.names() == set()
        draft.write(PDF[5:])
        assert draft.keep(SHA256) == SHA256
    assert files.holds(SHA256)
    assert files.names() == {SHA256}
    assert files.path(SHA256).read_bytes() == PDF
    assert [stat.S_IMODE(path.stat().st_mode) for path in sorted(tmp_path.rglob("*"))] == [
        0o700,
        0o700,
        0o600,
    ]


def test_what_is_not_kept_leaves_nothing(files: Files, tmp_path: Path) -> None:
    """Another content than the hash says, one byte too many, or a caller that gave up."""
    with pytest.raises(FileDiffersError):
        keep(files, b"other", SHA256)
    with files.draft() as draft:
        draft.write(bytes(FILE_MAX_BYTES))
        with pytest.raises(FileTooLargeError):
            draft.write(b"x")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_a_crash_left_half_written_is_removed(files: Files, tmp_path: Path) -> None:
    """And is no file until then."""
    keep(files, PDF)
    left = tmp_path / "media" / "down" / "0011.part"
    left.write_bytes(b"half")
    assert files.names() == {SHA256}
    files.remove_unfinished()
    assert not left.exists()
    assert files.holds(SHA256)


def test_files_are_removed_by_name(files: Files) -> None:
    """One that is gone already is no trouble."""
    other = keep(files, b"other")
    keep(files, PDF)
    files.remove({SHA256, "0" * 64})
    assert files.names() == {other}


def test_the_last_room_is_the_journals(tmp_path: Path) -> None:
    """A disk with less than the reserve takes no file; so does a place that is none."""
    with pytest.raises(DiskError, match="No space left"):
        keep(Files(tmp_path / "a" / "down", reserve_bytes=2**60), PDF)
    (tmp_path / "b").write_text("in the way")
    with pytest.raises(DiskError):
        keep(Files(tmp_path / "b" / "down"), PDF)


def test_nothing_is_written_after_the_end(files: Files, tmp_path: Path) -> None:
    """A thread that comes too late, because its caller was cancelled, leaves nothing behind."""
    with files.draft() as draft:
        draft.write(b"one")
    with pytest.raises(DiskError):
        draft.write(b"two")
    with files.draft() as unopened:
        pass
    with pytest.raises(DiskError):
        unopened.keep()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_a_file_is_read_in_pieces(files: Files) -> None:
    """However long it is, a piece stays small."""
    content = PDF * 10_000
    found = [piece async for piece in pieces(files.path(keep(files, content)))]
    assert b"".join(found) == content
    assert max(len(piece) for piece in found) == PIECE_BYTES


async def test_a_file_that_is_gone_says_so(files: Files) -> None:
    """Reading what is not there is an error of the disk."""
    with pytest.raises(DiskError):
        await anext(pieces(files.path(SHA256)))


async def test_two_at_once_of_the_same_content_are_one(files: Files) -> None:
    """Each has its own draft; the later rename changes nothing."""
    names = []
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asyncio.to_thread(keep, files, PDF)) for _ in range(4)]
    names = [task.result() for task in tasks]
    assert names == [SHA256] * 4
    assert files.names() == {SHA256}
