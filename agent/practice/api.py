"""The JSON API of the practice phone: it plays the customers, the owner's phone and the faults.

GET  /api/state                    the shop, the faults, the totals and every chat
GET  /api/chats/{chat}             one chat with all that its customer saw
POST /api/chats/{chat}/messages    {text, author?, sealed_s?, reply_to?} -> {key}; instead of a text
                                   also place {lat, lng, name?} or cards [{name, phone}]
POST /api/chats/{chat}/changes     {kind: edit, revoke or reaction, target, text?} -> {key}
POST /api/chats/{chat}/owner       {text} -> {key}; the owner writes from the phone
POST /api/chats/{chat}/files       a file as the body -> {key}; see `attachments.py`
POST /api/chats/{chat}/read        the customer looks at the chat
POST /api/chats/{chat}/typing      {active}
POST /api/customers                {name?, hidden_phone?, by_phone?} -> the customer
POST /api/groups                   {name, members} -> {chat}
PUT  /api/faults                   the whole set of `exchange.Faults`
POST /api/reload                   the shop's page loads itself anew
GET  /api/events                   server-sent: the ids of the chats that changed
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from agent.practice.exchange import Exchange, Faults
from agent.practice.kinds import Card, ChangeKind, Place
from agent.practice.network import OWNER, Attachment, Chat, Message, Tick, Totals
from protocol.messages import TEXT_MAX_CHARS

_BODY_MAX_BYTES: Final = 300_000
_Body = TypeVar("_Body")
Handler = Callable[[Request], Awaitable[Response]]


class MessageView(msgspec.Struct, frozen=True):
    """A message as a customer sees it. `arrivals` above 1: dropped repeats of the same key."""

    key: str
    author: str
    name: str
    from_shop: bool
    text: str
    at_ms: int
    state: Tick
    arrivals: int
    media: Attachment | None


class ChatView(msgspec.Struct, frozen=True):
    """A line of the chat list. `unread` counts what the customer has not seen."""

    chat: str
    name: str
    phone: str | None
    is_group: bool
    members: dict[str, str]
    unread: int
    last: MessageView | None
    shop_typing: bool


class ShopView(msgspec.Struct, frozen=True):
    """The shop as its customers find it. `connected`: its browser is on the network."""

    account: str
    linked: bool
    connected: bool


class StateView(msgspec.Struct, frozen=True):
    """Everything but the messages."""

    shop: ShopView
    faults: Faults
    totals: Totals
    chats: list[ChatView]


class _NewMessage(msgspec.Struct):
    text: str = ""
    author: str | None = None
    sealed_s: float = 0
    reply_to: str | None = None
    place: Place | None = None
    cards: tuple[Card, ...] = ()

    def __post_init__(self) -> None:
        if self.place is not None:
            self.text = str(self.place)
        elif self.cards:
            self.text = "\n".join(map(str, self.cards))
        if not self.text.strip() or len(self.text) > TEXT_MAX_CHARS:
            raise ValueError(f"text needs 1 to {TEXT_MAX_CHARS} characters")


class _NewChange(msgspec.Struct):
    kind: ChangeKind
    target: str
    text: str = ""


class _NewCustomer(msgspec.Struct):
    name: str = ""
    hidden_phone: bool = False
    by_phone: bool = False


class _NewGroup(msgspec.Struct):
    name: str
    members: tuple[str, ...]


class _Typing(msgspec.Struct):
    active: bool


class Api:
    """The handlers, over one running network."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def routes(self) -> list[Route]:
        """Every call of the module's table."""
        table: dict[tuple[str, str], Handler] = {
            ("GET", "/api/state"): self._state,
            ("GET", "/api/chats/{chat}"): self._chat,
            ("POST", "/api/chats/{chat}/messages"): self._write,
            ("POST", "/api/chats/{chat}/changes"): self._change,
            ("POST", "/api/chats/{chat}/owner"): self._write_as_owner,
            ("POST", "/api/chats/{chat}/read"): self._read,
            ("POST", "/api/chats/{chat}/typing"): self._type,
            ("POST", "/api/customers"): self._add_customer,
            ("POST", "/api/groups"): self._add_group,
            ("PUT", "/api/faults"): self._set_faults,
            ("POST", "/api/reload"): self._reload,
            ("GET", "/api/events"): self._events,
        }
        return [
            Route(path, guarded(handler), methods=[method])
            for (method, path), handler in table.items()
        ]

    async def _state(self, _request: Request) -> Response:
        exchange, network = self._exchange, self._exchange.network
        shop = ShopView(network.phone, network.device is not None, exchange.page_connected)
        chats = [self._chat_view(chat) for chat in network.chats.values()]
        return _json(StateView(shop, exchange.faults, network.totals(), chats))

    async def _chat(self, request: Request) -> Response:
        chat = self._find(request)
        messages = [self._message_view(m) for m in chat.messages.values()]
        return _json({"chat": self._chat_view(chat), "messages": messages})

    async def _write(self, request: Request) -> Response:
        chat, new = self._find(request), await _body(request, _NewMessage)
        author = new.author or chat.members[0]
        if author not in chat.members:
            raise KeyError(author)
        key = self._exchange.write(
            chat.id,
            author,
            new.text,
            new.sealed_s,
            reply_to=new.reply_to,
            place=new.place,
            cards=new.cards,
        )
        return _json({"key": key})

    async def _change(self, request: Request) -> Response:
        chat, new = self._find(request), await _body(request, _NewChange)
        return _json({"key": self._exchange.change(chat.id, new.target, new.kind, new.text)})

    async def _write_as_owner(self, request: Request) -> Response:
        chat, new = self._find(request), await _body(request, _NewMessage)
        return _json({"key": self._exchange.write(chat.id, OWNER, new.text)})

    async def _read(self, request: Request) -> Response:
        self._exchange.read(self._find(request).id)
        return _json({})

    async def _type(self, request: Request) -> Response:
        active = (await _body(request, _Typing)).active
        self._exchange.set_customer_typing(self._find(request).id, active)
        return _json({})

    async def _add_customer(self, request: Request) -> Response:
        new = await _body(request, _NewCustomer)
        name = new.name.strip()[:60]
        customer = self._exchange.add_customer(
            name, hidden_phone=new.hidden_phone, by_phone=new.by_phone
        )
        return _json(customer)

    async def _add_group(self, request: Request) -> Response:
        new = await _body(request, _NewGroup)
        if not new.members:
            raise msgspec.ValidationError("a group needs members")
        return _json({"chat": self._exchange.add_group(new.name.strip()[:60], new.members)})

    async def _set_faults(self, request: Request) -> Response:
        self._exchange.set_faults(await _body(request, Faults))
        return _json(self._exchange.faults)

    async def _reload(self, _request: Request) -> Response:
        self._exchange.reload_page()
        return _json({})

    async def _events(self, _request: Request) -> Response:
        return StreamingResponse(self._stream(), media_type="text/event-stream")

    async def _stream(self) -> AsyncIterator[bytes]:
        with self._exchange.watch() as watcher:
            yield b"data: []\n\n"
            async for chats in watcher.changes():
                yield b"data: " + msgspec.json.encode(sorted(chats)) + b"\n\n"

    def _find(self, request: Request) -> Chat:
        chat: str = request.path_params["chat"]
        return self._exchange.network.chats[chat]

    def _chat_view(self, chat: Chat) -> ChatView:
        people = self._exchange.network.customers
        messages = list(chat.messages.values())
        return ChatView(
            chat=chat.id,
            name=chat.name,
            phone=None if chat.is_group else people[chat.members[0]].phone,
            is_group=chat.is_group,
            members={member: people[member].name for member in chat.members},
            unread=sum(m.from_shop and m.state != "read" for m in messages),
            last=self._message_view(messages[-1]) if messages else None,
            shop_typing=chat.id in self._exchange.shop_typing,
        )

    def _message_view(self, m: Message) -> MessageView:
        author = self._exchange.network.customers.get(m.author)
        name = author.name if author else "Shop"
        return MessageView(
            m.key, m.author, name, m.from_shop, m.text, m.at_ms, m.state, m.arrivals, m.media
        )


def guarded(handler: Handler) -> Handler:
    """Turn what a caller did wrong into a status and one sentence."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except KeyError as error:
            return JSONResponse({"error": f"There is no {error.args[0]} here."}, 404)
        except msgspec.MsgspecError as error:
            return JSONResponse({"error": str(error)}, 422)

    return answer


async def _body(request: Request, wanted: type[_Body]) -> _Body:
    size = request.headers.get("content-length", "")
    if not size.isdecimal() or int(size) > _BODY_MAX_BYTES:
        raise msgspec.ValidationError(f"the body needs a length of at most {_BODY_MAX_BYTES} bytes")
    return msgspec.json.decode(await request.body(), type=wanted)


def _json(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
