"""CORE: what to do next with one message that is to be sent.

    queued -> typing -> sending -> sent | failed | unknown | expired

`sending` is written to disk before the driver is called, so a row that a restart finds there is in
doubt: it may have gone out. Such a row is looked up under its key and never sent again before
WhatsApp has said that the key is absent (SPEC §9). So is a queued one, once: the journal may
be a new one, or an older copy, that knows nothing of what went out before. `typing` lives in memory
only: nothing has been handed over, a restart finds the row queued.

`decide` takes plain values and returns one Decision; whoever carries it out tells what came of it
by calling again. Two clocks come in: `now_ms` (wall, UTC) for what other machines stamped,
`monotonic` (seconds) for pauses, which must survive a clock that is set back.

A message with a file waits for the file only once WhatsApp has said that it is new: what went out
long ago needs no file, and must not end as failed because the hub has forgotten it.
"""

from enum import StrEnum

import msgspec

from agent.drivers.driver import Lookup, Outcome
from agent.pacing import Policy, typing_s
from protocol.messages import Fault


class State(StrEnum):
    """Where one send stands."""

    QUEUED = "queued"
    TYPING = "typing"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    EXPIRED = "expired"


class File(StrEnum):
    """Where the file of a send is; those behind HERE say why it will never be here."""

    NONE = "none"  # it is a text
    WANTED = "wanted"  # not here, and nobody brings it
    COMING = "coming"
    HERE = "here"
    UNKNOWN = "unknown"
    TOO_LARGE = "too_large"
    DIFFERENT = "different"
    UNAVAILABLE = "unavailable"


_FILE_FAULTS: dict[File, tuple[str, str]] = {
    File.UNKNOWN: ("media_unknown", "the hub does not hold the file"),
    File.TOO_LARGE: ("media_too_large", "the file is larger than 16 MiB"),
    File.DIFFERENT: ("media_different", "the file that the hub gives is not the one ordered"),
    File.UNAVAILABLE: ("media_unavailable", "the hub did not give the file in many attempts"),
}


BUDGET_SPENT = "started_budget"
"""The code of a send that would begin one chat more than a day allows."""

_OVER = frozenset({State.FAILED, State.EXPIRED})
TRANSITIONS: dict[State, frozenset[State]] = {
    State.QUEUED: _OVER | {State.TYPING, State.SENDING, State.SENT, State.UNKNOWN},
    State.TYPING: _OVER | {State.SENDING},
    State.SENDING: _OVER | {State.SENDING, State.SENT, State.UNKNOWN},
    State.SENT: frozenset(),
    State.FAILED: frozenset(),
    State.UNKNOWN: frozenset({State.SENT}),  # an acknowledgement that came late
    State.EXPIRED: frozenset(),
}
FINAL = frozenset({State.SENT, State.FAILED, State.UNKNOWN, State.EXPIRED})


class IllegalMoveError(Exception):
    """A send was to change into a state that cannot follow its own: a defect of this program."""


def move(old: State, new: State) -> State:
    """`new`, if it may follow `old`; raises IllegalMoveError otherwise."""
    if new not in TRANSITIONS[old]:
        raise IllegalMoveError(f"{old} -> {new}")
    return new


class Outgoing(msgspec.Struct, frozen=True):
    """One send as the disk holds it. `ordered_ms` is the hub's stamp; all `_ms` are UTC.

    `roll`: see `agent.pacing`. `one_to_one`: the chat is one customer's, not a group or a channel.
    """

    state: State
    account: str
    chars: int
    ordered_ms: int
    expires_ms: int | None = None
    attempts: int = 0
    file: File = File.NONE
    roll: float = 0.0
    one_to_one: bool = True


class Progress(msgspec.Struct, frozen=True):
    """What this process did about one send; a restart begins with a new one."""

    typed_at: float | None = None  # monotonic end of the typing pause
    look_at: float = 0.0  # monotonic, not before which to look the key up
    lookup: Lookup | None = None  # fresh: forgotten as soon as anything was waited for
    doubts: int = 0
    unsent: bool = False  # WhatsApp did not have the key before our first hand-over
    attempts: int = 0  # hand-overs that this process outlived


class Surroundings(msgspec.Struct, frozen=True):
    """The moment at which a send is judged."""

    now_ms: int
    monotonic: float
    whatsapp: str
    account: str | None
    paused: bool
    owner_wrote_ms: int | None = None  # when the hub learned of the owner's newest message here
    free_at: float = 0.0  # monotonic, from when the next send may go
    begun: int | None = None  # chats that we began today, when this send would begin one more


class Wait(msgspec.Struct, frozen=True):
    """Nothing to do before `until` (monotonic), or before something changes."""

    until: float | None = None


class LookUp(msgspec.Struct, frozen=True):
    """Ask WhatsApp what became of the key."""


class Fetch(msgspec.Struct, frozen=True):
    """Have the file brought here, without waiting for it."""


class Type(msgspec.Struct, frozen=True):
    """Show that the chat was read and *typing…* for so long (0: not at all), then decide again."""

    for_s: float


class HandOver(msgspec.Struct, frozen=True):
    """Commit `sending` with one attempt more, then give the message to WhatsApp.

    `begins`: it is the first word in its chat, and counts as one.
    """

    begins: bool = False


class Finish(msgspec.Struct, frozen=True):
    """The send is over: commit the state and tell the hub."""

    state: State
    error: Fault | None = None


Step = LookUp | Fetch | Type | HandOver | Finish
Decision = Wait | Step


