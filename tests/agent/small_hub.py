"""The HTTP side of a hub on a real socket, for commands that make single calls."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

GOOD_CODE = "GOOD-CODE"
ANSWERS: dict[str, int] = {GOOD_CODE: 201, "USED-CODE": 410}


class SmallHub(ThreadingHTTPServer):
    """Pairs with one code; `health` is what /healthz answers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.health = 200
        self.pairings: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: SmallHub

    def do_GET(self) -> None:
        self._answer(self.server.health if self.path == "/healthz" else 404, {})

    def do_POST(self) -> None:
        call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.pairings.append(call)
        status = ANSWERS.get(call["code"], 404)
        paired = {
            "agent_id": "a1",
            "tenant_id": "t1",
            "token": "sak_a_invented",
            "socket_url": self.server.url.replace("http", "ws") + "/agent",
        }
        self._answer(status, paired if status == 201 else {"status": status})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        kind = "application/json" if status < 400 else "application/problem+json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@contextmanager
def small_hub() -> Iterator[SmallHub]:
    """A hub that listens until the block ends."""
    hub = SmallHub()
    thread = Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        thread.join()
        hub.server_close()
