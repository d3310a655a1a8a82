"""The agent's durable memory: identity, both logs, positions and what is in work.

One SQLite file (`journal.sql`), WAL with synchronous=FULL; each call is one transaction and returns
when it is on disk. Nothing is cached, so the command line may look into the file, or pair the PC
anew, while the daemon runs: a connection that was opened before notices at its next call
(LogsChangedError).
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self, TypeVar
from uuid import UUID

from agent import arrivals, inbox, outbox
from agent.arrivals import Arrival
from agent.clock import Clock
from agent.database import Database, Tx
from agent.inbox import Accepted, Job, Result, Send
from agent.journal_facts import Counts, Facts, Identity
from protocol import codec
from protocol.log import OwnLog
from protocol.messages import (
    Event,
    HeldPosition,
    MessageReceived,
    QuarantinedEvent,
    ReceivedMedia,
    SendState,
    Welcome,
)

__all__ = ["Counts", "Facts", "Identity", "Journal", "LogsChangedError"]

T = TypeVar("T")

FILE_NAME = "journal.sqlite3"
DAY_MS: Final = 86_400_000
KEEP_ROWS_MS: Final = 7 * DAY_MS  # SPEC 4.12: for a hub that was restored from a backup
KEEP_IDS_MS: Final = 90 * DAY_MS
_FORGET: Final = (
    *("outbox_clear", "arrivals_clear", "inbox_clear", "seen_clear", "begun_clear"),
    "facts_forget",
)
_HERE = Path(__file__).parent


class LogsChangedError(Exception):
    """The logs began anew since this connection was reconciled: close it and connect again."""


class Journal:
    """The journal, held open by one process for its daemon, or for a moment by the command line."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._generation = -1  # of the logs with which the present connection was reconciled
        self._hub_ahead_ms = 0  # the hub's clock minus ours
        self.outbox_grew = asyncio.Event()
        self.inbox_grew = asyncio.Event()
        self.arrivals_grew = asyncio.Event()

    @classmethod
    async def open(cls, path: Path, clock: Clock) -> Self:
        """Open the journal at `path`, made with its directory if it is missing.

        Raises:
            JournalDamagedError, JournalNewerError, JournalError: the file was left as it is.
        """
        schema, queries = _HERE / "journal.sql", _HERE / "journal_queries.sql"
        return cls(await Database.open(path, schema, queries), clock)

    async def close(self) -> None:
        """Close the file."""
        await self._database.close()

    # --- who we are -------------------------------------------------------------------------

    async def identity(self) -> Identity | None:
        """Who this agent is, None before it is paired."""
        row = await self._do(lambda tx: tx.one("identity"))
        if row is None:
            return None
        return Identity(**{name: row[name] for name in Identity.__struct_fields__})

    async def save_identity(
        self,
        *,
        hub_url: str,
        socket_url: str,
        agent_id: str,
        tenant_id: str,
        token: str,
        token_expires_ms: int | None,
        since_ms: int | None = None,
    ) -> None:
        """Become this agent. Paired with another shop, everything of the former one is dropped.

        Older messages than `since_ms`, or than now, are never told.
        """
        now_ms = self._clock.now_ms()
        paired_ms = now_ms if since_ms is None else since_ms

        def become(tx: Tx) -> None:
            old = tx.one("identity")
            same = old is not None and (old["hub_url"], old["tenant_id"]) == (hub_url, tenant_id)
            if old is not None and not same:
                for forget in _FORGET:
                    tx.run(forget)
            outbox.begin_epoch(tx)
            tx.run("facts_down_begin", epoch=None)
            tx.run(
                "identity_save",
                hub_url=hub_url,
                socket_url=socket_url,
                agent_id=agent_id,
                tenant_id=tenant_id,
                token=token,
                now_ms=now_ms,
                expires_ms=token_expires_ms,
                paired_ms=old["paired_ms"] if old is not None and same else paired_ms,
            )

        await self._do(become)

    async def save_token(self, agent_id: str, token: str, expires_ms: int | None) -> None:
        """Use this token from the next connection on, unless the PC was paired anew meanwhile."""
        now_ms = self.hub_now_ms()
        await self._do(
            lambda tx: tx.run(
                "identity_token",
                agent_id=agent_id,
                token=token,
                now_ms=now_ms,
                expires_ms=expires_ms,
            )
        )

    async def note_token_expiry(self, expires_ms: int) -> None:
        """Keep what the hub said about the end of the token in use, unless it is known."""
        now_ms = self.hub_now_ms()
        await self._do(lambda tx: tx.run("identity_expires", expires_ms=expires_ms, now_ms=now_ms))

    def hub_now_ms(self) -> int:
        """What time it is for the hub, as far as its last welcome told; UTC."""
        return self._clock.now_ms() + self._hub_ahead_ms

    async def next_conn_no(self) -> int:
        """The number of the connection that is about to be opened."""
        number: int = await self._do(lambda tx: tx.only("facts_next_conn_no")["conn_no"])
        return number

    # --- the up log -------------------------------------------------------------------------

    async def record_inbound(self, message: MessageReceived, *, again: bool = False) -> bool:
        """Keep a message of WhatsApp; False when it is known, or the echo of our own reply."""
        now_ms = self.hub_now_ms()
        new = await self._do(lambda tx: arrivals.record(tx, message, now_ms, again=again))
        if new:
            self.outbox_grew.set()
            self.arrivals_grew.set()
        return new

    async def messages_wanting_files(self, limit: int = 100) -> list[Arrival]:
        """Messages whose files have to be brought, one of each chat, in the order of arrival."""
        return await self._do(lambda tx: arrivals.wanting(tx, limit))

    async def note_file(self, arrival: Arrival, sha256: str) -> None:
        """Keep that a message's file is on this PC."""
        event_id = str(arrival.event_id)
        await self._do(lambda tx: tx.run("arrivals_fetched", event_id=event_id, sha256=sha256))

    async def release(self, arrival: Arrival, media: ReceivedMedia) -> None:
        """Tell the hub of a message that waited for its file, and of those behind it."""
        now_ms = self._clock.now_ms()
        await self._do(lambda tx: arrivals.release(tx, arrival, media, now_ms))
        self.outbox_grew.set()
        self.arrivals_grew.set()

    async def files_to_tell(self) -> set[str]:
        """The hashes of the files that the hub has yet to get."""
        return await self._do(lambda tx: {row["sha256"] for row in tx.all("arrivals_files")})

    async def unsent(self, after_seq: int, limit: int) -> list[codec.LogRow]:
        """The events that follow `after_seq`, in order."""
        return await self._do_connected(lambda tx: outbox.after(tx, after_seq, limit))

    async def acknowledge_up(self, seq: int) -> None:
        """The hub has every event up to `seq`."""
        now_ms = self._clock.now_ms()
        hub_ms = self.hub_now_ms()
        await self._do_connected(lambda tx: outbox.acknowledge(tx, seq, now_ms, hub_ms))

    async def own_log(self) -> OwnLog:
        """What we know of our own log, for the hello."""
        return await self._do(outbox.own_log)

    async def new_up_epoch(self) -> None:
        """Queue everything that is kept once more, numbered from 1."""
        await self._do(outbox.begin_epoch)
        self.outbox_grew.set()

    # --- the down log -----------------------------------------------------------------------

    async def down_position(self) -> HeldPosition:
        """What we hold of the hub's log, for the hello."""
        row = await self._do(lambda tx: tx.only("facts"))
        last = row["down_last_id"]
        return HeldPosition(
            epoch=row["down_epoch"], seq=row["down_seq"], last_id=UUID(last) if last else None
        )

    async def reconcile(self, welcome: Welcome) -> bool:
        """Adopt both positions of a welcome; False: close 4005, then `new_up_epoch`."""
        now_ms = self._clock.now_ms()
        hub_ms = welcome.hub_time.ms

        def adopt(tx: Tx) -> int | None:
            if not outbox.go_on(tx, welcome.up, now_ms, hub_ms):
                return None
            tx.run("facts_down_begin", epoch=welcome.down.epoch)
            generation: int = tx.only("facts")["generation"]
            return generation

        generation = await self._do(adopt)
        if generation is None:
            return False
        self._generation, self._hub_ahead_ms = generation, hub_ms - now_ms
        return True

    async def accept(self, event: Event | QuarantinedEvent) -> Accepted:
        """Keep an event of the hub with the position that it brings."""
        now_ms = self._clock.now_ms()
        accepted = await self._do_connected(lambda tx: inbox.accept(tx, event, now_ms))
        if accepted.first:
            self.inbox_grew.set()
        else:
            self.outbox_grew.set()
        return accepted

    # --- orders in work ---------------------------------------------------------------------

    async def pending_sends(self, limit: int = 1000) -> list[Send]:
        """The messages to send, in the order of their arrival."""
        return await self._do(lambda tx: inbox.sends(tx, limit))

    async def files_to_send(self) -> set[str]:
        """The hashes of the files that open orders name."""
        return await self._do(lambda tx: {row["sha256"] for row in tx.all("inbox_files")})

    async def pending_jobs(self, limit: int = 100) -> list[Job]:
        """The commands to run, in the order of their arrival."""
        return await self._do(lambda tx: inbox.jobs(tx, limit))

    async def mark(
        self, event_id: UUID, state: str, attempts: int | None = None, *, begins: bool = False
    ) -> bool:
        """Keep an order's state, and its attempts when given; False when it is at its end.

        `begins`: it goes out as the first word in its chat.
        """
        now_ms = self._clock.now_ms()
        return await self._do(
            lambda tx: inbox.mark(tx, event_id, state, attempts, now_ms, begins=begins)
        )

    async def finish(self, event_id: UUID, result: Result) -> bool:
        """Keep an order's result and tell the hub; False when it has come as far already.

        Raises:
            KeyError: no such order.
        """
        now_ms = self._clock.now_ms()
        news = await self._do(lambda tx: inbox.finish(tx, event_id, result, now_ms))
        self.outbox_grew.set()
        return news

    async def note_ack(self, key: str, state: SendState) -> bool:
        """Tell the hub what WhatsApp says of one of our keys; False when it is no news."""
        now_ms = self._clock.now_ms()
        news = await self._do(lambda tx: inbox.note_ack(tx, key, state, now_ms))
        if news:
            self.outbox_grew.set()
            self.inbox_grew.set()  # it may have ended a send in work
        return news

    async def owner_wrote_ms(self, account: str, chat: str) -> int | None:
        """When the hub could last learn that the owner wrote in this chat, by the hub's clock.

        It is the later of writing and telling; now, while the message still waits in the outbox.
        """
        hub_ms = self.hub_now_ms()
        row = await self._do(
            lambda tx: tx.only("seen_owner", account=account, chat=chat, hub_ms=hub_ms)
        )
        at_ms: int | None = row["at_ms"]
        return at_ms

    # --- the whole --------------------------------------------------------------------------

    async def facts(self) -> Facts:
        """Figures for a status."""

        def look(tx: Tx) -> Facts:
            row, waiting = tx.only("facts"), tx.only("inbox_count")["n"]
            unacked, arrivals_n = row["up_head"] - row["up_acked"], tx.only("arrivals_count")["n"]
            paused, last_ms = bool(row["paused"]), row["last_inbound_ms"]
            return Facts(unacked, waiting, paused, last_ms, arrivals_n)

        return await self._do(look)

    async def look(self, question: Callable[[Tx], T]) -> T:
        """What a question of one room alone finds, in one transaction; it changes nothing."""
        return await self._do(question)

    async def counts(self, since_ms: int) -> Counts:
        """What happened since a moment, for an audit."""
        since = {"since_ms": since_ms}
        return await self._do(
            lambda tx: Counts(*tx.only("seen_counts", **since), *tx.only("inbox_counts", **since))
        )

    async def paused(self) -> bool:
        """Whether sending is paused."""
        return (await self.facts()).paused

    async def set_paused(self, paused: bool) -> None:
        """Pause or resume sending; survives a restart."""
        await self._do(lambda tx: tx.run("facts_paused", paused=paused))
        self.inbox_grew.set()

    async def watermark_ms(self) -> int | None:
        """Before when no message is left to be searched for, None before the first whole search."""
        row = await self._do(lambda tx: tx.only("facts"))
        at_ms: int | None = row["watermark_ms"]
        return at_ms

    async def note_searched(self) -> None:
        """Raise the watermark after a whole search.

        Not with each message: one that is told live would hide those that the search, cut off by a
        kill, had yet to find. By messages, not by our clock, which may be wrong.
        """
        await self._do(lambda tx: tx.run("facts_searched"))

    async def prune(self) -> None:
        """Drop what neither side can need any more."""
        now_ms = self._clock.now_ms()

        def drop(tx: Tx) -> None:
            rows_ms, ids_ms = now_ms - KEEP_ROWS_MS, now_ms - KEEP_IDS_MS
            searched_ms = tx.only("facts")["watermark_ms"] or 0
            tx.run("outbox_prune", before_ms=rows_ms)
            tx.run("inbox_empty", before_ms=rows_ms)
            tx.run("inbox_prune", before_ms=ids_ms)
            # A PC that was off for months sweeps from its old watermark and meets old keys again.
            tx.run("seen_prune", before_ms=min(ids_ms, searched_ms - KEEP_ROWS_MS))

        await self._do(drop)

    async def _do(self, op: Callable[[Tx], T]) -> T:
        return await self._database.run(op)

    async def _do_connected(self, op: Callable[[Tx], T]) -> T:
        """Run `op` if the logs are still those of the present connection."""

        def checked(tx: Tx) -> T:
            if tx.only("facts")["generation"] != self._generation:
                raise LogsChangedError
            return op(tx)

        return await self._database.run(checked)