def decide(send: Outgoing, progress: Progress, around: Surroundings, policy: Policy) -> Decision:
    """The next step for a send.

    Raises:
        IllegalMoveError: the step would break the table, or the send is over.
    """
    if send.state in FINAL:
        raise IllegalMoveError(f"{send.state} is final")
    decision = (
        _settle(send, progress, around, policy)
        if send.state is State.SENDING
        else _refusal(send, around, policy)
        or _hindrance(send, around)
        or _go(send, progress, around, policy)
    )
    if (goal := _goal(decision)) is not None:
        move(send.state, goal)
    return decision


def judge(outcome: Outcome) -> Finish | None:
    """The end that a hand-over brought, or None when only a lookup can tell."""
    if outcome.state == "unknown":
        return None
    if outcome.state == "sent":
        return Finish(State.SENT)
    return _failed(outcome.code or "not_sent", outcome.message or "WhatsApp refused the message")


def note_lookup(progress: Progress, found: Lookup, monotonic: float, policy: Policy) -> Progress:
    """The progress after a lookup; only an answer that settles nothing counts as a doubt."""
    unsettled = found in (Lookup.PENDING, Lookup.UNAVAILABLE)
    return msgspec.structs.replace(
        progress,
        lookup=found,
        look_at=monotonic + policy.lookup_every_s,
        doubts=progress.doubts + unsettled,
        unsent=progress.unsent or found is Lookup.ABSENT,
    )


def _goal(decision: Decision) -> State | None:
    """The state into which carrying out the decision brings the send."""
    match decision:
        case Type():
            return State.TYPING
        case HandOver():
            return State.SENDING
        case Finish(state=state):
            return state
        case _:
            return None


def _refusal(send: Outgoing, around: Surroundings, policy: Policy) -> Finish | None:
    """Why this send must never go out, as far as is known now."""
    if send.expires_ms is not None and around.now_ms >= send.expires_ms:
        return Finish(State.EXPIRED)
    if not send.one_to_one:
        return _failed("not_one_to_one", "the agent answers one-to-one chats only")
    if _other_account(send, around):
        return _failed("wrong_account", "this PC is linked to another WhatsApp number")
    if around.owner_wrote_ms is not None and around.owner_wrote_ms > send.ordered_ms:
        return _failed("owner_replied", "the owner wrote in this chat after the order was given")
    if around.begun is not None and around.begun >= policy.begun_max:
        return _failed(BUDGET_SPENT, f"{around.begun} chats were begun within a day already")
    return None


def _hindrance(send: Outgoing, around: Surroundings) -> Wait | None:
    """Why it cannot go out at this moment."""
    if not around.paused and _is_ready(around):
        return None
    return _until_expiry(send, around)


def _until_expiry(send: Outgoing, around: Surroundings) -> Wait:
    if send.expires_ms is None:
        return Wait()
    return Wait(around.monotonic + (send.expires_ms - around.now_ms) / 1000)


def _lack(send: Outgoing, around: Surroundings) -> Decision | None:
    """What to do about a file that is not here."""
    match send.file:
        case File.NONE | File.HERE:
            return None
        case File.WANTED:
            return Fetch()
        case File.COMING:
            return _until_expiry(send, around)
        case _:
            return _failed(*_FILE_FAULTS[send.file])


def _go(send: Outgoing, progress: Progress, around: Surroundings, policy: Policy) -> Decision:
    """Make sure that it is new and whole, type, then hand over as soon as the line is free."""
    if progress.lookup is Lookup.ACKNOWLEDGED:
        return Finish(State.SENT)
    if not progress.unsent:
        return _inquire(progress, around, policy)
    if lack := _lack(send, around):
        return lack
    if progress.typed_at is None:
        return Type(typing_s(send.chars, send.roll, policy))
    return _hand_over(max(progress.typed_at, around.free_at), around)


def _settle(send: Outgoing, progress: Progress, around: Surroundings, policy: Policy) -> Decision:
    """A send in doubt: find out, and only then end it or hand it over again."""
    if _other_account(send, around):
        return _unknown("the message was being sent when this PC was linked to another number")
    if not _is_ready(around):
        return Wait()
    if progress.lookup is Lookup.ACKNOWLEDGED:
        return Finish(State.SENT)
    if progress.lookup is Lookup.ABSENT:
        return _again(send, progress, around, policy)
    return _inquire(progress, around, policy)


def _inquire(progress: Progress, around: Surroundings, policy: Policy) -> Decision:
    """Ask what became of the key, and give up when nobody says."""
    if progress.doubts >= policy.doubts_max:
        return _unknown("WhatsApp does not say whether the message went out: check the chat")
    return Wait(progress.look_at) if around.monotonic < progress.look_at else LookUp()


def _again(send: Outgoing, progress: Progress, around: Surroundings, policy: Policy) -> Decision:
    """WhatsApp never had the message: the same key and text may go once more."""
    if refusal := _refusal(send, around, policy):
        return refusal
    if progress.attempts >= policy.attempts_max or send.attempts >= policy.lives_max:
        return _failed("not_sent", f"WhatsApp did not take the message in {send.attempts} attempts")
    hindrance = _hindrance(send, around) or _lack(send, around)
    return hindrance or _hand_over(around.free_at, around)


def _hand_over(at: float, around: Surroundings) -> Decision:
    return Wait(at) if around.monotonic < at else HandOver(around.begun is not None)


def _is_ready(around: Surroundings) -> bool:
    return around.whatsapp == "ready" and around.account is not None


def _other_account(send: Outgoing, around: Surroundings) -> bool:
    return around.account is not None and around.account != send.account


def _failed(code: str, message: str) -> Finish:
    return Finish(State.FAILED, Fault(code=code, message=message))


def _unknown(message: str) -> Finish:
    return Finish(State.UNKNOWN, Fault(code="unknown_outcome", message=message))
