"""The decisions of docs/rules.md §1, case by case, on plain values."""

from collections.abc import Sequence
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.conversation import turns
from hub.conversation.turns import (
    ChatKey,
    ChatState,
    ContactPolicy,
    Drop,
    Exchange,
    Mode,
    Origin,
    Proceed,
    Reason,
    Rules,
    Situation,
    Verdict,
    Wait,
)
from hub.store.policy import TenantPolicy
from protocol import ids
from protocol.messages import SendState

pytestmark = pytest.mark.core

NOW = 1_800_000_000_000
CHAT = "919800000001@c.us"
MINUTE, HOUR = 60_000, 3_600_000


def rules(
    mode: Mode = "auto", contacts: ContactPolicy = "everyone", policy: TenantPolicy | None = None
) -> Rules:
    return Rules(mode=mode, contact_policy=contacts, policy=policy or TenantPolicy())


def situation(
    *ages_ms: int,
    chat: str = CHAT,
    phone: str | None = None,
    state: ChatState | None = None,
    replied_at: tuple[int, ...] = (),
) -> Situation:
    return Situation(
        chat=chat,
        phone=phone,
        state=state or ChatState(),
        sent_at=tuple(NOW - age for age in ages_ms),
        replied_at=replied_at,
    )


@pytest.mark.parametrize(
    ("chat", "kind", "from_me", "own_key", "origin"),
    [
        ("120363000000000001@g.us", "text", False, False, Origin.ELSEWHERE),
        ("status@broadcast", "media", False, False, Origin.ELSEWHERE),
        ("120363000000000002@newsletter", "text", True, True, Origin.ELSEWHERE),
        (CHAT, "text", True, True, Origin.ECHO),
        (CHAT, "text", True, False, Origin.OWNER),
        (CHAT, "reaction", True, False, Origin.OWNER),
        (CHAT, "text", False, False, Origin.CUSTOMER),
        ("1@lid", "media", False, False, Origin.CUSTOMER),
        ("1@s.whatsapp.net", "location", False, False, Origin.CUSTOMER),
        (CHAT, "contact", False, False, Origin.CUSTOMER),
        (CHAT, "edit", False, False, Origin.CHANGE),
        (CHAT, "revoke", False, False, Origin.CHANGE),
        (CHAT, "reaction", False, False, Origin.ASIDE),
        (CHAT, "poll", False, False, Origin.ASIDE),
    ],
)
def test_classify(chat: str, kind: str, from_me: bool, own_key: bool, origin: Origin) -> None:
    """Only what a customer says one-to-one starts a turn (docs/rules.md §1.1)."""
    assert turns.classify(chat, kind, from_me=from_me, own_key=own_key) is origin


def test_an_unknown_kind_is_recorded_as_other() -> None:
    """The enumeration of kinds is open (PROTOCOL §8)."""
    assert turns.known_kind("poll") == "other"
    assert turns.known_kind("location") == "location"


def test_source_of_finds_the_message_that_a_derived_key_answers() -> None:
    """The worked example of PROTOCOL §8 is recognised, anything else is not."""
    key = ChatKey("t", "+919800000009", CHAT)
    inbound = ["3EB0000000000000000001", "3EB0C0FFEE0123456789AB"]
    assert turns.source_of("3EB032261107F5FB06FFF1", key, inbound) == inbound[1]
    assert turns.source_of("3EB032261107F5FB06FFF2", key, inbound) is None
    assert ids.whatsapp_key(turns.reply_id(key, inbound[1])) == "3EB032261107F5FB06FFF1"


@pytest.mark.parametrize(
    ("age_ms", "verdict"),
    [
        (-HOUR, Proceed("auto", late=False)),
        (0, Proceed("auto", late=False)),
        (15 * MINUTE - 1, Proceed("auto", late=False)),
        (15 * MINUTE, Proceed("auto", late=True)),
        (6 * HOUR - 1, Proceed("auto", late=True)),
        (6 * HOUR, Wait(Reason.STALE)),
    ],
)
def test_only_the_age_decides_between_answer_apology_and_a_person(
    age_ms: int, verdict: turns.Verdict
) -> None:
    """Under 15 minutes fresh, under 6 hours late, older waits; the future is fresh."""
    assert turns.judge(rules(), situation(age_ms), NOW) == verdict


def test_a_turn_of_mixed_age_is_answered_with_an_apology() -> None:
    """The newest message decides whether, the oldest whether it is late."""
    assert turns.judge(rules(), situation(7 * HOUR, 0), NOW) == Proceed("auto", late=True)


def test_a_turn_without_messages_is_dropped() -> None:
    """A customer who took everything back gets no answer."""
    assert turns.judge(rules(), situation(), NOW) == Drop(Reason.REVOKED)


