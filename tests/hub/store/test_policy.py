"""A shop's policy: tolerant reading, strict writing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.store import policy
from hub.store.policy import PolicyError, TenantPolicy


def test_nothing_set_gives_the_defaults() -> None:
    """The figures that the domain's rules name."""
    found = policy.load("{}")
    times = (found.debounce_s, found.debounce_max_s, found.fresh_s, found.stale_s, found.takeover_s)
    assert times == (3.0, 15.0, 900.0, 21_600.0, 43_200.0)
    assert (found.chosen, found.never) == ((), ())
    assert found.disclosure
    assert (found.quiet_from, found.quiet_to, found.order_updates) == ("21:00", "09:00", False)


def test_a_hubs_own_default_counts_where_the_shop_says_nothing() -> None:
    """The hub's SAK_HUB_DEBOUNCE_S is a default; a shop's own figure beats it."""
    defaults = TenantPolicy(debounce_s=0.1)
    assert policy.load("{}", defaults).debounce_s == 0.1
    assert policy.load('{"debounce_s": 2}', defaults).debounce_s == 2


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "[]",
        "nonsense",
        '{"debounce_s": "soon"}',
        '{"debounce_s": true}',
        '{"debounce_s": -1}',
        '{"debounce_s": null, "greeting": 1, "never": "+919800000001", "chosen": [1]}',
        '{"quiet_from": "9", "quiet_to": 21, "order_updates": "yes"}',
        '{"quiet_from": "9:00", "quiet_to": "24:00", "order_updates": 1}',
        '{"of_a_later_version": {}}',
    ],
)
def test_what_does_not_fit_counts_as_not_set(stored: str) -> None:
    """A damaged or newer setting never keeps a shop from answering."""
    assert policy.load(stored) == TenantPolicy()


def test_bounds_that_cross_are_straightened_when_read() -> None:
    """The longest wait is never below the shortest, whatever is stored."""
    found = policy.load('{"debounce_s": 30, "fresh_s": 86400, "stale_s": 60}')
    assert (found.debounce_max_s, found.stale_s) == (30, 86_400)


def test_a_change_keeps_everything_else() -> None:
    """What this version does not know, such as another room's settings, survives."""
    stored = policy.change('{"pricing": {"x": 1}, "debounce_s": 1}', "greeting", "  नमस्ते ")
    assert json.loads(stored) == {"pricing": {"x": 1}, "debounce_s": 1, "greeting": "नमस्ते"}


def test_numbers_are_stored_in_one_form() -> None:
    """However they are grouped, and each only once."""
    stored = policy.change("{}", "never", "+91 98000-00001, +91 (98) 000.00001,, +919800000002 ")
    assert policy.load(stored).never == ("+919800000001", "+919800000002")


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("quiet_from", " 9:30 ", "09:30"),
        ("quiet_to", "00:00", "00:00"),
        ("quiet_to", " ", ""),
        ("order_updates", "Yes", True),
        ("order_updates", "no", False),
    ],
)
def test_times_of_day_and_switches(key: str, text: str, value: object) -> None:
    """A time is stored with two digits each, an empty one as none."""
    assert getattr(policy.load(policy.change("{}", key, text)), key) == value


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("debounce_s", "x"),
        ("debounce_s", "-1"),
        ("debounce_s", "inf"),
        ("debounce_s", "16"),
        ("debounce_max_s", "1"),
        ("fresh_s", "86400"),
        ("greeting", "x" * 1001),
        ("chosen", "9800000001"),
        ("chosen", "+0"),
        ("quiet_from", "9pm"),
        ("quiet_to", "24:00"),
        ("quiet_to", "٠٩:٠٠"),
        ("order_updates", ""),
        ("order_updates", "1"),
        ("colour", "blue"),
    ],
)
def test_what_does_not_fit_is_refused_when_written(key: str, text: str) -> None:
    """The person at the keyboard is told, and nothing is stored."""
    with pytest.raises(PolicyError):
        policy.change("{}", key, text)


@given(st.sampled_from(policy.KEYS), st.text(max_size=20))
def test_whatever_may_be_written_can_be_read(key: str, text: str) -> None:
    """What `change` accepts, `load` takes over as it is."""
    try:
        stored = policy.change("{}", key, text)
    except PolicyError:
        return
    value = getattr(policy.load(stored), key)
    assert json.loads(stored)[key] == (list(value) if isinstance(value, tuple) else value)
