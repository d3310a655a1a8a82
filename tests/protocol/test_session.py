"""The session core, rule by rule. SPEC.md names the test that pins each MUST."""

from typing import Any
from uuid import UUID

import pytest

from protocol import codec
from protocol.errors import CloseCode, LocalProtocolError
from protocol.happenings import (
    BusyReceived,
    ConnectionClosed,
    DrainReceived,
    ErrorReceived,
    EventReceived,
    EventsAcknowledged,
    FrameDropped,
    HeartbeatDue,
    HeartbeatReceived,
    HelloReceived,
    SendingResumed,
    TypingReceived,
    WelcomeReceived,
)
from protocol.messages import (
    FRAME_MAX_BYTES,
    WINDOW_MAX,
    Ack,
    Drain,
    Error,
    Heartbeat,
    HeartbeatAck,
    HeartbeatTimes,
    HeldPosition,
    Instant,
    Position,
    QuarantinedEvent,
    SendStart,
    Typing,
)
from protocol.session import Role, Session, Settings, State
from tests.protocol.pair import (
    ACCOUNT,
    CHAT,
    INTERVAL_S,
    SETTINGS,
    STATUS,
    TIMEOUT_S,
    Pair,
    closed_with,
    frame,
    hello,
    order,
    received,
    row,
    sent,
    welcome,
)

pytestmark = pytest.mark.core

TYPING = Typing(account=ACCOUNT, chat=CHAT, composing=True)
DRAIN = Drain(reconnect_min_s=1, reconnect_max_s=5, deadline_s=20, reason="deploy")
BUSY = Error(code="busy", message="disk", retryable=True, retry_after_s=10)


def hub() -> Session:
    return Session(Role.HUB, SETTINGS, 0.0)


def agent(**changes: Any) -> Session:
    return Session(Role.AGENT, SETTINGS, 0.0, hello(**changes))


# --- handshake --------------------------------------------------------------------------------


def test_agent_opens_with_its_hello() -> None:
    """The first frame of a connection is the agent's hello."""
    assert sent(agent()) == [hello()]


def test_a_session_needs_the_hello_of_its_role() -> None:
    """A hub never says hello and an agent always does."""
    with pytest.raises(LocalProtocolError):
        Session(Role.HUB, SETTINGS, 0.0, hello())
    with pytest.raises(LocalProtocolError):
        Session(Role.AGENT, SETTINGS, 0.0)


def test_hub_reports_the_hello_and_answers_once() -> None:
    """A hello waits for judgement; only then is there a welcome."""
    session = hub()
    session.receive_data(codec.encode(hello()), 0.0)
    assert session.happenings() == [HelloReceived(hello())]
    assert session.state is State.JUDGING
    session.welcome(welcome(), 0.0)
    assert sent(session) == [welcome()]
    with pytest.raises(LocalProtocolError):
        session.welcome(welcome(), 0.0)


@pytest.mark.parametrize(
    "first",
    [frame(1, received()), codec.encode(Ack(seq=0)), '{"type":"news","data":{}}', "nonsense"],
)
def test_anything_before_the_hello_closes_4003(first: str) -> None:
    """A hub talks to nobody who has not said hello."""
    session = hub()
    session.receive_data(first, 0.0)
    assert closed_with(session) == CloseCode.PROTOCOL_VIOLATION
    assert sent(session) == []


def test_no_hello_closes_4002() -> None:
    """The 10 s for a hello are not restarted by anything."""
    session = hub()
    assert session.get_timer() == 10.0
    session.handle_timer(9.9)
    assert session.state is State.OPENING
    session.handle_timer(10.0)
    assert closed_with(session) == CloseCode.HELLO_TIMEOUT


def test_a_second_hello_closes_4003() -> None:
    """One hello per connection."""
    pair = Pair()
    pair.hub.receive_data(codec.encode(hello()), 0.0)
    assert closed_with(pair.hub) == CloseCode.PROTOCOL_VIOLATION


