"""When agents are asked for a pause."""

import pytest

from hub.gateway.pressure import Bounds, Load, judge

GIB = 1024**3
BOUNDS = Bounds(disk_full_pct=90, inbox_max=10_000)


@pytest.mark.parametrize(
    ("total", "free", "full"),
    [
        (10 * GIB, 1 * GIB, True),
        (10 * GIB, 1 * GIB + 1, False),
        (100 * GIB, 2 * GIB, False),
        (100 * GIB, 2 * GIB - 1, True),
        (1000 * GIB, 5 * GIB, False),
    ],
)
def test_a_disk_is_full_by_percentage_and_by_what_is_left(
    total: int, free: int, *, full: bool
) -> None:
    """90 % used and under 2 GiB free: both."""
    assert (judge(Load(total, free, 0), BOUNDS) is not None) is full


@pytest.mark.parametrize(("unworked", "busy"), [(10_000, False), (10_001, True)])
def test_work_piles_up(unworked: int, *, busy: bool) -> None:
    """More than the limit, not the limit itself."""
    assert (judge(Load(GIB, GIB, unworked), BOUNDS) is not None) is busy
