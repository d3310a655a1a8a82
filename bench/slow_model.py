"""A model's endpoint that takes its time over every answer.

    python -m bench.slow_model SECONDS

Prints one JSON line with its port when it is ready. It knows Chat Completions as far as the hub
asks for them; SIGTERM ends it.
"""

import asyncio
import json
import socket
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

WORDS = "Gladly. What shall it be used for, and how many do you need?"
BACKLOG = 1_024


def endpoint(delay_s: float) -> Starlette:
    """The same words for everybody, `delay_s` after each request."""

    async def complete(request: Request) -> JSONResponse:
        asked = await request.body()
        await asyncio.sleep(delay_s)
        tokens = {"prompt_tokens": len(asked) // 4, "completion_tokens": 16}
        message = {"role": "assistant", "content": WORDS}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        head = {"id": "chatcmpl-slow", "object": "chat.completion", "created": 0, "model": "slow"}
        return JSONResponse(head | {"choices": [choice], "usage": tokens})

    return Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])


def main() -> None:
    """Serve on a free port."""
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as listener:
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        config = uvicorn.Config(endpoint(float(sys.argv[1])), log_level="warning")
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
