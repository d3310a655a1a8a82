"""What is done about a page in trouble: which rung, after which pause, and when it ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.drivers.whatsapp_web.ladder import (
    HOUR_S,
    TAKEOVERS_PER_HOUR,
    Ladder,
    Policy,
    Rung,
    Step,
    Takeovers,
    Trouble,
    climb,
    take_over,
)

POLICY = Policy(delays_s=(0.5, 1.0, 2.0), starts_max=4, steady_s=60.0, rest_s=3600.0)
TROUBLES = st.sampled_from(Trouble)
STORY = st.lists(st.tuples(TROUBLES, st.floats(0, 200)), max_size=40)
NOTHING_WRONG = (Trouble.UNREACHABLE, Trouble.WORN, Trouble.UPDATED)
OF_THE_PAGE = [trouble for trouble in Trouble if trouble not in NOTHING_WRONG]


def steps(*story: tuple[Trouble, float]) -> list[Step]:
    ladder, taken = Ladder(), []
    for trouble, calm_s in story:
        ladder, step = climb(ladder, trouble, calm_s, POLICY)
        taken.append(step)
    return taken


@pytest.mark.parametrize(
    ("trouble", "rung"),
    [
        (Trouble.NOT_READY, Rung.RELOAD),
        (Trouble.BROKEN, Rung.RELOAD),
        (Trouble.DEAF, Rung.RELOAD),
        (Trouble.CRASHED, Rung.PAGE),
        (Trouble.CLOSED, Rung.PAGE),
        (Trouble.HANGS, Rung.BROWSER),
        (Trouble.GONE, Rung.BROWSER),
    ],
)
def test_each_trouble_begins_where_it_can_be_cured(trouble: Trouble, rung: Rung) -> None:
    """A crashed page is not loaded again and a hanging one not replaced: neither would help."""
    assert steps((trouble, 0))[0].rung is rung


def test_a_trouble_that_stays_is_taken_higher_until_the_agent_rests() -> None:
    """Reload, new page, new browsers with growing pauses, then the cap; after a rest one more."""
    taken = steps(*[(Trouble.BROKEN, 0.0)] * 8)
    assert [step.rung.name for step in taken] == [
        "RELOAD",
        "PAGE",
        *["BROWSER"] * 4,
        "REST",
        "REST",
    ]
    assert [step.delay_s for step in taken] == [0, 0, 0.5, 1, 2, 2, 3600, 3600]


def test_a_page_that_was_well_for_a_while_begins_at_the_bottom() -> None:
    """What went before is forgotten, also the browsers that were started in vain."""
    taken = steps(*[(Trouble.GONE, 0.0)] * 4, (Trouble.GONE, 60.0), (Trouble.BROKEN, 60.0))
    assert taken[-2:] == [Step(Rung.BROWSER, 0.5), Step(Rung.RELOAD, 0)]


def test_a_network_that_is_away_is_waited_for_without_an_end() -> None:
    """A night without internet: tries at the longest pause, now and then with a new browser."""
    taken = steps(*[(Trouble.UNREACHABLE, 0.0)] * 500)
    assert {step.rung for step in taken} == {Rung.RELOAD, Rung.BROWSER}
    assert {step.delay_s for step in taken[2:]} == {2.0}


@given(STORY)
def test_only_trouble_of_the_page_ends_in_a_rest(story: list[tuple[Trouble, float]]) -> None:
    """Waiting for the network and tidying up never count towards the cap."""
    counted = [one for one in story if one[0] in OF_THE_PAGE]
    taken = steps(*story)
    for index, step in enumerate(taken):
        if step.rung is Rung.REST:
            assert story[index][0] in OF_THE_PAGE
            assert len(counted) > POLICY.starts_max


@given(STORY)
def test_every_step_can_cure_its_trouble(story: list[tuple[Trouble, float]]) -> None:
    """Whatever came before, no step is below what its trouble needs, and no pause is negative."""
    for (trouble, _), step in zip(story, steps(*story), strict=True):
        assert step.rung >= steps((trouble, 0))[0].rung
        assert step.delay_s >= 0


@given(st.lists(st.tuples(st.sampled_from(OF_THE_PAGE), st.floats(0, 59)), min_size=7, max_size=40))
def test_trouble_without_calm_never_goes_down(story: list[tuple[Trouble, float]]) -> None:
    """It ends in a rest within two steps more than browsers are allowed, and stays there."""
    rungs = [step.rung for step in steps(*story)]
    assert rungs == sorted(rungs)
    assert set(rungs[POLICY.starts_max + 2 :]) <= {Rung.REST}


@given(st.lists(st.floats(0, 3 * HOUR_S), max_size=60).map(sorted))
def test_two_computers_do_not_fight_over_a_whatsapp(moments: list[float]) -> None:
    """However often it is taken away, it is taken back three times within any hour."""
    takeovers, taken = Takeovers(), []
    for now in moments:
        if (after := take_over(takeovers, now)) is not None:
            takeovers = after
            taken.append(now)
    for first, later in zip(taken, taken[TAKEOVERS_PER_HOUR:], strict=False):
        assert later - first >= HOUR_S