@pytest.mark.parametrize(
    ("tenant", "chat", "verdict"),
    [
        ("off", None, Drop(Reason.OFF)),
        ("auto", "off", Drop(Reason.OFF)),
        ("off", "auto", Proceed("auto", late=False)),
        ("auto", "suggest", Proceed("suggest", late=False)),
        ("suggest", None, Proceed("suggest", late=False)),
    ],
)
def test_the_mode_of_the_chat_beats_the_shops(
    tenant: Mode, chat: Mode | None, verdict: turns.Verdict
) -> None:
    """Off records, suggest drafts, auto sends; per tenant and per chat."""
    found = turns.judge(rules(tenant), situation(0, state=ChatState(mode=chat)), NOW)
    assert found == verdict


@pytest.mark.parametrize(
    ("until", "verdict"),
    [(NOW + 1, Drop(Reason.TAKEN_OVER)), (NOW, Proceed("auto", late=False))],
)
def test_a_pause_holds_until_its_moment(until: int, verdict: turns.Verdict) -> None:
    """The bot is silent while a person has the chat, and back after the timer."""
    state = ChatState(paused_until=until)
    assert turns.judge(rules(), situation(0, state=state), NOW) == verdict


@pytest.mark.parametrize(
    ("contacts", "chat", "phone", "owner_wrote", "verdict"),
    [
        ("everyone", CHAT, None, True, None),
        ("unknown", CHAT, None, False, None),
        ("unknown", CHAT, None, True, Drop(Reason.CONTACT_REFUSED)),
        ("chosen", CHAT, None, False, Drop(Reason.CONTACT_REFUSED)),
        ("chosen", "919800000002@c.us", None, False, None),
        ("chosen", "919800000002:7@s.whatsapp.net", None, False, None),
        ("chosen", "77@lid", "+91 98000 00002", False, None),
        ("everyone", "919800000003@c.us", None, False, Drop(Reason.CONTACT_REFUSED)),
        ("everyone", "77@lid", "919800000003", False, Drop(Reason.CONTACT_REFUSED)),
        ("everyone", "77@lid", None, False, Wait(Reason.CONTACT_UNKNOWN)),
    ],
)
def test_the_contact_policy(
    contacts: ContactPolicy,
    chat: str,
    phone: str | None,
    owner_wrote: bool,
    verdict: turns.Verdict | None,
) -> None:
    """The never-list beats everything; who cannot be told from it goes to a person."""
    policy = TenantPolicy(chosen=("+919800000002",), never=("+919800000003",))
    found = turns.judge(
        rules(contacts=contacts, policy=policy),
        situation(0, chat=chat, phone=phone, state=ChatState(owner_wrote=owner_wrote)),
        NOW,
    )
    assert found == (verdict or Proceed("auto", late=False))


def test_without_a_never_list_a_hidden_number_is_answered() -> None:
    """The phone can be missing; that alone bars nobody."""
    assert turns.judge(rules(), situation(0, chat="77@lid"), NOW) == Proceed("auto", late=False)


def test_six_replies_within_a_minute_stop_the_bot() -> None:
    """The loop breaker counts automatic replies of the last minute only."""
    six = tuple(NOW - 9_000 * n for n in range(6))
    assert turns.judge(rules(), situation(0, replied_at=six), NOW) == Wait(Reason.LOOP)
    old = (*six[:5], NOW - 60_000)
    found = turns.judge(rules(), situation(0, replied_at=old), NOW)
    assert found == Proceed("auto", late=False)


def stuck(
    said: str, *exchanges: tuple[str, str], ages_s: tuple[int, ...] = (60, 40, 20)
) -> Verdict:
    """What is judged of a message after these exchanges."""
    found = [
        Exchange(text, reply, NOW - age_s * 1000)
        for (text, reply), age_s in zip(exchanges, ages_s, strict=True)
    ]
    state = situation(0, replied_at=tuple(one.at for one in found))
    state = msgspec.structs.replace(state, said=said, exchanges=tuple(found))
    assert turns.may_be_stuck(state.replied_at, NOW) == (max(ages_s) < 600)
    return turns.judge(rules(), state, NOW)


AWAY, REPLY = "We are away. Ticket 4711", "I do not know that."
SAME = ((AWAY, REPLY),) * 3
GOES_ON = Proceed("auto", late=False)


@pytest.mark.parametrize(
    ("said", "exchanges"),
    [
        (AWAY, SAME),
        ("we are  AWAY.\nticket 4711", SAME),
        ("We are away. Ticket 4714", [(f"We are away. Ticket 471{n}", REPLY) for n in (1, 2, 3)]),
        (AWAY, [(AWAY, f"{REPLY}\n\nThis is automatic."), *SAME[1:]]),
        (AWAY, [*SAME[:2], (AWAY, f"Sorry for the delay.\n\n{REPLY}")]),
    ],
)
def test_the_same_exchange_three_times_stops_the_bot(
    said: str, exchanges: Sequence[tuple[str, str]]
) -> None:
    """A machine may count up or space out its words, and our reply may have a notice around it."""
    assert stuck(said, *exchanges) == Wait(Reason.LOOP)


