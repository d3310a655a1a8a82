"""The agent's log: JSON everywhere, nothing private, one owner, a readable tail."""

import json
import logging
import logging.handlers
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from agent import logs


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Put the process's logging back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    ours = logging.getLogger("agent").level
    yield
    for handler in root.handlers[:]:
        if handler not in handlers:
            handler.close()
    root.handlers = handlers
    root.setLevel(level)
    logging.getLogger("agent").setLevel(ours)
    structlog.reset_defaults()


def entries(folder: Path) -> list[dict[str, object]]:
    """The log file's lines as objects."""
    return [json.loads(line) for line in logs.tail(folder, 1000)]


def test_ours_and_foreign_lines_are_scrubbed_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Structlog and logging end in the same JSON, in the file and on stderr, scrubbed."""
    logs.configure("info", tmp_path)
    structlog.get_logger("agent.x").info("stored", chat="919800000001@c.us", text="two kilos")
    logging.getLogger("some.library").warning("lost %s", "+919800000001")
    ours, foreign = entries(tmp_path)
    assert (ours["event"], ours["level"], ours["logger"]) == ("stored", "info", "agent.x")
    assert (ours["chat"], ours["text"]) == ("[..01]@c.us", "[text, 9]")
    assert foreign["event"] == "lost [..01]"
    shown = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [entry["event"] for entry in shown] == ["stored", "lost [..01]"]


def test_an_exception_is_one_scrubbed_line_that_quotes_nothing(tmp_path: Path) -> None:
    """The traceback stands inside the JSON without numbers, secrets and quoted words."""
    logs.configure("info", tmp_path)
    try:
        raise RuntimeError("token=sak_a_0123456789 for 919800000001@lid: 'two kilos please'")
    except RuntimeError:
        structlog.get_logger("agent").exception("the link broke")
        logging.getLogger("library").exception("could not read %r", "two kilos please")
    for entry in entries(tmp_path):
        assert "token=[secret] for [..01]@lid: '...'" in str(entry["exception"])
        assert "RuntimeError" in str(entry["exception"])
        assert "two kilos" not in json.dumps(entry)


def test_the_level_holds_and_chatty_libraries_are_quiet(tmp_path: Path) -> None:
    """Below the level nothing is written; libraries speak from a warning on."""
    logs.configure("warning", tmp_path)
    structlog.get_logger("agent").info("quiet")
    structlog.get_logger("agent").warning("heard")
    logs.configure("debug", tmp_path)
    logging.getLogger("websockets.client").debug("quiet")
    logging.getLogger("some.library").info("quiet")
    structlog.get_logger("agent").debug("heard")
    assert [entry["event"] for entry in entries(tmp_path)] == ["heard", "heard"]


def test_the_file_is_its_owners_alone_also_after_rotation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file of the rotation is 0600, and the tail reads across the newest two."""
    monkeypatch.setattr(logs, "_FILE_MAX_BYTES", 2000)
    logs.configure("info", tmp_path)
    for number in range(60):
        structlog.get_logger("agent").info("line", number=number)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["agent.log", "agent.log.1", "agent.log.2"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert [entry["number"] for entry in entries(tmp_path)[-20:]] == list(range(40, 60))
    assert [json.loads(line)["number"] for line in logs.tail(tmp_path, 3)] == [57, 58, 59]


def test_a_log_that_somebody_holds_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows renames no open file: the log goes on in it, and is rotated once it is free."""
    monkeypatch.setattr(logs, "_FILE_MAX_BYTES", 2000)
    logs.configure("info", tmp_path)
    held = tmp_path / "agent.log.2"
    held.mkdir()  # the second rotation cannot remove it
    (held / "x").touch()
    for number in range(60):
        structlog.get_logger("agent").info("line", number=number)
    assert [entry["number"] for entry in entries(tmp_path)] == list(range(60))
    (held / "x").unlink()
    held.rmdir()
    structlog.get_logger("agent").info("line", number=60)
    assert (tmp_path / "agent.log").stat().st_size < 2000
    assert entries(tmp_path)[-1]["number"] == 60
    assert len(entries(tmp_path)) > 40


def test_a_tail_gives_each_line_once_across_rotations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever it looks: in the middle of a file, just after a rotation, and at half a line."""
    monkeypatch.setattr(logs, "_FILE_MAX_BYTES", 1000)
    logs.configure("info", tmp_path)
    tail, seen = logs.Tail(tmp_path), list[int]()
    for number in range(100):
        structlog.get_logger("agent").info("line", number=number)
        if number % 7 in (0, 1, 5):
            seen += [json.loads(line)["number"] for line in tail.read()]
    assert seen == list(range(seen[-1] + 1))
    with (tmp_path / "agent.log").open("a") as file:
        file.write("half")
        file.flush()
        rest = tail.read()
        assert [json.loads(line)["number"] for line in rest] == list(range(seen[-1] + 1, 100))
        assert tail.rest == b"half"
        file.write(" and half\n")
    assert tail.read() == ["half and half"]
    (tmp_path / "agent.log").write_text("cut\n")
    assert tail.read() == ["cut"]


def test_a_service_writes_to_its_file_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What keeps a service's output would keep every line twice."""
    logs.configure("info", tmp_path, to_stderr=False)
    structlog.get_logger("agent").info("heard")
    assert [entry["event"] for entry in entries(tmp_path)] == ["heard"]
    assert capsys.readouterr().err == ""


def test_without_a_folder_there_is_only_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Commands that only show facts leave no file behind, and the tail of none is empty."""
    logs.configure()
    structlog.get_logger("agent").warning("heard")
    assert json.loads(capsys.readouterr().err)["event"] == "heard"
    assert list(logs.tail(tmp_path, 5)) == []


def test_a_log_that_cannot_be_written_shows_nothing_private(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full: the line stands on stderr, scrubbed, and its raw record does not."""

    def full(*_: object) -> bool:
        raise OSError(28, "No space left on device")

    logs.configure("info", tmp_path)
    monkeypatch.setattr(logging.handlers.RotatingFileHandler, "shouldRollover", full)
    structlog.get_logger("agent.x").info("stored", chat="919800000001@c.us", text="two kilos")
    shown = capsys.readouterr().err
    assert [json.loads(line)["event"] for line in shown.splitlines()] == ["stored"]
    assert "919800000001" not in shown
