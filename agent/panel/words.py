"""What the panel says of each state: its colour, two or three words, and one sentence of advice."""

from typing import Final, Literal

import msgspec

from agent.drivers.driver import DriverStatus
from agent.link import LinkStatus, Phase
from protocol.scrub import scrub_text

Tone = Literal["good", "busy", "act", "bad"]
"""Green; grey, it passes by itself; amber, somebody has a minute's work; red, nothing goes out."""


class Said(msgspec.Struct, frozen=True):
    """A state in words."""

    tone: Tone
    title: str
    advice: str


WHATSAPP: Final[dict[str, Said]] = {
    "starting": Said("busy", "Starting", "WhatsApp is being opened; this can take a minute."),
    "qr": Said(
        "act",
        "Waiting to be linked",
        "Link this PC with the shop's phone: the steps are below.",
    ),
    "syncing": Said(
        "busy", "Loading chats", "Leave the shop's phone switched on and online for a moment."
    ),
    "ready": Said("good", "Ready", "Messages of your customers arrive and are answered."),
    "conflict": Said(
        "act",
        "Open in another place",
        "WhatsApp Web is open in another window: close it there, and this PC goes on.",
    ),
    "offline": Said(
        "act",
        "WhatsApp cannot be reached",
        "Check this PC's internet connection; nothing is lost meanwhile.",
    ),
    "logged_out": Said(
        "bad",
        "Not linked any more",
        "The shop's phone ended the link: link this PC again under Linked devices.",
    ),
    "restricted": Said(
        "bad",
        "Restricted by WhatsApp",
        "Open WhatsApp on the shop's phone and read why; nothing is sent until then.",
    ),
    "page_changed": Said(
        "bad",
        "WhatsApp has changed",
        "This program has to be updated before it can go on; all messages are kept.",
    ),
    "stopped": Said(
        "bad",
        "WhatsApp is not running",
        "Start this PC's agent again; if it stops once more, run the self-check below.",
    ),
}
_UNKNOWN: Final = Said("busy", "Unknown", "This program does not know the present state.")
_PAUSED: Final = Said(
    "act",
    "Ready, but paused",
    "Messages arrive, and nothing is answered until you press Resume.",
)
_ALONE: Final = Said(
    "act",
    "Ready, but without the hub",
    "Messages arrive and wait on this PC; answers go out once the hub is connected again.",
)
_HUB: Final[dict[Phase, Said]] = {
    Phase.CONNECTING: Said("busy", "Connecting", "The connection is being made."),
    Phase.ONLINE: Said("good", "Connected", ""),
    Phase.WAITING: Said(
        "act", "Not connected", "It is tried again by itself; messages wait safely on this PC."
    ),
    Phase.REFUSED: Said("bad", "Refused", "Ask whoever runs the hub."),
    Phase.STOPPED: Said("bad", "Ended", "The agent is stopping."),
}


def of_whatsapp(status: DriverStatus, *, paused: bool, hub: Phase) -> Said:
    """The state of WhatsApp; what the driver advises knows more than the table."""
    if status.whatsapp == "ready" and paused:
        return _PAUSED
    if status.whatsapp == "ready" and hub in (Phase.WAITING, Phase.REFUSED):
        return _ALONE
    said = WHATSAPP.get(status.whatsapp, _UNKNOWN)
    if not status.advice or status.link is not None:  # the page shows the steps with the code
        return said
    return msgspec.structs.replace(said, advice=scrub_text(status.advice))


def of_hub(status: LinkStatus) -> Said:
    """The way to the hub, with the reason when it gave one."""
    said = _HUB[status.phase]
    if status.phase in (Phase.REFUSED, Phase.ONLINE) and status.reason:
        return msgspec.structs.replace(said, advice=status.reason)
    if status.phase is Phase.WAITING and status.reason:
        return msgspec.structs.replace(said, advice=f"{status.reason} {said.advice}")
    return said
