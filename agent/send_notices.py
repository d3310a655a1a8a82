"""What the shop owner has to know of a send that ended, in one sentence with what to do."""

from typing import Final

from agent.attention import Attention
from agent.sender import BUDGET_SPENT, Finish, State

_UNKNOWN: Final = Attention(
    "unknown_send",
    "A reply may or may not have reached its customer: on the phone look into the chats that the "
    "panel calls *unsure*.",
)
_BUDGET: Final = Attention(
    "budget",
    "A message was not sent, because too many chats were begun today to which the customers had "
    "not written: write it on the shop's phone, or raise SAK_AGENT_STARTED_PER_DAY.",
)


def notice_of(end: Finish) -> Attention | None:
    """What to tell of the end of a send; None when it needs nobody."""
    if end.state is State.UNKNOWN:
        return _UNKNOWN
    if end.error is not None and end.error.code == BUDGET_SPENT:
        return _BUDGET
    return None
