"""Asking the page: every call ends, with an answer, an error of the page, or no answer."""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal, TypeVar

import msgspec
import structlog
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page

from agent.drivers.driver import (
    FileGoneError,
    FileNotNowError,
    Lookup,
    OrderedFile,
    Outcome,
    SendOrder,
)
from agent.drivers.whatsapp_web.errors import PageSilentError, PageUnavailableError
from agent.drivers.whatsapp_web.mapping import PageMessage, PageState, file_name, kind_of
from agent.drivers.whatsapp_web.settings import WebSettings
from agent.files import FILE_MAX_BYTES, PIECE_BYTES, DiskError, FileTooLargeError, pieces
from protocol.messages import MessageReceived

_log = structlog.get_logger(__name__)
_Wanted = TypeVar("_Wanted")
_CALL = "([name, argument]) => window.__sakAgent.call(name, argument)"
_PROBE = "() => window.__sakAgent ? window.__sakAgent.probe() : null"
_TAKE_OVER = "() => { window.WPP.whatsapp.Socket.takeover(); }"
# By the browser, whose proxy may be another than ours. What the page's policy refuses says nothing
# of the network.
_REACHES = """async (limitMs) => {
  let refused = false;
  document.addEventListener('securitypolicyviolation', () => { refused = true; });
  const signal = AbortSignal.timeout(limitMs);
  try {
    await fetch(`/favicon.ico?${Date.now()}`, { method: 'HEAD', cache: 'no-store', signal });
    return true;
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 50));
    return refused;
  }
}"""


class _Answer(msgspec.Struct):
    value: Any = None
    code: str | None = None
    message: str = ""


class _Found(msgspec.Struct):
    state: Literal["here", "gone", "too_large"]
    handle: int = 0
    size: int = 0


class _PageOfMessages(msgspec.Struct):
    messages: list[Any]
    before: str | None


