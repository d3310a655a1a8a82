"""Linking decides by plain values: what is offered, how often, and when that ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agent import link_words as words
from agent.linking import (
    CODE_LIVES_MS,
    Do,
    Kind,
    Known,
    Linking,
    LinkOffer,
    LinkWish,
    Phase,
    Step,
    code_came,
    failed,
    linked,
    logged_out,
    open_round,
    page_asks,
    page_gone,
    refusal,
    stalled,
    tick,
    unlinked,
)

pytestmark = pytest.mark.core
OURS, OTHER = "+919800000009", "+919800000008"
NEW = Linking(attempts_max=3)
HELD = Linking(attempts_max=3, known=Known(OURS))
BY_CODE = LinkWish(phone=OURS)
SECRET = "2@secret,a,b,c"


def opened(now: Linking = HELD, wish: LinkWish | None = None) -> Linking:
    """A round that a person began at a page that is there."""
    return open_round(unlinked(now), wish or LinkWish(), 0, at_page=True)[0]


def kind_of(wish: LinkWish) -> Kind:
    return "code" if wish.phone else "qr"


def offering(count: int = 1, wish: LinkWish | None = None, now: Linking = HELD) -> Linking:
    """A round with so many codes."""
    now = opened(now, wish)
    for n in range(count):
        now = code_came(now, kind_of(now.wish), f"text {n}", 0)[0]
    return now


def test_a_new_pc_offers_by_itself_and_one_that_was_linked_does_not() -> None:
    """A link that somebody ended must not become a loop of codes that nobody watches."""
    first, do = page_asks(NEW, 0)
    assert (first.phase, do, first.state) == (Phase.WAITING, (Do.ASK_QR,), "qr")
    later, do = page_asks(HELD, 0)
    assert (later.phase, do, later.state) == (Phase.CLOSED, (), "logged_out")
    assert opened().state == "qr"


def test_a_new_code_is_an_attempt_and_the_same_one_is_not() -> None:
    """WhatsApp tells a code as often as it likes."""
    now = offering(2)
    assert now.offer == LinkOffer("qr", "text 1", None, 2, 3)
    assert code_came(now, "qr", "text 1", 5) == (now, ())
    assert code_came(now, "code", "ABCD1234", 5) == (now, ())
    assert code_came(HELD, "qr", "text", 5) == (HELD, ())


def test_a_code_to_type_says_until_when_it_counts() -> None:
    """3.25 minutes by wa-js; a QR is renewed when WhatsApp says so."""
    offer = offering(wish=BY_CODE).offer
    assert offer is not None
    assert (offer.kind, offer.expires_ms) == ("code", CODE_LIVES_MS)


@pytest.mark.parametrize("wish", [LinkWish(), BY_CODE])
def test_one_code_too_many_ends_the_round(wish: LinkWish) -> None:
    """Then nothing is offered; the page forgets a code that could still be typed."""
    over, do = code_came(offering(3, wish), kind_of(wish), "one more", 0)
    assert (over.phase, over.offer, over.state) == (Phase.OVER, None, "logged_out")
    assert do == ((Do.FORGET_CODE,) if wish.phone else ())
    assert over.advice == words.ends("unused")
    assert page_asks(over, 0)[0].phase is Phase.OVER
    assert code_came(over, kind_of(wish), "another", 0)[0].offer is None


def test_a_new_pc_whose_codes_ended_still_waits_to_be_linked() -> None:
    """Its state stays `qr`, with the advice how to begin again."""
    over = code_came(offering(3, now=NEW), "qr", "one more", 0)[0]
    assert (over.state, over.advice) == ("qr", words.ends("unused"))


def test_a_page_that_stops_renewing_is_asked_for_another_while_there_may_be_one() -> None:
    """WhatsApp goes idle after some; a code to type that ran out is not asked for again."""
    waiting, do = stalled(offering(2), 0)
    assert (waiting.phase, waiting.offer, do) == (Phase.WAITING, None, (Do.RENEW_QR,))
    assert stalled(offering(3), 0)[0].why == "unused"
    assert stalled(offering(1, BY_CODE), 0)[0].why == "unused"
    assert stalled(HELD, 0) == (HELD, ())


def test_a_page_that_gives_no_code_is_not_asked_for_ever() -> None:
    """Some deadlines in a row without any code end the round."""
    now, asked = opened(), 1
    while now.deadline_ms is not None:
        assert tick(now, now.deadline_ms - 1) == (now, ())
        now, do = tick(now, now.deadline_ms)
        asked += len(do)
    assert (now.phase, now.why, asked) == (Phase.OVER, "no_code", 4)


def test_a_code_that_the_page_forgot_to_renew_is_renewed_in_time() -> None:
    """What stands on the screen is never older than a minute and a half."""
    now = offering()
    assert now.deadline_ms is not None
    assert now.deadline_ms <= 90_000
    assert tick(now, now.deadline_ms)[1] == (Do.RENEW_QR,)


def test_a_number_for_which_there_is_no_code_is_said() -> None:
    """Only where one was asked for."""
    assert failed(opened(wish=BY_CODE))[0].advice == words.ends("refused")
    assert failed(opened()) == (opened(), ())
    assert failed(HELD) == (HELD, ())


def test_a_page_that_loads_anew_goes_on_with_the_round() -> None:
    """Its old code is worth nothing, no time runs meanwhile, and attempts are not forgotten."""
    gone = page_gone(offering(2))
    assert (gone.phase, gone.offer, gone.deadline_ms) == (Phase.WAITING, None, None)
    assert tick(gone, 10**15) == (gone, ())
    again, do = page_asks(gone, 0)
    assert (again.attempt, do) == (2, (Do.ASK_QR,))
    early = code_came(gone, "qr", "before it could be asked", 0)[0]
    assert page_asks(early, 0) == (replace(early, was_asked=True), ())
    assert page_gone(HELD) == HELD


def test_a_person_may_begin_anew_at_any_time() -> None:
    """Attempts count from one again, and an open code to type is forgotten first."""
    assert open_round(offering(3), LinkWish(), 0, at_page=True)[0].attempt == 0
    other = open_round(offering(1, BY_CODE), BY_CODE, 0, at_page=True)
    assert other[1] == (Do.FORGET_CODE, Do.ASK_CODE)
    assert open_round(HELD, LinkWish(), 0, at_page=False)[1] == ()


def test_a_linked_phone_closes_the_round() -> None:
    """Whichever phase it was in: somebody may scan the last code in its last second."""
    for now in (HELD, offering(2), code_came(offering(3), "qr", "more", 0)[0]):
        closed, do = linked(now, OURS)
        assert (closed, do) == (HELD, ())
    assert linked(NEW, OURS)[0].known == Known(OURS)
    assert linked(Linking(attempts_max=3, known=Known()), OURS)[0].known == Known(OURS)


def test_another_number_is_refused_and_its_link_ended() -> None:
    """Once the page asked for a phone; a session that was there before is not touched."""
    over, do = linked(offering(), OTHER)
    assert (over.foreign, over.state, do) == (True, "logged_out", (Do.UNLINK,))
    assert over.advice == words.ends("other_number")
    assert over.known == Known(OURS)
    restored, do = linked(HELD, OTHER)
    assert (restored.foreign, do) == (True, ())
    assert unlinked(over).foreign is False


def test_another_number_is_taken_when_a_person_said_so() -> None:
    """From then on it is the shop's."""
    closed, do = linked(opened(wish=LinkWish(new_number=True)), OTHER)
    assert (closed.known, closed.foreign, do) == (Known(OTHER), False, ())
    assert linked(closed, OURS)[0].foreign


