"""Bringing wa-js and our own glue into the page, on every load.

By `evaluate`, which the page's content policy does not touch, and only when WhatsApp's modules are
there: a bundle that comes too early never becomes ready.
"""

import asyncio
from importlib.resources import files
from pathlib import Path
from typing import Final

from playwright.async_api import Page

from agent.drivers.whatsapp_web.errors import BundleMissingError

TELL: Final = "__sakAgentTell"  # the function through which page.js reports
_PROBE_INTERVAL_S: Final = 0.1
_NAME: Final = "wppconnect-wa.js"
_PLACES: Final = (
    Path(__file__).with_name(_NAME),  # packed with a release
    Path(__file__).parents[3] / "node_modules/@wppconnect/wa-js/dist" / _NAME,
)
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
    """The wa-js bundle: `bundle_path`, or where set-up or the release put it.

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
    """The two scripts, read once."""

    def __init__(self, bundle: str, glue: str) -> None:
        self._bundle = bundle
        self._glue = glue

    @classmethod
    def load(cls, bundle_path: Path | None) -> "Scripts":
        """Read them from `bundle_path`, or from where set-up or the release put the bundle.

        Raises:
            BundleMissingError: it is nowhere.
        """
        bundle = find_bundle(bundle_path).read_text("utf-8")
        glue = (files("agent.drivers.whatsapp_web") / "page.js").read_text("utf-8")
        return cls(_CONFIG + bundle, glue)

    async def inject(self, page: Page) -> None:
        """Wait for WhatsApp's modules, then put both scripts in, unless they are there already."""
        while not await page.evaluate(_PROBE):  # noqa: ASYNC110 - the page has no event for it
            await asyncio.sleep(_PROBE_INTERVAL_S)
        if not await page.evaluate("() => 'WPP' in window"):
            await page.evaluate(self._bundle)
        if not await page.evaluate("() => '__sakAgent' in window"):
            await page.evaluate(self._glue)
