"""When an agent has told all that a hub which was restored may have forgotten."""

from uuid import UUID

import msgspec
import pytest

from hub.gateway.recall import Recall
from protocol.messages import AgentStatus, HeldPosition, Hello, LogHead, Position, Software

pytestmark = pytest.mark.core

IDLE = AgentStatus(whatsapp="ready", paused=False, outbox=0, inbox=0)
BUSY = msgspec.structs.replace(IDLE, inbox=1)


def hello(head: int, status: AgentStatus = IDLE) -> Hello:
    return Hello(
        agent_id="agt_a",
        instance_id=UUID(int=1),
        conn_no=1,
        software=Software(name="test", version="1"),
        caps=[],
        window=32,
        up=LogHead(epoch="E", head=head),
        down=HeldPosition(seq=0),
        status=status,
    )


def begun(head: int, position: int, status: AgentStatus = IDLE) -> Recall:
    recall = Recall()
    recall.begin(hello(head, status), Position(epoch="E", seq=position))
    return recall


def test_it_is_current_while_whatsapp_is_ready() -> None:
    """An agent without its page cannot tell what a customer writes now."""
    recall = begun(3, 3, msgspec.structs.replace(IDLE, whatsapp="starting"))
    assert (recall.is_complete, recall.is_current) == (True, False)
    for status, current in ((IDLE, True), (msgspec.structs.replace(IDLE, whatsapp="lost"), False)):
        recall.beat(status)
        assert recall.is_current == current
    assert not begun(3, 2).is_current


def test_nothing_is_known_before_the_hello() -> None:
    """A connection that was not admitted has told nothing."""
    recall = Recall()
    recall.told(5)
    recall.beat(IDLE)
    assert not recall.is_complete


def test_the_log_has_to_come_in_up_to_where_it_stood() -> None:
    """What the agent had to tell when it came; what happens later is no part of it."""
    recall, complete = begun(head=3, position=1), []
    for seq in (2, 3):
        recall.told(seq)
        complete.append(recall.is_complete)
    assert complete == [False, True]
    assert begun(head=3, position=3).is_complete


def test_an_agent_at_work_may_be_sending_what_was_forgotten() -> None:
    """It has told everything with the first beat that speaks of no order and of no result."""
    recall, complete = begun(head=0, position=0, status=BUSY), []
    for status in (BUSY, msgspec.structs.replace(IDLE, outbox=1), IDLE, BUSY):
        recall.beat(status)
        complete.append(recall.is_complete)
    assert complete == [False, False, True, True]


@pytest.mark.parametrize("told", [0, 9])
def test_a_position_beyond_the_head_is_another_log(told: int) -> None:
    """The agent is about to close and to begin a new epoch, whose hello tells more."""
    recall = begun(head=2, position=7)
    recall.told(told)
    assert not recall.is_complete
