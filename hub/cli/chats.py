"""`sak-hub chats`: the operator's desk, where a person reads, answers, pauses and gives back."""

from typing import Any, Final

import click

from hub.cli import chat_refs as refs
from hub.cli import find
from hub.cli.chat_refs import Found
from hub.cli.chat_sending import Span, reply, send
from hub.cli.chat_sheet import HEADS, Sheet, lines_of, sheet_of
from hub.cli.command import (
    Session,
    answer,
    changed,
    json_option,
    moment,
    table,
    with_store,
)
from hub.conversation import records, takeover
from hub.store.policy import DEFAULTS, SECONDS_MAX, load
from hub.store.tx import Tx

SHOWN_MAX: Final = 100  # chats of a list: some screens of them
SAID_MAX: Final = 20  # messages of a chat
HOURS_MAX: Final = SECONDS_MAX["takeover_s"] / 3600
MODES: Final = ("off", "suggest", "auto", "shop")


@click.group()
def chats() -> None:
    """Chats: list, show, send, reply, dismiss, mode, pause, resume.

    CHAT is a phone number, a customer's id or a WhatsApp id such as 123@lid.
    """


@chats.command("list")
@click.argument("shop")
@click.option("--waiting", "state", flag_value="waiting", help="Only those that wait for you.")
@click.option("--suggested", "state", flag_value="suggested", help="Only those with a draft.")
@click.option("--limit", default=SHOWN_MAX, show_default=True, type=click.IntRange(1, 100_000))
@json_option
def list_(shop: str, state: str | None, limit: int, as_json: bool) -> None:
    """Show the chats of SHOP, the one in which something was said last first."""

    async def work(session: Session) -> Any:
        now_ms = session.clock.now_ms()
        return await session.store.read(
            lambda tx: lines_of(tx, find.tenant(tx, shop), state, limit + 1, now_ms)
        )

    found = with_store(work)
    shown = found[:limit]
    lines = table(HEADS, [line.cells() for line in shown])
    if len(found) > limit:
        lines.append("and more; --limit shows them")
    nothing = "No such chats." if state else "No chats yet."
    answer(
        {"chats": shown, "more": len(found) > limit},
        lines if shown else [nothing],
        as_json=as_json,
    )


@chats.command()
@click.argument("shop")
@click.argument("chat")
@click.option("--limit", default=SAID_MAX, show_default=True, type=click.IntRange(1, 10_000))
@json_option
def show(shop: str, chat: str, limit: int, as_json: bool) -> None:
    """Show what was said last in CHAT, who has it, and the draft that waits."""

    async def work(session: Session) -> Sheet:
        now_ms = session.clock.now_ms()
        return await session.store.read(
            lambda tx: sheet_of(tx, refs.chat(tx, find.tenant(tx, shop), chat), limit, now_ms)
        )

    sheet = with_store(work)
    answer(sheet.facts(), sheet.lines(), as_json=as_json)


@chats.command()
@click.argument("shop")
@click.argument("chat")
@json_option
def dismiss(shop: str, chat: str, as_json: bool) -> None:
    """Note that what waits in CHAT needs no answer; a draft is thrown away."""

    def change(tx: Tx, now_ms: int) -> tuple[Found, int]:
        found = refs.chat(tx, find.tenant(tx, shop), chat)
        return found, len(takeover.dismiss(tx, found.key, now_ms))

    found, count = changed(change)
    line = f"{found.name}: " + ("nothing waits any more." if count else "nothing waited.")
    answer({"chat": found.key.chat, "dismissed": count}, [line], as_json=as_json)


@chats.command()
@click.argument("shop")
@click.argument("chat")
@click.argument("mode", type=click.Choice(MODES))
@json_option
def mode(shop: str, chat: str, mode: str, as_json: bool) -> None:
    """Say what the assistant may do in CHAT: nothing (off), drafts (suggest), answer (auto).

    With 'shop' it may there what it may in the shop's other chats.
    """
    own = None if mode == "shop" else mode

    def change(tx: Tx, _: int) -> Found:
        found = refs.chat(tx, find.tenant(tx, shop), chat)
        tx.run("chats.set_mode", **records.where(found.key), mode=own)
        return found

    found = changed(change)
    said = own or f"{found.shop['mode']}, as in the shop"
    answer({"chat": found.key.chat, "mode": own}, [f"{found.name}: {said}."], as_json=as_json)


@chats.command()
@click.argument("shop")
@click.argument("chat")
@click.option(
    "--hours",
    type=Span(0, HOURS_MAX, min_open=True),
    help="For how long; else as long as after a reply of yours (takeover_s).",
)
@json_option
def pause(shop: str, chat: str, hours: float | None, as_json: bool) -> None:
    """Keep the assistant out of CHAT for a while."""

    def change(tx: Tx, now_ms: int) -> tuple[Found, int]:
        found = refs.chat(tx, find.tenant(tx, shop), chat)
        pause_s = load(found.shop["settings"]).takeover_s if hours is None else hours * 3600
        until = now_ms + round(pause_s * 1000)
        takeover.pause(tx, found.key, until)
        return found, until

    found, until = changed(change)
    line = f"{found.name}: the assistant is silent until {moment(until)}, or 'chats resume'."
    facts = {"chat": found.key.chat, "paused_until": moment(until)}
    answer(facts, [line], as_json=as_json)


@chats.command()
@click.argument("shop")
@click.argument("chat")
@json_option
def resume(shop: str, chat: str, as_json: bool) -> None:
    """Let the assistant answer in CHAT again, first what nobody has answered yet."""

    def change(tx: Tx, now_ms: int) -> tuple[Found, bool]:
        found = refs.chat(tx, find.tenant(tx, shop), chat)
        rules = records.shop(tx, found.key.tenant_id, DEFAULTS).rules
        turn_id = takeover.give_back(tx, found.key, found.agent_id, rules, now_ms)
        return found, turn_id is not None

    found, answers = changed(change)
    then = "it looks at what the customer wrote last" if answers else "nothing is unanswered"
    line = f"{found.name}: the assistant has the chat again; {then}."
    answer({"chat": found.key.chat, "answers": answers}, [line], as_json=as_json)


chats.add_command(send)
chats.add_command(reply)
