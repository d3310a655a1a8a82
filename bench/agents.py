"""A load of agents: real sockets, the real protocol, each with W messages in flight.

    python -m bench.agents --port 8080 --tokens tokens.json --agents 200 --window 16 --seconds 5

A round trip is: message sent → committed and acknowledged → reply committed in the `down` log →
pushed → acknowledged. Every agent keeps `window` of them going, in chats of different customers.
To leave the processor to the hub, frames are put together from prepared bytes and parsed for what
matters only; the last line is one JSON object with the figures (milliseconds, per second).
"""

import argparse
import asyncio
import json
import os
import random
import struct
import time
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import uvloop

from protocol.messages import SUBPROTOCOL, Instant

CHATS_MAX: Final = 20_000  # customers of an agent
TEXT: Final = "x" * 400
BEAT_S: Final = 1.0  # of each agent, far more often than in life, to see how soon it is answered
UPGRADE: Final = (
    "GET /agent HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\nAuthorization: Bearer %s\r\n\r\n"
)
STATUS: Final = '{"whatsapp":"ready","account":"%s","paused":false,"outbox":0,"inbox":0}'
HELLO: Final = (
    '{"type":"hello","data":{"agent_id":"%s","instance_id":"%s","conn_no":1,"software":{"name":'
    '"bench","version":"1"},"caps":[],"window":32,"up":{"epoch":"%s","head":0},"down":{"seq":0},'
    '"status":%s}}'
)
MESSAGE: Final = (
    '{"type":"message.received","id":"%s","seq":%d,"ts":"%s","data":{"account":"%s","chat":"%s",'
    '"wa_id":"%s","sender":{"id":"%s"},"from_me":false,"sent_at":"%s","live":true,"kind":"text",'
    f'"text":"{TEXT}"}}}}'
)


class Data(msgspec.Struct):
    """What matters of any frame's content."""

    seq: int = 0
    n: int = 0
    chat: str = ""
    message: str = ""


class Frame(msgspec.Struct):
    """What matters of any frame."""

    type: str
    data: Data
    seq: int = 0


class Tally:
    """What all agents measured, in seconds; only while `counting`."""

    def __init__(self) -> None:
        self.counting = False
        self.round_trips = array("d")
        self.acks = array("d")
        self.beats = array("d")
        self.failure: str | None = None


