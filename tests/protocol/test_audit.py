"""The contents of the commands `audit` and `sweep`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.audit import AuditArgs, AuditData, Shown, SweepArgs, listed, plain, read
from protocol.messages import Instant

pytestmark = pytest.mark.core
CHAT = "919800000001@c.us"


def shown(wa_id: str, sent_ms: int) -> Shown:
    return Shown(chat=CHAT, wa_id=wa_id, sent_at=Instant(sent_ms))


def test_contents_travel_as_plain_json_and_come_back() -> None:
    """Times are text, what is absent is left out, and what another version adds is ignored."""
    told = AuditData(
        account="+919800000009", since=Instant(0), found=1, messages=(shown("A", 1_000),)
    )
    content = plain(told)
    assert content["since"] == "1970-01-01T00:00:00.000Z"
    assert content["messages"] == [
        {"chat": CHAT, "wa_id": "A", "sent_at": "1970-01-01T00:00:01.000Z"}
    ]
    assert read(AuditData, content | {"later": {"unknown": 1}}) == told
    assert read(AuditArgs, {"since": None}) == read(AuditArgs, {}) == AuditArgs()


@pytest.mark.parametrize(
    "content",
    [None, [], {"again": 1}, {"since": 5}, {"since": "soon"}, {"account": "nobody"}],
)
def test_contents_of_another_shape_are_told_apart(content: object) -> None:
    """One kind of error, whatever is wrong."""
    with pytest.raises(ValueError, match=r"."):
        read(SweepArgs, content)


def test_a_list_that_is_too_long_goes_on_later() -> None:
    """It ends between two moments, unless one moment alone is too long."""
    messages = tuple(shown(f"M{n}", n // 2 * 1000) for n in range(6))
    (one_size,) = {len(str(plain(one))) for one in messages}
    assert listed(messages) == (messages, None)
    first, later = listed(messages, one_size * 4)
    assert later is not None
    assert 0 < len(first) < 6
    assert all(one.sent_at.ms < later.ms for one in first)
    assert all(one.sent_at.ms >= later.ms for one in messages[len(first) :])
    at_once = tuple(shown(f"M{n}", 5000) for n in range(6))
    first, later = listed(at_once, one_size * 4)
    assert 0 < len(first) < 6
    assert later == Instant(5001)


@pytest.mark.hypothesis
@given(st.lists(st.integers(0, 20)), st.integers(100, 2_000))
def test_asking_on_lists_every_message_once(moments: list[int], max_bytes: int) -> None:
    """Whatever fits into one answer, several of them list all, where no moment is too full."""
    messages = tuple(shown(f"M{n}", s * 1000) for n, s in enumerate(sorted(moments)))
    found: list[Shown] = []
    left, later = messages, Instant(-1)
    while left:
        part, cut = listed(left, max_bytes)
        found += part
        if cut is None:
            break
        assert part
        assert cut.ms > later.ms
        later, left = cut, tuple(one for one in left if one.sent_at.ms >= cut.ms)
    sizes = [sum(len(str(plain(m))) for m in messages if m.sent_at.ms == s * 1000) for s in moments]
    if all(size < max_bytes for size in sizes):
        assert found == list(messages)