def test_a_position_without_epoch_closes_4003() -> None:
    """`hello.down` without an epoch can only mean that nothing is held."""
    session = hub()
    session.receive_data(codec.encode(hello(down=HeldPosition(seq=3, last_id=UUID(int=3)))), 0.0)
    assert closed_with(session) == CloseCode.PROTOCOL_VIOLATION


def test_events_pipelined_after_the_hello_are_taken_in_order() -> None:
    """What a client sends before its welcome waits, and then counts."""
    session = hub()
    session.receive_data(codec.encode(hello()), 0.0)
    session.receive_data(frame(1, received("a")), 0.0)
    session.receive_data(frame(2, received("b")), 0.0)
    assert session.happenings() == [HelloReceived(hello())]
    session.welcome(welcome(), 0.0)
    seqs = [h.event.seq for h in session.happenings() if isinstance(h, EventReceived)]
    assert seqs == [1, 2]


def test_too_much_before_the_welcome_closes_4006() -> None:
    """What waits for a welcome is bounded."""
    session = hub()
    session.receive_data(codec.encode(hello()), 0.0)
    for seq in range(1, WINDOW_MAX + 2):
        session.receive_data(frame(seq, received()), 0.0)
    assert closed_with(session) == CloseCode.WINDOW_EXCEEDED


def test_too_large_a_heap_before_the_welcome_closes_4006() -> None:
    """What waits is bounded in size as well as in number."""
    session = hub()
    session.receive_data(codec.encode(hello()), 0.0)
    for _ in range(17):
        session.receive_data(" " * FRAME_MAX_BYTES, 0.0)
    assert closed_with(session) == CloseCode.WINDOW_EXCEEDED


def test_before_the_welcome_an_agent_ignores_errors_and_news() -> None:
    """Errors and control frames of a later version do not disturb a handshake."""
    session = agent()
    session.receive_data('{"type":"news","data":{}}', 0.0)
    session.receive_data(codec.encode(Error(code="x", message="", retryable=True)), 0.0)
    assert session.state is State.OPENING
    session.receive_data(codec.encode(welcome()), 0.0)
    assert session.happenings() == [WelcomeReceived(welcome())]


def test_before_the_welcome_anything_else_closes_4003() -> None:
    """A hub that talks before its welcome breaks the protocol."""
    session = agent()
    session.receive_data(frame(1, order()), 0.0)
    assert closed_with(session) == CloseCode.PROTOCOL_VIOLATION


def test_an_agent_sends_nothing_before_it_starts() -> None:
    """Until the journal is reconciled nothing but the hello goes out."""
    session = agent()
    sent(session)
    assert session.sendable(0.0) == 0
    with pytest.raises(LocalProtocolError):
        session.send_events([row(1, received())], 0.0)
    with pytest.raises(LocalProtocolError):
        session.send(TYPING)
    with pytest.raises(LocalProtocolError):
        session.start(1.0, 0.0)


def test_no_welcome_closes_4008() -> None:
    """A hub that never welcomes counts as dead."""
    session = agent()
    session.handle_timer(TIMEOUT_S)
    assert closed_with(session) == CloseCode.HEARTBEAT_TIMEOUT


def test_a_new_down_epoch_starts_at_zero() -> None:
    """A welcome with a new epoch and another start than 0 closes 4003, unseen by the shell."""
    session = agent()
    session.receive_data(codec.encode(welcome(down=SendStart(epoch="F2", seq=4))), 0.0)
    assert closed_with(session) == CloseCode.PROTOCOL_VIOLATION
    assert [type(h) for h in session.happenings()] == [ConnectionClosed]


def test_an_agent_keeps_its_position_in_a_known_epoch() -> None:
    """What the agent holds already is acknowledged again and has no effect."""
    held = HeldPosition(epoch="F1", seq=2, last_id=UUID(int=2))
    session = agent(down=held)
    sent(session)
    session.receive_data(codec.encode(welcome(down=SendStart(epoch="F1", seq=0))), 0.0)
    session.start(1.0, 0.0)
    session.happenings()
    session.receive_data(frame(1, order()), 0.0)
    assert session.happenings() == []
    assert sent(session) == [Ack(seq=2)]


