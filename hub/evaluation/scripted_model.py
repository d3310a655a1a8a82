"""A model's endpoint on a real socket that does what its script says, one step for each request.

A script that is used up repeats its last step: a model that errs goes on erring, however often it
is asked. Without any step each request is answered by 500.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Final

import uvicorn
from msgspec import UNSET
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from hub.evaluation import script
from hub.evaluation.script import Call, Reply

TICK_S: Final = 0.002
"""Real time for a slice of time that is skipped: whoever waits for a byte gets it meanwhile."""

SLICE_S: Final = 0.5
"""So much time is skipped at once: less than any limit that is set to a part of an answer."""

LEAVE_MAX_S: Final = 5.0
"""Real time for a caller to give up what was overtaken, however busy the machine is."""

IDLE_MAX_S: Final = 3_600
"""A connection without a request is kept: skipped time must not close it under its owner."""

USAGE: Final = {
    "prompt_tokens": 1_000,
    "completion_tokens": 20,
    "total_tokens": 1_020,
    "prompt_tokens_details": {"cached_tokens": 800},
}
NOTHING: Final = Reply(status=500)

Skip = Callable[[float], Awaitable[None]]


class ModelServer:
    """Plays `script`. What it was asked is kept, and every step that it played.

    `skip` moves the time of everybody who waits for it, so that nobody has to; without it a step
    takes as long as it says. `interrupt` is told what the customer says in the midst of a step.
    """

    def __init__(self, skip: Skip | None = None) -> None:
        self.script: list[Reply] = []
        self.requests: list[dict[str, Any]] = []
        self.played: list[Reply] = []
        self.interrupt: Callable[[str], Awaitable[None]] | None = None
        self.asked = asyncio.Event()
        self.left = asyncio.Event()
        """A request whose caller went away before it was answered."""
        self.port = 0
        self.transports: dict[tuple[str, int], asyncio.Transport] = {}
        self._skip = skip
        self._next = 0
        self._ids = count(1)
        self.app = Starlette(
            routes=[Route("/v1/chat/completions", self._complete, methods=["POST"])]
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def says(self, *steps: Mapping[str, Any]) -> None:
        """Play these steps next; ScriptError."""
        self.script, self._next = list(script.read(steps)), 0

    def begin(self, steps: Sequence[Reply]) -> None:
        """Play these steps as if nothing had been asked before."""
        self.script, self._next = list(steps), 0
        self.requests, self.played = [], []
        self.asked, self.left = asyncio.Event(), asyncio.Event()

    async def _complete(self, request: Request) -> Response:
        self.requests.append(await request.json())
        self.asked.set()
        last = len(self.script) - 1
        step = self.script[min(self._next, last)] if self.script else NOTHING
        self._next += 1
        self.played.append(step)
        return _Played(self, step)

    async def wait(self, seconds: float, receive: Receive) -> bool:
        """Let so much time pass; whether the caller is still there."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (rest := end - loop.time()) > 0:
            tick_s = rest
            if self._skip is not None:
                await self._skip(min(rest, SLICE_S))
                tick_s = TICK_S
            try:
                async with asyncio.timeout(tick_s):
                    await self.until_left(receive)
                    return False
            except TimeoutError:
                continue
        return True

    async def is_overtaken(self, text: str, receive: Receive) -> bool:
        """Have the customer say something; whether the caller gives the request up for it."""
        if self.interrupt is None:
            return False
        await self.interrupt(text)
        try:
            async with asyncio.timeout(LEAVE_MAX_S):
                await self.until_left(receive)
        except TimeoutError:
            return False
        return True

    async def until_left(self, receive: Receive) -> None:
        """Wait until the caller goes away."""
        while (await receive())["type"] != "http.disconnect":
            continue
        self.left.set()

    def hang_up(self, scope: Scope) -> None:
        """Close the caller's connection, with all that was written to it."""
        self.transports[scope["client"]].close()

    def body_of(self, step: Reply) -> bytes:
        """What goes out for a step."""
        if step.body is not None:
            return step.body.encode()
        if step.status >= 400:
            message = "refused" if step.text is None else step.text
            error = {"message": message, "type": "error", "code": step.error_code}
            return json.dumps({"error": error}).encode()
        return json.dumps(self._answer(step)).encode()

    def _answer(self, step: Reply) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": step.text}
        if step.refusal is not None:
            message["refusal"] = step.refusal
        if step.calls:
            message["tool_calls"] = [self._call(call) for call in step.calls]
        finish = step.finish_reason or ("tool_calls" if step.calls else "stop")
        answer: dict[str, Any] = {
            "id": f"chatcmpl-{next(self._ids)}",
            "object": "chat.completion",
            "created": 1,
            "model": "scripted",
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": USAGE if step.usage is UNSET else step.usage,
        }
        return answer | ({} if step.choices is UNSET else {"choices": step.choices})

    def _call(self, call: Call) -> dict[str, Any]:
        function = {"name": call.name, "arguments": call.arguments}
        return {"id": f"call_{next(self._ids)}", "type": "function", "function": function}


