"""Chats in which the shop wrote first, inside the journal's transactions; they outlive a restart.

Every function runs on the journal's thread.
"""

from typing import Final
from uuid import UUID

from agent.database import Tx

DAY_MS: Final = 86_400_000


def chats_begun(tx: Tx, account: str, chat: str, now_ms: int) -> int | None:
    """How many chats we began within a day, when a message here would begin one more.

    None: the customer of this chat wrote within the 90 days that the journal reaches back, or it is
    one of those that were begun.
    """
    row = tx.only("begun_count", account=account, chat=chat, since_ms=now_ms - DAY_MS)
    number: int | None = row["n"]
    return number


def begin(tx: Tx, event_id: UUID, now_ms: int) -> None:
    """An order goes out as the first word in its chat."""
    tx.run("begun_prune", since_ms=now_ms - DAY_MS)
    tx.run("begun_insert", id=str(event_id), now_ms=now_ms)
