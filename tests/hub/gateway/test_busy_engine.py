"""Answering costs time; nobody's connection may pay for it."""

import asyncio
import threading
import time
from pathlib import Path

import pytest

from hub.assistant.engine import Answer, Turn
from protocol.messages import Instant
from tests.hub.gateway.stage import Stage

BEATS = 20
BEAT_MAX_S = 1.0  # generous: two cores, one of them burning


class Thinker:
    """An engine that burns CPU in a thread, as an engine must, until it is told to stop."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.enough = threading.Event()

    async def answer(self, turn: Turn) -> Answer:
        self.begun.set()
        await asyncio.to_thread(self._burn)
        return Answer(text="at last", path="thinker")

    def _burn(self) -> None:
        while not self.enough.is_set():
            sum(range(1000))


@pytest.mark.alone
async def test_heartbeats_are_answered_while_an_engine_thinks(tmp_path: Path) -> None:
    """The work on answers is not on the loop that answers beats."""
    engine = Thinker()
    async with (
        Stage.set(tmp_path, debounce_s=0) as stage,
        stage.running(engine),
        stage.agent().dial() as line,
    ):
        try:
            await line.live()
            await line.say("a hard question", sent_at=Instant(stage.clock.now_ms()))
            async with asyncio.timeout(10):
                await engine.begun.wait()
            for _ in range(BEATS):
                asked = time.monotonic()
                await line.beat()
                assert time.monotonic() - asked < BEAT_MAX_S
        finally:
            engine.enough.set()
