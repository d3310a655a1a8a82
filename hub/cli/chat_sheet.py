"""A shop's chats as `sak-hub chats` shows them: a list, or one with what was said last in it."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from hub.cli import trace_words
from hub.cli.chat_refs import Found
from hub.cli.chat_words import doing, refusal
from hub.cli.command import moment, printable
from hub.commerce.aliases import alias_of_chat
from hub.conversation import records, suggestions, turns
from hub.conversation.suggestions import Suggestion
from hub.store.tx import Row, Tx

SHOWN_CHARS: Final = 60  # of what was said last: a line of a list
REFUSED_MAX: Final = 5  # of what was to go out and did not
HEADS: Final = ("who", "phone", "state", "since", "last", "why")

STATES: Final = {
    "suggested": "draft waits",
    "waiting": "waits for you",
    "answering": "being answered",
    "unanswered": "yours, unanswered",
    "paused": "yours",
    "idle": "-",
}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A chat in the list. `reason` is a code, `why` the same in words; `since` RFC 3339."""

    chat: str
    account: str
    name: str | None
    phone: str | None
    mode: str | None
    state: str
    reason: str | None
    why: str | None
    since: str | None
    last_author: str
    last: str
    paused_until: str | None

    def cells(self) -> tuple[object, ...]:
        """The same in columns."""
        who = self.name or self.phone or self.chat
        last = f"{self.last_author}: {self.last}"
        return (who, self.phone, STATES[self.state], self.since, last, self.why)


def lines_of(tx: Tx, shop: Row, state: str | None, most: int, now_ms: int) -> list[Line]:
    """The shop's chats, the one in which something was said last first."""
    where = {"tenant_id": shop["tenant_id"], "account": None, "chat": None}
    rows = tx.all("chats.desk", **where, state=state, most=most, now_ms=now_ms)
    return [_line(row, now_ms) for row in rows]


def _line(row: Row, now_ms: int) -> Line:
    alias = alias_of_chat(row["chat"])
    state, reason, since = _state(row, now_ms)
    return Line(
        chat=row["chat"],
        account=row["account"],
        name=row["name"],
        phone=alias.value if alias is not None and alias.kind == "phone" else None,
        mode=row["mode"],
        state=state,
        reason=reason,
        why=None if reason is None else trace_words.why(reason),
        since=moment(since),
        last_author=row["author"],
        last=_cut(said(row)),
        paused_until=_paused_until(row["paused_until"], now_ms),
    )


def _state(row: Row, now_ms: int) -> tuple[str, str | None, int]:
    """What a chat is in, why, and since when."""
    if row["turn_state"] is not None:
        return row["turn_state"], row["reason"], row["first_at"]
    trouble = None if row["message_state"] is None else turns.trouble(row["message_state"])
    if trouble is not None and row["author"] == "owner":
        return "waiting", trouble.value, row["sent_at"]
    if row["is_answering"]:
        return "answering", None, row["sent_at"]
    if not turns.is_paused(row["paused_until"], now_ms):
        return "idle", None, row["sent_at"]
    return "unanswered" if row["last_word"] == "customer" else "paused", None, row["sent_at"]


def _paused_until(until: int | None, now_ms: int) -> str | None:
    return moment(until) if turns.is_paused(until, now_ms) else None


def said(row: Row) -> str:
    """A message in one line: its words, or what it is instead."""
    words = _in_a_line(row["text"])
    return words if row["kind"] == "text" else f"[{row['kind']}] {words}".rstrip()


def _in_a_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS else f"{text[: SHOWN_CHARS - 1].rstrip()}…"


