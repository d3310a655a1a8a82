"""What the doctor says of wa-js and of its last self-test."""

from pathlib import Path

import pytest

from agent.checks.bundle import check_bundle, judge_bundle, judge_record
from agent.drivers.whatsapp_web.bundle import Bundle
from agent.drivers.whatsapp_web.drift import Record

SHIPPED = Bundle(Path("a.js"), "4.6.0", "ab" * 32)
FETCHED = Bundle(Path("b.js"), "4.7.0", "cd" * 32, is_shipped=False)
RECORD = Record("https://whatsapp.example/", "4.7.0", 7, modules=45)


def test_version_and_hash_are_told() -> None:
    """Of a fetched one also which came with the agent, and what was given up."""
    assert judge_bundle(SHIPPED, SHIPPED, ()).finding == f"4.6.0, sha256 {'ab' * 8}…"
    finding = judge_bundle(FETCHED, SHIPPED, ("4.7.1",)).finding
    assert finding.startswith(f"4.7.0, sha256 {'cd' * 8}…, fetched; 4.6.0 came with the agent")
    assert finding.endswith("given up: 4.7.1")


@pytest.mark.parametrize(
    ("record", "verdict", "word"),
    [
        (None, "ok", "none yet"),
        (Record("x", "4.6.0", 7, lacks=("chat.find",)), "ok", "none yet"),  # of an earlier wa-js
        (RECORD, "ok", "45 modules"),
        (Record("x", "4.7.0", 7, modules=46, news=tuple("abcdefg")), "warn", "a, b, c, d, e and 2"),
        (Record("x", "4.7.0", 7, does_without=("chat.x",)), "warn", "without chat.x"),
        (Record("x", "4.7.0", 7, lacks=("chat.find",)), "fail", "chat.find"),
    ],
)
def test_the_last_self_test_is_judged(record: Record | None, verdict: str, word: str) -> None:
    """New modules are a warning, a function that is missing is a failure with its remedy."""
    found = judge_record(record, "4.7.0")
    assert (found.verdict, word in found.finding) == (verdict, True)
    assert (found.remedy is None) == (verdict == "ok")


def test_the_doctor_leaves_no_trace(tmp_path: Path) -> None:
    """Looking makes no directory."""
    assert [it.name for it in check_bundle(tmp_path)] == ["wa-js", "self-test"]
    assert list(tmp_path.iterdir()) == []
