"""The socket between the shop's stand-in page and the practice network.

JSON both ways, the page's side is `standin/wire.js`. Stanzas are numbered and come again until the
page says `stored`; all else belongs to the moment.
"""

import asyncio
from typing import Any

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from agent.practice.exchange import Exchange
from agent.practice.network import (
    Attachment,
    Reached,
    Sent,
    ShopRead,
    Stored,
)

_OFFLINE = 4000  # close code: the fault knob says that there is no network


class _PageGoneError(Exception):
    """The page closed the socket, or the network cut it."""


class _Hello(msgspec.Struct, tag_field="op", tag="hello"):
    device: str | None = None


class _StoredUpTo(msgspec.Struct, tag_field="op", tag="stored"):
    n: int


class _Send(msgspec.Struct, tag_field="op", tag="send"):
    request: int
    chat: str
    key: str
    text: str
    reply_to: str | None = None
    media: Attachment | None = None


class _Seen(msgspec.Struct, tag_field="op", tag="seen"):
    chat: str


class _Typing(msgspec.Struct, tag_field="op", tag="typing"):
    chat: str
    active: bool


class _Logout(msgspec.Struct, tag_field="op", tag="logout"):
    pass


class _Reference(msgspec.Struct, tag_field="op", tag="ref"):
    text: str


class _Code(msgspec.Struct, tag_field="op", tag="code"):
    request: int
    phone: str
    code: str


class _Takeover(msgspec.Struct, tag_field="op", tag="takeover"):
    pass


_Noted = _StoredUpTo | _Seen | _Typing | _Logout | _Takeover | _Reference
_FromPage = _Hello | _Send | _Code | _Noted
_decoder = msgspec.json.Decoder(_FromPage)


class PageLink:
    """One connection of the shop's page."""

    def __init__(self, socket: WebSocket, exchange: Exchange) -> None:
        self._socket = socket
        self._exchange = exchange
        self._device: str | None = None
        self._sent_n = 0
        self._told_typing: set[str] = set()
        self._told_conflict = False
        self._told_people = 0
        self._told_reloads = exchange.reloads
        self._told_renewals = exchange.owner_phone.renewals
        self._sending = asyncio.Lock()

    async def run(self) -> None:
        """Serve the page until it goes or the link is cut."""
        if self._exchange.faults.offline:
            await self._socket.close(_OFFLINE)
            return
        await self._socket.accept()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read(tasks), name="wire-read")
        except* _PageGoneError:
            pass
        finally:
            self._exchange.set_page_connected(False)

    async def _read(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            try:
                frame = _decoder.decode(await self._socket.receive_text())
            except (WebSocketDisconnect, KeyError):
                raise _PageGoneError from None
            match frame:
                case _Hello():
                    await self._greet(frame.device)
                    tasks.create_task(self._write(), name="wire-write")
                case _Send():
                    tasks.create_task(self._take(frame), name="wire-send")
                case _Code(request, phone, code):
                    allowed = self._exchange.owner_phone.show_code(phone, code)
                    await self._tell("ack" if allowed else "refuse", request=request)
                case _:
                    self._note(frame)

    def _note(self, frame: _Noted) -> None:
        exchange = self._exchange
        match frame:
            case _StoredUpTo(n):
                exchange.commit(Stored(n))
            case _Seen(chat):
                exchange.commit(ShopRead(chat))
            case _Typing(chat, active):
                exchange.set_shop_typing(chat, active)
            case _Logout():
                exchange.unlink("user_initiated")
            case _Reference(text):
                exchange.owner_phone.show_qr(text)
            case _Takeover():
                exchange.set_faults(msgspec.structs.replace(exchange.faults, conflict=False))

    async def _greet(self, device: str | None) -> None:
        """Say whether the browser is linked; one that holds no store yet also gets the history."""
        network = self._exchange.network
        self._exchange.meet(device)
        self._device = network.device
        qr_s = self._exchange.faults.qr_s
        await self._tell("welcome", device=network.device, me=network.identity, qr_s=qr_s)
        if network.device is not None:
            await self._tell_people()
            if network.device != device:
                await self._tell("history", messages=network.history())
        self._exchange.set_page_connected(True)

    async def _write(self) -> None:
        with self._exchange.watch() as watcher:
            await self._catch_up()
            await self._tell("caught_up")
            async for _ in watcher.changes():
                await self._catch_up()

    async def _catch_up(self) -> None:
        """Tell the page all that it has not heard on this connection."""
        if self._exchange.faults.offline:
            await self._socket.close(_OFFLINE)
            raise _PageGoneError
        await self._tell_link()
        if self._device is None:
            return
        await self._tell_people()
        for stanza in list(self._exchange.network.queue):
            if stanza.n > self._sent_n:
                self._sent_n = stanza.n
                await self._tell("stanza", stanza=stanza)
        await self._tell_typing()

    async def _tell_link(self) -> None:
        network = self._exchange.network
        if network.device != self._device:
            self._device, self._told_people = network.device, 0
            reason = self._exchange.owner_phone.reason
            await self._tell("link", device=network.device, me=network.identity, reason=reason)
            if network.device is not None:
                await self._tell_people()
                await self._tell("history", messages=network.history())
        if (renewals := self._exchange.owner_phone.renewals) != self._told_renewals:
            self._told_renewals = renewals
            await self._tell("renew_code")
        if (conflict := self._exchange.faults.conflict) != self._told_conflict:
            self._told_conflict = conflict
            await self._tell("conflict", active=conflict)

        if self._exchange.reloads != self._told_reloads:
            self._told_reloads = self._exchange.reloads
            await self._tell("reload")

    async def _tell_people(self) -> None:
        network = self._exchange.network
        if len(network.chats) == self._told_people:
            return
        self._told_people = len(network.chats)
        groups = [{"chat": c.id, "name": c.name} for c in network.chats.values() if c.is_group]
        await self._tell("people", customers=list(network.customers.values()), groups=groups)

    async def _tell_typing(self) -> None:
        now = set(self._exchange.customer_typing)
        for chat in now ^ self._told_typing:
            await self._tell("typing", chat=chat, active=chat in now)
        self._told_typing = now

    async def _take(self, frame: _Send) -> None:
        """Take a message from the page as the network does: deliver, acknowledge, confirm."""
        exchange, faults = self._exchange, self._exchange.faults
        exchange.set_shop_typing(frame.chat, False)
        if faults.hang:
            return
        now_ms = exchange.now_ms()
        exchange.commit(
            Sent(frame.chat, frame.key, frame.text, now_ms, frame.reply_to, frame.media)
        )
        if faults.lose_ack:
            return
        await asyncio.sleep(faults.ack_delay_s)
        await self._tell("ack", request=frame.request)
        exchange.commit(Reached(frame.chat, frame.key))

    async def _tell(self, op: str, **fields: Any) -> None:
        """Send one frame; frames never overtake each other."""
        async with self._sending:
            try:
                await self._socket.send_text(msgspec.json.encode({"op": op, **fields}).decode())
            except (WebSocketDisconnect, RuntimeError):
                raise _PageGoneError from None
