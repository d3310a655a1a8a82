"""What the journal answers: who this agent is, and figures."""

import msgspec


class Identity(msgspec.Struct, frozen=True):
    """Who this agent is. `paired_ms`: when this shop was paired first; nothing older is told."""

    hub_url: str
    socket_url: str
    agent_id: str
    tenant_id: str
    token: str
    token_since_ms: int
    token_expires_ms: int | None
    paired_ms: int


class Facts(msgspec.Struct, frozen=True):
    """Figures for a status: `outbox` and `inbox` count events that wait.

    `arrivals` counts the messages that will be events once their files were brought.
    """

    outbox: int
    inbox: int
    paused: bool
    last_inbound_ms: int | None
    arrivals: int = 0


class Counts(msgspec.Struct, frozen=True):
    """What happened since a moment: messages by whom, sends by their end."""

    received: int
    from_owner: int
    answered: int
    failed: int
    unknown: int
    expired: int
