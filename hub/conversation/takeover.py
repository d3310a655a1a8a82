"""A person takes a conversation over, or gives it back, inside the caller's transaction.

The owner may write on the phone, which an agent reports (`intake.py`), or at the operator's desk
(`outgoing_worker.py`): both silence the bot and settle what it had not answered yet.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from hub.conversation import ending, outgoing, records, transcript, turns
from hub.conversation.outgoing import Outgoing
from hub.conversation.records import Chat
from hub.conversation.transcript import Entry
from hub.conversation.turns import ChatKey, Drop, Reason, Situation
from hub.store.tx import Row, Tx

LEFT_ALONE: Final = (Reason.TAKEN_OVER, Reason.OFF)
"""Dropped for these alone, a turn was answered by nobody."""


def take_over(
    tx: Tx, key: ChatKey, sent_at: int, now_ms: int, takeover_s: float, *, known: bool
) -> str | None:
    """Give the chat to its owner, who wrote at `sent_at`, and end the turns that this deals with.

    `known`: the owner knows this person, and not from the bot. The pending turn that was ended, if
    there was one.
    """
    at = records.where(key)
    current = records.chat(tx, key).state.paused_until
    until = turns.pause(current, sent_at, now_ms, takeover_s)
    tx.run("chats.take_over", **at, paused_until=until, known=int(known))
    entries = records.recent(tx, key)
    ended = None
    for row in tx.all("turns.unsettled", **at):
        newest = _newest_sent_at(entries, row["turn_id"])
        if newest is None or turns.is_settled(sent_at, newest, turns.is_paused(until, now_ms)):
            drop(tx, key, row["turn_id"], Reason.OWNER_REPLIED, now_ms)
            ended = row["turn_id"] if row["state"] == "pending" else ended
    return ended


def _newest_sent_at(entries: Sequence[Entry], turn_id: str) -> int | None:
    return max((e.sent_at for e in transcript.of_turn(entries, turn_id)), default=None)


def drop(tx: Tx, key: ChatKey, turn_id: str, reason: Reason, now_ms: int) -> bool:
    """End a turn that nobody has to do anything about any more; False when it is over already."""
    ended = {"reason": reason.value, "finished_at": now_ms}
    return tx.run("turns.drop", tenant_id=key.tenant_id, turn_id=turn_id, **ended) == 1


def dismiss(tx: Tx, key: ChatKey, now_ms: int) -> list[str]:
    """End the turns that wait for a person, or for a click on their draft: no answer is needed."""
    waiting = [row for row in tx.all("turns.unsettled", **records.where(key)) if _waits(row)]
    return [
        row["turn_id"] for row in waiting if drop(tx, key, row["turn_id"], Reason.DISMISSED, now_ms)
    ]


def _waits(row: Row) -> bool:
    return row["state"] in ("suggested", "waiting")


def speak(tx: Tx, one: Outgoing, now_ms: int, takeover_s: float) -> int:
    """Have a person's words sent, and keep the bot out of the chat from now on; until when.

    The rest of a takeover happens when they are sent: the bot must not be faster than that.
    """
    outgoing.put(tx, one)
    return ending.silence(tx, one.key, takeover_s, now_ms)


def pause(tx: Tx, key: ChatKey, until_ms: int) -> None:
    """Keep the bot out of a chat until then, no longer and no shorter."""
    tx.run("chats.set_pause", **records.where(key), paused_until=until_ms)


class _Open(msgspec.Struct, frozen=True):
    """What a customer wrote since anybody answered: the messages and the turns that cover them."""

    entries: list[Entry]
    rows: list[Row]

    @property
    def turn_id(self) -> str | None:
        """The turn in which all of it is to be: one that is open, else the newest."""
        ranked = sorted(self.rows, key=lambda row: (_is_open(row), row["first_at"]))
        return ranked[-1]["turn_id"] if ranked else None

    @property
    def is_planned(self) -> bool:
        """Whether one turn, which needs nobody's return, covers all of it already."""
        covering = {entry.turn_id for entry in self.entries}
        return len(covering) == 1 and len(self.rows) == 1 and _is_open(self.rows[0])


