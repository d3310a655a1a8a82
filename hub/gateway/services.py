"""What every connection of an agent works with; put together by the composition root."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from hub.clock import Clock
from hub.conversation.intake import Intake
from hub.gateway.registry import Registry
from hub.gateway.roster import Roster
from hub.gateway.ticker import Ticker
from hub.store.database import Store
from hub.store.policy import TenantPolicy
from protocol.session import Settings

if TYPE_CHECKING:
    from hub.gateway.connection import Connection


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """Shared by all connections.

    `take_up` tells the conversation what a message led to, once it is on disk; `composing` that a
    customer types (tenant, account, chat, active); `know` that the agent of a connection has told
    what it knows, so that its customers can be answered, and whether it sees what they write now;
    `has_room` asks whether a due turn may begin at once.
    None of them waits for anything.
    """

    store: Store
    clock: Clock
    roster: Roster
    ticker: Ticker
    registry: Registry
    session: Settings
    defaults: TenantPolicy
    duplicate_window_ms: int
    send_timeout_s: float
    know: Callable[["Connection", bool], None]
    take_up: Callable[[Intake], None]
    has_room: Callable[[], bool]
    composing: Callable[[str, str, str, bool], None]
