"""What the writer remembers is what the disk holds, also after the disk refused something."""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from hub.clock import SystemClock
from hub.store.database import Store
from hub.store.errors import StoreError
from hub.store.outbound import enqueue_down
from hub.store.tx import Tx
from protocol.messages import MessageSend
from tests.hub.shops import add_agent, add_shop


def enqueue(number: int) -> Callable[[Tx], int]:
    """Put an order into the agent's log; its place."""
    order = MessageSend(account="+919800000009", chat="919800000001@c.us", text="hi")

    def op(tx: Tx) -> int:
        placed = enqueue_down(tx, "ten_a", "agt_a", UUID(int=number), order, 1)
        assert placed.row is not None
        return placed.row.seq

    return op


@contextmanager
def full_at(file: Path) -> Iterator[None]:
    """Let nothing be written beyond the present end of a file."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


async def test_a_log_has_no_gap_after_the_disk_was_full(tmp_path: Path) -> None:
    """SQLite undoes the transaction by itself then; the next order stands at the next place."""
    clock, path = SystemClock(), tmp_path / "hub.db"
    async with Store.open(f"sqlite:///{path}", clock) as store:
        await add_shop(store, clock)
        await add_agent(store, clock)
        assert await store.write(enqueue(1)) == 1
        with full_at(path.with_name("hub.db-wal")):
            for number in range(2, 6):
                with pytest.raises(StoreError):
                    await store.write(enqueue(number))
        assert await store.write(enqueue(6)) == 2
