"""A model's endpoint on a real socket that says what its script says, one step for each request.

A step is a mapping, as in the evaluation files: `text`; `call` with `args` or `raw_args`; `http`
with `headers` and `error_code`; `trickle_s`; `hang`; `cut`; `html`; `raw` for any body. A script
that is used up answers 500, which no test asks for by accident.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

Step = Mapping[str, Any]


class ModelServer:
    """Replays `script`; what it was asked is kept."""

    def __init__(self) -> None:
        self.script: list[Step] = []
        self.requests: list[dict[str, Any]] = []
        self.asked = asyncio.Event()
        self.left = asyncio.Event()
        """A request whose caller went away before it was answered."""
        self.port = 0
        self._ids = count(1)
        self.app = Starlette(
            routes=[Route("/v1/chat/completions", self._complete, methods=["POST"])]
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def says(self, *steps: Step) -> None:
        """Play these steps next."""
        self.script = list(steps)

    async def _complete(self, request: Request) -> Response:
        self.requests.append(await request.json())
        self.asked.set()
        step = self.script.pop(0) if self.script else {"http": 500}
        if "http" in step:
            return _refusal(step)
        if "html" in step:
            return HTMLResponse("<html><body>Welcome to the proxy</body></html>")
        if "raw" in step:
            return Response(step["raw"], media_type="application/json")
        if "trickle_s" in step:
            return StreamingResponse(self._trickle(request), media_type="application/json")
        if step.get("hang"):
            await self._until_left(request)
        if step.get("cut"):
            return _Cut(json.dumps(self._answer({"text": "half"})).encode())
        return JSONResponse(self._answer(step))

    async def _until_left(self, request: Request) -> None:
        while (await request.receive())["type"] != "http.disconnect":
            continue
        self.left.set()

    async def _trickle(self, request: Request) -> AsyncIterator[bytes]:
        """White space, bit by bit: each read succeeds and none of them ends the answer."""
        for _ in range(10_000):
            yield b" "
            try:
                async with asyncio.timeout(0.02):
                    await self._until_left(request)
            except TimeoutError:
                continue
            return

    def _answer(self, step: Step) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": step.get("text")}
        calls = step.get("calls") or ([step] if "call" in step else [])
        if calls:
            message["tool_calls"] = [self._call(call) for call in calls]
        return {
            "id": f"chatcmpl-{next(self._ids)}",
            "object": "chat.completion",
            "created": 1,
            "model": "scripted",
            "choices": [
                {
                    "index": 0,
                    "message": message,
                    "finish_reason": step.get("finish") or ("tool_calls" if calls else "stop"),
                }
            ],
            "usage": {
                "prompt_tokens": 1_000,
                "completion_tokens": 20,
                "total_tokens": 1_020,
                "prompt_tokens_details": {"cached_tokens": 800},
            },
        }

    def _call(self, call: Step) -> dict[str, Any]:
        arguments = call.get("raw_args") or json.dumps(call.get("args", {}))
        function = {"name": call["call"], "arguments": arguments}
        return {"id": f"call_{next(self._ids)}", "type": "function", "function": function}


class _Cut(Response):
    """Promises a whole body and closes the connection in the midst of it."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"9999")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        half = bytes(self.body)[:40]
        await send({"type": "http.response.body", "body": half, "more_body": True})


def _refusal(step: Step) -> Response:
    error = {"message": "refused", "type": "error", "code": step.get("error_code")}
    return JSONResponse({"error": error}, step["http"], step.get("headers"))


def results(request: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    """What tools said, as a request tells the model."""
    return [json.loads(m["content"]) for m in request["messages"] if m["role"] == "tool"]


@asynccontextmanager
async def serving() -> AsyncIterator[ModelServer]:
    """A server that is ready on a free port of this machine."""
    server = ModelServer()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()  # who calls before the server runs is served when it does
    server.port = listener.getsockname()[1]
    config = uvicorn.Config(
        server.app, log_config=None, lifespan="off", timeout_graceful_shutdown=1
    )
    running = uvicorn.Server(config)
    with listener:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(running.serve(sockets=[listener]), name="model server")
            try:
                yield server
            finally:
                running.should_exit = True
