"""What becomes of one send: the table, each decision, and a WhatsApp that fails at any point."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.drivers.driver import Lookup, Outcome
from agent.pacing import Policy
from agent.sender import (
    FINAL,
    TRANSITIONS,
    Fetch,
    File,
    Finish,
    HandOver,
    IllegalMoveError,
    LookUp,
    Outgoing,
    Progress,
    State,
    Surroundings,
    Type,
    Wait,
    decide,
    judge,
    move,
    note_lookup,
)
from protocol.messages import Fault

pytestmark = pytest.mark.core

ACCOUNT = "+919800000009"
POLICY = Policy(
    typing_chars_per_s=10, typing_max_s=5, gap_s=1, attempts_max=2, lives_max=4, doubts_max=3
)
QUEUED = Outgoing(State.QUEUED, ACCOUNT, chars=20, ordered_ms=5_500)
IN_DOUBT = replace(QUEUED, state=State.SENDING, attempts=1)
UNSENT = Progress(unsent=True)
READY = Surroundings(now_ms=6_000, monotonic=100.0, whatsapp="ready", account=ACCOUNT, paused=False)


def state_of(decision: object) -> State:
    """The state of a Finish."""
    assert isinstance(decision, Finish)
    return decision.state


def code_of(decision: object) -> str:
    """The error code of a Finish."""
    assert isinstance(decision, Finish)
    assert decision.error is not None
    return decision.error.code


def test_only_the_table_allows_a_move() -> None:
    """Every pair of states that the table does not list is refused."""
    for old in State:
        for new in State:
            if new in TRANSITIONS[old]:
                assert move(old, new) is new
            else:
                with pytest.raises(IllegalMoveError):
                    move(old, new)


def test_nothing_but_a_late_acknowledgement_leaves_a_final_state() -> None:
    """A finished send stays finished, except that `unknown` may turn out as sent."""
    assert {state: TRANSITIONS[state] for state in FINAL if TRANSITIONS[state]} == {
        State.UNKNOWN: {State.SENT}
    }


@pytest.mark.parametrize("state", sorted(FINAL))
def test_a_final_send_is_not_decided_again(state: State) -> None:
    """Asking about a send that is over is a defect of the caller."""
    with pytest.raises(IllegalMoveError):
        decide(replace(QUEUED, state=state), Progress(), READY, POLICY)


def test_a_queued_send_is_looked_up_typed_and_then_handed_over() -> None:
    """The lookup comes first, then typing, and the hand-over when its pause is over."""
    assert decide(QUEUED, Progress(), READY, POLICY) == LookUp()
    assert decide(QUEUED, UNSENT, READY, POLICY) == Type(2.0)
    typing, typed = replace(QUEUED, state=State.TYPING), replace(UNSENT, typed_at=102.0)
    assert decide(typing, typed, READY, POLICY) == Wait(102.0)
    later = replace(READY, monotonic=102.0)
    assert decide(typing, typed, later, POLICY) == HandOver()


def test_what_went_out_before_this_journal_began_is_not_sent_again() -> None:
    """A wiped or restored journal does not know what went out: WhatsApp is asked first."""
    held = note_lookup(Progress(), Lookup.ACKNOWLEDGED, 100.0, POLICY)
    assert decide(QUEUED, held, READY, POLICY) == Finish(State.SENT)
    progress = Progress()
    for found in (Lookup.PENDING, Lookup.UNAVAILABLE, Lookup.PENDING):
        assert decide(QUEUED, progress, replace(READY, monotonic=102.0), POLICY) == LookUp()
        progress = note_lookup(progress, found, 100.0, POLICY)
        if progress.doubts < POLICY.doubts_max:
            assert decide(QUEUED, progress, READY, POLICY) == Wait(102.0)
    assert state_of(decide(QUEUED, progress, READY, POLICY)) is State.UNKNOWN


def test_without_a_typing_pause_only_the_gap_delays() -> None:
    """With no pause set a send goes at once, or when the gap after the previous one is over."""
    policy = replace(POLICY, typing_max_s=0)
    assert decide(QUEUED, UNSENT, READY, policy) == Type(0.0)
    typing, typed = replace(QUEUED, state=State.TYPING), replace(UNSENT, typed_at=100.0)
    assert decide(typing, typed, READY, policy) == HandOver()
    assert decide(typing, typed, replace(READY, free_at=100.7), policy) == Wait(100.7)


@pytest.mark.parametrize("state", [State.QUEUED, State.TYPING])
def test_a_refused_send_ends_with_its_reason(state: State) -> None:
    """Expiry, another account and an owner who wrote end a send before anything goes out."""
    send, typed = replace(QUEUED, state=state), replace(UNSENT, typed_at=0.0)

    def verdict(send: Outgoing, around: Surroundings) -> object:
        return decide(send, typed, around, POLICY)

    assert verdict(replace(send, expires_ms=6_000), READY) == Finish(State.EXPIRED)
    other = replace(READY, account="+919800000008")
    assert code_of(verdict(send, other)) == "wrong_account"
    assert code_of(verdict(send, replace(READY, owner_wrote_ms=5_501))) == "owner_replied"
    assert verdict(send, replace(READY, owner_wrote_ms=5_500)) == HandOver()


def test_a_chat_more_than_a_day_allows_is_not_begun() -> None:
    """The budget is for chats in which nobody but us has written; all others are answered."""
    for begun, at_most in ((None, 0), (1, 2)):
        policy = replace(POLICY, begun_max=at_most)
        assert decide(QUEUED, UNSENT, replace(READY, begun=begun), policy) == Type(2.0)
    typing, typed = replace(QUEUED, state=State.TYPING), replace(UNSENT, typed_at=0.0)
    for begun in (None, 1):
        around = replace(READY, begun=begun)
        assert decide(typing, typed, around, POLICY) == HandOver(begins=begun is not None)
    spent = replace(READY, begun=2)
    policy = replace(POLICY, begun_max=2)
    assert code_of(decide(QUEUED, UNSENT, spent, policy)) == "started_budget"
    assert code_of(decide(typing, typed, spent, policy)) == "started_budget"
    none_at_all = decide(QUEUED, UNSENT, replace(READY, begun=0), replace(policy, begun_max=0))
    assert code_of(none_at_all) == "started_budget"


def test_a_group_is_never_written_to() -> None:
    """Nothing is asked of WhatsApp for it, nothing typed; a row in doubt is looked up as ever."""
    group = replace(QUEUED, one_to_one=False)
    assert code_of(decide(group, Progress(), READY, POLICY)) == "not_one_to_one"
    assert decide(replace(IN_DOUBT, one_to_one=False), Progress(), READY, POLICY) == LookUp()


def test_a_file_is_fetched_waited_for_and_then_sent() -> None:
    """Once WhatsApp has said that the message is new; the wait ends with the message's expiry."""
    send = replace(QUEUED, file=File.WANTED)
    assert decide(send, Progress(), READY, POLICY) == LookUp()
    assert decide(send, UNSENT, READY, POLICY) == Fetch()
    coming = replace(send, file=File.COMING)
    assert decide(coming, UNSENT, READY, POLICY) == Wait()
    assert decide(replace(coming, expires_ms=8_000), UNSENT, READY, POLICY) == Wait(102.0)
    late = replace(coming, expires_ms=6_000)
    assert decide(late, UNSENT, READY, POLICY) == Finish(State.EXPIRED)
    assert decide(replace(send, file=File.HERE), UNSENT, READY, POLICY) == Type(2.0)


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (File.UNKNOWN, "media_unknown"),
        (File.TOO_LARGE, "media_too_large"),
        (File.DIFFERENT, "media_different"),
        (File.UNAVAILABLE, "media_unavailable"),
    ],
)
def test_a_file_that_cannot_be_had_fails_the_send_unless_it_went_out(file: File, code: str) -> None:
    """What WhatsApp holds under the key is `sent`, although the hub forgot the file since."""
    send = replace(QUEUED, file=file)
    assert decide(send, Progress(), READY, POLICY) == LookUp()
    assert code_of(decide(send, UNSENT, READY, POLICY)) == code
    held = note_lookup(Progress(), Lookup.ACKNOWLEDGED, 100.0, POLICY)
    assert decide(send, held, READY, POLICY) == Finish(State.SENT)
    in_doubt = replace(IN_DOUBT, file=file)
    assert decide(in_doubt, Progress(), READY, POLICY) == LookUp()
    absent = note_lookup(Progress(), Lookup.ABSENT, 100.0, POLICY)
    assert code_of(decide(in_doubt, absent, READY, POLICY)) == code