def test_what_cannot_be_wished_is_refused_in_words() -> None:
    """A second link beside the first, and a number that is not the shop's."""
    assert refusal(HELD, LinkWish(), is_linked=False) is None
    assert refusal(HELD, BY_CODE, is_linked=False) is None
    assert refusal(HELD, LinkWish(), is_linked=True) == words.IS_LINKED
    assert refusal(HELD, LinkWish(phone=OTHER), is_linked=False) == words.OTHER_PHONE
    assert refusal(HELD, LinkWish(OTHER, new_number=True), is_linked=False) is None
    foreign = linked(HELD, OTHER)[0]
    assert refusal(foreign, LinkWish(), is_linked=False) == words.ends("other_number")
    assert refusal(foreign, LinkWish(new_number=True), is_linked=False) is None


def test_the_reason_of_a_logout_stays_until_the_next_link() -> None:
    """A word says more than the number of its group; a page about to leave does not erase it."""
    out = logged_out(logged_out(HELD, "account_locked"), "code_0")
    assert out.known == Known(OURS, "account_locked")
    assert linked(out, OURS)[0].known == out.known
    assert "locked" in out.advice
    assert linked(unlinked(out), OURS)[0].known == Known(OURS)
    assert logged_out(NEW, "account_locked") == NEW
    assert logged_out(out, None) == out


