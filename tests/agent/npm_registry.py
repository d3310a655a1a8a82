"""npm's registry on a real socket, as far as wa-js needs it, and archives as npm packs them."""

import gzip
import hashlib
import io
import json
import tarfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from agent.drivers.whatsapp_web.inject import find_bundle

PACKAGE = "@wppconnect/wa-js"
BUNDLE = "package/dist/wppconnect-wa.js"


def bundle(version: str, more: str = "") -> bytes:
    """The real wa-js under another version; `more` is run after it."""
    text = find_bundle(None).read_text("utf-8")
    head, _, tail = text.partition("wa-js v")
    return f"{head}wa-js v{version} {tail.partition(' ')[2]}\n{more}".encode()


def archive(version: str, content: bytes, *more: tuple[str, bytes], name: str = PACKAGE) -> bytes:
    """What npm packs, with `more` members."""
    about = json.dumps({"name": name, "version": version}).encode()
    members = (("package/package.json", about), (BUNDLE, content), *more)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path, data in members:
            member = tarfile.TarInfo(path)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return gzip.compress(packed.getvalue(), 1, mtime=0)


def integrity(content: bytes) -> str:
    """The SHA-512 as registries write it."""
    return f"sha512-{b64encode(hashlib.sha512(content).digest()).decode()}"


class NpmRegistry(ThreadingHTTPServer):
    """Serves wa-js. `served` is what comes for an archive, `redirect` where one is sent instead."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.versions: dict[str, dict[str, Any]] = {}
        self.latest = ""
        self.served: dict[str, bytes] = {}
        self.redirect: str | None = None
        self.cut = False
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def offer(self, version: str, packed: bytes) -> None:
        """Publish this archive as the newest."""
        path = f"/{PACKAGE}/-/wa-js-{version}.tgz"
        dist = {"tarball": self.url + path, "integrity": integrity(packed)}
        self.versions[version] = {"name": PACKAGE, "version": version, "dist": dist}
        self.served[path] = packed
        self.latest = version

    def swap(self, version: str, packed: bytes) -> None:
        """Serve other bytes than those that were published."""
        self.served[f"/{PACKAGE}/-/wa-js-{version}.tgz"] = packed


class _Handler(BaseHTTPRequestHandler):
    server: NpmRegistry

    def do_GET(self) -> None:
        path = self.path.replace("%2f", "/").replace("%2F", "/").partition("?")[0]
        self.server.asked.append(path)
        if path == f"/{PACKAGE}":
            listing = {
                "name": PACKAGE,
                "dist-tags": {"latest": self.server.latest},
                "versions": self.server.versions,
            }
            self._answer(200, json.dumps(listing).encode())
        elif path in self.server.served and self.server.redirect is not None:
            self.send_response(302)
            self.send_header("Location", self.server.redirect)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif (content := self.server.served.get(path)) is not None:
            self._answer(200, content)
        else:
            self._answer(404, b"{}")

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if self.server.cut else content)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@contextmanager
def npm_registry() -> Iterator[NpmRegistry]:
    """A registry that listens until the block ends."""
    with NpmRegistry() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def write_shipped(folder: Path, version: str = "4.6.0") -> Path:
    """A small stand-in for the agent's own wa-js."""
    path = folder / "shipped.js"
    path.write_text(f"/*! wppconnect-team/wa-js v{version} */", "utf-8")
    return path