# --- events and acks --------------------------------------------------------------------------


def test_an_event_is_acknowledged_only_after_its_commit() -> None:
    """Custody means on disk: no ack before `committed`."""
    pair = Pair()
    pair.agent.send_events([row(1, received())], 0.0)
    happenings = pair.to_hub()
    assert [type(h) for h in happenings] == [EventReceived]
    assert sent(pair.hub) == []
    pair.hub.committed(1)
    assert pair.to_agent() == [EventsAcknowledged(1)]


def test_one_ack_covers_many() -> None:
    """Acks are cumulative."""
    pair = Pair()
    pair.agent.send_events([row(1, received("a")), row(2, received("b"))], 0.0)
    pair.to_hub()
    pair.hub.committed(1)
    pair.hub.committed(2)
    assert sent(pair.hub) == [Ack(seq=2)]


def test_a_repeated_event_is_acknowledged_again_without_effect() -> None:
    """Seq at or below the position: ack again, report nothing."""
    pair = Pair()
    pair.hub.receive_data(frame(1, received()), 0.0)
    pair.hub.committed(1)
    sent(pair.hub)
    pair.hub.happenings()
    pair.hub.receive_data(frame(1, received()), 0.0)
    assert pair.hub.happenings() == []
    assert sent(pair.hub) == [Ack(seq=1)]


def test_a_repeated_event_before_its_commit_is_not_acknowledged() -> None:
    """A duplicate does not make an uncommitted event safe."""
    pair = Pair()
    pair.hub.receive_data(frame(1, received()), 0.0)
    pair.hub.receive_data(frame(1, received()), 0.0)
    assert sent(pair.hub) == []


def test_a_gap_closes_4004_and_stores_nothing() -> None:
    """A missing event is never skipped."""
    pair = Pair()
    pair.hub.receive_data(frame(2, received()), 0.0)
    assert closed_with(pair.hub) == CloseCode.SEQUENCE_GAP
    assert [type(h) for h in pair.hub.happenings()] == [ConnectionClosed]


def test_an_ack_for_what_was_never_sent_closes_4003() -> None:
    """Nobody can hold more than was sent."""
    pair = Pair()
    pair.hub.receive_data(codec.encode(Ack(seq=1)), 0.0)
    assert closed_with(pair.hub) == CloseCode.PROTOCOL_VIOLATION


def test_an_old_ack_is_ignored() -> None:
    """An ack that says nothing new changes nothing."""
    pair = Pair()
    pair.hub.receive_data(codec.encode(Ack(seq=0)), 0.0)
    assert pair.hub.happenings() == []
    assert pair.hub.state is State.LIVE


def test_only_what_was_received_can_be_committed() -> None:
    """Committing the future is a defect of the shell."""
    with pytest.raises(LocalProtocolError):
        Pair().hub.committed(1)


def test_events_go_out_in_order_and_without_gaps() -> None:
    """The shell hands over the next row, no other."""
    pair = Pair()
    assert pair.agent.next_seq == 1
    with pytest.raises(LocalProtocolError):
        pair.agent.send_events([row(2, received())], 0.0)


def test_bad_data_reaches_the_shell_as_quarantined() -> None:
    """A sound envelope with bad content is stored and acknowledged like any event."""
    pair = Pair()
    bad = '{"type":"message.received","id":"%s","seq":1,"ts":"2026-01-01T00:00:00Z","data":[]}'
    pair.hub.receive_data(bad % UUID(int=9), 0.0)
    (happening,) = pair.hub.happenings()
    assert isinstance(happening, EventReceived)
    assert isinstance(happening.event, QuarantinedEvent)
    assert happening.event.code == "invalid_data"


def test_a_known_event_going_the_wrong_way_is_quarantined() -> None:
    """A hub does not take orders; it stores them as unknown."""
    pair = Pair()
    pair.hub.receive_data(frame(1, order()), 0.0)
    (happening,) = pair.hub.happenings()
    assert isinstance(happening, EventReceived)
    assert isinstance(happening.event, QuarantinedEvent)
    assert happening.event.code == "unknown_type"


