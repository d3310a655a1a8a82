"""A turn from its look at the store to its end, each step one transaction.

`begin` judges the turn right before an engine is asked; `commit` and `give_up` judge it again and
write the reply, the order to send it and the turn's end together, or nothing. A process that dies
between the two finds the turn pending and begins anew: the reply's id is derived, so there is never
a second one.
"""

from typing import Literal

import msgspec

from hub.assistant import language
from hub.assistant.engine import Answer, Turn
from hub.assistant.spoken import spoken_in
from hub.conversation import acting, ending, records, suggestions, transcript, turns
from hub.conversation.acting import Party
from hub.conversation.ending import End, State, View
from hub.conversation.records import Chat
from hub.conversation.suggestions import Kept
from hub.conversation.transcript import Entry
from hub.conversation.turns import (
    ChatKey,
    ChatState,
    Proceed,
    Reason,
    Situation,
    Wait,
)
from hub.store.outbound import Order
from hub.store.policy import TenantPolicy
from hub.store.tx import Tx


class Begun(msgspec.Struct, frozen=True):
    """A turn that an engine is to answer, as it stood at `version`.

    Whatever bears on its answer raises the version: a message, an edit, a word of the owner's.
    """

    key: ChatKey
    turn: Turn
    version: int
    agent_id: str
    mode: Literal["suggest", "auto"]
    covered: tuple[str, ...]  # the ids of the messages that it answers
    situation: Situation


class Again(msgspec.Struct, frozen=True):
    """The turn changed while it was answered: it is to be begun anew at this time (ms UTC)."""

    due_at: int


class Opened(msgspec.Struct, frozen=True):
    """What a turn's row holds besides its name, and its chat."""

    version: int
    agent_id: str
    chat: Chat


class _Let(msgspec.Struct, frozen=True):
    """What became of a turn that the bot must not answer; not `ended`: it is another one now."""

    ended: bool
    order: Order | None = None


def begin(
    tx: Tx, key: ChatKey, turn_id: str, now_ms: int, defaults: TenantPolicy
) -> Begun | Order | None:
    """The turn as an engine gets it; None when it is over, or ended here without an answer.

    An order where it ended here with the word that a person will answer.
    """
    row = tx.one("turns.one", tenant_id=key.tenant_id, turn_id=turn_id)
    if row is None or row["state"] != "pending":
        return None
    opened = Opened(row["version"], row["agent_id"], records.chat_of(row))
    return begin_opened(tx, key, turn_id, opened, now_ms, defaults)


def begin_opened(
    tx: Tx, key: ChatKey, turn_id: str, opened: Opened, now_ms: int, defaults: TenantPolicy
) -> Begun | Order | None:
    """As `begin`, of a turn that is known to be pending and as `opened` says."""
    shop, chat = records.shop(tx, key.tenant_id, defaults), opened.chat
    standing = transcript.fold(records.recent(tx, key))
    covered = transcript.of_turn(standing, turn_id)
    situation = _situation(key, chat.state, standing, covered, now_ms)
    view = View(
        key=key,
        turn_id=turn_id,
        version=opened.version,
        agent_id=opened.agent_id,
        rules=shop.rules,
        situation=situation,
        covered=tuple(entry.wa_id for entry in covered),
        verdict=turns.judge(shop.rules, situation, now_ms),
        now=now_ms,
    )
    verdict = view.verdict
    turn = Turn(
        turn_id=turn_id,
        tenant=shop.profile,
        chat_key=key.chat,
        customer_name=chat.name,
        phone=situation.phone,
        lid=next((entry.lid for entry in reversed(covered) if entry.lid), None),
        messages=transcript.lines(covered),
        history=transcript.lines(transcript.before(standing, covered)),
        late=isinstance(verdict, Proceed) and verdict.late,
        now_ms=now_ms,
    )
    if not isinstance(verdict, Proceed):
        return _let_go(tx, view, turn).order
    return Begun(key, turn, view.version, view.agent_id, verdict.mode, view.covered, situation)


def commit(
    tx: Tx, begun: Begun, answer: Answer, trace: str, now_ms: int, defaults: TenantPolicy
) -> Order | Again | None:
    """End the turn with an answer, unless it changed or is no longer the bot's.

    `trace` comes from `trace.record_of`. Returns the order to send it, if there is one. A reply
    that is only suggested has no effects: no customer has read it.

    Raises:
        Outdated: the shop is not any more as the answer says; the turn is to be begun anew.
    """
    view = _now(tx, begun, now_ms, defaults)
    if not isinstance(proceed := view.verdict, Proceed):
        let = _let_go(tx, view, begun.turn, trace)
        return let.order if let.ended else _again(tx, view)
    if proceed.mode == "suggest":
        reply = ending.compose(view, answer.text, proceed, answer.language)
        draft = End(state="suggested", reason=answer.handover, reply=reply, trace=trace)
        if not ending.finish(tx, view, draft):
            return _again(tx, view)
        kept = Kept(effects=answer.effects, discloses=ending.discloses(view))
        suggestions.keep(tx, view.key, view.turn_id, kept)
        return None
    state: State = "answered" if answer.handover is None else "waiting"
    if not ending.finish(tx, view, End(state=state, reason=answer.handover, trace=trace)):
        return _again(tx, view)
    words = answer.text
    if answer.effects:
        words = acting.act(tx, _party(begun), answer.effects, words, now_ms)
    order = ending.send(tx, view, ending.compose(view, words, proceed, answer.language))
    if answer.handover is None:
        ending.remember_told(tx, view, None)
    else:
        ending.remember_told(tx, view, now_ms)
        ending.silence(tx, view.key, view.policy.takeover_s, now_ms)
    return order


