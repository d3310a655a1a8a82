"""A turn as `sak-hub trace` shows it: whole, for a program or for a person."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from hub.assistant.engine import ToolCall
from hub.assistant.turn_trace import OK
from hub.cli import trace_words
from hub.cli.chat_words import doing, refusal
from hub.cli.command import moment, printable
from hub.cli.trace_reading import ChatSeen, Said, Sent, TurnSeen
from hub.conversation.outgoing import Outcome
from hub.conversation.turns import is_paused

TEXT_MAX_CHARS: Final = 60
WHO_CHARS: Final = 9
HIDDEN: Final = "(hidden)"
AUTHORS: Final = {"customer": "customer", "owner": "you", "bot": "assistant"}


class View(msgspec.Struct, frozen=True):
    """How it is shown: in which zone's time, and whether words are."""

    timezone: str
    masked: bool

    def time(self, ms: int | None) -> str:
        """A moment in the shop's own time."""
        if ms is None:
            return "-"
        return f"{datetime.fromtimestamp(ms / 1000, ZoneInfo(self.timezone)):%Y-%m-%d %H:%M:%S}"

    def words(self, text: str | None, kind: str = "text") -> str:
        """The beginning of a message, in one line."""
        note = "" if kind == "text" else f"({kind}) "
        if self.masked:
            return note + HIDDEN
        lines = (text or "").strip().splitlines() or [""]
        first = printable(lines[0]) if lines[0] else ""
        more = len(first) > TEXT_MAX_CHARS or len(lines) > 1
        return (note + first[:TEXT_MAX_CHARS].rstrip() + (" …" if more else "")).strip() or "-"


# --- for a person: a chat ----------------------------------------------------------------------


def chat_lines(chat: ChatSeen, view: View, now_ms: int) -> Iterator[str]:
    """What was said, and under each turn how it came about; oldest first."""
    name = f"  {printable(chat.name)}" if chat.name and not view.masked else ""
    place = HIDDEN if view.masked else printable(chat.place.chat)
    yield f"{printable(chat.shop['name'])}  {place}{name}  (times of {view.timezone})"
    paused = is_paused(chat.paused_until, now_ms)
    until = f", a person has it until {view.time(chat.paused_until)}" if paused else ""
    yield f"mode {chat.mode}{until}"
    blocks = [(one.row_id, [_message(one, view, note=_no_turn(one))]) for one in chat.others]
    for turn in chat.turns:
        first = min(one.row_id for one in turn.messages)
        blocks.append((first, list(_block(turn, view))))
    for _, lines in sorted(blocks, key=lambda block: block[0]):
        yield from ["", *lines]


def _block(turn: TurnSeen, view: View) -> Iterator[str]:
    for one in turn.messages:
        yield _message(one, view, who=_author(turn, one))
    indent = " " * len(view.time(0))
    yield f"{indent}  -> {how(turn)}"
    yield f"{indent}     turn {turn.turn_id}"


def _author(turn: TurnSeen, one: Said) -> str:
    """Who wrote a message: what a person put in place of the draft is theirs."""
    author = "owner" if one.author == "bot" and turn.kept.reworded else one.author
    return AUTHORS.get(author, author)


def _message(one: Said, view: View, note: str = "", who: str = "") -> str:
    who = who or AUTHORS.get(one.author, one.author)
    sent = f"  [{trace_words.word('sending', one.state)}]" if one.state else ""
    return f"{view.time(one.at)}  {who:<{WHO_CHARS}}  {view.words(one.text, one.kind)}{sent}{note}"


def _no_turn(one: Said) -> str:
    """A customer's message that began no turn: the assistant had no say in the chat then."""
    answerable = one.author == "customer" and one.kind not in ("edit", "revoke")
    return (
        "  [not the assistant's to answer: off, a person had the chat, or the rules]" * answerable
    )


def how(turn: TurnSeen) -> str:
    """In one line: what became of the turn, and why."""
    state, trace = trace_words.word("states", turn.state), turn.trace
    parts = [f"{state}: {trace_words.why(turn.reason)}" if turn.reason else state]
    if turn.kept.reworded:
        parts.append("in your own words")
    if trace is None:
        return parts[0]
    if trace.path is not None:
        drafted = "the draft came " if turn.kept.reworded else ""
        parts.append(drafted + trace_words.path(trace))
    elif trace.outcome not in ("", turn.reason):
        parts.append(f"before that: {trace_words.why(trace.outcome)}")
    if trace.model is not None and trace.model.outcome != OK:
        parts.append(f"the model before: {trace_words.outcome(trace.model)}")
    return "; ".join(parts)


# --- for a person: one turn --------------------------------------------------------------------


def turn_lines(turn: TurnSeen, view: View) -> Iterator[str]:
    """All of a turn."""
    rows = [*_heads(turn, view), *_making(turn), *_ends(turn, view)]
    width = max(len(name) for name, _ in rows)
    last = ""
    for name, text in rows:
        yield f"{name if name != last else '':<{width}}  {text}".rstrip()
        last = name


def _heads(turn: TurnSeen, view: View) -> Iterator[tuple[str, str]]:
    yield "turn", turn.turn_id
    yield "shop", f"{printable(turn.shop['name'])}  (times of {view.timezone})"
    yield "chat", HIDDEN if view.masked else printable(turn.place.chat)
    state = trace_words.word("states", turn.state)
    yield "state", f"{state}: {trace_words.why(turn.reason)}" if turn.reason else state
    for one in turn.came:
        yield "came", f"{view.time(one.at)}  {view.words(one.text, one.kind)}"
    if turn.changes:
        times = "once" if turn.changes == 1 else f"{turn.changes} times"
        yield "changed", f"{times} while it was open: a message more, an edit, a word of yours"
    if turn.finished_at is not None:
        after_s = max(0, turn.finished_at - turn.first_at) / 1000
        yield "ended", f"{view.time(turn.finished_at)}, {after_s:.1f} s after it reached the hub"
    else:
        yield "due", view.time(turn.due_at)


