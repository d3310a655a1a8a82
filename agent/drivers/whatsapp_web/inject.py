"""Bringing wa-js and our own glue into the page, on every load.

By `evaluate`, which the page's content policy does not touch, and only when WhatsApp's modules are
there: a bundle that comes too early never becomes ready.
"""

import asyncio
from importlib.resources import files
from pathlib import Path
from typing import Final

from playwright.async_api import Page

from agent.drivers.whatsapp_web.bundle import NAME, Bundle, Bundles
from agent.drivers.whatsapp_web.errors import BundleMissingError

TELL: Final = "__sakAgentTell"  # the function through which page.js reports
_PROBE_INTERVAL_S: Final = 0.1
_PLACES: Final = (
    Path(__file__).with_name(NAME),  # packed with a release
    Path(__file__).parents[3] / "node_modules/@wppconnect/wa-js/dist" / NAME,
)
_GLUE: Final = ("messages.js", "page.js", "link.js")
# Without these wa-js reports to Google Analytics, and sends each link in a text to strangers.
_CONFIG: Final = "window.WPPConfig = {disableGoogleAnalytics: true, linkPreviewApiServers: []};\n"
_PROBE: Final = """() => {
  try {
    const modules = window.require('__debug').modulesMap;
    const needed = ['StreamModel', 'SocketModel', 'MsgCollection', 'Cmd'];
    return Boolean(window.Debug.VERSION) && needed.every((name) => `WAWeb${name}` in modules);
  } catch {
    return false;
  }
}"""


def find_bundle(bundle_path: Path | None) -> Path:
    """The agent's own wa-js: `bundle_path`, or where set-up or the release put it.

    Raises:
        BundleMissingError: it is nowhere.
    """
    places = _PLACES if bundle_path is None else (bundle_path,)
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        raise BundleMissingError(
            f"wa-js is missing ({places[-1]}): run `make setup`, or install the agent again."
        )
    return found


class Scripts:
    """The scripts for a page. wa-js is chosen anew for each load, so that an update is taken up."""

    def __init__(self, bundles: Bundles, *, is_fixed: bool) -> None:
        ours = files("agent.drivers.whatsapp_web")
        self._glue = "\n".join((ours / name).read_text("utf-8") for name in _GLUE)
        self._bundles = bundles
        self._is_fixed = is_fixed
        self._stamp: int | None = None
        self.bundle: Bundle | None = None
        """What was put into the page last."""

    @classmethod
    def load(cls, bundle_path: Path | None, bundles_dir: Path | None = None) -> "Scripts":
        """With wa-js from `bundle_path`, else the newest of the agent's own and `bundles_dir`'s.

        Raises:
            BundleMissingError: it is nowhere.
        """
        shipped = find_bundle(bundle_path)
        is_fixed = bundle_path is not None or bundles_dir is None
        return cls(Bundles(bundles_dir or shipped.parent, shipped), is_fixed=is_fixed)

    @property
    def bundles(self) -> Bundles:
        """Where wa-js comes from."""
        return self._bundles

    def is_stale(self) -> bool:
        """Whether another wa-js than the page's was chosen since; quick, unless something changed.

        Raises:
            BundleMissingError: it is nowhere any more.
        """
        stamp = self._bundles.stamp()
        if self.bundle is None or self._stamp in (None, stamp):
            return False
        self._stamp = stamp
        return self._bundles.choose().sha256 != self.bundle.sha256

    def choose(self) -> tuple[Bundle, str]:
        """The bundle for the next page, and the script with it; BundleMissingError."""
        stamp = None if self._is_fixed else self._bundles.stamp()
        bundle = self._bundles.shipped() if self._is_fixed else self._bundles.choose()
        self._stamp = stamp
        try:
            return bundle, _CONFIG + bundle.path.read_text("utf-8")
        except OSError as error:
            raise BundleMissingError(f"wa-js went away ({bundle.path}): try again.") from error

    async def inject(self, page: Page) -> None:
        """Wait for WhatsApp's modules, then put the scripts in, unless they are there already."""
        while not await page.evaluate(_PROBE):  # noqa: ASYNC110 - the page has no event for it
            await asyncio.sleep(_PROBE_INTERVAL_S)
        if not await page.evaluate("() => 'WPP' in window"):
            self.bundle, script = await asyncio.to_thread(self.choose)
            await page.evaluate(script)
        if not await page.evaluate("() => '__sakAgent' in window"):
            await page.evaluate(self._glue)
