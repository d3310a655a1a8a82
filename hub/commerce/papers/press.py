"""Has papers printed in a child process, so that neither the loop nor the hub's memory pays for it.

The child is started for the first job and serves the next ones; `end` it when none comes for a
while. One that does not answer is ended and the next job gets another.
"""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from typing import Final

import msgspec

from hub.commerce.papers.jobs import LENGTH_BYTES, Job, Printed, Spoiled, frame

TIMEOUT_S: Final = 60.0
"""For one job; an invoice of 1,000 lines takes about a second."""

_COMMAND: Final = (sys.executable, "-m", "hub.commerce.papers.printing")


class PrintError(Exception):
    """A paper could not be printed: `error` and `where` it arose, without anybody's words."""

    def __init__(self, error: str, where: str) -> None:
        super().__init__(f"{error} in {where}")
        self.error = error
        self.where = where


class Press:
    """One child process at most, one job at a time."""

    def __init__(
        self, *, timeout_s: float = TIMEOUT_S, command: tuple[str, ...] = _COMMAND
    ) -> None:
        self._timeout_s = timeout_s
        self._command = command
        self._child: Process | None = None

    @property
    def pid(self) -> int | None:
        """Of the child, if there is one."""
        return None if self._child is None else self._child.pid

    async def file(self, job: Job) -> bytes:
        """What the job asks for, as a file.

        Raises:
            PrintError: this job fails.
            OSError: no child can be started.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._answer(job)
        except TimeoutError as error:
            await self.end()
            raise PrintError("Timeout", "press") from error
        except (EOFError, ConnectionError, msgspec.DecodeError) as error:
            await self.end()
            raise PrintError("ChildDied", "press") from error
        except asyncio.CancelledError:
            await self.end()  # its answer would be taken for that to the next job
            raise
        if isinstance(answer, Spoiled):
            raise PrintError(answer.error, answer.where)
        return answer.data

    async def end(self) -> None:
        """End the child, if there is one; nothing that it does needs to be finished."""
        child, self._child = self._child, None
        if child is None:
            return
        with suppress(ProcessLookupError):  # it ended by itself
            child.kill()
        if child.stdin is not None:
            child.stdin.close()
        await child.wait()

    async def _answer(self, job: Job) -> Printed | Spoiled:
        if self._child is None:
            self._child = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL
            )
        to, answers = self._child.stdin, self._child.stdout
        if to is None or answers is None:
            raise EOFError
        to.write(frame(job))
        await to.drain()
        head = await answers.readexactly(LENGTH_BYTES)
        body = await answers.readexactly(int.from_bytes(head, "big"))
        answer: Printed | Spoiled = msgspec.msgpack.decode(body, type=Printed | Spoiled)
        return answer
