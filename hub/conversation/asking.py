"""Asks an engine for one answer: in time, with words in it, or the reason why there is none."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from hub.assistant.engine import Answer, Engine
from hub.conversation import trace, wording
from hub.conversation.commit import Begun
from hub.conversation.trace import Unanswered, described, place
from hub.conversation.turns import Reason

ShowTyping = Callable[[str, str, str, bool], None]

log = structlog.get_logger(__name__)


class EmptyAnswer(Exception):  # noqa: N818 - it names what came back
    """An engine returned no words."""


class Asker:
    """`show_typing` is told when an answer takes so long that the customer should see it made."""

    def __init__(
        self, engine: Engine, show_typing: ShowTyping, timeout_s: float, typing_after_s: float
    ) -> None:
        self._engine = engine
        self._show_typing = show_typing
        self._engine_timeout_s = timeout_s
        self._typing_after_s = typing_after_s

    async def ask(self, begun: Begun) -> Answer | Unanswered:
        """The engine's answer, or why there is none."""
        try:
            with self._typing(begun):
                async with asyncio.timeout(self._engine_timeout_s):
                    answer = await self._engine.answer(begun.turn)
            if not wording.clean(answer.text):
                raise EmptyAnswer
            trace.record_of(begun, answer, 0)  # what cannot be recorded must not be sent either
        except TimeoutError:
            log.error("engine_timeout", turn_id=begun.turn.turn_id)
            return Unanswered(Reason.ENGINE_TIMEOUT)
        except Exception as error:  # an engine may fail in any way; a person is asked
            if _is_cancelled():
                raise asyncio.CancelledError from error
            log.error("engine_failed", turn_id=begun.turn.turn_id, **place(error))
            return Unanswered(Reason.ENGINE_FAILED, described(error))
        return answer

    @contextmanager
    def _typing(self, begun: Begun) -> Iterator[None]:
        """Show the customer that an answer is being made, when it takes long enough to be seen."""
        if begun.mode != "auto":
            yield
            return
        shown = False

        def show(composing: bool) -> None:
            nonlocal shown
            shown = True
            self._show_typing(begun.agent_id, begun.key.account, begun.key.chat, composing)

        sign = asyncio.get_running_loop().call_later(self._typing_after_s, show, True)
        try:
            yield
        finally:
            sign.cancel()
            if shown:
                show(composing=False)


def _is_cancelled() -> bool:
    """Whether this task has to end; up to Python 3.12 a TaskGroup that fails does not say so."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
