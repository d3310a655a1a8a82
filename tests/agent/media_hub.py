"""The files of a hub on a real socket, which answers as a test wants it to."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Event, Thread

from agent.journal import Journal

TOKEN = "sak_a_invented"


class MediaHub(ThreadingHTTPServer):
    """`answers` are used up, one a call, before it does its work: a status, or `cut`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.held: dict[str, bytes] = {}
        self.answers: list[int | str] = []
        self.calls: list[str] = []
        self._news = Condition()
        self.retry_after = ""
        self.gate = Event()  # no call is answered before it is set
        self.gate.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def hold(self, content: bytes) -> str:
        """Have a file; its hash."""
        sha256 = hashlib.sha256(content).hexdigest()
        self.held[sha256] = content
        return sha256

    def called(self, times: int) -> None:
        """Wait until it was called so often; blocks."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.calls) >= times, 20)

    def note(self, method: str) -> None:
        """It is called."""
        with self._news:
            self.calls.append(method)
            self._news.notify_all()


class _Handler(BaseHTTPRequestHandler):
    server: MediaHub

    def do_GET(self) -> None:
        self._begin("GET")
        content = self.server.held.get(self.path.rpartition("/")[2])
        if not self._refused():
            self._answer(404 if content is None else 200, content or b"")

    def do_PUT(self) -> None:
        self._begin("PUT")
        content = self._body()
        sha256 = self.path.rpartition("/")[2]
        if not self._refused():
            assert hashlib.sha256(content).hexdigest() == sha256
            known = sha256 in self.server.held
            self.server.held[sha256] = content
            self._answer(200 if known else 201, b"")

    def _begin(self, method: str) -> None:
        assert self.headers["Authorization"] == f"Bearer {TOKEN}"
        assert self.path.startswith("/agent/media/")
        self.server.note(method)
        self.server.gate.wait(20)

    def _body(self) -> bytes:
        if length := self.headers["Content-Length"]:
            return self.rfile.read(int(length))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _refused(self) -> bool:
        answer = self.server.answers.pop(0) if self.server.answers else None
        if answer == "cut":
            self.close_connection = True
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half")
        elif answer == "other":
            self._answer(200, b"something else")
        elif answer is not None:
            self._answer(int(answer), b"")
        return answer is not None

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        kind = "application/octet-stream" if status < 400 else "application/problem+json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if self.server.retry_after and status >= 400:
            self.send_header("Retry-After", self.server.retry_after)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@contextmanager
def media_hub() -> Iterator[MediaHub]:
    """A hub that listens until the block ends."""
    hub = MediaHub()
    thread = Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        hub.gate.set()
        hub.shutdown()
        thread.join()
        hub.server_close()


async def pair_with(journal: Journal, url: str) -> None:
    """Make a hub the journal's."""
    await journal.save_identity(
        hub_url=url,
        socket_url=url.replace("http", "ws") + "/agent",
        agent_id="a1",
        tenant_id="t1",
        token=TOKEN,
        token_expires_ms=None,
    )
