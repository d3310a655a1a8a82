"""What WhatsApp is believed: never more than the last probe showed."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.drivers.whatsapp_web.evidence import (
    BAN_HOLD_MS,
    Findings,
    Hearing,
    Hears,
    Patience,
    Remedy,
    is_banned,
    judge,
    listen,
    resting,
)
from agent.drivers.whatsapp_web.ladder import Trouble
from agent.drivers.whatsapp_web.mapping import PageState
from protocol.messages import WHATSAPP_STATES

MAIN = PageState(
    mode="MAIN", online=True, authenticated=True, full_ready=True, account="919800000009"
)
WELL = Findings(MAIN, answered=True, hears=Hears.ALL, was_linked=True, is_banned=False)
MODES = st.sampled_from(
    [None, "QR", "SYNCING", "MAIN", "OFFLINE", "CONFLICT", "PROXYBLOCK", "TOS_BLOCK", "NEXT_YEAR"]
)
PAGES = st.builds(
    PageState,
    mode=MODES,
    online=st.booleans(),
    authenticated=st.booleans(),
    full_ready=st.booleans(),
    account=st.sampled_from([None, "919800000009"]),
)
FINDINGS = st.builds(
    Findings,
    page=PAGES,
    answered=st.booleans(),
    hears=st.sampled_from(Hears),
    was_linked=st.booleans(),
    is_banned=st.booleans(),
)


@given(FINDINGS)
def test_ready_needs_every_proof(findings: Findings) -> None:
    """Main mode, login, the whole page, a network, an answered probe, badges that match, no ban."""
    page = findings.page
    proven = (
        page.mode == "MAIN"
        and page.online
        and page.authenticated
        and page.full_ready
        and page.account is not None
        and findings.answered
        and findings.hears in (Hears.ALL, Hears.WAITS)
        and not findings.is_banned
    )
    verdict = judge(findings)
    assert (verdict.whatsapp == "ready") == proven
    assert verdict.whatsapp in WHATSAPP_STATES
    assert bool(verdict.advice) != proven


@pytest.mark.parametrize(
    ("findings", "state", "advice"),
    [
        (replace(WELL, answered=False), "syncing", "loading"),
        (replace(WELL, hears=Hears.FETCHED), "syncing", "fetching"),
        (replace(WELL, hears=Hears.DEAF), "page_changed", "answer those chats"),
        (replace(WELL, is_banned=True), "restricted", "shop's phone"),
        (replace(WELL, page=replace(MAIN, mode="TOS_BLOCK")), "restricted", "shop's phone"),
        (replace(WELL, page=replace(MAIN, mode="PROXYBLOCK")), "restricted", "VPN"),
        (replace(WELL, is_banned=True, page=PageState(mode="QR")), "logged_out", "Linked devices"),
    ],
)
def test_what_keeps_it_from_being_ready_is_said(
    findings: Findings, state: str, advice: str
) -> None:
    """One sentence that fits the reason, not only the state."""
    verdict = judge(findings)
    assert verdict.whatsapp == state
    assert advice in verdict.advice


PATIENCE = Patience(unheard_s=60.0, fetch_again_s=600.0)


def heard(*story: tuple[int, float]) -> list[tuple[Hears, Remedy | None]]:
    hearing, seen = Hearing(), []
    for lacking, now in story:
        hearing, remedy = listen(hearing, lacking, now, PATIENCE)
        seen.append((hearing.hears, remedy))
    return seen


def test_unheard_messages_are_fetched_then_the_page_is_loaded_then_it_is_said() -> None:
    """A message on its way has a minute; what nothing helps against is looked for at times."""
    assert heard((1, 0), (1, 59), (1, 60), (2, 75), (1, 90), (1, 105), (1, 689), (1, 690)) == [
        (Hears.WAITS, None),
        (Hears.WAITS, None),
        (Hears.FETCHED, Remedy.FETCH),
        (Hears.RELOADED, Remedy.RELOAD),
        (Hears.DEAF, Remedy.FETCH),
        (Hears.DEAF, None),
        (Hears.DEAF, None),
        (Hears.DEAF, Remedy.FETCH),
    ]


def test_what_was_fetched_shows_that_the_page_does_not_tell() -> None:
    """It is loaded anew although nothing is missing any more; but not again and again."""
    story = ((1, 0), (1, 60), (0, 60), (1, 100), (1, 160), (0, 161), (1, 200), (1, 260), (1, 261))
    assert heard(*story) == [
        (Hears.WAITS, None),
        (Hears.FETCHED, Remedy.FETCH),
        (Hears.ALL, Remedy.RELOAD),
        (Hears.WAITS, None),
        (Hears.FETCHED, Remedy.FETCH),
        (Hears.ALL, None),
        (Hears.WAITS, None),
        (Hears.FETCHED, Remedy.FETCH),
        (Hears.DEAF, Remedy.FETCH),
    ]


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0, 100)), max_size=60))
def test_no_page_is_loaded_again_and_again_for_its_messages(
    story: list[tuple[int, float]],
) -> None:
    """A quarter of an hour lies between two loads, and a match is always believed."""
    now, reloads = 0.0, []
    hearing = Hearing()
    for lacking, after_s in story:
        now += after_s
        hearing, remedy = listen(hearing, lacking, now, PATIENCE)
        if remedy is Remedy.RELOAD:
            reloads.append(now)
        assert (hearing.hears is Hears.ALL) == (lacking == 0)
    for first, second in pairwise(reloads):
        assert second - first >= PATIENCE.reload_again_s


def test_a_ban_holds_for_hours_or_until_a_person_lifts_it() -> None:
    """WhatsApp tells its begin only; told again after that it holds again."""
    assert is_banned(1000, 0, 1000)
    assert is_banned(1000, 0, 999 + BAN_HOLD_MS)
    assert not is_banned(1000, 0, 1000 + BAN_HOLD_MS)
    assert not is_banned(1000, 2000, 3000)
    assert is_banned(2500, 2000, 3000)
    assert not is_banned(None, 0, 0)


@pytest.mark.parametrize("trouble", list(Trouble))
def test_a_rest_says_why_and_what_helps(trouble: Trouble) -> None:
    """Whoever reads it in the morning knows that it goes on by itself."""
    verdict = resting(trouble, 3600)
    assert verdict.whatsapp == "stopped"
    assert "every 60 minutes" in verdict.advice
    assert len(verdict.advice) < 300
