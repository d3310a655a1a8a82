"""A SOCKS 5 proxy on a real socket, just large enough to lead every call to one place."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest

HUB = "hub.example"  # a name that only the proxy knows


class SocksProxy(ThreadingTCPServer):
    """Leads to this machine's port `leads_to`, whatever name is asked for; `asked` has those."""

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.leads_to = 0
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"socks5://127.0.0.1:{self.server_address[1]}"


class _Handler(StreamRequestHandler):
    server: SocksProxy

    def handle(self) -> None:
        _version, methods = self.rfile.read(2)
        self.rfile.read(methods)
        self.request.sendall(b"\x05\x00")  # no authentication
        _version, command, _reserved, kind = self.rfile.read(4)
        assert (command, kind) == (1, 3), "a connection to a name"
        name = self.rfile.read(self.rfile.read(1)[0]).decode()
        self.server.asked.append(name)
        self.rfile.read(2)
        with socket.create_connection(("127.0.0.1", self.server.leads_to)) as hub:
            self.request.sendall(b"\x05\x00\x00\x01" + bytes(6))
            back = Thread(target=relay, args=(hub, self.request))
            back.start()
            relay(self.request, hub)
            back.join()


def relay(source: socket.socket, target: socket.socket) -> None:
    """Hand on what comes, and its end."""
    with suppress(OSError):  # either side may be gone at once
        while data := source.recv(4096):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def socks_proxy() -> Iterator[SocksProxy]:
    """A proxy that listens until the block ends."""
    proxy = SocksProxy()
    thread = Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()


def forget_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process know none of its machine's proxies."""
    for kind in ("http", "https", "ws", "wss", "socks", "all", "no"):
        monkeypatch.delenv(f"{kind}_proxy", raising=False)
        monkeypatch.delenv(f"{kind.upper()}_PROXY", raising=False)