class Agent(asyncio.Protocol):
    """One connection that always has `window` messages in flight."""

    def __init__(
        self, tally: Tally, credentials: dict[str, str], number: int, window: int, chats: int
    ) -> None:
        self._tally = tally
        self._credentials = credentials
        self._window = window
        self._account = f"+9198{number:08d}"
        self._customer = 910_000_000_000 + number * CHATS_MAX
        self._chats = chats
        self._buffer = b""
        self._upgraded = False
        self._seq = 0  # newest sent
        self._acked = 0
        self._sent: dict[int, float] = {}  # by seq, until it is acknowledged
        self._waiting: dict[str, float] = {}  # by chat, until it is answered
        self._beat_n = 0
        self._beat_at = 0.0
        self._decoder = msgspec.json.Decoder(Frame)
        self._transport: asyncio.Transport | None = None
        self.live = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write((UPGRADE % self._credentials["token"]).encode())

    def connection_lost(self, exc: Exception | None) -> None:
        """The run is void when it happens before its end."""
        self._fail(f"a connection was lost: {exc}")

    def data_received(self, data: bytes) -> None:
        """Take in frames, and answer all of them with one write."""
        self._buffer += data
        if not self._upgraded:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head:
                self._fail(head.decode(errors="replace"))
                return
            self._upgraded, self._buffer = True, rest
            self._write(self._hello())
        now = time.perf_counter()
        answered, newest = 0, 0
        for payload in self._frames():
            frame = self._decoder.decode(payload)
            if frame.type == "message.send":
                answered += self._take_reply(frame, now)
                newest = frame.seq
            else:
                self._take_control(frame, now)
        if newest:
            self._write('{"type":"ack","data":{"seq":%d}}' % newest, *self._messages(answered, now))

    def start(self) -> None:
        """Fill the window and begin to beat."""
        self._write(*self._messages(self._window, time.perf_counter()))

    def beat(self) -> None:
        """Send a heartbeat, unless the last one is still unanswered."""
        if self._beat_at == 0.0:
            self._beat_n += 1
            self._beat_at = time.perf_counter()
            status = STATUS % self._account
            self._write('{"type":"heartbeat","data":{"n":%d,"status":%s}}' % (self._beat_n, status))

    def oldest_beat(self) -> float:
        """When the unanswered heartbeat was sent; 0 without one."""
        return self._beat_at

    def close(self) -> None:
        """End the connection; what it still says is not heard."""
        if self._transport is not None:
            self._transport.abort()

    def _hello(self) -> str:
        agent_id, epoch = self._credentials["agent_id"], os.urandom(8).hex()
        instance = f"00000000-0000-4000-8000-{random.getrandbits(48):012x}"
        return HELLO % (agent_id, instance, epoch, STATUS % self._account)

    def _take_reply(self, frame: Frame, now: float) -> int:
        sent_at = self._waiting.pop(frame.data.chat, None)
        if sent_at is None:
            return 0
        if self._tally.counting:
            self._tally.round_trips.append(now - sent_at)
        return 1

    def _take_control(self, frame: Frame, now: float) -> None:
        match frame.type:
            case "ack":
                for seq in range(self._acked + 1, frame.data.seq + 1):
                    waited = now - self._sent.pop(seq)
                    if self._tally.counting:
                        self._tally.acks.append(waited)
                self._acked = frame.data.seq
            case "heartbeat.ack":
                if self._tally.counting:
                    self._tally.beats.append(now - self._beat_at)
                self._beat_at = 0.0
            case "welcome":
                self.live.set_result(None)
            case "error":
                self._fail(f"the hub reports: {frame.data.message}")
            case _:
                pass  # typing, which costs nothing

    def _messages(self, count: int, now: float) -> Iterator[str]:
        ts = str(Instant(time.time_ns() // 1_000_000))
        for _ in range(count):
            self._seq += 1
            chat = f"{self._customer + self._seq % self._chats}@c.us"
            bits = f"{random.getrandbits(128):032x}"
            event_id = f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-8{bits[17:20]}-{bits[20:]}"
            self._sent[self._seq] = self._waiting[chat] = now
            wa_id = f"3A{bits[:18]}"
            yield MESSAGE % (event_id, self._seq, ts, self._account, chat, wa_id, chat, ts)

    def _frames(self) -> Iterator[bytes]:
        """The complete frames in the buffer; a hub's are not masked and never split."""
        buffer, at = self._buffer, 0
        while len(buffer) - at >= 2:
            size, start = buffer[at + 1], at + 2
            if size == 126:
                if len(buffer) - at < 4:
                    break
                size, start = int.from_bytes(buffer[at + 2 : at + 4], "big"), at + 4
            if len(buffer) < start + size:
                break
            if buffer[at] == 0x81:
                yield buffer[start : start + size]
            at = start + size
        self._buffer = buffer[at:]

    def _write(self, *texts: str) -> None:
        """Send text frames; the mask is zero, which the hub has to undo like any other."""
        assert self._transport is not None
        parts = []
        for text in texts:
            size = len(text)
            if size < 126:
                parts.append(struct.pack("!BBI", 0x81, 0x80 | size, 0))
            else:
                parts.append(struct.pack("!BBHI", 0x81, 0x80 | 126, size, 0))
            parts.append(text.encode())
        self._transport.write(b"".join(parts))

    def _fail(self, why: str) -> None:
        if self._tally.failure is None:
            self._tally.failure = why
        if not self.live.done():
            self.live.set_result(None)


async def connect(
    port: int, tokens: list[dict[str, str]], window: int, tally: Tally
) -> list[Agent]:
    """Bring one agent per token on line.

    Raises:
        RuntimeError: one of them was refused.
    """
    loop = asyncio.get_running_loop()
    agents: list[Agent] = []
    # Each customer writes a few times, and seldom enough for the hub's loop breaker.
    chats = max(100, CHATS_MAX // len(tokens))
    for number, credentials in enumerate(tokens):
        _, agent = await loop.create_connection(
            lambda c=credentials, n=number: Agent(tally, c, n, window, chats),  # type: ignore[misc]
            "127.0.0.1",
            port,
        )
        await agent.live
        agents.append(agent)
        if tally.failure is not None:
            raise RuntimeError(tally.failure)
    return agents


async def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Run the load and sum it up."""
    tokens = json.loads(args.tokens.read_text())[: args.agents]
    tally = Tally()
    agents = await connect(args.port, tokens, args.window, tally)
    for agent in agents:
        agent.start()
    begun = time.perf_counter() + args.warmup
    await _beat_until(agents, begun)
    tally.counting = True
    cpu_before, since = time.process_time(), time.perf_counter()
    await _beat_until(agents, since + args.seconds)
    tally.counting = False
    seconds = time.perf_counter() - since
    failure = tally.failure
    late = [time.perf_counter() - at for agent in agents if (at := agent.oldest_beat())]
    tally.beats.extend(late)
    for agent in agents:
        agent.close()
    if failure is not None:
        raise RuntimeError(failure)
    return summary(tally, seconds, time.process_time() - cpu_before)


async def _beat_until(agents: list[Agent], end: float) -> None:
    """Let one agent after the other beat, each every BEAT_S."""
    pause_s = BEAT_S / len(agents)
    number = 0
    while (left := end - time.perf_counter()) > 0:
        agents[number % len(agents)].beat()
        number += 1
        await asyncio.sleep(min(pause_s, left))


def summary(tally: Tally, seconds: float, cpu_s: float) -> dict[str, Any]:
    """The figures of one run."""
    facts: dict[str, Any] = {
        "round_trips_per_s": round(len(tally.round_trips) / seconds, 1),
        "round_trips": len(tally.round_trips),
        "seconds": round(seconds, 3),
        "cpu_s": round(cpu_s, 3),
    }
    for prefix, values in (("", tally.round_trips), ("ack_", tally.acks)):
        for share in (50, 95, 99):
            facts[f"{prefix}p{share}_ms"] = percentile_ms(values, share)
    facts["heartbeat_p99_ms"] = percentile_ms(tally.beats, 99)
    return facts


def percentile_ms(values: Sequence[float], share: int) -> float | None:
    """The value below which `share` percent lie, in milliseconds; None without values."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, len(ordered) * share // 100)] * 1000, 3)


def main() -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description="A load of agents on a hub.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tokens", type=Path, required=True)
    parser.add_argument("--agents", type=int, required=True)
    parser.add_argument("--window", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--warmup", type=float, default=1.0)
    args = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(measure(args))))


if __name__ == "__main__":
    main()