def _making(turn: TurnSeen) -> Iterator[tuple[str, str]]:
    """How the answer came about."""
    trace = turn.trace
    if trace is None:
        yield "answer", _without_trace(turn)
        return
    if trace.path is not None:
        language = trace_words.word("languages", trace.language)
        yield "answer", f"{trace_words.path(trace)}; in {language}"
    elif trace.outcome:
        yield "answer", f"none: {trace_words.why(trace.outcome)}"
    if trace.error:
        yield "broke", printable(trace.error)
    if trace.late:
        yield "late", "it opened with an apology for the delay"
    if trace.latency_ms:
        yield "took", f"{trace.latency_ms / 1000:.2f} s to make"
    if trace.engine is not None:
        unasked = ": no model was asked" if trace.model is None else ""
        yield "mode", f"{trace.engine}, {trace.sending}{unasked}"
    if trace.model is not None:
        yield "model", trace_words.model(trace.model)
        yield "model", trace_words.outcome(trace.model)
        yield from _numbered("model used", trace.models_calls)
        if trace.model.guard is not None:
            yield "guard", trace_words.guard(trace.model.guard)
    yield from _numbered("rules used", trace.rules_calls)


def _without_trace(turn: TurnSeen) -> str:
    if turn.state == "pending":
        return "not made yet"
    lost = turn.state == "answered" or bool(turn.replies)
    return "how is not known: the hub lost the record" if lost else "none was made"


def _numbered(name: str, calls: Iterable[ToolCall]) -> Iterator[tuple[str, str]]:
    for number, call in enumerate(calls, 1):
        yield name, f"{number}. {trace_words.tool(call)}"


def _ends(turn: TurnSeen, view: View) -> Iterator[tuple[str, str]]:
    if turn.suggestion and not turn.replies:
        yield "suggested", view.words(turn.suggestion)
    for sent in turn.by_hand:
        what = f"{sent.kind.replace('_', ' ')}, {view.time(sent.created_at)}"
        yield "by hand", f"{what}: {_fate(sent, view)}"
    if turn.kept.reworded:
        yield "by hand", "with other words than the draft's: yours"
        for effect in turn.kept.effects:
            yield "not done", f"what the draft said: {doing(effect)}"
    for one in turn.replies:
        author = _author(turn, one)
        who = "" if author == AUTHORS["bot"] else f"{author}: "
        yield "reply", who + view.words(one.text, one.kind)
        if one.state is not None:
            error = f": {printable(one.error)}" if one.error else ""
            state = trace_words.word("sending", one.state)
            yield "sending", f"{state}, {view.time(one.state_at)}{error}"


def _fate(sent: Sent, view: View) -> str:
    """What became of something that was to go out."""
    if sent.done_at is None:
        return "to be sent"
    if sent.outcome == Outcome.ORDERED:
        return f"sent {view.time(sent.done_at)}"
    return f"not sent {view.time(sent.done_at)}: {refusal(printable(sent.outcome))}"


# --- for a program -----------------------------------------------------------------------------


def turn_facts(turn: TurnSeen, *, masked: bool) -> dict[str, Any]:
    """All of a turn; words are null where they are masked."""
    return {
        "turn_id": turn.turn_id,
        "shop": turn.shop["name"],
        "tenant_id": turn.shop["tenant_id"],
        "account": turn.place.account,
        "chat": None if masked else turn.place.chat,
        "agent_id": turn.agent_id,
        "state": turn.state,
        "reason": turn.reason,
        "changes": turn.changes,
        "first_at": moment(turn.first_at),
        "due_at": moment(turn.due_at),
        "finished_at": moment(turn.finished_at),
        "in_short": how(turn),
        "came": [_fact(one, masked=masked) for one in turn.came],
        "replies": [_fact(one, masked=masked) for one in turn.replies],
        "suggestion": None if masked else turn.suggestion,
        "by_hand": [
            msgspec.structs.asdict(sent)
            | {name: moment(getattr(sent, name)) for name in ("due_at", "created_at", "done_at")}
            for sent in turn.by_hand
        ],
        "reworded": turn.kept.reworded,
        "not_done": [doing(one) for one in turn.kept.effects] if turn.kept.reworded else [],
        "trace": None if turn.trace is None else msgspec.structs.asdict(turn.trace),
    }


def chat_facts(chat: ChatSeen, *, masked: bool) -> dict[str, Any]:
    """All that is shown of a chat."""
    return {
        "shop": chat.shop["name"],
        "tenant_id": chat.shop["tenant_id"],
        "account": chat.place.account,
        "chat": None if masked else chat.place.chat,
        "name": None if masked else chat.name,
        "mode": chat.mode,
        "paused_until": moment(chat.paused_until),
        "turns": [turn_facts(turn, masked=masked) for turn in chat.turns],
        "without_turn": [_fact(one, masked=masked) for one in chat.others],
    }


def _fact(one: Said, *, masked: bool) -> dict[str, Any]:
    return {
        "wa_id": one.wa_id,
        "author": one.author,
        "kind": one.kind,
        "text": None if masked else one.text,
        "at": moment(one.at),
        "received_at": moment(one.received_at),
        "state": one.state,
        "state_at": moment(one.state_at),
        "error": one.error,
    }