def _is_open(row: Row) -> bool:
    is_open: bool = row["state"] in ("pending", "suggested")
    return is_open


def give_back(tx: Tx, key: ChatKey, agent_id: str, rules: turns.Rules, now_ms: int) -> str | None:
    """Let the bot answer in the chat again; the turn in which it does so at once, if any.

    What the customer wrote since anybody's last words becomes one turn, judged by the same rules
    as ever: what is stale waits for a person. Of the other turns that waited, those whose reply may
    not have arrived stay.
    """
    tx.run("chats.give_back", **records.where(key), now_ms=now_ms)
    chat, entries = records.chat(tx, key), records.recent(tx, key)
    found = _unanswered(tx, key, entries)
    turn_id = None
    if found.entries and not found.is_planned and not _is_refused(rules, key, chat, found, now_ms):
        turn_id = _reopen(tx, key, agent_id, found, now_ms)
    kept = {row["turn_id"] for row in found.rows} if turn_id is None else {turn_id}
    for row in tx.all("turns.unsettled", **records.where(key)):
        if row["turn_id"] not in kept and row["state"] == "waiting":
            _settle(tx, key, row, now_ms)
    return turn_id


def _settle(tx: Tx, key: ChatKey, row: Row, now_ms: int) -> None:
    """End a turn that waited for the person who has just given the chat back."""
    if row["reason"] not in turns.SEND_REASONS:
        drop(tx, key, row["turn_id"], Reason.RESUMED, now_ms)


def _unanswered(tx: Tx, key: ChatKey, entries: Sequence[Entry]) -> _Open:
    """What the customer wrote since our last words, whoever's they were, sent or not."""
    spoken = [i for i, e in enumerate(entries) if e.author != "customer" and _says_something(e)]
    trailing = transcript.fold(entries[spoken[-1] + 1 :] if spoken else entries)
    named = dict.fromkeys(e.turn_id for e in trailing if e.turn_id is not None)
    found = [tx.one("turns.one", tenant_id=key.tenant_id, turn_id=name) for name in named]
    rows = [row for row in found if row is not None and _is_unanswered(row)]
    names = {None, *(row["turn_id"] for row in rows)}
    return _Open([e for e in trailing if _asks(e) and e.turn_id in names], rows)


def _says_something(entry: Entry) -> bool:
    return entry.kind in turns.TURN_KINDS


def _asks(entry: Entry) -> bool:
    return entry.author == "customer" and _says_something(entry)


def _is_unanswered(row: Row) -> bool:
    if row["state"] == "dropped":
        return row["reason"] in LEFT_ALONE
    is_open: bool = row["state"] != "answered"
    return is_open


def _is_refused(rules: turns.Rules, key: ChatKey, chat: Chat, found: _Open, now_ms: int) -> bool:
    """Whether the bot has no say in this chat, pause or not."""
    situation = Situation(
        chat=key.chat,
        phone=next((e.phone for e in reversed(found.entries) if e.phone), None),
        state=chat.state,
        sent_at=tuple(e.sent_at for e in found.entries),
    )
    return isinstance(turns.judge(rules, situation, now_ms), Drop)


def _reopen(tx: Tx, key: ChatKey, agent_id: str, found: _Open, now_ms: int) -> str:
    """Put all that is unanswered into one turn, due at once; it never had a reply of ours."""
    turn_id = found.turn_id
    new = {"agent_id": agent_id, "first_at": now_ms, "due_at": now_ms}
    if turn_id is None:
        turn_id = turns.turn_id(key, found.entries[0].wa_id)
        tx.run("turns.open", **records.where(key), turn_id=turn_id, **new)
    else:
        tx.run("turns.reopen", tenant_id=key.tenant_id, turn_id=turn_id, **new)
    for entry in found.entries:
        if entry.turn_id != turn_id:
            tx.run("messages.cover", **records.where(key), wa_id=entry.wa_id, turn_id=turn_id)
    return turn_id