def test_what_is_said_while_a_round_is_open() -> None:
    """How to scan, or how to type."""
    assert (NEW.advice, opened().advice) == (words.HOW_QR, words.HOW_QR)
    assert opened(wish=BY_CODE).advice == words.HOW_CODE
    assert words.invites(opened().advice)
    assert not words.invites(words.ends("unused"))


@pytest.mark.parametrize(
    ("reason", "meaning"),
    [
        (None, "does not say why"),
        ("something_new", "does not say why"),
        ("unknown_companion", "14 days"),
        ("lid_migration_state_discrepancy", "names numbers"),
        ("syncd_failure", "own data"),
        ("syncd_timeout", "did not hand over"),
        ("web_fail_storage_initialization", "free space"),
        ("code_3", "locked"),
    ],
)
def test_every_reason_is_said_in_words(reason: str | None, meaning: str) -> None:
    """With what to do, and short enough for a notification."""
    said = words.logout(reason)
    assert meaning in said
    assert "sak-agent link" in said
    assert len(said) <= 300


def test_nothing_that_is_printed_of_an_offer_holds_its_code() -> None:
    """A status may stand in a crash's text or a log line."""
    offer = LinkOffer("qr", SECRET, None, 1, 3)
    assert SECRET not in f"{offer!r} {offer} {replace(HELD, offer=offer)!r}"


Moves = st.lists(
    st.tuples(
        st.sampled_from(["asks", "gone", "code", "stalled", "tick", "failed", "unlinked", "out"]),
        st.integers(0, 5),
    ),
    max_size=60,
)


def moved(now: Linking, move: str, n: int, clock_ms: int) -> Step:
    """The world's next move."""
    match move:
        case "asks":
            return page_asks(now, clock_ms)
        case "gone":
            return page_gone(now), ()
        case "code":
            return code_came(now, kind_of(now.wish), f"text {n}", clock_ms)
        case "stalled":
            return stalled(now, clock_ms)
        case "tick":
            return tick(now, clock_ms)
        case "failed":
            return failed(now)
        case "unlinked":
            return unlinked(now), ()
        case _:
            return logged_out(now, "account_locked"), ()


@given(moves=Moves, by_code=st.booleans(), is_new=st.booleans())
def test_without_a_person_every_round_ends(
    moves: list[tuple[str, int]], by_code: bool, is_new: bool
) -> None:
    """Whatever the page does: at most so many codes, an offer only in a round, no second round."""
    now = opened(NEW if is_new else HELD, BY_CODE if by_code else None)
    clock_ms, attempts, ended, asks = 0, 0, False, 0
    for move, n in moves:
        clock_ms += 30_000
        now, do = moved(now, move, n, clock_ms)
        asks += len(set(do) & {Do.ASK_QR, Do.ASK_CODE, Do.RENEW_QR})
        assert now.attempt >= attempts
        attempts, ended = now.attempt, ended or not now.is_open
        assert attempts <= now.attempts_max
        assert (now.offer is not None) == (now.phase is Phase.OFFERING)
        assert not (ended and now.is_open)
    assert asks <= 4 * (now.attempts_max + 1)
    assert linked(now, OURS)[0].phase is Phase.CLOSED
