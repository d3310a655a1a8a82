"""A trial of wa-js before it is used: the real driver, a real browser, the practice page.

It shows that the bundle has all that we call and works on a page that we know; that it works on
WhatsApp's own page, the running agent finds out.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from agent.cli.practice import practice_phone
from agent.drivers.driver import DriverStatus, Unread
from agent.drivers.whatsapp_web import WebSettings, WhatsAppWebDriver
from agent.settings import Settings
from protocol.messages import MessageReceived, SendState

_TRIAL_S: Final = 120.0
_READY_S: Final = 40.0
_ENDS: Final = ("ready", "page_changed", "stopped")


class _Onlooker:
    """A sink that waits for the verdict."""

    def __init__(self) -> None:
        self.verdict: DriverStatus | None = None
        self.judged = asyncio.Event()

    async def received(self, message: MessageReceived) -> None:
        """The practice phone's messages do not matter."""

    async def acknowledged(self, account: str, key: str, state: SendState) -> None:
        """Nothing is sent."""

    async def composing(self, account: str, chat: str, active: bool) -> None:
        """Nobody is asked."""

    async def changed(self, status: DriverStatus) -> None:
        """Keep the first verdict."""
        if status.whatsapp in _ENDS and self.verdict is None:
            self.verdict = status
            self.judged.set()

    async def lacks(
        self,
        account: str,  # noqa: ARG002 - the sink's contract has them
        unread: Sequence[Unread],  # noqa: ARG002
    ) -> list[Unread]:
        """Nothing has to be recorded."""
        return []


def why_unfit(bundle: Path, settings: Settings) -> str | None:
    """Why this wa-js cannot be used, None when it can; not inside an event loop.

    Raises:
        WhatsAppWebError: there is no browser to try it in.
        Failure: the practice phone does not start.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        apart = Settings(data_dir=place / "phone", practice_port=0)
        with practice_phone(apart) as url:
            web = WebSettings(
                profile_dir=place / "profile",
                url=url,
                browser_path=settings.browser,
                bundle_path=bundle,
                ready_timeout_s=_READY_S,
            )
            return asyncio.run(_try(web))


async def _try(web: WebSettings) -> str | None:
    onlooker = _Onlooker()
    try:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(WhatsAppWebDriver(web).run(onlooker))
            try:
                async with asyncio.timeout(_TRIAL_S):
                    await onlooker.judged.wait()
            except TimeoutError:
                return "it did not become ready"
            finally:
                running.cancel()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors
    verdict = onlooker.verdict
    if verdict is None or verdict.whatsapp == "ready":
        return None
    return verdict.advice