def test_a_repeat_waits_for_its_file_like_a_first_try() -> None:
    """After a restart on another disk the file is fetched again before the message is."""
    absent = Progress(lookup=Lookup.ABSENT)
    in_doubt = replace(IN_DOUBT, file=File.WANTED)
    assert decide(in_doubt, absent, READY, POLICY) == Fetch()
    assert decide(replace(in_doubt, file=File.COMING), absent, READY, POLICY) == Wait()
    assert decide(replace(in_doubt, file=File.HERE), absent, READY, POLICY) == HandOver()


@pytest.mark.parametrize(
    "hindered",
    [
        replace(READY, paused=True),
        replace(READY, whatsapp="syncing"),
        replace(READY, whatsapp="restricted"),
        replace(READY, account=None),
    ],
)
def test_a_hindered_send_waits_until_it_expires(hindered: Surroundings) -> None:
    """Paused, not ready or not yet knowing its number: the send waits, at most for its expiry."""
    assert decide(QUEUED, Progress(), hindered, POLICY) == Wait()
    assert decide(replace(QUEUED, expires_ms=8_000), Progress(), hindered, POLICY) == Wait(102.0)


def test_a_send_in_doubt_is_looked_up_before_anything_else() -> None:
    """After a restart the first step is a lookup, even when paused, expired or outrun."""
    around = replace(READY, paused=True, owner_wrote_ms=9_000)
    assert decide(replace(IN_DOUBT, expires_ms=1), Progress(), around, POLICY) == LookUp()
    assert decide(IN_DOUBT, Progress(look_at=103.0), READY, POLICY) == Wait(103.0)
    assert decide(IN_DOUBT, Progress(), replace(READY, whatsapp="qr"), POLICY) == Wait()


