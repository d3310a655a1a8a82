"""The driver's settings, as plain values: who constructs it has read the environment."""

from pathlib import Path

import msgspec

WHATSAPP_URL = "https://web.whatsapp.com/"


class WebSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to hold one WhatsApp Web; `_s` are seconds.

    `profile_dir` is the linked session: whoever copies it owns the account. `bundle_path` and
    `browser_path` overrule the search for wa-js and for a browser.
    """

    profile_dir: Path
    url: str = WHATSAPP_URL
    headless: bool = True
    browser_path: Path | None = None
    bundle_path: Path | None = None
    launch_timeout_s: float = 60.0
    load_timeout_s: float = 60.0
    ready_timeout_s: float = 120.0  # from a load to a page that can be judged
    call_timeout_s: float = 10.0
    send_timeout_s: float = 30.0
    send_file_timeout_s: float = 120.0  # the page uploads it: 16 MiB over a megabit
    fetch_timeout_s: float = 60.0  # for the page to fetch a customer's file
    sweep_timeout_s: float = 60.0  # for one chat's messages
    ping_interval_s: float = 15.0
    ping_timeout_s: float = 10.0
    close_timeout_s: float = 5.0
    relaunch_delays_s: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
    steady_s: float = 60.0  # a life as long as this starts the delays anew
    reports_max: int = 10_000  # facts that wait for the daemon's disk
    sweep_max: int = 1_000  # messages of one chat
