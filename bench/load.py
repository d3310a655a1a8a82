"""What the load generators and responders of the compared systems share."""

import argparse
import asyncio
import json
import resource
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, Final, Protocol

import uvloop

from bench.agents import Tally, summary

TEXT: Final = "x" * 400  # of every message, as in bench/agents.py
ID_CHARS: Final = (
    32  # of hexadecimal digits before it, for systems that do not care for an envelope
)
CONNECTS_AT_ONCE: Final = 50  # while a load comes up, so that no backlog overflows

Job = Callable[[argparse.Namespace], Coroutine[Any, Any, dict[str, Any] | None]]


class Sender(Protocol):
    """One agent of a load: once started it keeps its window full."""

    def start(self) -> None:
        """Send the first messages."""

    def close(self) -> None:
        """Say and hear nothing any more."""


async def measure(
    args: argparse.Namespace, tally: Tally, senders: Sequence[Sender]
) -> dict[str, Any]:
    """Let the senders work through the warm-up, count what follows, and sum it up.

    Raises:
        RuntimeError: something failed meanwhile.
    """
    for sender in senders:
        sender.start()
    await asyncio.sleep(args.warmup)
    cpu_before, since = time.process_time(), time.perf_counter()
    tally.counting = True
    await asyncio.sleep(args.seconds)
    tally.counting = False
    seconds, cpu_s = time.perf_counter() - since, time.process_time() - cpu_before
    failure = tally.failure
    for sender in senders:
        sender.close()
    if failure is not None:
        raise RuntimeError(failure)
    return summary(tally, seconds, cpu_s)


async def few_at_once(opened: Iterable[Awaitable[None]]) -> None:
    """Await all of them, a bounded number at a time."""
    places = asyncio.Semaphore(CONNECTS_AT_ONCE)

    async def one(awaitable: Awaitable[None]) -> None:
        async with places:
            await awaitable

    async with asyncio.TaskGroup() as group:
        for awaitable in opened:
            group.create_task(one(awaitable))


async def until_told(port: int) -> None:
    """Say that the responder is ready, and wait for SIGTERM."""
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    print(json.dumps({"port": port}), flush=True)
    await over.wait()


def command_line(description: str, **jobs: Job) -> None:
    """Run one of the jobs on uvloop; print what it returns as one JSON line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("job", choices=sorted(jobs))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--agents", type=int, default=1)
    parser.add_argument("--window", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--warmup", type=float, default=1.0)
    args = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        said = runner.run(jobs[args.job](args))
    if said is not None:
        print(json.dumps(said), flush=True)