def test_a_lookup_decides() -> None:
    """Acknowledged ends it as sent; absent allows the same again; all else is asked again."""
    held = note_lookup(Progress(), Lookup.ACKNOWLEDGED, 100.0, POLICY)
    assert decide(IN_DOUBT, held, READY, POLICY) == Finish(State.SENT)
    absent = note_lookup(Progress(), Lookup.ABSENT, 100.0, POLICY)
    assert absent == Progress(look_at=102.0, lookup=Lookup.ABSENT, unsent=True)
    assert decide(IN_DOUBT, absent, READY, POLICY) == HandOver()
    assert decide(IN_DOUBT, absent, replace(READY, free_at=101.0), POLICY) == Wait(101.0)
    pending = note_lookup(Progress(), Lookup.PENDING, 100.0, POLICY)
    assert decide(IN_DOUBT, pending, READY, POLICY) == Wait(102.0)


def test_an_absent_message_is_still_judged_before_it_goes_again() -> None:
    """A repeat obeys expiry, the owner, the pause and the number of attempts like a first try."""
    absent = Progress(lookup=Lookup.ABSENT)
    assert decide(replace(IN_DOUBT, expires_ms=1), absent, READY, POLICY) == Finish(State.EXPIRED)
    outrun = replace(READY, owner_wrote_ms=9_000)
    assert code_of(decide(IN_DOUBT, absent, outrun, POLICY)) == "owner_replied"
    assert decide(IN_DOUBT, absent, replace(READY, paused=True), POLICY) == Wait()
    assert code_of(decide(IN_DOUBT, replace(absent, attempts=2), READY, POLICY)) == "not_sent"


def test_attempts_that_a_crash_cut_short_count_less() -> None:
    """What WhatsApp never had is sent however often the agent died; but not for ever."""
    absent = Progress(lookup=Lookup.ABSENT)
    assert decide(replace(IN_DOUBT, attempts=3), absent, READY, POLICY) == HandOver()
    assert code_of(decide(replace(IN_DOUBT, attempts=4), absent, READY, POLICY)) == "not_sent"


def test_doubt_ends_as_unknown_and_never_as_a_repeat() -> None:
    """Lookups without an answer, or another linked number, end as unknown for a person to see."""
    progress = Progress()
    for found in (Lookup.PENDING, Lookup.UNAVAILABLE, Lookup.PENDING):
        progress = note_lookup(progress, found, 90.0, POLICY)
    assert state_of(decide(IN_DOUBT, progress, READY, POLICY)) is State.UNKNOWN
    other = replace(READY, account="+919800000008", whatsapp="qr")
    assert state_of(decide(IN_DOUBT, Progress(), other, POLICY)) is State.UNKNOWN


def test_the_end_of_a_hand_over() -> None:
    """Sent and failed end the send with the driver's words; unknown leaves it in doubt."""
    assert judge(Outcome("sent")) == Finish(State.SENT)
    assert judge(Outcome("unknown")) is None
    named = Fault(code="chat_not_found", message="no such chat")
    assert judge(Outcome("failed", named.code, named.message)) == Finish(State.FAILED, named)
    assert code_of(judge(Outcome("failed"))) == "not_sent"


class CrashError(Exception):
    """The agent's process died."""


class Phone:
    """A WhatsApp that shows a customer each key once; what the page knows of a key is the truth."""

    def __init__(self, draw: st.DataObject) -> None:
        self.draw = draw
        self.shown: dict[str, int] = {}
        self.held: dict[str, Lookup] = {}

    def take(self, key: str) -> Outcome:
        """One hand-over: refused, lost on the way, stuck, or taken with or without a word."""
        fate = self.draw.draw(st.sampled_from(["refused", "lost", "stuck", "silent", "sent"]))
        if fate == "refused":
            return Outcome("failed", "refused")
        if fate == "lost":
            return Outcome("unknown")
        self.shown[key] = self.shown.get(key, 0) + (
            fate != "stuck" or self.draw.draw(st.booleans())
        )
        self.held[key] = Lookup.PENDING if fate == "stuck" else Lookup.ACKNOWLEDGED
        return Outcome("sent" if fate == "sent" else "unknown")

    def look_up(self, key: str) -> Lookup:
        """The truth, unless the page cannot be asked."""
        if self.draw.draw(st.integers(0, 5)) == 0:
            return Lookup.UNAVAILABLE
        return self.held.get(key, Lookup.ABSENT)