class Sheet(msgspec.Struct, frozen=True):
    """One chat: what was said last, the draft that waits, what is to go out or was refused."""

    found: Found
    line: Line | None
    messages: list[Row]
    draft: Suggestion | None
    outgoing: list[Row]
    now_ms: int

    def facts(self) -> dict[str, Any]:
        """For a program."""
        chat = self.found.chat
        return {
            "chat": self.found.key.chat,
            "account": self.found.key.account,
            "name": chat.name,
            "mode": chat.state.mode,
            "shop_mode": self.found.shop["mode"],
            "state": None if self.line is None else self.line.state,
            "reason": None if self.line is None else self.line.reason,
            "why": None if self.line is None else self.line.why,
            "paused_until": _paused_until(chat.state.paused_until, self.now_ms),
            "handed_over_at": moment(chat.state.handed_over_at),
            "draft": self._draft(),
            "outgoing": [_outgoing(row) for row in self.outgoing],
            "messages": [_message(row) for row in reversed(self.messages)],
        }

    def _draft(self) -> dict[str, Any] | None:
        if self.draft is None:
            return None
        return {
            "draft": self.draft.name,
            "text": self.draft.reply,
            "does": [doing(effect) for effect in self.draft.kept.effects],
            "handover": self.draft.handover,
            "made_at": moment(self.draft.made_at),
        }

    def lines(self) -> Iterator[str]:
        """For a person."""
        yield self.found.name
        own, shop_mode = self.found.chat.state.mode, self.found.shop["mode"]
        yield f"mode {own or shop_mode}" + ("" if own else ", the shop's")
        until = _paused_until(self.found.chat.state.paused_until, self.now_ms)
        if until is not None:
            yield f"the bot is silent until {until}"
        if self.line is not None and self.line.why is not None:
            yield f"{STATES[self.line.state]} since {self.line.since}: {self.line.why}"
        elif self.line is not None and self.line.state == "unanswered":
            yield f"{STATES[self.line.state]} since {self.line.since}"
        yield ""
        yield from (_spoken(row) for row in reversed(self.messages))
        for row in self.outgoing:
            words = _cut(printable(_in_a_line(row["text"]) or "the draft"))
            yield f"{moment(row['created_at'])}  {_fate(row)}: {words}"
        yield from self._draft_lines()

    def _draft_lines(self) -> Iterator[str]:
        if self.draft is None:
            return
        yield from ["", f"draft {self.draft.name} of {moment(self.draft.made_at)}:"]
        said = filter(None, self.draft.reply.splitlines())
        yield from (f"  {printable(line)}" for line in said)
        yield from (f"  it {doing(effect)}" for effect in self.draft.kept.effects)
        if self.draft.handover is not None:
            yield f"  it calls a person: {trace_words.why(self.draft.handover)}"


def sheet_of(tx: Tx, found: Found, most: int, now_ms: int) -> Sheet:
    """Everything that an operator needs to answer in a chat."""
    at = records.where(found.key)
    row = tx.one("chats.desk", **at, state=None, most=1, now_ms=now_ms)
    return Sheet(
        found=found,
        line=None if row is None else _line(row, now_ms),
        messages=tx.all("chats.said", **at, most=most),
        draft=suggestions.find(tx, found.key),
        outgoing=tx.all("outgoing.of_chat", **at, limit=REFUSED_MAX),
        now_ms=now_ms,
    )


def _message(row: Row) -> dict[str, Any]:
    return {
        "author": row["author"],
        "kind": row["kind"],
        "text": row["text"],
        "at": moment(row["sent_at"]),
        "state": row["state"],
    }


def _spoken(row: Row) -> str:
    fate = f"  ({trace_words.word('sending', row['state'])})" if row["state"] else ""
    return f"{moment(row['sent_at'])}  {row['author']}: {printable(said(row))}{fate}"


def _outgoing(row: Row) -> dict[str, Any]:
    return {
        "kind": row["kind"],
        "text": row["text"],
        "due_at": moment(row["due_at"]),
        "outcome": row["outcome"],
    }


def _fate(row: Row) -> str:
    if row["done_at"] is None:
        return f"{row['kind'].replace('_', ' ')}, to be sent"
    return f"not sent, {refusal(row['outcome'])}"
