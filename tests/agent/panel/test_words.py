"""Every state has a colour, a title and one sentence of advice."""

import pytest

from agent.drivers.driver import DriverStatus, LinkOffer
from agent.link import LinkStatus, Phase
from agent.panel.words import WHATSAPP, of_hub, of_whatsapp
from protocol.messages import WHATSAPP_STATES


def test_no_state_is_without_words() -> None:
    """The table has exactly the states of the wire."""
    assert set(WHATSAPP) == set(WHATSAPP_STATES)
    for said in WHATSAPP.values():
        assert said.advice.endswith(".")
        assert said.advice.count(". ") == 0
        assert len(said.title) < 30


def test_a_state_of_the_future_is_shown_as_unknown() -> None:
    """A driver that is newer than the panel breaks nothing."""
    said = of_whatsapp(DriverStatus("dreaming"), paused=False, hub=Phase.ONLINE)
    assert (said.tone, said.title) == ("busy", "Unknown")


@pytest.mark.parametrize(
    ("paused", "hub", "title"),
    [
        (False, Phase.ONLINE, "Ready"),
        (False, Phase.CONNECTING, "Ready"),
        (False, Phase.WAITING, "Ready, but without the hub"),
        (False, Phase.REFUSED, "Ready, but without the hub"),
        (True, Phase.REFUSED, "Ready, but paused"),
    ],
)
def test_ready_says_what_keeps_it_from_answering(paused: bool, hub: Phase, title: str) -> None:
    """Green means that customers are answered, and nothing less."""
    said = of_whatsapp(DriverStatus("ready"), paused=paused, hub=hub)
    assert said.title == title
    assert (said.tone == "good") == (title == "Ready")


def test_with_a_code_on_the_page_the_steps_speak() -> None:
    """The driver's sentence says the same again, and names other ways."""
    offer = LinkOffer("qr", "2@x", None, 1, 5)
    status = DriverStatus("qr", advice="Long.", link=offer)
    assert of_whatsapp(status, paused=False, hub=Phase.ONLINE) == WHATSAPP["qr"]


@pytest.mark.parametrize("phase", list(Phase))
def test_every_phase_of_the_hub_has_words(phase: Phase) -> None:
    """With the reason where somebody waits for it, and never without a remedy."""
    said = of_hub(LinkStatus(phase, 0, "Because."))
    assert said.title
    assert ("Because." in said.advice) == (phase in (Phase.ONLINE, Phase.WAITING, Phase.REFUSED))
    assert of_hub(LinkStatus(phase, 0)).title == said.title