class Shop:
    """A disk that survives crashes and the loop that runs `decide` over one send."""

    def __init__(self, draw: st.DataObject) -> None:
        self.draw = draw
        self.phone = Phone(draw)
        expires_ms = draw.draw(st.none() | st.integers(5_000, 400_000))
        file = draw.draw(st.sampled_from([File.NONE, File.WANTED]))
        self.row = replace(QUEUED, expires_ms=expires_ms, file=file)
        self.crashes_left = 6
        self.now = 0.0

    def maybe_crash(self) -> None:
        """Die here, as often as the schedule wants and its bound allows."""
        if self.crashes_left and self.draw.draw(st.integers(0, 3)) == 0:
            self.crashes_left -= 1
            raise CrashError

    def commit(self, state: State, attempts: int) -> None:
        """One durable write: it happened, or the process died before it."""
        self.maybe_crash()
        self.row = replace(self.row, state=move(self.row.state, state), attempts=attempts)
        self.maybe_crash()

    def run(self) -> None:
        """One life of the process: until the send is final or a crash."""
        progress, typing = Progress(), False
        self.lose_the_transfer()
        while self.row.state not in FINAL:
            send = self.row if not typing else replace(self.row, state=State.TYPING)
            match decide(send, progress, self.around(), POLICY):
                case Wait(until=until):
                    self.now = until if until is not None else self.now + 1
                    self.end_the_transfer()
                case Fetch():
                    self.row = replace(self.row, file=File.COMING)
                    progress = replace(progress, lookup=None)
                case Type(for_s=for_s):
                    typing, progress = True, replace(progress, typed_at=self.now + for_s)
                case LookUp():
                    found = self.phone.look_up("K")
                    progress = note_lookup(progress, found, self.now, POLICY)
                case HandOver():
                    typing, tries = False, progress.attempts + 1
                    look_at = self.now + POLICY.lookup_every_s
                    progress = Progress(look_at=look_at, attempts=tries)
                    self.hand_over()
                case Finish(state=state):
                    self.commit(state, self.row.attempts)
            self.maybe_crash()

    def lose_the_transfer(self) -> None:
        """A restart forgets what was on its way or refused; what is here stays."""
        if self.row.file not in (File.NONE, File.HERE):
            self.row = replace(self.row, file=File.WANTED)

    def end_the_transfer(self) -> None:
        """A file on its way may arrive, stay out longer, or never come."""
        ends = [File.HERE, File.COMING, File.UNKNOWN, File.DIFFERENT]
        if self.row.file is File.COMING:
            self.row = replace(self.row, file=self.draw.draw(st.sampled_from(ends)))

    def hand_over(self) -> None:
        """Commit first, then give the message away."""
        assert self.row.file in (File.NONE, File.HERE)
        self.commit(State.SENDING, self.row.attempts + 1)
        outcome = self.phone.take("K")
        self.maybe_crash()
        if end := judge(outcome):
            self.commit(end.state, self.row.attempts)

    def around(self) -> Surroundings:
        """Any weather; fair from the hundredth second on, so that every run comes to an end."""
        fair = self.now > 100
        return Surroundings(
            now_ms=6_000 + int(self.now * 1000),
            monotonic=self.now,
            whatsapp="ready" if fair or self.draw.draw(st.booleans()) else "offline",
            account=ACCOUNT,
            paused=not fair and self.draw.draw(st.integers(0, 4)) == 0,
            owner_wrote_ms=None if self.draw.draw(st.integers(0, 9)) else 9_000,
            # What was handed over once is itself among the chats that were begun.
            begun=None if self.row.attempts else self.draw.draw(st.sampled_from([None, 0, 20])),
        )


@settings(max_examples=300)
@given(st.data())
def test_a_customer_sees_a_reply_once_or_a_person_is_asked(data: st.DataObject) -> None:
    """Whatever fails and whenever the agent dies: never twice, and the final state is the truth."""
    shop = Shop(data)
    while shop.row.state not in FINAL:
        try:
            shop.run()
        except CrashError:
            continue
    seen = shop.phone.shown.get("K", 0)
    allowed = {State.SENT: {1}, State.FAILED: {0}, State.EXPIRED: {0}, State.UNKNOWN: {0, 1}}
    assert seen in allowed[shop.row.state]
    assert shop.row.attempts <= POLICY.lives_max
