"""GET /api/desktop-agent/status/{tenant}: how a shop's agents are, from the status table."""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from hub.api.access import reader
from hub.api.problems import problem
from hub.clock import Clock
from hub.gateway.tokens import Refused
from hub.store.database import Store
from hub.store.tx import Row
from protocol.messages import Instant

_UNSEEN: Final = "No such tenant within your reach. 'sak-hub tenant list' shows ids and names."


class AgentBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """`last_seen` is null for an agent that never came, `whatsapp` until it first reported."""

    agent_id: str
    status: str
    since: str
    last_seen: str | None
    whatsapp: str | None
    account: str | None = None


class StatusBody(msgspec.Struct, frozen=True):
    tenant_id: str
    agents: list[AgentBody]


class StatusEndpoint:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def get(self, request: Request) -> Response:
        """200 to an operator's key or an agent's token of that tenant; 401, 403, 404."""
        caller = await reader(
            self._store, request.headers.get("authorization"), self._clock.now_ms()
        )
        if isinstance(caller, Refused):
            return problem(caller.status, caller.detail)
        tenant = await self._store.one("tenants.named", ref=request.path_params["tenant"])
        if tenant is None or not caller.sees(tenant["tenant_id"]):
            return problem(404, _UNSEEN, code="unknown-tenant")
        rows = await self._store.all("agents.of_tenant", tenant_id=tenant["tenant_id"])
        body = StatusBody(tenant["tenant_id"], [_agent(row) for row in rows])
        return Response(msgspec.json.encode(body), media_type="application/json")


def _agent(row: Row) -> AgentBody:
    seen = row["last_seen"]
    return AgentBody(
        agent_id=row["agent_id"],
        status=row["status"],
        since=str(Instant(row["since"])),
        last_seen=None if seen is None else str(Instant(seen)),
        whatsapp=row["whatsapp"],
        account=row["account"],
    )
