"""A short run of everything at once: real processes that die while customers write."""

from pathlib import Path

import pytest

from tests.chaos.run import Options, Run
from tests.chaos.schedule import Kind

pytestmark = pytest.mark.alone

SEED = 1


async def test_nothing_is_lost_and_nothing_said_twice_whatever_dies(tmp_path: Path) -> None:
    """Each of 160 messages is in the hub once and answered once, in the order of its chat."""
    options = Options(seed=SEED, messages=160, kills=8, agents=3, folder=tmp_path)
    run = Run(options)
    report, verdict = await run.run()
    assert verdict.is_good(run.unknown_max), verdict
    assert report.messages == 160
    assert report.kills >= 8
    assert set(report.faults) == set(Kind)
