"""CORE: linking the shop's phone: what is offered, how often, and when that ends.

    closed -> waiting <-> offering -> over      `open_round` leads from everywhere to waiting,
       ^---------linked---------'               `linked` from everywhere to closed

A round offers one code after the other, at most `attempts_max`; then it is over, and only a person
begins the next. A PC that was never linked begins its first round by itself; one whose link was
ended does not: somebody ended it.

The number that was linked first is the shop's. A phone with another one is refused unless a person
said so beforehand: it may be anybody's private phone, whose chats are none of the shop's.

Functions return the next state and what is to be done; `now_ms` is UTC.
"""

from enum import StrEnum
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from agent import link_words as words

CODE_LIVES_MS: Final = 195_000  # wa-js 4.6: a code to type is renewed after 3.25 minutes
_QR_STALE_MS: Final = 90_000  # WhatsApp renews the first QR after a minute, the others after 20 s
_TYPED_MS: Final = 75_000  # wa-js gives a minute more once the code was typed
_ANSWER_MS: Final = 45_000  # for a code that was asked for
_ASKS_MAX: Final = 4  # times a code was asked for and none came


Kind = Literal["qr", "code"]


class Phase(StrEnum):
    """Where linking stands."""

    CLOSED = "closed"  # linked, or unlinked until a person wants it
    WAITING = "waiting"  # for a code
    OFFERING = "offering"
    OVER = "over"  # no code was used, or the wrong phone used it


class Do(StrEnum):
    """What the page is to do."""

    ASK_QR = "ask_qr"
    RENEW_QR = "renew_qr"
    ASK_CODE = "ask_code"
    FORGET_CODE = "forget_code"
    UNLINK = "unlink"


class LinkOffer(msgspec.Struct, frozen=True):
    """What links the shop's phone now. It never leaves this PC: no wire, no file, no log."""

    kind: Kind
    text: str  # what a QR code is drawn of, or the 8 characters to type
    expires_ms: int | None  # UTC; None: it is renewed when WhatsApp says so
    attempt: int
    attempts_max: int

    def __repr__(self) -> str:
        """Without the secret: a status may stand in a crash's text."""
        return f"LinkOffer({self.kind!r}, {self.attempt} of {self.attempts_max})"


class LinkWish(msgspec.Struct, frozen=True):
    """How a person wants to link. `phone` (E.164) asks for a code to type, else a QR is shown."""

    phone: str | None = None
    window: bool = False  # show the browser for as long as it takes
    new_number: bool = False  # the number may be another than before


class Known(msgspec.Struct, frozen=True):
    """What outlives the agent: the shop's number, and why its link ended."""

    account: str | None = None
    reason: str | None = None


class Linking(msgspec.Struct, frozen=True, kw_only=True):
    """One WhatsApp's way to its phone. `known` is None before it was ever linked."""

    attempts_max: int
    known: Known | None = None
    phase: Phase = Phase.CLOSED
    wish: LinkWish = LinkWish()
    attempt: int = 0
    asks: int = 0
    offer: LinkOffer | None = None
    deadline_ms: int | None = None
    why: words.Why | None = None
    was_asked: bool = False  # the page asked for a phone since it was last linked
    foreign: bool = False  # the page is linked, with a number that is not the shop's

    @property
    def is_open(self) -> bool:
        """Whether a round is on."""
        return self.phase in (Phase.WAITING, Phase.OFFERING)

    @property
    def state(self) -> str:
        """The word for WhatsApp's state while the page is not linked, or not with our number."""
        return "qr" if not self.foreign and (self.is_open or self.known is None) else "logged_out"

    @property
    def advice(self) -> str:
        """One sentence for the shop owner in that state."""
        if self.is_open:
            return words.HOW_CODE if self.wish.phone else words.HOW_QR
        if self.why is not None:
            return words.ends(self.why)
        return words.HOW_QR if self.known is None else words.logout(self.known.reason)


Step = tuple[Linking, tuple[Do, ...]]


def refusal(now: Linking, wish: LinkWish, *, is_linked: bool) -> str | None:
    """Why a wish cannot be followed, as a sentence."""
    if now.foreign:
        return None if wish.new_number else words.ends("other_number")
    if is_linked:
        return words.IS_LINKED
    other = now.known is not None and now.known.account not in (None, wish.phone)
    return words.OTHER_PHONE if wish.phone and other and not wish.new_number else None


