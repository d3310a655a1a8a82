"""What the journal's tests do again and again."""

import sqlite3
from uuid import UUID

from agent.journal import Journal
from protocol import codec
from protocol.messages import (
    MessageReceived,
    MessageStatus,
    Position,
)
from tests.agent.stage import welcome


async def pair(journal: Journal, tenant_id: str = "t1", agent_id: str = "a1") -> None:
    await journal.save_identity(
        hub_url="https://hub.example",
        socket_url="wss://hub.example/agent",
        agent_id=agent_id,
        tenant_id=tenant_id,
        token="sak_a_invented",
        token_expires_ms=None,
    )


async def connect(journal: Journal, held: int = 0, down_epoch: str = "F1") -> bool:
    """Reconcile with a hub that holds the first `held` events."""
    own = await journal.own_log()
    last = None
    if held:
        last = (await all_rows(journal))[held]
    return await journal.reconcile(
        welcome(Position(epoch=own.epoch, seq=held, last_id=last), down_epoch)
    )


async def all_rows(journal: Journal) -> dict[int, UUID]:
    with sqlite3.connect(journal._database.path) as connection:
        return {seq: UUID(row) for seq, row in connection.execute("SELECT seq, id FROM outbox")}


async def unsent(journal: Journal, after: int = 0) -> list[MessageReceived | MessageStatus]:
    rows = await journal.unsent(after, 1000)
    return [codec.decode_data(row.type, row.data) for row in rows]  # type: ignore[misc]
