"""What needs a person, told once: in the log, and to whoever listens (panel, desktop).

A text is for the shop owner and may stand on a lock screen: no customer's words, no number, no
linking code.
"""

from collections.abc import Callable
from typing import Final, Literal, get_args

import msgspec
import structlog

log = structlog.get_logger(__name__)

Kind = Literal[
    "link",
    "logged_out",
    "restricted",
    "conflict",
    "page_changed",
    "stopped",
    "unknown_send",
    "handover",
    "budget",
    "update",
    "hub_refused",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
TEXT_MAX: Final = 300  # what a desktop shows of a notification
_BY_STATE: Final[dict[str, Kind]] = {
    "qr": "link",
    "logged_out": "logged_out",
    "restricted": "restricted",
    "conflict": "conflict",
    "page_changed": "page_changed",
    "stopped": "stopped",
}
_LINK: Final = (
    "WhatsApp asks to be linked with the shop's phone: open the panel (`sak-agent panel`) and "
    "scan the code there."
)


class Attention(msgspec.Struct, frozen=True):
    """One sentence for the shop owner, with what to do."""

    kind: Kind
    text: str


class Bell:
    """Rings at once, each kind at most once until it is calmed; only from the event loop's thread.

    `tell` must not block; it is called once for each ring that is heard.
    """

    def __init__(self, tell: Callable[[Attention], None] | None = None) -> None:
        self._tell = tell
        self._open: dict[Kind, Attention] = {}

    @property
    def open(self) -> tuple[Attention, ...]:
        """What rang and was not calmed yet, in the order of ringing."""
        return tuple(self._open.values())

    def ring(self, one: Attention) -> None:
        """Tell of it, unless its kind rings already: then only the sentence is replaced."""
        one = Attention(one.kind, one.text[:TEXT_MAX])
        rings = one.kind in self._open
        self._open[one.kind] = one
        if rings:
            return
        log.warning("somebody is needed", kind=one.kind)
        if self._tell is not None:
            self._tell(one)

    def calm(self, kind: Kind) -> None:
        """It is over: the next ring of this kind is heard again."""
        if self._open.pop(kind, None) is not None:
            log.info("nobody is needed any more", kind=kind)


def heed_whatsapp(bell: Bell, state: str, advice: str) -> None:
    """Ring for a state of WhatsApp that a person has to end; calm when all is well again.

    Not before: a page that is loaded anew goes through other states and comes back.
    """
    if state == "ready":
        for kind in _BY_STATE.values():
            bell.calm(kind)
    elif kind_of := _BY_STATE.get(state):
        text = _LINK if kind_of == "link" else advice
        bell.ring(Attention(kind_of, text or f"WhatsApp is {state}: open the panel."))


def heed_hub(bell: Bell, phase: str, reason: str) -> None:
    """Ring when the hub refuses this PC, until it lets it in; `phase` is of `agent.link.Phase`."""
    if phase == "online":
        bell.calm("hub_refused")
    elif phase == "refused":
        bell.ring(Attention("hub_refused", reason))
