"""Closes the sockets of agents whose right to connect was taken by another process."""

import json
from typing import NoReturn

import structlog

from hub.gateway.services import Services
from hub.store.errors import StoreError
from hub.store.tx import Tx
from protocol.errors import CloseCode

log = structlog.get_logger(__name__)


async def watch(services: Services) -> NoReturn:
    """A task of the running hub: looks whenever another process changed the database."""
    store = services.store
    seen = store.changed.count
    while True:
        seen = await store.changed.after(seen)
        rows = await store.all("presence.revoked", open=json.dumps(services.registry.agents()))
        if rows:
            await _expel(services, [row["agent_id"] for row in rows])


async def _expel(services: Services, agents: list[str]) -> None:
    now = services.clock.now_ms()

    def revoke(tx: Tx) -> None:
        for agent_id in agents:
            services.roster.revoke(tx, agent_id, now)

    try:
        await services.store.write(revoke)
    except StoreError as error:  # who revoked them has written it: the sockets close all the same
        log.warning("revocation_not_noted", error=error.code)
    for agent_id in agents:
        log.info("agent_revoked", agent_id=agent_id)
        services.registry.expel(agent_id, CloseCode.REVOKED, "this agent was revoked")
