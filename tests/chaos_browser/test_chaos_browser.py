"""A short run with a real browser that dies while customers write."""

from pathlib import Path

import pytest

from tests.chaos_browser.run import Options, Run

pytestmark = pytest.mark.alone


async def test_a_killed_browser_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    """Ten messages in five chats, once in the hub and once answered, by the network's own count."""
    run = Run(Options(seed=1, messages=10, kills=1, cuts=1, folder=tmp_path))
    report, verdict = await run.run()
    assert verdict.is_good(run.unknown_max), verdict
    assert (report.messages, report.kills_by["browser"], report.crashes) == (10, 1, [])