@pytest.mark.parametrize("control", [welcome(), HeartbeatAck(n=1, hub_time=Instant(0)), DRAIN])
def test_a_control_frame_of_the_other_side_closes_4003(control: Error) -> None:
    """A hub's frames are not an agent's to send."""
    pair = Pair()
    pair.hub.receive_data(codec.encode(control), 0.0)
    assert closed_with(pair.hub) == CloseCode.PROTOCOL_VIOLATION


def test_a_binary_frame_closes_4003() -> None:
    """The wire is text."""
    pair = Pair()
    pair.hub.receive_data(b"{}", 0.0)
    assert closed_with(pair.hub) == CloseCode.PROTOCOL_VIOLATION


def test_an_oversized_frame_closes_1009() -> None:
    """262,144 bytes of payload are the most."""
    pair = Pair()
    pair.hub.receive_data(" " * 262_145, 0.0)
    assert closed_with(pair.hub) == CloseCode.TOO_BIG


# --- window and busy --------------------------------------------------------------------------


def test_no_more_is_sent_than_the_window_takes() -> None:
    """Unacknowledged events stay within the peer's window."""
    pair = Pair()
    assert pair.hub.sendable(0.0) == 2
    pair.hub.send_events([row(1, order("a")), row(2, order("b"))], 0.0)
    assert pair.hub.sendable(0.0) == 0
    with pytest.raises(LocalProtocolError):
        pair.hub.send_events([row(3, order("c"))], 0.0)
    pair.to_agent()
    pair.agent.committed(1)
    pair.to_hub()
    assert pair.hub.sendable(0.0) == 1


def test_overrunning_the_window_closes_4006() -> None:
    """Only our own acks on the wire make room; duplicates do not count."""
    pair = Pair()
    for seq in (1, 1, 2, 2):
        pair.hub.receive_data(frame(seq, received()), 0.0)
    pair.hub.committed(1)
    sent(pair.hub)
    pair.hub.receive_data(frame(3, received()), 0.0)
    assert pair.hub.state is State.LIVE
    pair.hub.receive_data(frame(4, received()), 0.0)
    assert closed_with(pair.hub) == CloseCode.WINDOW_EXCEEDED


def test_a_busy_peer_gets_nothing_new_until_its_time_is_over() -> None:
    """Busy pauses events and the ack timer; what was sent stays sent."""
    pair = Pair()
    pair.agent.send_events([row(1, received())], 0.0)
    pair.hub.busy("disk", 40.0)
    assert pair.to_agent() == [BusyReceived(40.0)]
    assert pair.agent.sendable(39.9) == 0
    pair.agent.handle_timer(39.9)
    assert pair.agent.state is State.LIVE
    pair.agent.receive_data(codec.encode(HeartbeatAck(n=1, hub_time=Instant(0))), 39.9)
    pair.agent.happenings()
    pair.agent.handle_timer(40.0)
    assert SendingResumed() in pair.agent.happenings()
    assert pair.agent.sendable(40.0) == 1
    pair.agent.receive_data(codec.encode(HeartbeatAck(n=2, hub_time=Instant(0))), 60.0)
    pair.agent.handle_timer(69.9)
    assert pair.agent.state is State.LIVE
    pair.agent.handle_timer(70.0)
    assert closed_with(pair.agent) == CloseCode.PEER_STALLED


def test_an_unacknowledged_event_closes_4007() -> None:
    """30 s from its sending; a repeated ack changes nothing."""
    pair = Pair()
    pair.hub.send_events([row(1, order("a"))], 3.0)
    pair.hub.send_events([row(2, order("b"))], 20.0)
    pair.to_agent()
    pair.agent.committed(1)
    pair.to_hub()
    pair.hub.receive_data(codec.encode(Heartbeat(n=1, status=STATUS)), 30.0)
    pair.hub.receive_data(codec.encode(Ack(seq=1)), 40.0)
    pair.hub.handle_timer(49.9)
    assert pair.hub.state is State.LIVE
    pair.hub.handle_timer(50.0)
    assert closed_with(pair.hub) == CloseCode.PEER_STALLED


