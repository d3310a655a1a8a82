"""What strikes when is a pure function of the seed, and customers write as people may."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from tests.chaos_browser.run import BURST_EVERY_S
from tests.chaos_browser.schedule import CHATS, KILLS, lines, plan

SEEDS = st.integers(0, 2**32)


@given(SEEDS, st.integers(1, 400), st.integers(0, 40), st.integers(0, 20))
def test_the_same_arguments_give_the_same_faults(
    seed: int, messages: int, kills: int, cuts: int
) -> None:
    """As many as were asked for, in order, each at a message of the run."""
    faults = plan(seed, messages, kills, cuts)
    assert faults == plan(seed, messages, kills, cuts)
    assert [fault.at for fault in faults] == sorted(fault.at for fault in faults)
    assert all(0 <= fault.at < messages for fault in faults)
    assert sum(fault.kind in KILLS for fault in faults) == kills
    assert len(faults) == kills + cuts


@given(SEEDS, st.integers(1, 400))
def test_no_customer_writes_like_a_machine(seed: int, messages: int) -> None:
    """No two messages are alike, and within a minute a chat has at most four bursts."""
    written = lines(seed, messages, BURST_EVERY_S)
    assert [line.number for line in written] == list(range(messages))
    assert len({line.text for line in written}) == messages
    bursts: dict[int, list[float]] = defaultdict(list)
    for line in written:
        own = bursts[line.chat]
        if not own or line.at_s - own[-1] > BURST_EVERY_S / 2:
            own.append(line.at_s)
    assert set(bursts) <= set(range(CHATS))
    for moments in bursts.values():
        for at in moments:
            assert sum(at <= other < at + 60 for other in moments) <= 4
