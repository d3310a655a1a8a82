"""When a browser that works is started anew."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.drivers.whatsapp_web.upkeep import Moment, Rules, restart_due

DAY_S = 86_400.0
RULES = Rules(memory_max_mib=1000)
QUIET = Moment(memory_mib=500, age_s=DAY_S, quiet_s=7200, send_s=7200, hour=12)


@pytest.mark.parametrize(
    ("moment", "reason"),
    [
        (QUIET, None),
        (replace(QUIET, memory_mib=1001), "memory"),
        (replace(QUIET, memory_mib=1001, quiet_s=299), None),
        (replace(QUIET, memory_mib=1001, age_s=3600), None),
        (replace(QUIET, memory_mib=1501, quiet_s=10), "memory"),
        (replace(QUIET, memory_mib=1501, age_s=3599), None),
        (replace(QUIET, age_s=7 * DAY_S, hour=3), "age"),
        (replace(QUIET, age_s=7 * DAY_S, hour=3, quiet_s=None), "age"),
        (replace(QUIET, age_s=7 * DAY_S), None),
        (replace(QUIET, age_s=8 * DAY_S), "age"),
        (replace(QUIET, age_s=8 * DAY_S, quiet_s=1000), None),
    ],
)
def test_a_browser_is_renewed_when_nobody_notices(moment: Moment, reason: str | None) -> None:
    """Large: in a quiet moment; far too large: soon; old: at night, or by day when none came."""
    assert restart_due(moment, RULES) == reason


@given(
    st.builds(
        Moment,
        memory_mib=st.integers(0, 100_000),
        age_s=st.floats(0, 100 * DAY_S),
        quiet_s=st.none() | st.floats(0, DAY_S),
        send_s=st.floats(0, 59.9),
        hour=st.integers(0, 23),
    )
)
def test_no_sending_is_cut_off(moment: Moment) -> None:
    """However large and old it is: not within a minute of a sending's begin."""
    assert restart_due(moment, RULES) is None
