"""The way to the hub: who answers there, and what time it is."""

import asyncio
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from agent.checks.check import Check, failed
from agent.clock import Clock
from agent.pairing import PairingError, request
from agent.portal import is_page_instead
from agent.settings import PREFIX, Settings

SKEW_MAX_S: Final = 30.0  # a Date header has whole seconds, a slow network some more


def check_hub(base: str, settings: Settings, clock: Clock) -> Iterator[Check]:
    """Whether the hub answers, and whether both clocks agree; not inside an event loop."""
    try:
        response = asyncio.run(request(base, "GET", "/healthz", settings))
    except PairingError as error:
        yield failed("hub", error)
        return
    kind = response.headers.get("Content-Type", "")
    yield judge_answer(base, response.status_code, kind, response.content)
    if response.is_success:
        yield judge_clock(response.headers.get("Date"), clock)


def judge_answer(base: str, status: int, kind: str, body: bytes) -> Check:
    """Whether this is a hub's answer, or who else's."""
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        remedy = f"Put name and password into {PREFIX}PROXY: http://name:password@host:port."
        return Check("hub", "fail", "the proxy on the way wants a password", remedy)
    if is_page_instead(status, kind, body):
        finding = f"a web page answers instead of {base}: a network's log-in page, or a proxy"
        remedy = (
            "Open any page in a browser and log in to the network; else check the hub's address "
            f"and {PREFIX}PROXY."
        )
        return Check("hub", "fail", finding, remedy)
    if not 200 <= status < 300:
        remedy = "Ask whoever runs the hub; the agent goes on trying meanwhile."
        return Check("hub", "fail", f"{base} answers {status}", remedy)
    return Check("hub", "ok", f"{base} answers")


def judge_clock(date: str | None, clock: Clock) -> Check:
    """How far this computer's clock is from the hub's."""
    try:
        hub_s = parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return Check("clock", "warn", "the hub's answer carries no time to compare with")
    ahead_s = clock.now_ms() / 1000 - hub_s
    if abs(ahead_s) <= SKEW_MAX_S:
        return Check("clock", "ok", "agrees with the hub's")
    finding = f"{abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} the hub's"
    remedy = "Let the system set its clock by itself: old messages could pass as new ones."
    return Check("clock", "warn", finding, remedy)
