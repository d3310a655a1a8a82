"""An event loop in a thread of its own, for work that would hold up the one that serves sockets."""

import asyncio
from collections.abc import Callable, Coroutine
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """Starts with the first `run`; `close` ends it. Any loop may call. `new_loop` makes its own."""

    def __init__(
        self,
        name: str,
        new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
    ) -> None:
        self._name = name
        self._new_loop = new_loop
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None

    async def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What the coroutine gives, made and run in the thread; cancelling ends it there too."""
        loop = self._loop or self._start()
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), loop))

    async def close(self) -> None:
        """End the thread; nothing may run in it any more."""
        if self._loop is None or self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()
        self._loop = self._thread = None

    def _start(self) -> asyncio.AbstractEventLoop:
        self._loop = loop = self._new_loop()
        # A daemon: a process that was not closed in order must not hang at its end.
        self._thread = Thread(target=loop.run_forever, name=self._name, daemon=True)
        self._thread.start()
        return loop
