"""Close codes carry their verdict."""

import pytest

from protocol.errors import CloseCode, RemoteProtocolError, may_reconnect
from protocol.flow import Incoming

pytestmark = pytest.mark.core


@pytest.mark.parametrize("code", [1000, 1006, 1012, 4000, 4001, 4009, 4499, 5000])
def test_most_codes_mean_connect_again(code: int) -> None:
    """Standard codes, 4000-4499, and whatever nobody has assigned."""
    assert may_reconnect(code)


@pytest.mark.parametrize("code", [4500, 4501, 4777, 4999])
def test_4500_to_4999_mean_stop(code: int) -> None:
    """Known or not, the range is the verdict."""
    assert not may_reconnect(code)


def test_every_reason_fits_into_a_close_frame() -> None:
    """RFC 6455 leaves 123 bytes."""
    incoming = Incoming(window=1)
    with pytest.raises(RemoteProtocolError) as caught:
        incoming.take(2**53 - 1)
    assert caught.value.code == CloseCode.SEQUENCE_GAP
    assert len(caught.value.reason.encode()) <= 123


def test_committing_twice_changes_nothing() -> None:
    """A commit that says nothing new owes no ack."""
    incoming = Incoming(window=1)
    assert incoming.take(1)
    incoming.commit(1)
    assert incoming.ack() is not None
    incoming.commit(1)
    assert incoming.ack() is None
