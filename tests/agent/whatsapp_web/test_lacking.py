"""What a failed self-test, and another wa-js, mean for the state and for the ladder."""

import pytest

from agent.drivers.whatsapp_web.evidence import Findings, Hears, judge, lacking
from agent.drivers.whatsapp_web.ladder import Ladder, Policy, Rung, Step, Trouble, climb
from agent.drivers.whatsapp_web.mapping import PageState

MAIN = PageState(
    mode="MAIN", online=True, authenticated=True, full_ready=True, account="919800000009"
)


def judged(page: PageState, lacks: tuple[str, ...] | None) -> str:
    return judge(Findings(page, True, Hears.ALL, True, False, lacks)).whatsapp


def test_a_page_is_ready_only_after_its_self_test() -> None:
    """Not tested: syncing. Failed: page_changed, also while it only seems to load its chats."""
    assert judged(MAIN, ()) == "ready"
    assert judged(MAIN, None) == "syncing"
    assert judged(MAIN, ("chat.find",)) == "page_changed"
    loading = PageState(mode="SYNCING", authenticated=True)
    assert judged(loading, ("chat.find",)) == "page_changed"


@pytest.mark.parametrize(
    ("mode", "state"), [("QR", "logged_out"), ("CONFLICT", "conflict"), ("OFFLINE", "offline")]
)
def test_what_a_person_can_mend_is_said_first(mode: str, state: str) -> None:
    """A page that is not linked, in conflict or without a network is that before all."""
    assert judged(PageState(mode=mode), ("chat.find",)) == state


def test_the_advice_names_a_few_functions() -> None:
    """Enough for whoever looks for the defect, not so many that the owner reads no further."""
    assert "(a, b)" in lacking(("a", "b")).advice
    assert "(a, b, c…)" in lacking(("a", "b", "c", "d")).advice


def test_another_wa_js_is_no_trouble_of_the_page() -> None:
    """It is loaded anew at once, and what the ladder knows stays as it is."""
    ladder = Ladder(Rung.BROWSER, 3, 2)
    assert climb(ladder, Trouble.UPDATED, 0, Policy()) == (ladder, Step(Rung.RELOAD, 0))
