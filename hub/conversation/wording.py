"""CORE: from an engine's words to the message that a customer gets."""

from typing import Final

REPLY_MAX_CHARS: Final = 1_000  # docs/rules.md §1: one message per turn, at most this long
_ELLIPSIS: Final = "…"


def compose(words: str, *, opening: str = "", closing: str = "") -> str:
    """One message: an apology first, a disclosure last, the answer cut so that both fit.

    Empty when the engine said nothing: an opening alone is no answer.
    """
    body = clean(words)
    if not body:
        return ""
    frame = [part for part in (clean(opening), clean(closing)) if part]
    room = REPLY_MAX_CHARS - sum(len(part) + 2 for part in frame)
    if not frame:
        return cut(body, room)
    parts = (clean(opening), cut(body, max(room, REPLY_MAX_CHARS // 2)), clean(closing))
    return cut("\n\n".join(part for part in parts if part), REPLY_MAX_CHARS)


def clean(text: str) -> str:
    """The text without what no frame can carry: NUL and halves of surrogate pairs."""
    if text.isascii() and "\0" not in text:
        return text.strip()
    return text.replace("\0", "").encode("utf-8", "ignore").decode().strip()


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, ended at a word with an ellipsis when something is left out."""
    if len(text) <= limit:
        return text
    head = text[: limit - len(_ELLIPSIS)]
    if not text[len(head)].isspace():
        words = head.rsplit(None, 1)[0]
        head = words if len(words) > limit // 2 else head  # one endless word is cut inside
    return head.rstrip() + _ELLIPSIS
