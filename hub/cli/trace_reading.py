"""What `sak-hub trace` shows, read from the database: a turn, or the newest part of a chat."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from hub.assistant import turn_trace
from hub.assistant.turn_trace import TurnTrace
from hub.cli import customer_refs as refs
from hub.cli import find
from hub.cli.command import Failure, printable
from hub.commerce import customer_records, customer_rows
from hub.commerce.aliases import typed
from hub.commerce.customer_records import ChatPlace
from hub.conversation.suggestions import Kept, kept_of
from hub.store.tx import Row, Tx
from protocol.messages import Fault

PAGE: Final = 200  # messages that are read at a time
PAGES_MAX: Final = 20
"""A chat where nothing was answered for so long has no turns worth waiting for."""
NEWEST: Final = 1 << 62

_TURN_ID: Final = re.compile(r"[0-9a-f]{8,32}")
_BEYOND: Final = "g"  # behind every hexadecimal digit


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One message; times in ms UTC. `state` and `error` are those of one that we sent."""

    row_id: int
    wa_id: str
    author: str
    kind: str
    text: str | None
    at: int
    received_at: int
    turn_id: str | None
    state: str | None
    state_at: int | None
    error: str | None


class Sent(msgspec.Struct, frozen=True):
    """What was to be sent for a turn by a person's hand."""

    kind: str
    due_at: int
    created_at: int
    done_at: int | None
    outcome: str | None


class TurnSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A turn and all that belongs to it; `trace` is None where none was kept or none is readable.

    `changes` counts what happened while it was open: a message more, an edit, a word of the
    owner's. `kept`: what was to follow when the draft was sent, and whether it was.
    """

    turn_id: str
    shop: Row
    place: ChatPlace
    agent_id: str
    state: str
    reason: str | None
    changes: int
    first_at: int
    due_at: int
    finished_at: int | None
    suggestion: str | None
    trace: TurnTrace | None
    messages: tuple[Said, ...]
    by_hand: tuple[Sent, ...]
    kept: Kept = Kept()

    @property
    def came(self) -> tuple[Said, ...]:
        """What the customer wrote."""
        return tuple(one for one in self.messages if one.author == "customer")

    @property
    def replies(self) -> tuple[Said, ...]:
        """What went out for it."""
        return tuple(one for one in self.messages if one.author != "customer")


class ChatSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The newest part of a chat: its turns, and the messages that belong to none.

    `mode` is the chat's own, or else the shop's.
    """

    shop: Row
    place: ChatPlace
    name: str | None
    mode: str
    paused_until: int | None
    turns: tuple[TurnSeen, ...]
    others: tuple[Said, ...]


def turn_named(tx: Tx, ref: str) -> TurnSeen | None:
    """The turn whose id this is, or begins so; Failure when several do."""
    if _TURN_ID.fullmatch(ref) is None:
        return None
    beyond = {"first": ref, "beyond": ref + _BEYOND}
    found = [row["turn_id"] for row in tx.all("traces.begun_so", **beyond, most=3)]
    if len(found) > 1:
        some = ", ".join(found)
        raise Failure("ambiguous_turn", f"Several turns begin with {ref}: {some}. Give more of it.")
    row = tx.one("traces.turn", turn_id=found[0]) if found else None
    if row is None:
        return None
    at = {"tenant_id": row["tenant_id"], "account": row["account"], "chat": row["chat"]}
    said = tx.all("traces.messages_of_turn", **at, turn_id=row["turn_id"])
    return _turn(tx, find.tenant(tx, row["tenant_id"]), row, map(_said, said))


def chats_named(tx: Tx, ref: str, shop_ref: str | None) -> list[tuple[Row, ChatPlace]]:
    """The chats of the person whom `ref` means, all of one shop; Failure when more have one."""
    shops = tx.all("tenants.all") if shop_ref is None else [find.tenant(tx, shop_ref)]
    found = {shop["tenant_id"]: (shop, places) for shop in shops if (places := _of(tx, shop, ref))}
    if len(found) > 1:
        names = ", ".join(printable(shop["name"]) for shop, _ in found.values())
        message = f"{printable(ref)} has chats with {names}. Say which one with --shop SHOP."
        raise Failure("ambiguous_chat", message)
    return [(shop, place) for shop, places in found.values() for place in places]