def open_round(now: Linking, wish: LinkWish, now_ms: int, *, at_page: bool) -> Step:
    """A person wants to link. `at_page`: the page is there and asks for a phone."""
    forget = (Do.FORGET_CODE,) if at_page and now.is_open and now.wish.phone else ()
    fresh = replace(now, phase=Phase.WAITING, wish=wish, attempt=0, asks=0, offer=None, why=None)
    if not at_page:
        return replace(fresh, deadline_ms=None), ()
    asked, do = _ask(fresh, now_ms)
    return asked, (*forget, *do)


def unlinked(now: Linking) -> Linking:
    """The page says that it is not linked."""
    return replace(now, was_asked=True, foreign=False)


def page_asks(now: Linking, now_ms: int) -> Step:
    """A page that is not linked can be asked for codes; one may have come before."""
    now = unlinked(now)
    if now.phase is Phase.OFFERING:
        return now, ()
    if now.phase is Phase.CLOSED and now.known is None:
        return open_round(now, now.wish, now_ms, at_page=True)
    return _ask(now, now_ms) if now.is_open else (now, ())


def page_gone(now: Linking) -> Linking:
    """The page is away or loads anew: what it offered is worth nothing, and no time runs."""
    if not now.is_open:
        return now
    return replace(now, phase=Phase.WAITING, offer=None, deadline_ms=None)


def code_came(now: Linking, kind: Kind, text: str, now_ms: int) -> Step:
    """WhatsApp gave a code; it may be the one that is offered already."""
    wanted: Kind = "code" if now.wish.phone else "qr"
    if not now.is_open or kind != wanted or (now.offer is not None and now.offer.text == text):
        return now, ()
    if now.attempt >= now.attempts_max:
        return _over(now, "unused")
    attempt, expires_ms, deadline_ms = now.attempt + 1, None, now_ms + _QR_STALE_MS
    if wanted == "code":
        expires_ms = now_ms + CODE_LIVES_MS
        deadline_ms = expires_ms + _TYPED_MS
    offer = LinkOffer(wanted, text, expires_ms, attempt, now.attempts_max)
    offering = replace(now, phase=Phase.OFFERING, attempt=attempt, asks=0, offer=offer)
    return replace(offering, deadline_ms=deadline_ms), ()


def stalled(now: Linking, now_ms: int) -> Step:
    """The page renews its code no more, or none came in time."""
    if not now.is_open:
        return now, ()
    if now.attempt >= now.attempts_max or (now.wish.phone and now.attempt):
        return _over(now, "unused")
    return _ask(now, now_ms, Do.RENEW_QR)


def tick(now: Linking, now_ms: int) -> Step:
    """Let time act."""
    if now.deadline_ms is None or now_ms < now.deadline_ms:
        return now, ()
    return stalled(now, now_ms)


def failed(now: Linking) -> Step:
    """WhatsApp gives no code for this number."""
    return _over(now, "refused") if now.is_open and now.wish.phone else (now, ())


def linked(now: Linking, account: str) -> Step:
    """The page says that it is linked, with this number (E.164)."""
    ours = None if now.known is None else now.known.account
    if ours in (None, account) or now.wish.new_number:
        # A page that has just told of a logout goes on as if linked until it is loaded anew.
        reason = now.known.reason if now.known is not None and not now.was_asked else None
        return Linking(attempts_max=now.attempts_max, known=Known(account, reason)), ()
    over, _ = _over(now, "other_number")
    return replace(over, foreign=True), (Do.UNLINK,) if now.was_asked else ()


def logged_out(now: Linking, reason: str | None) -> Linking:
    """WhatsApp ended the link; a word for the reason tells more than the number of a group."""
    if now.known is None or reason is None:
        return now
    if now.known.reason is not None and reason.startswith(words.GROUP):
        return now
    return replace(now, known=Known(now.known.account, reason))


def _ask(now: Linking, now_ms: int, qr: Do = Do.ASK_QR) -> Step:
    if now.asks >= _ASKS_MAX:
        return _over(now, "no_code")
    do = Do.ASK_CODE if now.wish.phone else qr
    waiting = replace(now, phase=Phase.WAITING, offer=None, asks=now.asks + 1)
    return replace(waiting, deadline_ms=now_ms + _ANSWER_MS), (do,)


def _over(now: Linking, why: words.Why) -> Step:
    do = (Do.FORGET_CODE,) if now.is_open and now.wish.phone else ()
    return replace(now, phase=Phase.OVER, offer=None, deadline_ms=None, why=why), do
