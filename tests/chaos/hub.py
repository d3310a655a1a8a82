"""`python -m tests.chaos.hub`: the real hub with an engine that echoes, and points to die at."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hub import logs
from hub.app import Hub, listen
from hub.assistant.engine import Answer, Turn
from hub.gateway.registry import Registry
from hub.settings import Settings
from hub.store import serving
from hub.store.database import Store, database_path
from hub.store.tx import Tx
from hub.store.writer import Op
from protocol.session import Role, Session
from tests.chaos.points import CrashPoint, Passed, around_call
from tests.chaos.process_life import ENV_CLOCK, JumpingClock, end_with_parent

THOUGHT_S: Final = 0.02
"""How long an answer takes: long enough for a customer's next message to come in between."""
ACK_LEAVES_S: Final = 0.002


class Echo:
    """An engine that repeats every message of the turn."""

    def __init__(self, passed: Passed) -> None:
        self._passed = passed

    async def answer(self, turn: Turn) -> Answer:
        await asyncio.sleep(THOUGHT_S)
        self._passed("engine")
        return Answer(text=" ".join(line.text for line in turn.messages), path="echo")


def place_points(passed: Passed) -> None:
    """Wrap the seams of the product that a hub is to die at."""
    _around_write(passed)
    _around_submit(passed)
    _around_acks(passed)
    around_call(Session, "committed", passed)
    around_call(Session, "welcome", passed)
    around_call(Session, "send_events", passed)
    around_call(Registry, "deliver", passed)


def _around_write(passed: Passed) -> None:
    write = Store.write

    async def wrapped(self: Store, op: Op[Any]) -> Any:
        result = await write(self, _dying(op, passed, "Store.write.uncommitted"))
        passed("Store.write.after")
        return result

    Store.write = wrapped  # type: ignore[method-assign]


def _around_submit(passed: Passed) -> None:
    submit = Store.submit

    def wrapped(
        self: Store,
        begin: Callable[[], Op[Any]],
        done: Callable[[Any], None],
        refused: Callable[[Exception], None],
    ) -> None:
        def begun() -> Op[Any]:
            return _dying(begin(), passed, "Store.submit.uncommitted")

        def told(result: Any) -> None:
            passed("Store.submit.after")
            done(result)

        submit(self, begun, told, refused)

    Store.submit = wrapped  # type: ignore[assignment,method-assign]


def _dying(op: Op[Any], passed: Passed, point: str) -> Op[Any]:
    """The same operation, with a point between its last statement and the commit."""

    def dying(tx: Tx) -> Any:
        result = op(tx)
        passed(point)
        return result

    return dying


def _around_acks(passed: Passed) -> None:
    """Pass `ack.left` when the socket has had time to take an ack."""
    data_to_send = Session.data_to_send

    def wrapped(self: Session) -> list[str]:
        frames = data_to_send(self)
        if self.role is Role.HUB and any(frame.startswith('{"type":"ack"') for frame in frames):
            asyncio.get_running_loop().call_later(ACK_LEAVES_S, passed, "ack.left")
        return frames

    Session.data_to_send = wrapped  # type: ignore[method-assign]


async def _serve(hub: Hub) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, hub.stop)
    await hub.run()


def main() -> int:
    """Serve until SIGTERM, as `sak-hub serve` does."""
    environ = dict(os.environ)  # noqa: TID251 - the command line of a process of its own
    end_with_parent()
    passed = CrashPoint(environ).passed
    place_points(passed)
    settings = Settings.load(environ)
    clock = JumpingClock(Path(environ[ENV_CLOCK]))
    logs.configure(settings.log_level, clock)
    listener = listen(settings.host, settings.port)
    hub = Hub(settings, clock, listener, lambda _: Echo(passed))
    with (
        serving.alone(database_path(settings.database_url)),
        asyncio.Runner(loop_factory=hub.loop_factory) as runner,
    ):
        runner.run(_serve(hub))
    return 0


if __name__ == "__main__":
    sys.exit(main())
