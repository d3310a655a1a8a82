"""/healthz: the process lives. /readyz: it can do its work, or why not."""

import asyncio
from enum import StrEnum
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from hub.clock import Clock
from hub.store.database import Store
from hub.store.errors import StoreError
from hub.store.tx import Tx

WRITE_TIMEOUT_S: Final = 2.0  # a commit takes milliseconds; a writer this late is stuck
FRESH_S: Final = 1.0  # probes within this time share an answer: nobody can flood the writer
RETRY_AFTER_S: Final = 5
_STUCK: Final = "the writer does not move"


class Phase(StrEnum):
    """What the hub as a whole is doing; the composition root moves it on."""

    MIGRATING = "migrating"
    SERVING = "serving"
    DRAINING = "draining"


class ReadyBody(msgspec.Struct, frozen=True):
    ready: bool
    reasons: list[str]


class Readiness:
    """Tells whether the hub should get traffic. `store` is None until the database is open."""

    def __init__(self, clock: Clock) -> None:
        self.phase = Phase.MIGRATING
        self.store: Store | None = None
        self._clock = clock
        self._known: tuple[float, list[str]] | None = None

    async def reasons(self) -> list[str]:
        """Why the hub is not ready; empty when it is."""
        if self.phase is not Phase.SERVING or self.store is None:
            return [self.phase.value]
        now = self._clock.monotonic()
        if self._known is None or now - self._known[0] >= FRESH_S:
            self._known = (now, await self._write(self.store, now))
        return self._known[1]

    async def _write(self, store: Store, now: float) -> list[str]:
        busy_since = store.stats.busy_since
        if busy_since is not None and now - busy_since > WRITE_TIMEOUT_S:
            return [_STUCK]  # one more operation would only wait behind the others
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await store.write(_touch)
        except TimeoutError:
            return [_STUCK]
        except StoreError as error:
            return [str(error)]
        return []


class HealthEndpoints:
    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness

    async def healthz(self, _: Request) -> Response:
        """200 while the process lives."""
        return Response(b'{"alive":true}', media_type="application/json")

    async def readyz(self, _: Request) -> Response:
        """200 when ready, 503 with the reasons when not."""
        reasons = await self._readiness.reasons()
        content = msgspec.json.encode(ReadyBody(not reasons, reasons))
        headers = {"Retry-After": str(RETRY_AFTER_S)} if reasons else {}
        status = 503 if reasons else 200
        return Response(content, status, headers=headers, media_type="application/json")


def _touch(tx: Tx) -> None:
    """Change a row and take it back: written as it was it would not reach the disk."""
    for by in (1, -1):
        tx.run("doctor.touch", by=by)
