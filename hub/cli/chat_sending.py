"""`sak-hub chats send` and `reply`: what an operator has sent, and word of what became of it."""

import asyncio
import math
from collections.abc import Callable
from functools import partial
from typing import Any, Final
from uuid import uuid4

import click

from hub.cli import chat_refs as refs
from hub.cli import find
from hub.cli.chat_refs import Found
from hub.cli.chat_words import refusal
from hub.cli.command import (
    JOINERS,
    Failure,
    Session,
    answer,
    json_option,
    moment,
    with_store,
)
from hub.conversation import outgoing, suggestions, takeover, wording
from hub.conversation.outgoing import Outcome, Outgoing
from hub.store import serving
from hub.store.policy import load
from hub.store.tx import Tx

WORDS_MAX_CHARS: Final = 4_000  # WhatsApp takes more; nobody reads it
WAIT_S: Final = 5.0
"""How long a command waits for word of what it had sent: the hub looks once a second."""


class Span(click.FloatRange):
    """A length of time within bounds; "nan" lies in none."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The number that was typed."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a length of time.", param, ctx)
        return number


text_option = click.option("--text", help="Other words than the draft's: it then does nothing.")
draft_option = click.option("--draft", help="Only if this one waits; 'show' tells its name.")
wait_option = click.option(
    "--wait",
    "wait_s",
    default=WAIT_S,
    show_default=True,
    type=Span(0, 60),
    metavar="SECONDS",
    help="How long to wait until the hub has sent it.",
)


@click.command()
@click.argument("shop")
@click.argument("chat")
@text_option
@draft_option
@wait_option
@json_option
def send(
    shop: str, chat: str, text: str | None, draft: str | None, wait_s: float, as_json: bool
) -> None:
    """Send the draft that waits in CHAT, as it stands or with other words.

    As it stands it does what it says: fills the cart, places the order. Other words do nothing.
    """
    words = None if text is None else _words(text)

    def change(tx: Tx, now_ms: int) -> tuple[Found, str, dict[str, Any]]:
        found = refs.chat(tx, find.tenant(tx, shop), chat)
        waiting = suggestions.find(tx, found.key)
        if waiting is None:
            raise _no_draft(found)
        if draft not in (None, waiting.name):
            raise _changed(found)
        approved = suggestions.approve(tx, found.key, words, now_ms)
        if approved is None:
            raise _approved(found)
        undone = len(waiting.kept.effects) if approved.text is not None else 0
        return found, approved.outgoing_id, {"edited": approved.text is not None, "undone": undone}

    found, facts = _have_sent(change, wait_s)
    lines = [_told(found, facts, wait_s)]
    if facts["undone"]:
        lines.append("The draft would have changed the shop (cart, order): your words did not.")
    answer(facts, lines, as_json=as_json)


def _no_draft(found: Found) -> Failure:
    return Failure(
        "no_draft",
        f"No draft waits in the chat with {found.name}. "
        "'sak-hub chats reply' sends words of your own.",
    )


def _changed(found: Found) -> Failure:
    return Failure(
        "not_sent_changed",
        f"Another draft waits in the chat with {found.name} by now: look at it once more.",
    )


def _approved(found: Found) -> Failure:
    return Failure("already_approved", f"The draft for {found.name} is on its way already.")


@click.command()
@click.argument("shop")
@click.argument("chat")
@click.argument("text")
@wait_option
@json_option
def reply(shop: str, chat: str, text: str, wait_s: float, as_json: bool) -> None:
    """Send TEXT in CHAT as the shop's own words; the assistant is silent there from now on."""
    words = _words(text)

    def change(tx: Tx, now_ms: int) -> tuple[Found, str, dict[str, Any]]:
        found = refs.chat(tx, find.tenant(tx, shop), chat)
        one = Outgoing(
            outgoing_id=str(uuid4()),
            key=found.key,
            kind="operator",
            text=words,
            due_at=now_ms,
            created_at=now_ms,
        )
        until = takeover.speak(tx, one, now_ms, load(found.shop["settings"]).takeover_s)
        return found, one.outgoing_id, {"paused_until": moment(until)}

    found, facts = _have_sent(change, wait_s)
    silent = f"The assistant is silent there until {facts['paused_until']}, or 'chats resume'."
    answer(facts, [_told(found, facts, wait_s), silent], as_json=as_json)


def _words(text: str) -> str:
    """The words as they go out; Failure when there are none, or too many."""
    words = wording.clean(text)
    if not words.strip(JOINERS):
        raise Failure("bad_value", "The text is empty.")
    if len(words) > WORDS_MAX_CHARS:
        raise Failure(
            "bad_value",
            f"The text has {len(words)} characters; {WORDS_MAX_CHARS} are allowed.",
        )
    return words


_Change = Callable[[Tx, int], tuple[Found, str, dict[str, Any]]]


def _have_sent(change: _Change, wait_s: float) -> tuple[Found, dict[str, Any]]:
    """Have something sent and wait a while for word of it; Failure when it was refused."""

    async def work(session: Session) -> tuple[Found, dict[str, Any]]:
        now_ms = session.clock.now_ms()
        found, outgoing_id, facts = await session.store.write(lambda tx: change(tx, now_ms))
        served = serving.is_served(session.store.path)
        outcome = await _outcome(session, outgoing_id, wait_s) if served else None
        where = {"chat": found.key.chat, "account": found.key.account}
        return found, where | facts | {
            "outgoing_id": outgoing_id,
            "outcome": outcome,
            "is_served": served,
        }

    found, facts = with_store(work)
    if facts["outcome"] not in (None, Outcome.ORDERED):
        why = refusal(facts["outcome"])
        raise Failure(f"not_sent_{facts['outcome']}", f"It was not sent to {found.name}: {why}.")
    return found, facts


async def _outcome(session: Session, outgoing_id: str, wait_s: float) -> str | None:
    """What the running hub made of it; None when it has not looked, or may not send it yet."""
    store, look = session.store, partial(outgoing.outcome_of, outgoing_id=outgoing_id)
    outcome: str | None = None
    async with asyncio.TaskGroup() as group:
        watch = group.create_task(store.watch(poll_s=0.1), name="store watch")
        try:
            async with asyncio.timeout(wait_s):
                while outcome is None:
                    seen = store.changed.count
                    if (outcome := await store.read(look)) is None:
                        await store.changed.after(seen)
        except TimeoutError:
            outcome = await store.read(look)
        finally:
            watch.cancel()
    return outcome


def _told(found: Found, facts: dict[str, Any], wait_s: float) -> str:
    if facts["outcome"] is not None:
        return f"{found.name}: handed to the shop's PC."
    if not facts["is_served"]:
        return f"{found.name}: kept. No hub runs on this database: the next one sends it."
    if not wait_s:
        return f"{found.name}: handed over; not waited for."
    return f"{found.name}: kept. It is sent when the shop's PC is connected."
