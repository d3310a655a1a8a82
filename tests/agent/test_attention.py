"""The bell is heard once for each need, until the need is over."""

import pytest

from agent.attention import KINDS, TEXT_MAX, Attention, Bell, heed_hub, heed_whatsapp
from agent.link import Phase
from protocol.messages import WHATSAPP_STATES


def test_a_kind_is_heard_once_until_it_is_calmed() -> None:
    """A need that lasts is one notification; the same need another day is another."""
    heard: list[Attention] = []
    bell = Bell(heard.append)
    link = Attention("link", "Scan the code.")
    bell.ring(link)
    bell.ring(link)
    bell.calm("link")
    bell.ring(link)
    assert heard == [link, link]


def test_each_kind_rings_by_itself() -> None:
    """One need does not hide another."""
    heard: list[Attention] = []
    bell = Bell(heard.append)
    bell.ring(Attention("link", "Scan the code."))
    bell.ring(Attention("hub_refused", "Pair again."))
    assert [one.kind for one in heard] == ["link", "hub_refused"]


def test_the_newest_sentence_of_a_kind_stays_open() -> None:
    """The panel shows what is true now, though nobody is called again for it."""
    bell = Bell()
    bell.ring(Attention("unknown_send", "One message."))
    bell.ring(Attention("unknown_send", "Two messages."))
    assert bell.open == (Attention("unknown_send", "Two messages."),)


def test_what_was_calmed_is_not_open() -> None:
    """Calming what never rang is no fault."""
    bell = Bell()
    bell.calm("budget")
    bell.ring(Attention("budget", "Enough for today."))
    bell.calm("budget")
    assert bell.open == ()


def test_a_sentence_is_cut_to_what_a_desktop_shows() -> None:
    """A long reason must not fill the screen."""
    bell = Bell()
    bell.ring(Attention("stopped", "x" * 1000))
    assert bell.open[0].text == "x" * TEXT_MAX


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("qr", "link"),
        ("logged_out", "logged_out"),
        ("restricted", "restricted"),
        ("conflict", "conflict"),
        ("page_changed", "page_changed"),
        ("stopped", "stopped"),
    ],
)
def test_a_state_that_a_person_ends_rings_until_all_is_well(state: str, kind: str) -> None:
    """A page that loads in between does not ring a second time."""
    heard: list[str] = []
    bell = Bell(lambda one: heard.append(one.kind))
    for seen in (state, "starting", "syncing", state):
        heed_whatsapp(bell, seen, "Do this.")
    assert heard == [kind]
    heed_whatsapp(bell, "ready", "")
    assert bell.open == ()


def test_states_that_pass_by_themselves_do_not_ring() -> None:
    """Nobody is called for a PC that starts or a network that is away for a moment."""
    bell = Bell()
    for state in ("starting", "syncing", "ready", "offline", "a state of the future"):
        heed_whatsapp(bell, state, "Do this.")
    assert bell.open == ()


def test_every_state_that_rings_has_words_without_advice() -> None:
    """A driver that gives no advice still leaves a sentence."""
    for state in WHATSAPP_STATES:
        bell = Bell()
        heed_whatsapp(bell, state, "")
        assert all(one.text and one.kind in KINDS for one in bell.open)


def test_a_hub_that_refuses_rings_until_it_lets_in() -> None:
    """Being without a connection is no reason to call somebody; being refused is."""
    heard: list[Attention] = []
    bell = Bell(heard.append)
    heed_hub(bell, Phase.WAITING, "No network.")
    heed_hub(bell, Phase.REFUSED, "Pair again.")
    heed_hub(bell, Phase.CONNECTING, "")
    assert list(bell.open) == heard == [Attention("hub_refused", "Pair again.")]
    heed_hub(bell, Phase.ONLINE, "")
    assert list(bell.open) == []
