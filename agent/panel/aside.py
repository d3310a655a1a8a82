"""Slow work beside the event loop that no end of the process waits for."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Run `work` in a thread of its own and return what it returns.

    Other than with `asyncio.to_thread` the end of the process does not wait for it: a check may
    ask a network that is not there.
    """
    done: concurrent.futures.Future[T] = concurrent.futures.Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
            done.set_exception(error)

    threading.Thread(target=run, name="panel-check", daemon=True).start()
    return await asyncio.wrap_future(done)
