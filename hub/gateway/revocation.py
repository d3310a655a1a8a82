"""Closes the sockets of agents whose right to connect was taken by another process."""

import asyncio
import json
from typing import Final, NoReturn

import structlog

from hub.gateway.services import Services
from hub.store.errors import StoreError
from hub.store.tx import Tx
from protocol.errors import CloseCode

RETRY_S: Final = 1.0

log = structlog.get_logger(__name__)


async def watch(services: Services) -> NoReturn:
    """A task of the running hub: looks whenever another process changed the database."""
    store = services.store
    seen = store.changed.count
    while True:
        changed = await store.changed.after(seen)
        try:
            rows = await store.all("presence.revoked", open=json.dumps(services.registry.agents()))
        except StoreError as error:
            log.warning("revocations_not_read", error=error.code)
            await asyncio.sleep(RETRY_S)
            continue
        seen = changed
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