class Calls:
    """The functions of `page.js`, typed and bounded in time."""

    def __init__(self, page: Page, settings: WebSettings) -> None:
        self._page = page
        self._settings = settings

    async def send(self, order: SendOrder) -> Outcome:
        """Send under the order's key; an unanswered call leaves the message in doubt."""
        argument: dict[str, object] = {
            "account": order.account,
            "chat": order.chat,
            "key": order.key,
            "text": order.text,
            "reply_to": order.reply_to,
        }
        try:
            if order.file is None:
                return await self._ask("send", argument, Outcome, self._settings.send_timeout_s)
            async with self._file_in_page(order.file) as file:
                limit_s = self._settings.send_file_timeout_s
                return await self._ask("send", {**argument, "file": file}, Outcome, limit_s)
        except DiskError as error:
            return Outcome("unknown", "file_unreadable", str(error))
        except PageUnavailableError as error:
            return Outcome("unknown", "no_answer", str(error))

    @asynccontextmanager
    async def _file_in_page(self, file: OrderedFile) -> AsyncIterator[dict[str, object]]:
        """Bring a file into the page's memory; DiskError, PageUnavailableError."""
        handle = await self._ask("beginFile", None, int)
        try:
            async for piece in pieces(file.path):
                base64 = b64encode(piece).decode()
                await self._ask("addPiece", {"handle": handle, "base64": base64}, None)
            kind, mime, name = kind_of(file.mime), file.mime, file_name(file.name, file.mime)
            yield {"handle": handle, "kind": kind, "mime": mime, "name": name}
        finally:
            await self._close_file(handle)

    async def fetch(
        self, message: MessageReceived, limit_bytes: int = FILE_MAX_BYTES
    ) -> AsyncGenerator[bytes]:
        """The bytes of a message's file.

        Raises:
            FileGoneError: WhatsApp has none.
            FileNotNowError: it cannot be had at the moment.
            FileTooLargeError: it is larger than anybody takes.
        """
        argument = {
            "account": message.account,
            "chat": message.chat,
            "id": message.wa_id,
            "from_me": message.from_me,
            "limit": limit_bytes,
        }
        try:
            found = await self._ask("openFile", argument, _Found, self._settings.fetch_timeout_s)
            if found.state == "gone":
                raise FileGoneError
            if found.state == "too_large":
                raise FileTooLargeError
            try:
                for start in range(0, found.size, PIECE_BYTES):
                    ask = {"handle": found.handle, "from": start, "size": PIECE_BYTES}
                    yield b64decode(await self._ask("readFile", ask, str), validate=True)
            finally:
                await self._close_file(found.handle)
        except (PageUnavailableError, ValueError) as error:
            raise FileNotNowError(str(error)) from error

    async def _close_file(self, handle: int) -> None:
        """Free the page's memory; a page that does not answer frees it by itself."""
        with suppress(PageUnavailableError):
            await self._ask("closeFile", handle, None)

    async def look_up(self, order: SendOrder) -> Lookup:
        """What WhatsApp knows of the order's key."""
        argument = {"account": order.account, "chat": order.chat, "key": order.key}
        try:
            return await self._ask("lookUp", argument, Lookup)
        except PageUnavailableError:
            return Lookup.UNAVAILABLE

    async def customer_wrote(self, account: str, chat: str) -> bool:
        """Whether the chat's newest messages have one of the customer's."""
        argument = {"account": account, "chat": chat, "count": self._settings.sweep_page}
        return await self._ask("customerWrote", argument, bool)

    async def mark_read(self, chat: str) -> None:
        """Mark a chat as read."""
        await self._ask("markRead", chat, None)

    async def typing(self, chat: str, active: bool) -> None:
        """Show or end *typing…*."""
        await self._ask("typing", {"chat": chat, "active": active}, None)

    async def chats_since(self, since_s: int) -> list[str]:
        """One-to-one chats in which something happened since a moment."""
        return await self._ask("chatsSince", since_s, list[str])

    async def messages_since(self, chat: str, since_s: int) -> list[PageMessage]:
        """A chat's messages since a moment, oldest first, read page by page from the newest back.

        One message that cannot be read does not cost the others.
        """
        pages: list[list[PageMessage]] = []
        known: set[str] = set()
        before: str | None = None
        while True:
            page = await self._page_of(chat, since_s, before)
            readable = [one for row in page.messages if (one := _readable(row)) is not None]
            fresh = [one for one in readable if one.id not in known]
            known.update(one.id for one in fresh)
            pages.insert(0, fresh)
            if page.before in (None, before):
                return [one for page in pages for one in page]
            before = page.before

    async def _page_of(self, chat: str, since_s: int, before: str | None) -> _PageOfMessages:
        count = self._settings.sweep_page
        argument = {"chat": chat, "since": since_s, "before": before, "count": count}
        timeout_s = self._settings.sweep_timeout_s
        return await self._ask("messagesPage", argument, _PageOfMessages, timeout_s)

    async def reload(self) -> None:
        """Have the page load itself anew."""
        await self._evaluate("() => location.reload()", None, self._settings.call_timeout_s)

    async def link(self, step: str, argument: str | None = None) -> None:
        """Have the page do a step of linking (link.js)."""
        await self._ask(step, argument, None)

    async def take_over(self) -> None:
        """Use WhatsApp here, not in the window that has it now."""
        await self._evaluate(_TAKE_OVER, None, self._settings.call_timeout_s)

    async def reaches(self) -> bool:
        """Whether the page's own server can be reached, by the browser's way."""
        limit_s = self._settings.call_timeout_s
        return bool(await self._evaluate(_REACHES, limit_s * 500, limit_s))

    async def probe(self) -> PageState | None:
        """How the page is; None while the scripts are not in it. The page also tells an echo."""
        found = await self._evaluate(_PROBE, None, self._settings.ping_timeout_s)
        return None if found is None else _converted(found, PageState)

    async def _ask(
        self, name: str, argument: object, wanted: type[_Wanted] | None, timeout_s: float = 0
    ) -> _Wanted:
        """Call one function of the page.

        Raises:
            PageUnavailableError: no answer in time or none that is known, or the page could not.
        """
        limit_s = timeout_s or self._settings.call_timeout_s
        found = await self._evaluate(_CALL, [name, argument], limit_s)
        answer = _converted(found, _Answer)
        if answer.code is not None:
            raise PageUnavailableError(f"WhatsApp Web could not do it: {answer.code}")
        return _converted(answer.value, wanted)

    async def _evaluate(self, expression: str, argument: object, timeout_s: float) -> Any:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._page.evaluate(expression, argument)
        except TimeoutError:
            raise PageSilentError("WhatsApp Web did not answer in time.") from None
        except PlaywrightError as error:
            raise PageUnavailableError("WhatsApp Web went away during the call.") from error


def _converted(found: Any, wanted: type[_Wanted] | None) -> _Wanted:
    try:
        converted: _Wanted = msgspec.convert(found, wanted)
    except msgspec.ValidationError as error:  # it names fields and types, never what they hold
        raise PageUnavailableError(f"WhatsApp Web answered something else: {error}") from error
    return converted


def _readable(found: Any) -> PageMessage | None:
    try:
        return _converted(found, PageMessage)
    except PageUnavailableError as error:
        _log.error("whatsapp_message_unreadable", why=str(error))
        return None
