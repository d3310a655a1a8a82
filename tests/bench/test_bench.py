"""The measurement itself: what its last line holds, what it leaves out, and that it says so."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.plan import table
from bench.processes import ROOT, ChildError, child
from bench.systems import every_system

CELLS = ["1x1", "50x1", "200x16"]


@pytest.mark.alone
def test_a_quick_run_ends_with_the_figures_of_ours_and_of_polling(tmp_path: Path) -> None:
    """The last line is JSON with the promised keys, and the page and the file say the same."""
    short = ["--quick", "--rounds", "1", "--seconds", "0.5", "--out", str(tmp_path)]
    before = set(ROOT.glob(".run/bench-*"))
    done = subprocess.run(
        [sys.executable, "-m", "bench", *short],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    *page, last = done.stdout.splitlines()
    facts = json.loads(last)
    for figures in (facts, facts["systems"]["polling"]):
        for name in ("round_trips_per_s", "p50_ms", "p99_ms", "cpu_s_per_1000", "rss_mib"):
            assert list(figures[name]) == CELLS
            assert all(value > 0 for value in figures[name].values())
    ours, polling = (
        each["round_trips_per_s"]["200x16"] for each in (facts, facts["systems"]["polling"])
    )
    assert facts["ratio_to_http_polling"] == pytest.approx(ours / polling, abs=0.006)
    assert facts["skipped"] == {}
    assert any(line.startswith("| this hub, 200x16") for line in page)
    assert [json.loads(path.read_text()) for path in tmp_path.glob("*.json")] == [facts]
    assert set(ROOT.glob(".run/bench-*")) == before


def test_what_is_not_installed_is_named_with_its_package() -> None:
    """A missing server is a reason, not a failure."""
    jetstream = {system.name: system for system in every_system("no-such-program")}["jetstream"]
    assert jetstream.missing() == "nats-server is not installed (apt-get install nats-server)"


def test_a_server_that_cannot_synchronise_every_write_is_not_compared(tmp_path: Path) -> None:
    """NATS before 2.10 acknowledges what a power cut may take: that would not be the same work."""
    program = tmp_path / "nats-server"
    program.write_text("#!/bin/sh\necho nats-server: v2.9.10\n")
    program.chmod(0o755)
    jetstream = {system.name: system for system in every_system(str(program))}["jetstream"]
    assert "2.9.10 cannot synchronise every write" in (jetstream.missing() or "")


def test_a_child_that_dies_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    """A measurement fails with the reason at hand, and leaves no process behind."""
    dying = [sys.executable, "-c", "import sys; sys.exit('no such luck')"]
    with (
        child(dying, tmp_path / "log") as process,
        pytest.raises(ChildError, match="no such luck"),
    ):
        process.line(30.0)
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_a_table_is_aligned_and_ends_every_row_alike() -> None:
    """The page is read as text as often as it is rendered."""
    lines = table(["name", "n"], [["a", "1,000"], ["longer", "2"]])
    assert lines == [
        "| name   |     n |",
        "| ------ | ----: |",
        "| a      | 1,000 |",
        "| longer |     2 |",
    ]
