"""A driver without a WhatsApp: messages come from one JSON lines file, replies go to another.

For tests of the whole, for other hubs' authors and for trying things out. Both files outlive the
process, so that killing it at any point tells the truth: what stands in the outgoing file has been
accepted by this "WhatsApp", and nothing else has. A repeated send is written twice, never hidden.
"""

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import cast

import msgspec
import structlog

from agent.drivers.driver import (
    DriverStatus,
    FileGoneError,
    FileNotNowError,
    Lookup,
    OrderedFile,
    Outcome,
    SendOrder,
    Sink,
)
from protocol.codec import decode_data, encode_data
from protocol.errors import LocalProtocolError
from protocol.ids import is_one_to_one
from protocol.messages import FRAME_MAX_BYTES, Instant, MessageReceived

log = structlog.get_logger(__name__)

DEFAULT_ACCOUNT = "+919800000009"  # the sample number of the protocol's page
_CHUNK_BYTES = 262_144
_BINARY = getattr(os, "O_BINARY", 0)  # Windows would write two bytes for each end of a line


class MemorySettings(msgspec.Struct, frozen=True):
    """The two files, and the seconds that pass before a send is accepted.

    The file of an incoming message lies beside them, in the folder `<inbox's name>.files`, under
    the message's `wa_id`.
    """

    inbox: Path
    outbox: Path
    send_s: float = 0.0
    poll_s: float = 0.05


class AcceptedFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """The file of a message that went out; `sha256` and `size` are of what was read."""

    sha256: str
    mime: str
    size: int
    name: str | None = None


