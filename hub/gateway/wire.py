"""A websocket as a listener's calls: uvicorn's own protocol without a queue and a task per frame.

uvicorn hands this class to every upgrade. Until somebody attaches a listener it behaves as any
ASGI socket does, so that refusals are ordinary responses; from then on all frames of one read come
in one call, and what goes out together is one write. A third of a message's cost is saved so.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final, Protocol, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

EXTENSION: Final = "sak.wire"  # under which an ASGI scope holds the wire
SLICE_BYTES: Final = 8192  # ten messages, or 4 ms of the smallest frames
PONGS_MAX_BYTES: Final = 65_536
PARTS_MAX: Final = 1024  # of one message
BY_SLICES, BY_LISTENER, BY_BUDGET = 1, 2, 4  # reasons against reading
TOO_BIG: Final = 1009
NOT_UTF8: Final = 1007
NO_CLOSE_FRAME: Final = 1006


class Listener(Protocol):
    """Whoever is told what happens on a wire; none of the calls may wait."""

    def received(self, frames: list[str | bytes]) -> None:
        """Frames that came in together; text as str."""

    def writable(self, now: bool) -> None:
        """Whether the socket takes more; it buffers what is sent nevertheless."""

    def lost(self, code: int) -> None:
        """The socket is closed, once; 1006 without a close frame."""


class AgentWire(WebSocketsSansIOProtocol):
    """One upgraded connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._listener: Listener | None = None
        self._arrived: list[str | bytes] = []
        self._unread = b""
        self._is_slicing = False
        self._paused = 0  # the reasons against reading

    async def run_asgi(self) -> None:
        """Serve the application, which finds this wire in its scope."""
        extensions = cast(dict[str, Any], self.scope["extensions"])
        extensions[EXTENSION] = self
        await super().run_asgi()

    # --- for the listener -------------------------------------------------------------------

    def attach(self, listener: Listener) -> None:
        """Tell `listener` from now on; call it right after the upgrade was accepted."""
        self._listener = listener

    def write(self, frames: Sequence[str]) -> None:
        """Put text frames on the socket, in one write; nothing happens when it is closed."""
        if self.close_sent or self.disconnected:
            return
        try:
            for frame in frames:
                self.conn.send_text(frame.encode())
        except InvalidState:  # the peer's close frame was faster
            return
        self.transport.write(b"".join(self.conn.data_to_send()))

    def hang_up(self, code: int, reason: str) -> None:
        """Say goodbye; a peer that does not answer is cut off after `close_timeout` seconds."""
        if self.close_sent or self.disconnected:
            return
        try:
            self.conn.send_close(code, reason)
        except InvalidState:
            return
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self._pause(BY_LISTENER, on=False)  # the peer's farewell has to come in
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)

    def abort(self) -> None:
        """Cut the connection; what was not sent is lost."""
        self.transport.abort()

    def hold(self, on: bool) -> None:
        """Stop reading, or go on."""
        self._pause(BY_LISTENER, on=on)

    def rest(self, seconds: float) -> None:
        """Stop reading for a while: this peer sends more than it may."""
        self._pause(BY_BUDGET, on=True)
        self.loop.call_later(seconds, partial(self._pause, BY_BUDGET, on=False))

    def _pause(self, reason: int, *, on: bool) -> None:
        """Read only while nobody has a reason against it."""
        before = self._paused
        self._paused = before | reason if on else before & ~reason
        if self._unread and not self._is_slicing and not self._paused & ~BY_SLICES:
            self._is_slicing = True
            self.loop.call_soon(self._take_slice)
        if bool(before) is bool(self._paused) or self.transport.is_closing():
            return
        if self._paused:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    # --- for the event loop -----------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take in what came, a slice in each round of the loop: nobody waits for a flood."""
        self._unread += data
        if not self._is_slicing:
            self._take_slice()

    def _take_slice(self) -> None:
        self._is_slicing = False
        if self.disconnected or self._paused & ~BY_SLICES:
            return  # `_pause` goes on with it
        data, self._unread = self._unread[:SLICE_BYTES], self._unread[SLICE_BYTES:]
        super().data_received(data)
        if self._arrived and self._listener is not None:
            arrived, self._arrived = self._arrived, []
            self._listener.received(arrived)
        self._pause(BY_SLICES, on=bool(self._unread))

    def send_receive_event_to_app(self) -> None:
        """Take a whole message."""
        if self._listener is None:
            super().send_receive_event_to_app()
            return
        content = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        self.frames = []
        if self.close_sent:
            return
        if self.curr_msg_data_type == "bytes":
            self._arrived.append(bytes(content))
            return
        try:
            self._arrived.append(content.decode())
        except UnicodeDecodeError:
            self.conn.send_close(NOT_UTF8)
            self.handle_parser_exception()

    def handle_ping(self) -> None:
        """Answer a ping; cut off whoever sends them and reads no answer."""
        super().handle_ping()
        if self.transport.get_write_buffer_size() > PONGS_MAX_BYTES:
            self.abort()

    def handle_cont(self, event: Any) -> None:
        """Take a further part of a message; endlessly many, even of no size, nobody needs."""
        if len(self.frames) < PARTS_MAX:
            super().handle_cont(event)
        else:
            self.conn.fail(TOO_BIG, "too many parts")
            self.handle_parser_exception()

    def handle_close(self, event: Any) -> None:
        """Take the peer's close frame."""
        super().handle_close(event)
        self._lose(NO_CLOSE_FRAME if self.conn.close_rcvd is None else self.conn.close_rcvd.code)

    def handle_parser_exception(self) -> None:
        """Take what is no websocket frame, or too big a one."""
        super().handle_parser_exception()
        self._lose(NO_CLOSE_FRAME if self.conn.close_sent is None else self.conn.close_sent.code)

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end of the connection."""
        super().connection_lost(exc)
        self._lose(NO_CLOSE_FRAME)

    def pause_writing(self) -> None:
        """Take that the socket is full."""
        super().pause_writing()
        if self._listener is not None:
            self._listener.writable(False)

    def resume_writing(self) -> None:
        """Take that the socket has room again."""
        super().resume_writing()
        if self._listener is not None:
            self._listener.writable(True)

    def _lose(self, code: int) -> None:
        """Tell the listener what came before, then the end, and nothing after it."""
        if (listener := self._listener) is None:
            return
        if arrived := self._arrived:
            self._arrived = []
            listener.received(arrived)
        self._listener = None
        listener.lost(code)