# --- heartbeats -------------------------------------------------------------------------------


def test_heartbeats_go_out_at_the_hub_s_interval() -> None:
    """The first beat after the given time, then one every interval of the welcome."""
    pair = Pair()
    assert pair.agent.get_timer() == 5.0
    pair.agent.handle_timer(5.0)
    assert pair.agent.happenings() == [HeartbeatDue()]
    assert pair.agent.get_timer() == 5.0 + INTERVAL_S
    pair.agent.heartbeat(STATUS)
    assert pair.to_hub(5.0) == [HeartbeatReceived(Heartbeat(n=1, status=STATUS))]


def test_a_welcome_with_interval_zero_does_not_make_an_agent_spin() -> None:
    """An agent beats at most every 20 ms."""
    session = agent()
    times = HeartbeatTimes(interval_s=0, timeout_s=45)
    session.receive_data(codec.encode(welcome(heartbeat=times)), 0.0)
    session.start(0.0, 0.0)
    session.handle_timer(0.0)
    assert session.get_timer() == pytest.approx(0.02)


def test_silence_closes_4008_on_both_sides() -> None:
    """45 s without a sign of life, events notwithstanding."""
    pair = Pair()
    pair.hub.receive_data(frame(1, received()), 44.0)
    pair.hub.handle_timer(TIMEOUT_S)
    assert closed_with(pair.hub) == CloseCode.HEARTBEAT_TIMEOUT
    pair.agent.handle_timer(TIMEOUT_S)
    assert closed_with(pair.agent) == CloseCode.HEARTBEAT_TIMEOUT


def test_a_sign_of_life_restarts_the_clock() -> None:
    """A beat keeps the hub's side, its acknowledgement the agent's."""
    pair = Pair()
    pair.agent.heartbeat(STATUS)
    pair.to_hub(30.0)
    pair.hub.send(HeartbeatAck(n=1, hub_time=Instant(0)))
    pair.to_agent(30.0)
    pair.hub.handle_timer(74.9)
    pair.agent.handle_timer(74.9)
    assert (pair.hub.state, pair.agent.state) == (State.LIVE, State.LIVE)


# --- the loose frames -------------------------------------------------------------------------


def test_typing_and_errors_are_reported_and_never_stored() -> None:
    """Both are for now and for this connection only."""
    pair = Pair()
    pair.agent.send(TYPING)
    error = Error(code="invalid_data", message="no", retryable=False, ref=UUID(int=1))
    pair.agent.send(error)
    assert pair.to_hub() == [TypingReceived(TYPING), ErrorReceived(error)]


def test_loose_frames_over_the_limit_are_dropped_and_answered_once() -> None:
    """Typing, errors and unknown frames are limited a minute; nothing else is."""
    session = Session(Role.HUB, Settings(window=2, loose_frames_per_min=2), 0.0)
    session.receive_data(codec.encode(hello()), 0.0)
    session.welcome(welcome(), 0.0)
    sent(session)
    session.happenings()
    session.receive_data(codec.encode(TYPING), 1.0)
    session.receive_data('{"type":"news","data":{}}', 1.0)
    assert session.happenings() == [TypingReceived(TYPING)]
    session.receive_data(codec.encode(TYPING), 1.0)
    session.receive_data(codec.encode(BUSY), 1.0)
    assert session.happenings() == [FrameDropped("typing"), FrameDropped("error")]
    (answer,) = sent(session)
    assert isinstance(answer, Error)
    assert answer.code == "rate_limited"
    session.receive_data(codec.encode(Heartbeat(n=1, status=STATUS)), 1.0)
    session.receive_data(codec.encode(TYPING), 61.0)
    assert [type(h) for h in session.happenings()] == [HeartbeatReceived, TypingReceived]