class Accepted(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the outgoing file."""

    key: str
    account: str
    chat: str
    text: str
    at: str
    media: AcceptedFile | None = None


class MemoryDriver:
    """Holds the two files; `now_ms` stamps what is accepted (ms UTC)."""

    def __init__(self, settings: MemorySettings, now_ms: Callable[[], int]) -> None:
        """Repairs a torn last line of the outgoing file.

        Raises:
            OSError: the outgoing file cannot be written.
        """
        self._settings = settings
        self._now_ms = now_ms
        self._on_the_way: set[str] = set()
        self._status = DriverStatus("starting")
        _cut_torn_line(settings.outbox)

    @property
    def status(self) -> DriverStatus:
        """Starting until the first pass over the incoming file, then ready."""
        return self._status

    async def run(self, sink: Sink) -> None:
        """Tell every line of the incoming file, also those appended later, until cancelled."""
        tail = Tail(self._settings.inbox)
        while True:
            for message in tail.read():
                await self._become(sink, DriverStatus(self._status.whatsapp, message.account))
                await sink.received(message)
            if tail.at_end:
                account = self._status.account or DEFAULT_ACCOUNT
                await self._become(sink, DriverStatus("ready", account))
                await asyncio.sleep(self._settings.poll_s)

    async def send(self, order: SendOrder) -> Outcome:
        """Append one line once the wait is over; a line that did not fit is taken back."""
        self._on_the_way.add(order.key)
        try:
            await asyncio.sleep(self._settings.send_s)
            at = str(Instant(self._now_ms()))
            file = await asyncio.to_thread(_read, order.file) if order.file else None
            line = Accepted(order.key, order.account, order.chat, order.text, at, file)
            await asyncio.to_thread(_append, self._settings.outbox, msgspec.json.encode(line))
        except OSError as error:
            return Outcome("failed", "not_written", f"the files of this driver: {error.strerror}")
        finally:
            self._on_the_way.discard(order.key)
        return Outcome("sent")

    async def look_up(self, order: SendOrder) -> Lookup:
        """Acknowledged exactly when the outgoing file holds the key on a whole line."""
        if order.key in self._on_the_way:
            return Lookup.PENDING
        try:
            held = await asyncio.to_thread(_holds, self._settings.outbox, order.key)
        except OSError:
            return Lookup.UNAVAILABLE
        return Lookup.ACKNOWLEDGED if held else Lookup.ABSENT

    async def customer_wrote(self, account: str, chat: str) -> bool:
        """Whether the incoming file holds a message of the customer in this chat."""
        return any(
            message.account == account and message.chat == chat and not message.from_me
            for message in self._held()
        )

    async def mark_read(self, chat: str) -> None:
        """Nobody sees it here."""

    async def typing(self, chat: str, active: bool) -> None:
        """Nobody sees it here."""

    async def sweep(self, since_ms: int) -> AsyncIterator[MessageReceived]:
        """What the incoming file holds of one-to-one chats since then, oldest first."""
        for message in sorted(self._held(), key=lambda message: message.sent_at.ms):
            if message.sent_at.ms >= since_ms and is_one_to_one(message.chat):
                yield msgspec.structs.replace(message, live=False)

    async def fetch(self, message: MessageReceived) -> AsyncIterator[bytes]:
        """The file that lies under the message's id; what is not there is gone for ever."""
        if not re.fullmatch(r"\w[\w.-]*", message.wa_id):
            raise FileGoneError
        path = self._settings.inbox.with_name(f"{self._settings.inbox.name}.files") / message.wa_id
        try:
            yield await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:
            raise FileGoneError from None
        except OSError as error:
            raise FileNotNowError(f"it cannot be read: {error.strerror}") from error

    def _held(self) -> Iterator[MessageReceived]:
        """All that the incoming file holds."""
        tail = Tail(self._settings.inbox)
        while not tail.at_end:
            yield from tail.read()

    async def _become(self, sink: Sink, status: DriverStatus) -> None:
        if status != self._status:
            self._status = status
            await sink.changed(status)


class Tail:
    """Reads a growing JSON lines file piece by piece; a replaced or cut file is read anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode = 0
        self._offset = 0  # of the first byte that was not read
        self._rest = b""  # of a line whose newline has not come
        self._line_no = 0
        self.at_end = False

    def read(self) -> Iterator[MessageReceived]:
        """The messages of the next piece; a line that is none is reported by number and skipped."""
        *lines, rest = (self._rest + self._next_piece()).split(b"\n")
        self._rest = rest[: FRAME_MAX_BYTES + 1]  # what follows cannot make it a message again
        for line in lines:
            self._line_no += 1
            if line.strip() and (message := self._parse(line)) is not None:
                yield message

    def _next_piece(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                self._begin_anew_if_replaced(os.fstat(file.fileno()))
                file.seek(self._offset)
                piece = file.read(_CHUNK_BYTES)
        except FileNotFoundError:
            piece = b""
        self._offset += len(piece)
        self.at_end = len(piece) < _CHUNK_BYTES
        return piece

    def _begin_anew_if_replaced(self, facts: os.stat_result) -> None:
        if facts.st_ino != self._inode or facts.st_size < self._offset:
            self._inode, self._offset, self._rest, self._line_no = facts.st_ino, 0, b"", 0

    def _parse(self, line: bytes) -> MessageReceived | None:
        try:
            if len(line) > FRAME_MAX_BYTES:
                raise ValueError("longer than a frame")
            message = cast(MessageReceived, decode_data(MessageReceived.TYPE, line.decode()))
            encode_data(message)  # refuses what could never travel
        except (ValueError, RecursionError, LocalProtocolError) as error:
            log.warning("incoming line skipped", line=self._line_no, reason=str(error))
            return None
        return message


def _read(file: OrderedFile) -> AcceptedFile:
    content = file.path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    return AcceptedFile(sha256, file.mime, len(content), file.name)


def _append(path: Path, line: bytes) -> None:
    """Add a whole line and bring it to disk, or leave the file as it was and raise OSError."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _BINARY, 0o600)
    try:
        size = os.fstat(handle).st_size
        written = os.write(handle, line + b"\n")
        if written <= len(line):
            os.ftruncate(handle, size)
            raise OSError(28, "no space left for the line")
        os.fsync(handle)
    finally:
        os.close(handle)


def _cut_torn_line(path: Path) -> None:
    """Remove what a power cut left of a last line: it was never accepted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        content = file.read()
        if not content.endswith(b"\n"):
            file.truncate(content.rfind(b"\n") + 1)


def _holds(path: Path, key: str) -> bool:
    if not path.exists():
        return False
    with path.open("rb") as file:
        return any(_key_of(line) == key for line in file if line.endswith(b"\n"))


def _key_of(line: bytes) -> str | None:
    try:
        return msgspec.json.decode(line, type=Accepted).key
    except ValueError:  # somebody else wrote into the file
        return None
