"""Replies that wait for a person's click: kept, approved, then sent or begun anew.

What is sent is what the person read: to the letter, but for the number of a new order. Other words
in its place carry out nothing of what the draft would have done.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from hub.commerce.effects import Effect
from hub.conversation import acting, ending, outgoing, records, transcript, turns
from hub.conversation.acting import Party
from hub.conversation.outgoing import Outgoing
from hub.conversation.transcript import Entry
from hub.conversation.turns import ChatKey
from hub.store.tx import Row, Tx


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is to follow when the draft is sent as it stands.

    `discloses`: its words say that replies are automatic. `reworded`: a person sent other words,
    and nothing followed.
    """

    effects: tuple[Effect, ...] = ()
    discloses: bool = False
    reworded: bool = False


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """A draft that waits. `handover`: why the engine calls a person, which its words announce."""

    turn_id: str
    version: int
    agent_id: str
    reply: str
    handover: str | None
    kept: Kept
    customer_name: str | None
    made_at: int

    @property
    def name(self) -> str:
        """What tells this draft from every other, of this turn too."""
        return f"{self.turn_id}.{self.version}"


def kept_of(answer: str | None) -> Kept:
    """What was kept with a draft, as its turn's row has it."""
    return Kept() if answer is None else _DECODER.decode(answer)


def keep(tx: Tx, key: ChatKey, turn_id: str, kept: Kept) -> None:
    """Keep with a draft what is to follow when it is sent."""
    text = msgspec.json.encode(kept).decode()
    tx.run("turns.keep_answer", tenant_id=key.tenant_id, turn_id=turn_id, answer=text)


def find(tx: Tx, key: ChatKey) -> Suggestion | None:
    """The draft that waits in a chat."""
    row = tx.one("turns.suggestion", **records.where(key))
    return None if row is None else _suggestion(row)


def _suggestion(row: Row) -> Suggestion:
    return Suggestion(
        turn_id=row["turn_id"],
        version=row["version"],
        agent_id=row["agent_id"],
        reply=row["reply"] or "",
        handover=row["reason"],
        kept=kept_of(row["answer"]),
        customer_name=row["name"],
        made_at=row["finished_at"],
    )


def approve(tx: Tx, key: ChatKey, text: str | None, now_ms: int) -> Outgoing | None:
    """Have the draft of a chat sent, in these words or its own; None when none waits, or sent is.

    The order's id is that of the turn's one reply: however often it is approved, and whatever a
    hub forgets, it goes out once.
    """
    found = find(tx, key)
    if found is None:
        return None
    covered = transcript.of_turn(transcript.fold(records.recent(tx, key)), found.turn_id)
    if not covered:
        return None
    approved = Outgoing(
        outgoing_id=str(turns.reply_id(key, covered[-1].wa_id)),
        key=key,
        kind="suggestion",
        text=None if text == found.reply else text,
        turn_id=found.turn_id,
        version=found.version,
        due_at=now_ms,
        created_at=now_ms,
    )
    return approved if outgoing.put_approved(tx, approved) else None


def current(tx: Tx, one: Outgoing) -> Suggestion | None:
    """The draft that was approved; None when it is over, or not the answer to all that was said."""
    found = find(tx, one.key)
    if found is None or (found.turn_id, found.version) != (one.turn_id, one.version):
        return None
    return found if _is_of_the_newest(records.recent(tx, one.key), found.turn_id) else None


def _is_of_the_newest(entries: Sequence[Entry], turn_id: str) -> bool:
    """Whether a turn covers the newest of what the customer said, whoever had the chat then."""
    said = [e for e in entries if e.author == "customer" and e.kind in turns.TURN_KINDS]
    return bool(said) and said[-1].turn_id == turn_id


def take(tx: Tx, one: Outgoing, found: Suggestion, now_ms: int) -> str:
    """End the turn with its draft and do what that says, if it goes out as it stands; its words.

    Raises:
        Outdated: the shop is not any more as the draft says: `begin_anew`.
    """
    state = "answered" if _calls_nobody(one, found) else "waiting"
    if one.text is not None:
        keep(tx, one.key, found.turn_id, msgspec.structs.replace(found.kept, reworded=True))
    tx.run(
        "turns.send",
        tenant_id=one.key.tenant_id,
        turn_id=found.turn_id,
        version=found.version,
        state=state,
        reason=found.handover if state == "waiting" else None,
        finished_at=now_ms,
    )
    words = found.reply if one.text is None else one.text
    if one.text is None and found.kept.effects:
        return acting.act(tx, _party(tx, one.key, found), found.kept.effects, words, now_ms)
    return words


def _calls_nobody(one: Outgoing, found: Suggestion) -> bool:
    """Whether nobody is called with these words: a person's own announce no handover."""
    return one.text is not None or found.handover is None


def remember_told(tx: Tx, one: Outgoing, found: Suggestion, takeover_s: float, now_ms: int) -> None:
    """Note what the words told the customer besides the answer, as `commit` does for its own."""
    state, announces = records.chat(tx, one.key).state, not _calls_nobody(one, found)
    discloses = one.text is None and found.kept.discloses
    disclosed_at = now_ms if discloses else state.disclosed_at
    ending.note_told(tx, one.key, state, disclosed_at, now_ms if announces else None)
    if announces:
        ending.silence(tx, one.key, takeover_s, now_ms)


def begin_anew(tx: Tx, one: Outgoing, now_ms: int) -> bool:
    """Have another draft made of a turn that the shop overtook; False when there is none any more.

    The customer is made known before, as after any answer that was overtaken.
    """
    found = current(tx, one)
    if found is None:
        return False
    acting.acquaint(tx, _party(tx, one.key, found), now_ms)
    tx.run(
        "turns.raise",
        tenant_id=one.key.tenant_id,
        turn_id=found.turn_id,
        agent_id=found.agent_id,
        first_at=now_ms,
        due_at=now_ms,
    )
    return True


def _party(tx: Tx, key: ChatKey, found: Suggestion) -> Party:
    covered = transcript.of_turn(transcript.fold(records.recent(tx, key)), found.turn_id)
    return Party(
        key=key,
        turn_id=found.turn_id,
        agent_id=found.agent_id,
        customer_name=found.customer_name,
        phone=next((entry.phone for entry in reversed(covered) if entry.phone), None),
        lid=next((entry.lid for entry in reversed(covered) if entry.lid), None),
    )


_DECODER: Final = msgspec.json.Decoder(Kept)