@pytest.mark.parametrize("control", [Ack(seq=0), welcome(), DRAIN])
def test_only_our_own_control_frames_can_be_sent(control: Error) -> None:
    """Acks have their own way out, and a hub's frames are not the agent's."""
    with pytest.raises(LocalProtocolError):
        Pair().agent.send(control)


# --- drain and close --------------------------------------------------------------------------


def test_a_drained_agent_leaves_with_4000_once_it_owes_no_ack() -> None:
    """Acks first, then the close; nothing new in between."""
    pair = Pair()
    pair.hub.send_events([row(1, order())], 0.0)
    pair.hub.drain(DRAIN, 0.0)
    assert pair.hub.sendable(0.0) == 0
    assert DrainReceived(DRAIN) in pair.to_agent()
    assert pair.agent.sendable(0.0) == 0
    assert pair.agent.state is State.LIVE
    pair.agent.committed(1)
    assert sent(pair.agent) == [Ack(seq=1)]
    assert closed_with(pair.agent) == CloseCode.RECONNECTING


def test_a_drained_hub_still_takes_and_acknowledges_events() -> None:
    """Until the socket closes, what comes is committed and acknowledged."""
    pair = Pair()
    pair.hub.drain(DRAIN, 0.0)
    pair.hub.receive_data(frame(1, received()), 0.0)
    pair.hub.committed(1)
    assert sent(pair.hub) == [DRAIN, Ack(seq=1)]


def test_a_straggler_is_closed_with_1012() -> None:
    """Who is still there at the deadline is closed by the hub."""
    pair = Pair()
    pair.hub.drain(DRAIN, 1.0)
    pair.hub.handle_timer(21.0)
    assert closed_with(pair.hub) == CloseCode.RESTART


def test_close_flushes_the_ack_and_then_says_nothing() -> None:
    """The owed ack goes before the close frame; afterwards every call is without effect."""
    pair = Pair()
    pair.hub.receive_data(frame(1, received()), 0.0)
    pair.hub.committed(1)
    pair.hub.close(CloseCode.CLEAN_STOP, "bye")
    assert sent(pair.hub) == [Ack(seq=1)]
    assert closed_with(pair.hub) == CloseCode.CLEAN_STOP
    assert pair.hub.happenings()[-1] == ConnectionClosed(1000, "bye", by_peer=False)
    pair.hub.close(CloseCode.INTERNAL_ERROR, "again")
    pair.hub.receive_data(frame(2, received()), 0.0)
    pair.hub.receive_close(1006)
    pair.hub.committed(2)
    pair.hub.send(HeartbeatAck(n=1, hub_time=Instant(0)))
    pair.hub.handle_timer(1000.0)
    assert pair.hub.close_to_send() is None
    assert (sent(pair.hub), pair.hub.happenings(), pair.hub.get_timer()) == ([], [], None)


def test_a_connection_that_ends_while_it_is_judged_is_not_an_error() -> None:
    """What a shell answers to nobody is dropped."""
    session = hub()
    session.receive_data(codec.encode(hello()), 0.0)
    session.receive_close(1006)
    session.welcome(welcome(), 0.0)
    assert sent(session) == []
    session = agent()
    session.receive_data(codec.encode(welcome()), 0.0)
    session.receive_close(1006)
    session.start(1.0, 0.0)
    assert session.happenings()[-1] == ConnectionClosed(1006, "", by_peer=True)


def test_a_resumed_log_goes_on_where_both_sides_agreed() -> None:
    """The welcome's positions are where receiving and sending start."""
    held = HeldPosition(epoch="F1", seq=4, last_id=UUID(int=4))
    up, down = Position(epoch="E1", seq=7, last_id=UUID(int=7)), SendStart(epoch="F1", seq=4)
    session = agent(down=held)
    session.receive_data(codec.encode(welcome(up=up, down=down)), 0.0)
    session.start(1.0, 0.0)
    assert session.next_seq == 8
    session.receive_data(frame(5, order()), 0.0)
    assert session.state is State.LIVE
