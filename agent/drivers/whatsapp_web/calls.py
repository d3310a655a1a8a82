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
_STATE = "() => window.__sakAgent ? window.__sakAgent.state() : null"


class _Answer(msgspec.Struct):
    value: Any = None
    code: str | None = None
    message: str = ""


class _Found(msgspec.Struct):
    state: Literal["here", "gone", "too_large"]
    handle: int = 0
    size: int = 0


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
        """A chat's messages since a moment; one that cannot be read does not cost the others."""
        argument = {"chat": chat, "since": since_s, "limit": self._settings.sweep_max}
        timeout_s = self._settings.sweep_timeout_s
        found = await self._ask("messagesSince", argument, list[Any], timeout_s)
        return [message for one in found if (message := _readable(one)) is not None]

    async def reload(self) -> None:
        """Have the page load itself anew."""
        await self._evaluate("() => location.reload()", None, self._settings.call_timeout_s)

    async def state(self) -> PageState | None:
        """How the page is; None while the scripts are not in it. Serves as the ping."""
        found = await self._evaluate(_STATE, None, self._settings.ping_timeout_s)
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
