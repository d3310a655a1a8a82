"""The self-test: after every load, whether wa-js still has and does what we call.

`functions.toml` is the list. WhatsApp changes weekly and wa-js follows: a function that vanished is
better found at the start than at the first customer's message.
"""

import asyncio
import re
import tomllib
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Final

import msgspec
import structlog
from msgspec import Meta
from msgspec.structs import replace
from playwright.async_api import ConsoleMessage, Page
from playwright.async_api import Error as PlaywrightError

from agent.drivers.whatsapp_web.settings import WebSettings

_log = structlog.get_logger(__name__)
_HERE: Final = files("agent.drivers.whatsapp_web")
_WHATSAPPS_OWN: Final = "whatsapp."  # looked for by wa-js once the page is ready
_NAMES_MAX: Final = 2000
_UNANSWERED_MAX: Final = 3  # in a row, of one document
# The sentences by which wa-js says that it did not find something. Only the name is kept: other
# lines of the console may hold anything.
_NOT_FOUND: Final = re.compile(
    r"Module ([\w$]{1,80}) was not found with "
    r"|Property .{1,200}? was not found for ([\w$]{1,80}) in module "
    r"|(WAWeb\w{1,80}) module was not found"
)
_Name = Annotated[str, Meta(max_length=100)]


class Reading(msgspec.Struct, frozen=True):
    """A call that changes nothing, and the kind of its answer."""

    function: str
    answer: str
    arguments: tuple[Any, ...] = ()


class Needs(msgspec.Struct, frozen=True):
    """What `functions.toml` lists."""

    functions: tuple[str, ...]
    values: tuple[str, ...]
    spare: tuple[str, ...]
    events: tuple[str, ...]
    readings: tuple[Reading, ...]


class Tested(msgspec.Struct, frozen=True):
    """What a test found. `modules` are WhatsApp's that wa-js missed since the page was loaded.

    `is_settled`: it passed twice, some time apart, so that the modules may be counted.
    """

    missing: tuple[_Name, ...] = ()
    silent: tuple[_Name, ...] = ()
    modules: tuple[str, ...] = ()
    is_settled: bool = False

    @property
    def lacks(self) -> tuple[str, ...]:
        """Without these nothing may be sent; empty when the test is passed."""
        return tuple(it for it in self.missing + self.silent if it not in needs().spare)

    @property
    def does_without(self) -> tuple[str, ...]:
        """What a shop can go on without."""
        return tuple(it for it in self.missing if it in needs().spare)


NEVER_READY: Final = Tested(silent=("isFullReady",))
"""What is said of a page on which wa-js did not become ready."""


_NO_ANSWER: Final = Tested(silent=("self-test",))


@cache
def needs() -> Needs:
    """The list."""
    return msgspec.convert(tomllib.loads((_HERE / "functions.toml").read_text("utf-8")), Needs)


def module_of(line: str) -> str | None:
    """What wa-js did not find, if this line of the console says so."""
    match = _NOT_FOUND.match(line)
    return match[match.lastindex or 0] if match else None


class SelfTest:
    """Of one page, document after document."""

    def __init__(self, page: Page, settings: WebSettings) -> None:
        self._page = page
        self._settings = settings
        self._script = (_HERE / "selftest.js").read_text("utf-8")
        self._modules: set[str] = set()
        page.on("console", self._hear)

    def begin(self) -> None:
        """Another document: what its console says counts anew."""
        self._modules.clear()

    async def look_up(self) -> Tested | None:
        """Whether wa-js itself is whole, before WhatsApp is ready; None: the page went away."""
        known = needs()
        own = [path for path in known.functions if not path.startswith(_WHATSAPPS_OWN)]
        return await self._ask(own, (), known.values, ())

    async def run(self, tell: Callable[[Tested], None], loaded: asyncio.Event) -> bool:
        """Test until it passed twice, or another document is `loaded`.

        False: it failed for so long that the page should be loaded anew.
        """
        known, passed, unanswered = needs(), False, 0
        began = asyncio.get_running_loop().time()
        while not loaded.is_set():
            tested = await self._ask(known.functions, known.spare, known.values, known.readings)
            is_answered = tested is not None and (bool(tested.missing) or not tested.silent)
            unanswered = 0 if is_answered else unanswered + 1
            if tested is None and unanswered >= _UNANSWERED_MAX:
                tested = _NO_ANSWER
            if tested is not None and (is_answered or unanswered > 1):  # once: a busy computer
                settled = passed and not tested.lacks
                tell(replace(tested, is_settled=settled))
                if settled:
                    return True
                passed = not tested.lacks
            try:
                async with asyncio.timeout(self._settings.selftest_again_s):
                    await loaded.wait()
            except TimeoutError:
                if asyncio.get_running_loop().time() - began >= self._settings.rest_s:
                    return False
        return True

    async def _ask(
        self,
        functions: Sequence[str],
        spare: Sequence[str],
        values: tuple[str, ...],
        readings: tuple[Reading, ...],
    ) -> Tested | None:
        limit_s = self._settings.selftest_limit_s
        argument = {
            "functions": list(functions),
            "spare": list(spare),
            "values": list(values),
            "readings": msgspec.to_builtins(readings),
            "limitMs": limit_s * 1000,
        }
        try:
            async with asyncio.timeout(2 * limit_s + self._settings.call_timeout_s):
                found = await self._page.evaluate(self._script, argument)
        except (PlaywrightError, TimeoutError) as error:  # it loads anew, or hangs
            _log.info("whatsapp_self_test_unanswered", kind=type(error).__name__)
            return None
        tested = msgspec.convert(found, Tested)
        return replace(tested, modules=tuple(sorted(self._modules)))

    def _hear(self, line: ConsoleMessage) -> None:
        name = module_of(line.text)
        if name is not None and len(self._modules) < _NAMES_MAX:
            self._modules.add(name)
