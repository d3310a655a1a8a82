"""CORE: the pace at which a person might write, so that nothing here looks like a machine.

A `roll` is a number from 0 to below 1 that belongs to the message: the same one on every try.
"""

from typing import Final
from uuid import UUID

import msgspec

_ROLLS: Final = 10_000
_HASTE: Final = 0.25  # so much quicker than usual somebody types at best
_REST: Final = 0.5  # so much longer than its least the gap may be


class Policy(msgspec.Struct, frozen=True):
    """The sender's figures; `_s` are seconds, 0 switches a pause off."""

    typing_chars_per_s: float = 12.0
    typing_max_s: float = 6.0
    gap_s: float = 1.0  # at least, between two sends of this account, whatever their chats
    attempts_max: int = 3  # hand-overs of one message that left it in doubt
    lives_max: int = 20  # hand-overs in all: a message that ends the agent each time must end too
    lookup_every_s: float = 2.0  # also the first wait: a page needs a moment to store a key
    doubts_max: int = 30  # lookups without an answer while ready: a minute at the pace above
    typing_min_s: float = 0.8  # also of what has no words, such as a picture
    begun_max: int = 20  # chats within a day in which nobody but us had written


def roll_of(event_id: UUID) -> float:
    """A message's own roll."""
    return event_id.int % _ROLLS / _ROLLS


def typing_s(chars: int, roll: float, policy: Policy) -> float:
    """How long a person might type so many characters, within the policy's bounds."""
    if policy.typing_chars_per_s <= 0:
        return 0.0
    usual_s = max(policy.typing_min_s, chars / policy.typing_chars_per_s)
    return min(policy.typing_max_s, usual_s) * (1 - _HASTE * roll)


def gap_s(roll: float, policy: Policy) -> float:
    """How long nothing else goes out after a message."""
    return policy.gap_s * (1 + _REST * roll)
