"""A customer's conversation with the shop of a world, step by step as a file says."""

from functools import partial
from typing import Final

from hub.assistant.engine import Engine, ToolCall
from hub.assistant.turn_trace import TurnTrace
from hub.evaluation import furnishing, observing
from hub.evaluation.chat import Chat
from hub.evaluation.format import Behind, Echo, Media, Step
from hub.evaluation.judge import Exchange, Seen
from hub.evaluation.world import World
from hub.store.tx import Tx
from protocol.messages import ReceivedMedia

PAUSE_S: Final = 20.0
"""Between two turns, where the file says nothing."""
ECHO_AFTER_S: Final = 1.0
"""How quickly a machine says our reply back."""
MIMES: Final = {"voice": "audio/ogg", "image": "image/jpeg", "video": "video/mp4"}


class Talk:
    """A customer's conversation with the shop of a world."""

    def __init__(self, world: World, engine: Engine, *, timed: bool = False) -> None:
        self._world = world
        self._chat = Chat(world, engine, timed=timed)
        self._taken: set[str] = set()
        self._at_first: Seen | None = None
        self._amounts: frozenset[int] = frozenset()
        self._said: list[str] = []
        self._replies: list[str] = []
        self._traces: list[TurnTrace] = []
        self._misplaced = 0
        self._errors: list[str] = []

    async def take(self, step: Step) -> Exchange:
        """Do what the step says, wait until all of it is answered, and tell what came of it."""
        await self._pass(PAUSE_S if step.after_s is None else step.after_s)
        repeats = step.message_id is not None and step.message_id in self._taken
        self._at_first = self._at_first or await self._look()
        self._said, self._replies, self._traces = [], [], []
        self._misplaced, self._errors = 0, []
        if step.sys is not None:
            await self._change(step.sys)
        before = await self._look()  # what the shop did itself is not the conversation's
        self._chat.delay_s = step.model_delay_s
        await self._do(step)
        await self._settle()
        after = await self._look()
        self._amounts |= before.amounts | after.amounts
        return Exchange(
            said=tuple(self._said),
            replies=tuple(self._replies),
            calls=self._calls,
            traces=tuple(self._traces),
            at_first=self._at_first,
            before=before,
            after=after,
            known=self._amounts,
            is_repetition=repeats,
            misplaced=self._misplaced,
            errors=tuple(self._errors),
        )

    @property
    def _calls(self) -> tuple[ToolCall, ...]:
        return tuple(call for trace in self._traces for call in trace.tool_calls)

    async def hear(self, text: str) -> None:
        """The customer says something more, in the midst of a turn."""
        self._said.append(text)
        await self._chat.hear(text)

    async def _do(self, step: Step) -> None:
        begun_ms = self._world.clock.now_ms()
        if step.say is not None:
            await self._say(step.say, step.message_id, step.age_s)
        if step.media is not None:
            await self._send(step.media, step)
        for at_s, text in step.burst:
            await self._chat.until(begun_ms + round(at_s * 1000))
            await self._say(text)
        if (flood := step.flood) is not None:
            for number in range(flood.count):
                at_s = number * flood.window_s / flood.count
                await self._chat.until(begun_ms + round(at_s * 1000))
                await self._say(flood.text)
        if step.echo is not None:
            await self._repeat(step.echo)

    async def _say(self, text: str, wa_id: str | None = None, age_s: float = 0) -> None:
        self._said.append(text)
        self._taken.update((wa_id,) if wa_id else ())
        await self._chat.hear(text, wa_id=wa_id, age_s=age_s)

    async def _send(self, media: Media, step: Step) -> None:
        self._said.append(media.caption or f"[{media.type}]")
        mime = MIMES.get(media.type, "application/octet-stream")
        file = ReceivedMedia(mime=mime, size=1_000, seconds=media.seconds)
        await self._chat.hear(media.caption, wa_id=step.message_id, age_s=step.age_s, media=file)

    async def _repeat(self, echo: Echo) -> None:
        """Begin, then say each of our replies back, as a machine would."""
        text = echo.text
        for _ in range(echo.rounds):
            await self._say(text)
            await self._settle()
            text = self._replies[-1] if self._replies else text
            await self._pass(ECHO_AFTER_S)

    async def _pass(self, seconds: float) -> None:
        await self._chat.until(self._world.clock.now_ms() + round(seconds * 1000))

    async def _settle(self) -> None:
        """Wait for every answer, and keep what came."""
        await self._chat.until(None)
        came = await self._chat.came()
        self._replies += came.replies
        self._traces += came.traces
        self._misplaced += came.misplaced
        self._errors += came.errors

    async def _change(self, behind: Behind) -> None:
        """Do what happens behind the conversation."""
        work = partial(
            _change, tenant=self._world.tenant_id, behind=behind, now_ms=self._world.clock.now_ms()
        )
        await self._world.store.write(work)
        if behind.owner_says is not None:
            await self._chat.hear(behind.owner_says, from_me=True)

    async def _look(self) -> Seen:
        look = partial(
            observing.look,
            key=self._chat.key,
            customer_id=self._world.customer_id,
            calls=self._calls,
            now_ms=self._world.clock.now_ms(),
        )
        return await self._world.store.read(look)


def _change(tx: Tx, *, tenant: str, behind: Behind, now_ms: int) -> None:
    furnishing.set_price(tx, tenant, behind.set_price)
    furnishing.set_stock(tx, tenant, behind.set_stock)
    for order_no, state in behind.set_status.items():
        furnishing.set_status(tx, tenant, order_no, state, now_ms)