def give_up(
    tx: Tx, begun: Begun, reason: Reason, trace: str, now_ms: int, defaults: TenantPolicy
) -> Order | Again | None:
    """Put the turn before a person; in mode `auto` the customer is told so, once.

    Once means: not again before the bot answered or the owner wrote. Returns as `commit`.
    """
    view = _now(tx, begun, now_ms, defaults)
    if not isinstance(proceed := view.verdict, Proceed):
        let = _let_go(tx, view, begun.turn, trace)
        return let.order if let.ended else _again(tx, view)
    told = proceed.mode == "suggest" or view.state.handed_over_at is not None
    reply = "" if told else _announcement(tx, begun.turn, view, proceed)
    if not ending.finish(tx, view, End(state="waiting", reason=reason.value, trace=trace)):
        return _again(tx, view)
    if not reply:
        return None
    order = ending.send(tx, view, reply)
    ending.remember_told(tx, view, now_ms)
    return order


def _announcement(tx: Tx, turn: Turn, view: View, proceed: Proceed) -> str:
    """That a person will answer, in the customer's language; empty where the shop wants no word."""
    if not view.policy.handover:
        return ""
    code = spoken_in(tx, turn).code
    words = turn.tenant.handover or language.load(code).say("handover")
    return ending.compose(view, words, proceed, code)


def park(tx: Tx, key: ChatKey, turn_id: str, trace: str, now_ms: int) -> None:
    """Put a turn before a person without looking at it: looking is what fails."""
    tx.run(
        "turns.finish",
        tenant_id=key.tenant_id,
        turn_id=turn_id,
        version=None,
        late=0,
        finished_at=now_ms,
        **msgspec.structs.asdict(
            End(state="waiting", reason=Reason.TURN_FAILED.value, trace=trace)
        ),
    )


def _situation(
    key: ChatKey, state: ChatState, standing: list[Entry], covered: list[Entry], now_ms: int
) -> Situation:
    replied_at = records.replied_at(standing)
    compares = turns.may_be_stuck(replied_at, now_ms)
    return Situation(
        chat=key.chat,
        phone=next((e.phone for e in reversed(covered) if e.phone), None),
        state=state,
        sent_at=tuple(entry.sent_at for entry in covered),
        replied_at=replied_at,
        said="\n".join(entry.text or "" for entry in covered) if compares else "",
        exchanges=records.exchanges(standing) if compares else (),
    )


def _now(tx: Tx, begun: Begun, now_ms: int, defaults: TenantPolicy) -> View:
    """The turn as it was begun, judged by the time and the rules of now.

    Whether it is still the same is asked by `ending.finish`, which ends no other version.
    """
    rules = records.shop(tx, begun.key.tenant_id, defaults).rules
    return View(
        key=begun.key,
        turn_id=begun.turn.turn_id,
        version=begun.version,
        agent_id=begun.agent_id,
        rules=rules,
        situation=begun.situation,
        covered=begun.covered,
        verdict=turns.judge(rules, begun.situation, now_ms),
        now=now_ms,
    )


def _let_go(tx: Tx, view: View, turn: Turn, trace: str | None = None) -> "_Let":
    """End a turn that the bot must not answer; of a chat that it leaves it says so, once.

    `trace` is that of an answer which was made all the same.
    """
    verdict = view.verdict
    if isinstance(verdict, Proceed):
        raise TypeError("this turn is to be answered")
    state: State = "waiting" if isinstance(verdict, Wait) else "dropped"
    ended = ending.finish(tx, view, End(state=state, reason=verdict.reason.value, trace=trace))
    if not (ended and verdict.reason is Reason.LOOP):
        return _Let(ended)
    ending.stop(tx, view)
    return _Let(ended, _take_leave(tx, view, turn))


def _take_leave(tx: Tx, view: View, turn: Turn) -> Order | None:
    """The word that a person will answer, from a bot that leaves the chat: once a pause."""
    mode = view.state.mode or view.rules.mode
    if mode != "auto" or view.state.handed_over_at is not None:
        return None
    words = _announcement(tx, turn, view, Proceed(mode, late=False))
    if not words:
        return None
    order = ending.send(tx, view, words)
    ending.remember_told(tx, view, view.now)
    return order


def _again(tx: Tx, view: View) -> Again | None:
    """When a turn that was not ended is to be begun anew; None when it is over."""
    row = tx.one("turns.one", tenant_id=view.key.tenant_id, turn_id=view.turn_id)
    return Again(row["due_at"]) if row is not None and row["state"] == "pending" else None


def acquaint(tx: Tx, begun: Begun, now_ms: int) -> None:
    """Make the customer of a turn known, by all ids at once."""
    acting.acquaint(tx, _party(begun), now_ms)


def _party(begun: Begun) -> Party:
    turn = begun.turn
    return Party(
        key=begun.key,
        turn_id=turn.turn_id,
        agent_id=begun.agent_id,
        customer_name=turn.customer_name,
        phone=turn.phone,
        lid=turn.lid,
    )