class _Played(Response):
    """One step, byte by byte where it says so."""

    def __init__(self, server: ModelServer, step: Reply) -> None:
        super().__init__()
        self._server = server
        self._step = step

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or leave it."""
        server, step = self._server, self._step
        if step.then_say is not None and await server.is_overtaken(step.then_say, receive):
            return
        if not await server.wait(step.delay_s, receive):
            return
        if step.hangs:
            await self._for_ever(receive)
            return
        if step.cut_at is not None and step.cut_at < 0:
            await self._leave(scope, receive)
            return
        body = server.body_of(step)
        await self._begin(send, len(body) + round(step.trickle_s))
        if step.cut_at is not None:
            share = step.cut_at if step.cut_at >= 1 else len(body) * step.cut_at
            await send(_part(body[: round(share)], more=True))
            await self._leave(scope, receive)
            return
        for _ in range(round(step.trickle_s)):  # white space before the answer: one byte a second
            await send(_part(b" ", more=True))
            if not await server.wait(1.0, receive):
                return
        await send(_part(body, more=False))

    async def _begin(self, send: Send, length: int) -> None:
        step = self._step
        headers = {"content-type": step.content_type, "content-length": str(length)} | step.headers
        raw = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in headers.items()]
        await send({"type": "http.response.start", "status": step.status, "headers": raw})

    async def _for_ever(self, receive: Receive) -> None:
        while await self._server.wait(SLICE_S, receive):
            continue

    async def _leave(self, scope: Scope, receive: Receive) -> None:
        self._server.hang_up(scope)
        while (await receive())["type"] != "http.disconnect":
            continue


def _part(data: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def results(request: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    """What tools said, as a request tells the model."""
    return [json.loads(m["content"]) for m in request["messages"] if m["role"] == "tool"]


@asynccontextmanager
async def serving(skip: Skip | None = None) -> AsyncIterator[ModelServer]:
    """A server that is ready on a free port of this machine."""
    server = ModelServer(skip)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()  # who calls before the server runs is served when it does
    server.port = listener.getsockname()[1]

    class Noted(H11Protocol):
        """A connection that the server can end in the midst of an answer."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if self.client is not None:
                server.transports[self.client] = transport

    config = uvicorn.Config(
        server.app,
        http=Noted,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_keep_alive=IDLE_MAX_S,
        timeout_graceful_shutdown=1,
    )
    running = uvicorn.Server(config)
    try:
        with listener:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(running.serve(sockets=[listener]), name="model server")
                try:
                    yield server
                finally:
                    running.should_exit = True
    except ExceptionGroup as group:  # what its user raised is no concern of the server's
        if len(group.exceptions) > 1:
            raise
        raise group.exceptions[0] from None
