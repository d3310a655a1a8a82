"""Figures that rule on one connection: beats, windows, rates and positions."""

import pytest

from protocol import codec
from protocol.errors import CloseCode
from protocol.happenings import EventReceived, EventsAcknowledged, FrameDropped
from protocol.messages import Ack, Heartbeat, HeartbeatTimes, HeldPosition, SendStart
from protocol.session import Role, Session, Settings, State
from tests.protocol.pair import (
    SETTINGS,
    STATUS,
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

TIMES = HeartbeatTimes(interval_s=7, timeout_s=9.5)


def hub_at(down_seq: int, settings: Settings = SETTINGS) -> Session:
    """A live hub whose log goes on after `down_seq`."""
    session = Session(Role.HUB, settings, 0.0)
    session.receive_data(codec.encode(hello()), 0.0)
    session.happenings()
    start = SendStart(epoch="F1", seq=down_seq)
    session.welcome(welcome(window=settings.window, down=start), 0.0)
    sent(session)
    return session


def test_the_welcomes_heartbeat_figures_rule_on_both_sides() -> None:
    """Whatever either side had set: beats and patience follow the welcome."""
    hub = Session(Role.HUB, SETTINGS, 0.0)
    hub.receive_data(codec.encode(hello()), 0.0)
    hub.welcome(welcome(heartbeat=TIMES), 0.0)
    agent = Session(Role.AGENT, SETTINGS, 0.0, hello())
    agent.receive_data(codec.encode(welcome(heartbeat=TIMES)), 0.0)
    agent.start(1.0, 0.0)
    agent.handle_timer(1.0)
    assert agent.get_timer() == 8.0
    for session in (hub, agent):
        session.handle_timer(9.4)
        assert session.state is State.LIVE
        session.handle_timer(9.5)
        assert closed_with(session) == CloseCode.HEARTBEAT_TIMEOUT


def test_acks_count_from_where_sending_started() -> None:
    """An ack at the welcome's own position is old; one above it, before anything was sent, 4003."""
    session = hub_at(4)
    session.receive_data(codec.encode(Ack(seq=4)), 0.0)
    assert (session.happenings(), session.state) == ([], State.LIVE)
    session.receive_data(codec.encode(Ack(seq=5)), 0.0)
    assert closed_with(session) == CloseCode.PROTOCOL_VIOLATION


def test_windows_count_from_the_welcomes_position() -> None:
    """A connection that resumes at 4 has the whole window behind it."""
    session = hub_at(4)
    assert (session.next_seq, session.sendable(0.0)) == (5, 2)
    session.send_events([row(5, order("a")), row(6, order("b"))], 0.0)
    session.receive_data(codec.encode(Ack(seq=6)), 0.0)
    assert session.happenings() == [EventsAcknowledged(6)]
    assert session.sendable(0.0) == 2


def test_a_busy_receiver_keeps_what_comes_and_acknowledges_it() -> None:
    """Events from before and after the word `busy` are taken within the window."""
    pair = Pair()
    pair.hub.receive_data(frame(1, received("a")), 0.0)
    pair.hub.busy("disk", 30.0)
    pair.hub.receive_data(frame(2, received("b")), 0.0)
    seqs = [h.event.seq for h in pair.hub.happenings() if isinstance(h, EventReceived)]
    assert seqs == [1, 2]
    pair.hub.committed(2)
    assert sent(pair.hub)[-1] == Ack(seq=2)


def test_a_sender_never_repeats_on_a_live_connection() -> None:
    """However long an ack takes, the next event is the next one."""
    pair = Pair()
    pair.agent.send_events([row(1, received())], 0.0)
    sent(pair.agent)
    pair.agent.handle_timer(29.9)
    assert sent(pair.agent) == []
    assert pair.agent.next_seq == 2


@pytest.mark.parametrize("kind", ["ack", "heartbeat", "event"])
def test_what_the_protocol_needs_is_never_dropped(kind: str) -> None:
    """Acks, heartbeats and events are outside the rate limit, however many come."""
    session = hub_at(0, Settings(window=50, loose_frames_per_min=1))
    for number in range(1, 21):
        frames = {
            "ack": codec.encode(Ack(seq=0)),
            "heartbeat": codec.encode(Heartbeat(n=number, status=STATUS)),
            "event": frame(number, received(str(number))),
        }
        session.receive_data(frames[kind], 1.0)
    assert not [h for h in session.happenings() if isinstance(h, FrameDropped)]
    assert session.state is State.LIVE


def test_a_position_that_is_known_is_where_receiving_starts() -> None:
    """A gap is judged from the welcome's position, not from 1."""
    held = HeldPosition(epoch="F1", seq=2, last_id=None)
    agent = Session(Role.AGENT, SETTINGS, 0.0, hello(down=held))
    agent.receive_data(codec.encode(welcome(down=SendStart(epoch="F1", seq=2))), 0.0)
    agent.start(1.0, 0.0)
    agent.receive_data(frame(4, order()), 0.0)
    assert closed_with(agent) == CloseCode.SEQUENCE_GAP


def test_an_unanswered_beat_is_no_sign_of_life() -> None:
    """Events and acks of the hub do not keep an agent's connection alive."""
    pair = Pair()
    pair.agent.receive_data(frame(1, order()), 44.0)
    pair.agent.receive_data(codec.encode(Ack(seq=0)), 44.9)
    pair.agent.handle_timer(45.0)
    assert closed_with(pair.agent) == CloseCode.HEARTBEAT_TIMEOUT
