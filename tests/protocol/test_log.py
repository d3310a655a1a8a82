"""Where sending goes on after a connect."""

from uuid import UUID

import pytest

from protocol.log import OwnLog, resume
from protocol.messages import HeldPosition, Position

pytestmark = pytest.mark.core

ID = UUID(int=5)
LOG = OwnLog(epoch="E1", head=9, acked=5, oldest_kept=1)


def test_an_agreed_position_goes_on_behind_it() -> None:
    """Epoch, seq and last id all match."""
    assert resume(LOG, Position(epoch="E1", seq=5, last_id=ID), ID) == 5


def test_a_position_at_zero_starts_at_the_beginning() -> None:
    """Zero is a position like any other."""
    assert resume(LOG, Position(epoch="E1", seq=0), None) == 0


@pytest.mark.parametrize(
    ("held", "id_at_held"),
    [
        (Position(epoch="E0", seq=5, last_id=ID), ID),  # another epoch
        (Position(epoch="E1", seq=10, last_id=ID), ID),  # beyond the head
        (Position(epoch="E1", seq=5, last_id=UUID(int=6)), ID),  # another event
        (Position(epoch="E1", seq=5), ID),  # missing counts as different
        (Position(epoch="E1", seq=5, last_id=ID), None),  # we hold no such row
    ],
)
def test_a_contradiction_needs_a_new_epoch(held: Position, id_at_held: UUID | None) -> None:
    """One of the sides was wiped or restored."""
    assert resume(LOG, held, id_at_held) is None


def test_a_position_older_than_the_oldest_row_needs_a_new_epoch() -> None:
    """What was deleted cannot be sent again."""
    pruned = OwnLog(epoch="E1", head=9, acked=5, oldest_kept=4)
    assert resume(pruned, Position(epoch="E1", seq=3, last_id=ID), ID) is None
    assert resume(pruned, Position(epoch="E1", seq=0), None) is None
    assert resume(pruned, Position(epoch="E1", seq=4, last_id=ID), ID) == 4


def test_a_peer_that_holds_nothing_gets_an_unacknowledged_log_again() -> None:
    """An empty or never acknowledged log keeps its epoch; any other starts anew."""
    nothing = HeldPosition(seq=0)
    assert resume(OwnLog(epoch="E1", head=0, acked=0, oldest_kept=1), nothing, None) == 0
    assert resume(OwnLog(epoch="E1", head=3, acked=0, oldest_kept=1), nothing, None) == 0
    assert resume(OwnLog(epoch="E1", head=3, acked=1, oldest_kept=1), nothing, None) is None
