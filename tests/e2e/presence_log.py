"""What a hub process tells and writes about its agents, seen from outside."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Final

import httpx2
import msgspec

from tests.e2e.small_house import SHOP, SmallHouse

SAMPLE_S: Final = 0.02

REASONS: Final = {
    "unknown": {"hub_started"},
    "online": {"welcomed", "beat"},
    "degraded": {"whatsapp_not_ready", "paused", "backlog"},
    "lost": {"heartbeat_timeout", "connection_ended", "grace_over"},
    "offline": {"clean_stop", "lost_too_long", "unblocked", "block_over"},
    "blocked": {"revoked", "duplicate"},
}
"""What can lead to each status."""


class Row(msgspec.Struct, frozen=True):
    """A row of the history."""

    before: str
    after: str
    reason: str
    generation: int
    at: int


class Standing(msgspec.Struct, frozen=True):
    """The row of the status table."""

    status: str
    since: int
    last_seen: int | None
    generation: int
    connection_id: str | None


def history(folder: Path) -> list[Row]:
    """The whole history of the only agent, which has to explain the present without a gap."""
    rows, now = _read(folder)
    statuses = ["offline", *(row.after for row in rows)]
    assert [row.before for row in rows] == statuses[:-1], "each row begins where the last one ended"
    assert all(row.reason in REASONS[row.after] for row in rows)
    assert [row.at for row in rows] == sorted(row.at for row in rows)
    assert [row.generation for row in rows] == sorted(row.generation for row in rows)
    assert (now.status, now.since) == (rows[-1].after, rows[-1].at)
    return rows


def standing(folder: Path) -> Standing:
    """The present row of the only agent."""
    return _read(folder)[1]


def _read(folder: Path) -> tuple[list[Row], Standing]:
    """Both at one moment."""
    with closing(sqlite3.connect(f"file:{folder}/hub.db?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN")
        rows = [
            Row(it["from_status"], it["to_status"], it["reason"], it["generation"], it["at"])
            for it in connection.execute("SELECT * FROM agent_status_history ORDER BY id")
        ]
        (now,) = connection.execute("SELECT * FROM agent_status").fetchall()
    return rows, Standing(
        now["status"], now["since"], now["last_seen"], now["generation"], now["connection_id"]
    )


class Samples:
    """What the status URL answered, while it was asked all the time."""

    def __init__(self) -> None:
        self.statuses: list[str] = []
        self.unanswered = 0

    @classmethod
    @asynccontextmanager
    async def of(cls, house: SmallHouse) -> AsyncIterator["Samples"]:
        """Ask until the block ends."""
        samples = cls()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(samples._ask(house), name="samples")
            yield samples
            task.cancel()

    async def _ask(self, house: SmallHouse) -> None:
        headers = {"Authorization": f"Bearer {house.key}"}
        url = f"{house.url}/api/desktop-agent/status/{SHOP}"
        async with httpx2.AsyncClient(headers=headers, trust_env=False) as client:
            while True:
                try:
                    self._note((await client.get(url)).raise_for_status().json())
                except httpx2.HTTPError:
                    self.unanswered += 1
                await asyncio.sleep(SAMPLE_S)

    def _note(self, page: dict[str, Any]) -> None:
        (agent,) = page["agents"]
        self.statuses.append(agent["status"])
