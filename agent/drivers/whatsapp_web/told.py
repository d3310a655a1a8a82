"""What the page tells the driver, and what is told about the page."""

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from agent.drivers.whatsapp_web.mapping import PageMessage, PageState
from agent.drivers.whatsapp_web.selftest import Tested


class MessageTold(msgspec.Struct, frozen=True, tag_field="event", tag="message"):
    """A message appeared in the page."""

    message: PageMessage


class AckTold(msgspec.Struct, frozen=True, tag_field="event", tag="ack"):
    """WhatsApp said what became of messages of ours."""

    ids: list[str]
    ack: int


class ComposingTold(msgspec.Struct, frozen=True, tag_field="event", tag="composing"):
    """A customer started or stopped typing."""

    chat: str
    active: bool


class StateTold(msgspec.Struct, frozen=True, tag_field="event", tag="state"):
    """The page's state may be another."""

    state: PageState


class LinkTold(msgspec.Struct, frozen=True, tag_field="event", tag="link"):
    """A code to link a phone with, or that no more come by themselves."""

    what: Literal["qr", "code", "idle", "expired", "failed"]
    text: Annotated[str, Meta(min_length=1, max_length=2000)] | None = None

    def __repr__(self) -> str:
        """Without the code."""
        return f"LinkTold({self.what!r})"


class LogoutTold(msgspec.Struct, frozen=True, tag_field="event", tag="logout"):
    """WhatsApp ended the link; in its own word why."""

    reason: Annotated[str, Meta(max_length=100)] | None


class EchoTold(msgspec.Struct, frozen=True, tag_field="event", tag="echo"):
    """The page was probed: the way by which events come is open."""


class ProbedTold(msgspec.Struct, frozen=True, tag_field="event", tag="probed"):
    """The page answered a probe, after so long."""

    state: PageState
    ping_ms: int


class TestedTold(msgspec.Struct, frozen=True, tag_field="event", tag="tested"):
    """A self-test of wa-js in the page ended."""

    tested: Tested


class LoadingTold(msgspec.Struct, frozen=True, tag_field="event", tag="loading"):
    """Another document loads: nothing is known of the page."""


class SilentTold(msgspec.Struct, frozen=True, tag_field="event", tag="silent"):
    """The page did not answer a probe in time."""


PageTold = MessageTold | AckTold | ComposingTold | StateTold | LinkTold | LogoutTold | EchoTold
"""What comes out of the page."""

Told = (
    MessageTold
    | AckTold
    | ComposingTold
    | StateTold
    | LinkTold
    | LogoutTold
    | ProbedTold
    | TestedTold
    | LoadingTold
    | SilentTold
)
Hear = Callable[[Told], None]
