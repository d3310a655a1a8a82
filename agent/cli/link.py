"""`sak-agent link`, and the codes in the terminal of `sak-agent run`.

A code is drawn on a terminal only: what is written to a file or another program may leave this PC.
"""

import re
import shutil
import sys
import time
from collections.abc import Callable
from typing import Final

import click
import msgspec

from agent import link_words as words
from agent.cli.command import Failure, answer, json_option, load_settings
from agent.cli.panel_call import PanelCall
from agent.drivers.driver import LinkOffer, LinkWish
from agent.panel.offer import PATH, Offered

EVERY_S: Final = 1.0
_NUMBER: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_PUNCTUATION: Final = re.compile(r"[\s().-]")
_NO_NUMBER: Final = (
    "{number!r} is no phone number: give it with + and country code, +91… for India."
)
_NO_TERMINAL: Final = "This is no terminal: the code is shown in the panel (`sak-agent panel`)."
_NARROW: Final = "The code needs {wanted} columns: widen this window, or open `sak-agent panel`."
_WINDOW: Final = "The browser is started anew and shows its window in some seconds."


@click.command()
@click.option("--phone", metavar="NUMBER", help="Get 8 letters to type instead of a QR to scan.")
@click.option("--window", is_flag=True, help="Show the browser meanwhile; passkeys need it.")
@click.option("--new-number", is_flag=True, help="The number may be another than before.")
@json_option
def link(phone: str | None, window: bool, new_number: bool, as_json: bool) -> None:
    """Link the shop's phone: show the code until the phone has used it."""
    wish = LinkWish(None if phone is None else number(phone), window, new_number)
    agent = PanelCall(load_settings())
    agent.post("/api/link", wish)
    if window:
        click.echo(_WINDOW, err=True)
    show = shown_on_terminal(clear=True)
    if show is None:
        click.echo(_NO_TERMINAL, err=True)
    _wait(agent, show or _not_shown)
    answer({"linked": True}, ["WhatsApp is linked."], as_json=as_json)


def number(text: str) -> str:
    """A phone number as E.164; Failure."""
    plain = _PUNCTUATION.sub("", text)
    if _NUMBER.fullmatch(plain) is None:
        raise Failure("usage", _NO_NUMBER.format(number=text))
    return plain


def shown_on_terminal(*, clear: bool = False) -> Callable[[LinkOffer | None], None] | None:
    """What draws each code where a person sees it, None where nobody does."""
    if sys.stdout is None or not sys.stdout.isatty():  # Windows has programs without one
        return None

    def show(offer: LinkOffer | None) -> None:
        if offer is None:
            return
        if clear:
            click.clear()
        encoding, columns = sys.stdout.encoding, shutil.get_terminal_size().columns
        for line in drawn(offer, encoding, columns):
            click.echo(line)

    return show


def drawn(offer: LinkOffer, encoding: str, columns: int) -> list[str]:
    """A code as lines for a terminal of so many columns."""
    if offer.kind == "code":
        return [words.HOW_CODE, "", f"    {offer.text[:4]}-{offer.text[4:]}", _count(offer)]
    from agent import qr  # nobody else needs it, and most days nobody links

    lines = qr.drawn(offer.text, encoding)
    wanted = qr.width(lines)
    if wanted > columns:
        return [_NARROW.format(wanted=wanted)]
    return [*lines, words.HOW_SCAN, _count(offer)]


def _count(offer: LinkOffer) -> str:
    return f"Code {offer.attempt} of {offer.attempts_max}; the next one comes by itself."


def _not_shown(_offer: LinkOffer | None) -> None:
    """There is no terminal."""


def _wait(agent: PanelCall, show: Callable[[LinkOffer | None], None]) -> None:
    """Show each code until WhatsApp is linked; Failure when nobody used any."""
    shown: LinkOffer | None = None
    was_syncing = False
    while True:
        now = msgspec.json.decode(agent.get(PATH), type=Offered)
        if now.whatsapp == "ready":
            return
        if now.offer != shown:
            shown = now.offer
            show(shown)
        elif now.whatsapp == "syncing" and not was_syncing:
            was_syncing = True
            click.echo("The phone is linked; its chats are being loaded.", err=True)
        if now.whatsapp in ("qr", "logged_out") and not words.invites(now.advice):
            raise Failure("not_linked", now.advice)
        time.sleep(EVERY_S)
