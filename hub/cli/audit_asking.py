"""What `sak-hub audit` has an agent do: tell what its phone shows, and tell again what was lost.

The order goes into the agent's log as any other; a running hub hands it on within half a second.
"""

import asyncio
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec

from hub.cli.command import Session
from hub.conversation.audit_reading import read_data
from hub.store.outbound import enqueue_down
from hub.store.tx import Row, Tx
from protocol.audit import (
    AuditArgs,
    AuditData,
    MessageKey,
    Shown,
    SweepArgs,
    SweepData,
    fitting,
    plain,
    read,
)
from protocol.messages import Command, Data, Instant

BEFORE_MS: Final = 60_000  # a sweep begins so long before the oldest message that is missing
AGAIN_MAX_BYTES: Final = 131_072  # of the keys in one order
PAGES_MAX: Final = 200  # far more than any shop's month
_OTHER_VERSION: Final = "Its program is older and names no messages. Update sak-agent on that PC."
_EXPIRED: Final = "It took the order too late. Try again, with a longer --wait."
_SILENT: Final = "It gave no answer in time. Try again, with a longer --wait."


class Refusal(Exception):  # noqa: N818 - it is an answer, as good as any other
    """The agent did not do it; the message is one sentence for people."""


class Told(msgspec.Struct, frozen=True):
    """All that WhatsApp shows since `since_ms`; of `found` messages the agent did not know."""

    account: str
    since_ms: int
    found: int
    shown: tuple[Shown, ...]


class Asker(msgspec.Struct, frozen=True):
    """One agent, and how long it has for each answer."""

    session: Session
    tenant_id: str
    agent_id: str
    wait_s: float

    async def shown(self, since_ms: int) -> Told:
        """What the agent's WhatsApp shows; Refusal."""
        pages: list[AuditData] = []
        since = Instant(since_ms)
        while len(pages) < PAGES_MAX:
            row = await self._ended("audit", AuditArgs(since=since))
            page = read_data(row["state"], _decoded(row["data"]))
            if page is None:
                raise Refusal(_OTHER_VERSION)
            pages.append(page)
            if page.next is None or page.next.ms <= since.ms:
                break
            since = page.next
        return Told(
            account=pages[0].account,
            since_ms=pages[0].since.ms,
            found=sum(page.found for page in pages),
            shown=tuple(one for page in pages for one in page.messages),
        )

    async def tell_again(self, account: str, missing: tuple[Shown, ...]) -> SweepData:
        """Have the oldest of these messages told again, and whatever else was missed; Refusal."""
        keys = [MessageKey(chat=one.chat, wa_id=one.wa_id) for one in missing]
        since = Instant(max(missing[0].sent_at.ms - BEFORE_MS, 0))
        again = tuple(keys[: fitting(keys, AGAIN_MAX_BYTES)])
        row = await self._ended("sweep", SweepArgs(since=since, account=account, again=again))
        try:
            return read(SweepData, _decoded(row["data"]))
        except ValueError:
            raise Refusal(_OTHER_VERSION) from None

    async def _ended(self, name: str, args: Data) -> Row:
        """The result of a command that was done; Refusal."""
        ref = await self.session.store.write(lambda tx: self._order(tx, name, args))
        row = await self._result(ref)
        if row is None:
            raise Refusal(_SILENT)
        if row["state"] == "done":
            return row
        if row["state"] == "expired":
            raise Refusal(_EXPIRED)
        fault = _decoded(row["error"])
        if isinstance(fault, dict) and fault.get("code") == "unknown_command":
            raise Refusal(_OTHER_VERSION)
        raise Refusal(str(fault["message"]) if fault else f"It ended as {row['state']}.")

    def _order(self, tx: Tx, name: str, args: Data) -> UUID:
        ref, now_ms = uuid4(), self.session.clock.now_ms()
        expires_at = Instant(now_ms + round(self.wait_s * 1000))
        order = Command(name=name, args=plain(args), expires_at=expires_at)
        enqueue_down(tx, self.tenant_id, self.agent_id, ref, order, now_ms)
        return ref

    async def _result(self, ref: UUID) -> Row | None:
        """Wait for what the hub's process stores of it; None when the time is over."""
        store = self.session.store
        which = {"tenant_id": self.tenant_id, "agent_id": self.agent_id, "ref": str(ref)}
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(store.watch(), name="audit-watch")
            try:
                async with asyncio.timeout(self.wait_s):
                    seen = store.changed.count
                    while (row := await store.one("logs.command_result", **which)) is None:
                        seen = await store.changed.after(seen)
            except TimeoutError:
                row = None
            watch.cancel()
        return row


def _decoded(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)
