"""The schedule is a pure function, and keeps apart what must not happen together."""

from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.run import Report
from tests.chaos.schedule import LINK_KINDS, Kind, Round, plan

SEEDS = st.integers(0, 2**32)


def kinds(rounds: tuple[Round, ...]) -> Counter[Kind]:
    return Counter(fault.kind for one in rounds for fault in one.faults)


@given(SEEDS, st.integers(8, 3000), st.integers(0, 90), st.integers(1, 6))
def test_the_same_arguments_give_the_same_faults_in_order(
    seed: int, messages: int, kills: int, agents: int
) -> None:
    """Every message belongs to one round, every fault to a message, and nothing is left to time."""
    rounds = plan(seed, messages, kills, agents)
    assert rounds == plan(seed, messages, kills, agents)
    assert [one.first for one in rounds] == [0, *(one.end for one in rounds[:-1])]
    assert rounds[-1].end == messages
    for one in rounds:
        moments = [fault.at for fault in one.faults]
        assert moments == sorted(moments)
        assert all(one.first <= at < one.end for at in moments)
        assert all(fault.agent is None or fault.agent < agents for fault in one.faults)
    assert kinds(rounds)[Kind.KILL] == kills


@given(SEEDS, st.integers(8, 3000))
def test_hub_and_agents_never_forget_in_the_same_round(seed: int, messages: int) -> None:
    """A restore goes back to a backup of its own round, in which no agent was wiped or cloned."""
    for one in plan(seed, messages, 10, 4):
        happened = [fault.kind for fault in one.faults]
        if Kind.RESTORE in happened:
            assert Kind.BACKUP in happened[: happened.index(Kind.RESTORE)]
            assert not {Kind.WIPE, Kind.CLONE} & set(happened)


@given(SEEDS)
def test_every_kind_of_fault_happens_in_the_shortest_run(seed: int) -> None:
    """What is not in the schedule is not proven."""
    found = kinds(plan(seed, 160, 8, 3))
    assert set(found) == set(Kind)
    assert all(found[kind] >= 1 for kind in LINK_KINDS)


def test_a_long_run_is_as_hard_as_it_is_asked_to_be() -> None:
    """The figures that the project promises to survive."""
    rounds = plan(1, 10_000, 300, 4)
    found = kinds(rounds)
    hub = sum(f.kind is Kind.KILL and f.agent is None for one in rounds for f in one.faults)
    assert found[Kind.KILL] == 300
    assert 75 < hub < 165
    assert found[Kind.RESTORE] >= 5
    assert found[Kind.WIPE] >= 5
    assert sum(found[kind] for kind in LINK_KINDS) >= 100


def test_the_page_about_chaos_names_every_fault_and_every_figure() -> None:
    """Whoever reads a run's last line can look up what it says."""
    page = (Path(__file__).parents[2] / "docs" / "chaos.md").read_text()
    options = {"seed", "messages", "seconds"}
    for name in {*Kind, *Report.__struct_fields__} - options - {"restores", "wipes", "kills_by"}:
        assert f"`{name}`" in page
