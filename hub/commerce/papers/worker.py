"""Makes the papers that orders are owed and has them sent.

What has to survive is in the store: the worker may die at any point and begins with what is still
open. One paper's failure holds up no other; what fails again and again, or comes a day too late,
is given up, logged and counted by `sak-hub doctor`.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, NoReturn

import structlog

from hub.clock import Clock
from hub.commerce.papers import order_papers
from hub.commerce.papers.fonts import Fonts, FontsMissingError
from hub.commerce.papers.jobs import Invoice, Job
from hub.commerce.papers.order_papers import TRIES_MAX, Content, Paper, RecordSaid
from hub.commerce.papers.press import Press, PrintError
from hub.store.database import Store
from hub.store.errors import StoreError
from hub.store.media import MediaFiles
from hub.store.outbound import Order

LOOK_S: Final = 5.0
"""How often the store is asked for papers that nobody announced."""
RETRY_S: Final = 30.0
"""How long a paper rests when it failed."""
IDLE_S: Final = 60.0
"""How long the child process is kept without work: some 50 MB."""
PAGE: Final = 100
FIRST: Final = (-1, "", "")

Deliver = Callable[[Order], None]

log = structlog.get_logger(__name__)


class PaperWorker:
    """`run` it as a task; `wake` it when an order was placed.

    `deliver(order)` says that an agent's log has a new order; `record_said` writes what is sent
    into the chat's history, in the transaction that orders it.
    """

    def __init__(
        self,
        store: Store,
        files: MediaFiles,
        clock: Clock,
        deliver: Deliver,
        record_said: RecordSaid,
        *,
        press: Press | None = None,
        find_fonts: Callable[[], Fonts] = Fonts.find,
        look_s: float = LOOK_S,
        retry_s: float = RETRY_S,
        idle_s: float = IDLE_S,
    ) -> None:
        self._store = store
        self._files = files
        self._clock = clock
        self._deliver = deliver
        self._record_said = record_said
        self._press = press or Press()
        self._find_fonts = find_fonts
        self._look_s = look_s
        self._retry_s = retry_s
        self._idle_s = idle_s
        self._bell = asyncio.Event()
        self._rest_until: dict[tuple[str, str], float] = {}
        self._waiting: Counter[str] = Counter()
        self._printed_at = float("-inf")

    def wake(self) -> None:
        """Look for open papers now."""
        self._bell.set()

    async def run(self) -> NoReturn:
        """Make papers until cancelled."""
        try:
            while True:
                self._bell.clear()
                try:
                    await self.work_off()
                except StoreError as error:
                    log.error("papers_not_stored", error=error.code)
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._look_s):
                        await self._bell.wait()
                if self._clock.monotonic() - self._printed_at >= self._idle_s:
                    await self._press.end()
        finally:
            await self._press.end()

    async def work_off(self) -> None:
        """Try every open paper once, but for those that rest; StoreError when the store fails."""
        now = self._clock.monotonic()
        self._rest_until = {key: until for key, until in self._rest_until.items() if until > now}
        place = FIRST
        while papers := await self._store.read(
            partial(order_papers.open_after, place=place, limit=PAGE)
        ):
            for paper in papers:
                if (paper.order_id, paper.kind) not in self._rest_until:
                    await self._attend(paper)
            last = papers[-1]
            place = (last.created_at, last.order_id, last.kind)
        for why, papers_waiting in self._waiting.items():
            log.error("papers_wait", papers=papers_waiting, why=why)
        self._waiting.clear()

    async def _attend(self, paper: Paper) -> None:
        """Bring a paper as far as it goes; what is wrong with it or with this machine is noted."""
        try:
            await self._send(paper)
        except StoreError:
            raise
        except (FontsMissingError, OSError) as error:  # not the paper's fault: it may wait
            self._rest(paper)
            self._waiting[str(error)] += 1
        except Exception as error:  # noqa: BLE001 - one paper's failure must not stop the others
            self._rest(paper)
            await self._count_try(paper, error)

    async def _send(self, paper: Paper) -> None:
        now_ms = self._clock.now_ms()
        if now_ms >= paper.expires_at:
            log.error("paper_given_up", order_id=paper.order_id, kind=paper.kind, error="TooLate")
            await self._store.write(partial(order_papers.give_up, paper=paper, now_ms=now_ms))
            return
        content = await self._store.read(partial(order_papers.content, paper=paper))
        if content is None:
            await self._store.write(partial(order_papers.let_go, paper=paper, now_ms=now_ms))
            return
        sha256 = await self._made(paper.tenant_id, content)
        finish = partial(
            order_papers.finish,
            paper=paper,
            made=content,
            sha256=sha256,
            record_said=self._record_said,
            now_ms=self._clock.now_ms(),
        )
        order = await self._store.write(finish)
        if order is not None:
            self._deliver(order)
            log.info("paper_sent", order_id=paper.order_id, kind=paper.kind)

    async def _made(self, tenant_id: str, content: Content) -> str:
        """Print what a paper says and keep the file; its SHA-256."""
        fonts = None
        if isinstance(content.text, Invoice):
            fonts = await asyncio.to_thread(self._find_fonts)
        data = await self._press.file(Job(content.text, fonts))
        self._printed_at = self._clock.monotonic()
        return await asyncio.to_thread(_keep, self._files, tenant_id, data)

    async def _count_try(self, paper: Paper, error: Exception) -> None:
        given_up = paper.tries + 1 >= TRIES_MAX
        name = error.error if isinstance(error, PrintError) else type(error).__name__
        where = error.where if isinstance(error, PrintError) else "worker"
        event = "paper_given_up" if given_up else "paper_failed"
        log.error(event, order_id=paper.order_id, kind=paper.kind, error=name, where=where)
        now_ms = self._clock.now_ms()
        await self._store.write(partial(order_papers.count_try, paper=paper, now_ms=now_ms))

    def _rest(self, paper: Paper) -> None:
        self._rest_until[paper.order_id, paper.kind] = self._clock.monotonic() + self._retry_s


def _keep(files: MediaFiles, tenant_id: str, data: bytes) -> str:
    """Put a file where agents fetch it; its SHA-256."""
    sha256 = hashlib.sha256(data).hexdigest()
    incoming = files.receive(tenant_id, sha256)
    if incoming is None:
        raise ValueError("no file can be kept for this tenant")
    try:
        incoming.write(data)
        incoming.keep()
    finally:
        incoming.discard()
    return sha256
