"""The door at /agent: a raw ASGI application that lets a websocket in, or says why not.

It stands in front of Starlette, which would cost a quarter more CPU for every frame.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec
import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hub.gateway import tokens
from hub.gateway.connection import Connection
from hub.gateway.limits import RateLimit
from hub.gateway.services import Services
from hub.gateway.tokens import AgentIdentity, Refused
from hub.gateway.wire import EXTENSION, AgentWire
from hub.store.errors import StoreError
from protocol.errors import CloseCode
from protocol.messages import SUBPROTOCOL

PATH: Final = "/agent"
RETRY_AFTER_S: Final = 5.0  # of a 503: a restart takes seconds
HUBS_OWN_FAULT: Final = 503  # a restart must not use up what an address may be refused

log = structlog.get_logger(__name__)


class Problem(Protocol):
    """Makes a problem+json response (`hub.api.problems.problem`)."""

    def __call__(self, status: int, detail: str, **members: Any) -> Response: ...


class Bounds(msgspec.Struct, frozen=True):
    """How many upgrades and connections the door lets through."""

    refusals_per_min: float
    connects_per_min: float
    connections_max: float


class Door:
    """Judges upgrades in the order of SPEC 2.16. `is_serving` turns false when the hub drains."""

    def __init__(
        self,
        services: Services,
        bounds: Bounds,
        problem: Problem,
        is_serving: Callable[[], bool],
    ) -> None:
        self._services = services
        self._problem = problem
        self._is_serving = is_serving
        self._connections_max = bounds.connections_max
        self._refusals = RateLimit(bounds.refusals_per_min)
        self._connects = RateLimit(bounds.connects_per_min)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request to /agent to its end."""
        if scope["type"] != "websocket":
            await self._no_upgrade()(scope, receive, send)
            return
        verdict = await self._judge(scope)
        if isinstance(verdict, Response):
            await verdict(scope, receive, send)
        else:
            await self._accept(verdict, scope, receive, send)

    def _no_upgrade(self) -> Response:
        detail = f"Open a websocket here, with the subprotocol {SUBPROTOCOL}."
        headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
        return self._problem(426, detail, headers=headers)

    async def _judge(self, scope: Scope) -> AgentIdentity | Response:
        address = scope["client"][0] if scope["client"] else ""
        now = self._services.clock.monotonic()
        if wait_s := self._refusals.wait_s(address, now):
            return self._too_many(wait_s)
        verdict = await self._judge_agent(scope, now)
        if isinstance(verdict, Response):
            if verdict.status_code == HUBS_OWN_FAULT:
                return verdict
            if wait_s := self._refusals.take(address, now):  # others were judged meanwhile
                return self._too_many(wait_s)
            log.info("upgrade_refused", status=verdict.status_code, address=address)
        return verdict

    def _too_many(self, wait_s: float) -> Response:
        detail = "Too many refused connections from this address. Wait, then check the token."
        return self._problem(429, detail, retry_after_s=wait_s)

    async def _judge_agent(self, scope: Scope, now: float) -> AgentIdentity | Response:
        try:
            who = await tokens.authenticate(
                self._services.store, _authorization(scope), self._services.clock.now_ms()
            )
        except StoreError as error:
            return self._problem(503, str(error), code="store", retry_after_s=RETRY_AFTER_S)
        if isinstance(who, Refused):
            return self._problem(who.status, who.detail)
        if SUBPROTOCOL not in scope["subprotocols"]:
            detail = "This hub does not speak any of the subprotocols that were offered."
            return self._problem(
                400, detail, code="unsupported-subprotocol", supported=[SUBPROTOCOL]
            )
        if wait_s := self._connects.wait_s(who.agent_id, now):
            detail = "This agent connects too often. Wait before the next try."
            return self._problem(429, detail, retry_after_s=wait_s)
        if not self._is_serving():
            detail = "The hub is about to stop or not ready yet. Come back later."
            return self._problem(503, detail, retry_after_s=RETRY_AFTER_S)
        self._connects.mark(who.agent_id, now)
        return who

    async def _accept(self, who: AgentIdentity, scope: Scope, receive: Receive, send: Send) -> None:
        wire: AgentWire = scope["extensions"][EXTENSION]
        await receive()  # websocket.connect
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        if self._services.registry.count >= self._connections_max:
            wire.hang_up(CloseCode.BUSY, "the hub has no room for another connection")
            return
        connection = Connection(self._services, who, wire)
        wire.attach(connection)
        await connection.run()


def _authorization(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            text: str = value.decode("latin-1")
            return text
    return None