@pytest.mark.parametrize(
    ("said", "exchanges"),
    [
        ("price of 6x80?", [(f"price of {n}x40?", f"{n} rupees") for n in (6, 8, 10)]),
        ("5 cartons then", SAME),
        (AWAY, [("hello", REPLY), *SAME[1:]]),
        (AWAY, [*SAME[:2], (AWAY, "Shall I call somebody?")]),
        ("", (("", REPLY),) * 3),
    ],
)
def test_what_differs_is_no_loop(said: str, exchanges: Sequence[tuple[str, str]]) -> None:
    """Other goods, another reply, another word at last; pictures without words may be others."""
    assert stuck(said, *exchanges) == GOES_ON


def test_a_person_may_ask_the_same_every_now_and_then() -> None:
    """Three times within ten minutes is a loop; spread over a longer time it is none."""
    assert stuck(AWAY, *SAME, ages_s=(599, 300, 1)) == Wait(Reason.LOOP)
    assert stuck(AWAY, *SAME, ages_s=(600, 300, 1)) == GOES_ON


policies = st.builds(
    lambda quiet, extra: TenantPolicy(debounce_s=quiet, debounce_max_s=quiet + extra),
    st.floats(0, 60),
    st.floats(0, 240),
)


@given(policies, st.lists(st.integers(0, 20_000), max_size=30))
def test_a_burst_is_answered_after_quiet_but_never_beyond_the_maximum(
    policy: TenantPolicy, gaps: list[int]
) -> None:
    """However messages arrive before the answer: quiet or the maximum ends the wait."""
    quiet, most = round(policy.debounce_s * 1000), round(policy.debounce_max_s * 1000)
    now, due = NOW, turns.due(policy, NOW, NOW)
    for gap in gaps:
        if now + gap >= due:
            break
        now += gap
        due = turns.due(policy, NOW, now)
    assert now <= due <= NOW + most
    assert due == now + quiet or due == NOW + most


def test_a_message_during_the_answer_is_due_at_once_when_the_maximum_has_passed() -> None:
    """A turn that is raised late is never due in the past."""
    assert turns.due(TenantPolicy(), NOW, NOW + 20_000) == NOW + 20_000


def test_an_owners_message_pauses_from_its_own_time_and_never_shortens() -> None:
    """A message that a sweep finds late does not silence the bot for longer than it should."""
    assert turns.pause(None, NOW - HOUR, NOW, 43_200) == NOW + 11 * HOUR
    assert turns.pause(NOW + 20 * HOUR, NOW, NOW, 43_200) == NOW + 20 * HOUR
    assert turns.pause(None, NOW + HOUR, NOW, 43_200) == NOW + 12 * HOUR


def test_the_owner_settles_what_came_before_and_everything_while_paused() -> None:
    """An old message of the owner's does not answer a newer question."""
    assert turns.is_settled(NOW, NOW - 1, paused=False)
    assert not turns.is_settled(NOW - 1, NOW, paused=False)
    assert turns.is_settled(NOW - 1, NOW, paused=True)


def test_a_reply_expires_when_its_newest_message_is_stale() -> None:
    """A clock that is ahead on the PC does not lengthen that."""
    policy = TenantPolicy()
    assert turns.expires_at([NOW - 2 * HOUR, NOW - HOUR], NOW, policy) == NOW + 5 * HOUR
    assert turns.expires_at([NOW + HOUR], NOW, policy) == NOW + 6 * HOUR


def test_the_disclosure_is_due_once_per_conversation() -> None:
    """First reply ever, and again after a day."""
    assert turns.must_disclose(ChatState(), NOW)
    assert not turns.must_disclose(ChatState(disclosed_at=NOW - 24 * HOUR + 1), NOW)
    assert turns.must_disclose(ChatState(disclosed_at=NOW - 24 * HOUR), NOW)


@given(st.lists(st.sampled_from(get_args(SendState))))
def test_the_states_of_a_send_never_move_back(reports: list[SendState]) -> None:
    """Whatever order reports come in, what WhatsApp said stays said."""
    ladder = ["queued", "sent", "delivered", "read"]
    state, best = "queued", 0
    for report in reports:
        if turns.moves_forward(state, report):
            state = report
        best = max(best, ladder.index(report) if report in ladder else 0)
    assert state == ladder[best] if best else state not in ladder[1:]


@pytest.mark.parametrize("end", ["failed", "expired"])
def test_an_unknown_send_may_still_turn_out_either_way(end: SendState) -> None:
    """Certainty replaces doubt; two certainties of failure do not replace each other."""
    assert turns.moves_forward("unknown", end)
    assert turns.moves_forward(end, "sent")
    assert not turns.moves_forward(end, "unknown")
    assert not turns.moves_forward("failed", "expired")


def test_only_trouble_asks_for_a_person() -> None:
    """Every state that leaves the customer without the reply has its reason."""
    asked = {state for state in get_args(SendState) if turns.trouble(state) is not None}
    assert asked == {"failed", "unknown", "expired"}
