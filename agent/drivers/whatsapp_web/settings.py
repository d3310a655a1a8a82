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
    bundles_dir: Path | None = None  # where newer wa-js are kept; None: only the agent's own
    launch_timeout_s: float = 60.0
    load_timeout_s: float = 60.0
    ready_timeout_s: float = 120.0  # from a load to a page that can be judged
    syncing_timeout_s: float = 900.0  # the same, for one that says it is loading the chats
    call_timeout_s: float = 10.0
    send_timeout_s: float = 30.0
    send_file_timeout_s: float = 120.0  # the page uploads it: 16 MiB over a megabit
    fetch_timeout_s: float = 60.0  # for the page to fetch a customer's file
    sweep_timeout_s: float = 60.0  # for one page of a chat's messages
    ping_interval_s: float = 15.0
    ping_timeout_s: float = 10.0
    unheard_max_s: float = 60.0  # a badge may show a message that was not recorded for so long
    selftest_limit_s: float = 10.0  # for what is missing to appear, and for each call to answer
    selftest_again_s: float = 30.0  # from one self-test to the next
    offline_max_s: float = 300.0  # without a connection although WhatsApp's server is reached
    link_attempts_max: int = 5  # times a code to link with is renewed
    link_settle_s: float = 10.0  # from a link to the hiding of the window it was made in
    takes_over: bool = False  # use WhatsApp here when another window has it
    take_over_after_s: float = 30.0  # somebody may only have a look there
    memory_max_mib: int = 1200  # of the browser, in which it is left alone
    upkeep_every_s: float = 300.0  # between two looks at its memory and age
    send_grace_s: float = 60.0  # no younger sending is cut off
    close_timeout_s: float = 5.0
    relaunch_delays_s: tuple[float, ...] = (0.5, 1.0, 2.0, 3.0, 5.0, 15.0, 30.0, 60.0)
    starts_max: int = 10  # browsers in a row that brought nothing; then the agent rests
    rest_s: float = 3600.0
    steady_s: float = 60.0  # a page that was well for so long starts the delays anew
    reports_max: int = 10_000  # facts that wait for the daemon's disk
    sweep_page: int = 100  # messages of a chat that are read at once