def chat_seen(tx: Tx, shop: Row, place: ChatPlace, turns_max: int) -> ChatSeen:
    """The newest turns of a chat, and what was written between them, oldest first."""
    at = {"tenant_id": shop["tenant_id"], "account": place.account, "chat": place.chat}
    row = tx.one("chats.one", **at)
    said = _newest(tx, at, turns_max)
    turns: dict[str, TurnSeen] = {}
    for turn_id in dict.fromkeys(one.turn_id for one in said if one.turn_id is not None):
        if (found := tx.one("traces.turn", turn_id=turn_id)) is not None:
            own = (one for one in said if one.turn_id == turn_id)
            turns[turn_id] = _turn(tx, shop, found, own)
    return ChatSeen(
        shop=shop,
        place=place,
        name=None if row is None else row["name"],
        mode=(None if row is None else row["mode"]) or shop["mode"],
        paused_until=None if row is None else row["paused_until"],
        turns=tuple(turns.values()),
        others=tuple(one for one in said if one.turn_id not in turns),
    )


def _of(tx: Tx, shop: Row, ref: str) -> list[ChatPlace]:
    """The chats of one shop with a customer's id, phone or WhatsApp id."""
    tenant_id, alias = shop["tenant_id"], typed(ref, refs.region(shop))
    who = customer_rows.current(tx, tenant_id, ref) or customer_rows.owner(tx, tenant_id, alias)
    known = () if who is None else customer_rows.aliases(tx, tenant_id, who.customer_id)
    aliases = {alias, *known}
    places = {p for one in aliases for p in customer_records.chats_named(tx, tenant_id, one)}
    return sorted(places)


def _newest(tx: Tx, at: dict[str, Any], turns_max: int) -> list[Said]:
    """The messages back to the first of so many turns, oldest first."""
    said: list[Said] = []
    turns: dict[str, None] = {}
    for one in _backwards(tx, at):
        if one.turn_id is not None and one.turn_id not in turns:
            if len(turns) == turns_max:
                break
            turns[one.turn_id] = None
        said.append(one)
    return said[::-1]


def _backwards(tx: Tx, at: dict[str, Any]) -> Iterator[Said]:
    before = NEWEST
    for _ in range(PAGES_MAX):
        rows = tx.all("traces.messages", **at, before=before, most=PAGE)
        yield from map(_said, rows)
        if len(rows) < PAGE:
            return
        before = rows[-1]["id"]


def _turn(tx: Tx, shop: Row, row: Row, messages: Iterable[Said]) -> TurnSeen:
    turn_id = row["turn_id"]
    by_hand = tx.all("traces.outgoing", tenant_id=row["tenant_id"], turn_id=turn_id)
    return TurnSeen(
        turn_id=turn_id,
        shop=shop,
        place=ChatPlace(row["account"], row["chat"]),
        agent_id=row["agent_id"],
        state=row["state"],
        reason=row["reason"],
        changes=row["version"] - 1,
        first_at=row["first_at"],
        due_at=row["due_at"],
        finished_at=row["finished_at"],
        suggestion=row["reply"],
        kept=kept_of(row["answer"]),
        trace=turn_trace.decode(row["trace"]),
        messages=tuple(messages),
        by_hand=tuple(Sent(**dict(one)) for one in by_hand),
    )


def _said(row: Row) -> Said:
    error = row["error"]
    return Said(
        row_id=row["id"],
        wa_id=row["wa_id"],
        author=row["author"],
        kind=row["kind"],
        text=row["text"],
        at=row["sent_at"],
        received_at=row["received_at"],
        turn_id=row["turn_id"],
        state=row["state"],
        state_at=row["state_at"],
        error=None if error is None else msgspec.json.decode(error, type=Fault).message,
    )
