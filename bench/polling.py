"""The hub of the design that this project replaces: agents poll it over HTTP.

    python -m bench.polling FOLDER

prints one JSON line when it is ready; SIGTERM ends it. Equal durability: SQLite in WAL mode with
synchronous=FULL, one commit for each request that changes anything. It is treated kindly: uvloop,
httptools, no access log, SQLite on the loop without a thread in between, the reply is in the
response to the message that it answers, and acknowledgements ride on the next message, so that a
round trip costs one request and one commit. `GET /replies` has what was in no response.
"""

import hashlib
import json
import os
import resource
import socket
import sqlite3
import sys
import time
from pathlib import Path
from typing import Final

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

BACKLOG: Final = 4096
SCHEMA: Final = """
CREATE TABLE messages (
    id TEXT PRIMARY KEY, agent TEXT NOT NULL, account TEXT NOT NULL, chat TEXT NOT NULL,
    wa_id TEXT NOT NULL, text TEXT NOT NULL, sent_at TEXT NOT NULL, received_at INTEGER NOT NULL
);
CREATE TABLE replies (
    id INTEGER PRIMARY KEY, agent TEXT NOT NULL, message_id TEXT NOT NULL UNIQUE,
    chat TEXT NOT NULL, text TEXT NOT NULL, acked_at INTEGER
);
CREATE INDEX replies_waiting ON replies (agent, id) WHERE acked_at IS NULL;
"""
KEEP_MESSAGE: Final = "INSERT OR IGNORE INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
KEEP_REPLY: Final = (
    "INSERT OR IGNORE INTO replies (agent, message_id, chat, text) VALUES (?, ?, ?, ?) RETURNING id"
)
ACKNOWLEDGE: Final = "UPDATE replies SET acked_at = ? WHERE id = ? AND agent = ?"
WAITING: Final = (
    "SELECT id, chat, text FROM replies WHERE agent = ? AND acked_at IS NULL ORDER BY id LIMIT 100"
)


class Message(msgspec.Struct, frozen=True):
    """What an agent posts: a message, and which replies it has safely received."""

    id: str
    account: str
    chat: str
    wa_id: str
    text: str
    sent_at: str
    inline: bool = True  # the reply is wanted in the response
    acks: tuple[int, ...] = ()


class Reply(msgspec.Struct, frozen=True):
    """What the agent is to send to the customer."""

    id: int
    chat: str
    text: str


class Replies(msgspec.Struct, frozen=True):
    """A response: the replies, empty for an acknowledgement alone."""

    replies: tuple[Reply, ...] = ()


class PollingHub:
    """Answers every message with its own text."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._messages = msgspec.json.Decoder(Message)
        self._acks = msgspec.json.Decoder(tuple[int, ...])

    async def post_message(self, request: Request) -> Response:
        """Store the message, its reply and the acknowledgements in one commit."""
        agent = agent_of(request)
        message, now_ms = self._messages.decode(await request.body()), now()
        run = self._database.execute
        run("BEGIN IMMEDIATE")
        stored = (message.id, agent, message.account, message.chat, message.wa_id, message.text)
        run(KEEP_MESSAGE, (*stored, message.sent_at, now_ms))
        made = run(KEEP_REPLY, (agent, message.id, message.chat, message.text)).fetchall()
        for reply_id in message.acks:
            run(ACKNOWLEDGE, (now_ms, reply_id, agent))
        run("COMMIT")
        if not message.inline:
            return answer(Replies())
        return answer(Replies(tuple(Reply(row[0], message.chat, message.text) for row in made)))

    async def get_replies(self, request: Request) -> Response:
        """What waits for this agent."""
        rows = self._database.execute(WAITING, (agent_of(request),))
        return answer(Replies(tuple(Reply(*row) for row in rows)))

    async def post_acks(self, request: Request) -> Response:
        """Store acknowledgements in one commit."""
        agent, now_ms = agent_of(request), now()
        acks = self._acks.decode(await request.body())
        self._database.execute("BEGIN IMMEDIATE")
        for reply_id in acks:
            self._database.execute(ACKNOWLEDGE, (now_ms, reply_id, agent))
        self._database.execute("COMMIT")
        return answer(Replies())

    def application(self) -> Starlette:
        """The routes."""
        return Starlette(
            routes=[
                Route("/messages", self.post_message, methods=["POST"]),
                Route("/replies", self.get_replies, methods=["GET"]),
                Route("/acks", self.post_acks, methods=["POST"]),
            ]
        )


def agent_of(request: Request) -> str:
    """Whom the token names, as its hash; any token will do here."""
    return hashlib.sha256(request.headers["authorization"].encode()).hexdigest()[:16]


def answer(replies: Replies) -> Response:
    """The response that carries them."""
    return Response(msgspec.json.encode(replies), media_type="application/json")


def now() -> int:
    """Milliseconds of the wall clock."""
    return time.time_ns() // 1_000_000


def create(path: Path) -> sqlite3.Connection:
    """An empty database that survives a power cut after every commit."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.executescript(SCHEMA)
    return database


def main() -> None:
    """Serve until SIGTERM."""
    files_max = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files_max, files_max))
    database = create(Path(sys.argv[1]) / "polling.db")
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as listener:
        print(json.dumps({"port": listener.getsockname()[1], "pid": os.getpid()}), flush=True)
        config = uvicorn.Config(
            PollingHub(database).application(),
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            timeout_keep_alive=600,
        )
        uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main()
