"""`sak-hub trace`: how the assistant's answers came about."""

from typing import Any, Final

import click

from hub.cli.command import Failure, Session, answer, json_option, printable, with_store
from hub.cli.trace_reading import ChatSeen, TurnSeen, chat_seen, chats_named, turn_named
from hub.cli.trace_sheet import View, chat_facts, chat_lines, turn_facts, turn_lines
from hub.store.tx import Tx

TURNS: Final = 10  # of a chat: about a screen


@click.command()
@click.argument("chat_or_turn", metavar="CHAT|TURN")
@click.option("--shop", help="The shop whose chat is meant, where several have one.")
@click.option("--limit", default=TURNS, show_default=True, type=click.IntRange(1, 1_000))
@click.option("--masked", is_flag=True, help="Show no words, names and numbers of anybody.")
@json_option
def trace(chat_or_turn: str, shop: str | None, limit: int, masked: bool, as_json: bool) -> None:
    """Show why the assistant said what it said.

    CHAT is a phone number, a customer's id or a WhatsApp id: the newest turns of the chat, each
    with what came of it. TURN is a turn's id, or its beginning: all of that turn. docs/traces.md
    explains the words.
    """

    def look(tx: Tx) -> TurnSeen | list[ChatSeen]:
        ref = chat_or_turn.strip()
        places = chats_named(tx, ref, shop)
        if not places and (turn := turn_named(tx, ref)) is not None:
            return turn
        return [chat_seen(tx, whose, place, limit) for whose, place in places]

    async def work(session: Session) -> tuple[TurnSeen | list[ChatSeen], int]:
        return await session.store.read(look), session.clock.now_ms()

    seen, now_ms = with_store(work)
    if isinstance(seen, TurnSeen):
        view = View(seen.shop["timezone"], masked)
        facts = {"turn": turn_facts(seen, masked=masked)}
        answer(facts, turn_lines(seen, view), as_json=as_json)
    else:
        _answer_chats(chat_or_turn, seen, now_ms, masked=masked, as_json=as_json)


def _answer_chats(
    ref: str, seen: list[ChatSeen], now_ms: int, *, masked: bool, as_json: bool
) -> None:
    if not seen:
        raise Failure(
            "unknown_chat",
            f"There is no chat and no turn {printable(ref)}. A phone number needs its country "
            "code; 'sak-hub customer list SHOP' shows by what customers are known.",
        )
    facts: dict[str, Any] = {"chats": [chat_facts(chat, masked=masked) for chat in seen]}
    lines: list[str] = []
    for chat in seen:
        view = View(chat.shop["timezone"], masked)
        lines += [*([""] if lines else []), *chat_lines(chat, view, now_ms)]
    answer(facts, lines, as_json=as_json)
