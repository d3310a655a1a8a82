"""Pairing: a short code, typed once on the shop's PC, becomes an agent with a token.

A code is eight characters of Crockford's base32 (40 random bits), stored as SHA-256, good for one
use. Guessing is held back per address: after so many wrong tries in a minute every try waits.
"""

import asyncio
import re
import secrets
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from hub.clock import Clock
from hub.gateway import tokens
from hub.gateway.limits import RateLimit
from hub.gateway.tokens import IssuedToken
from hub.store.database import Store
from hub.store.tx import Tx

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32: no I, L, O, U
REMEMBERED_MS: Final = 24 * 3600 * 1000  # so long a spent code is told from one that never was
_CODE: Final = re.compile(f"[{ALPHABET}]{{8}}")
_READ_AS: Final = str.maketrans(
    "abcdefghjkmnpqrstvwxyzIiLlOo", "ABCDEFGHJKMNPQRSTVWXYZ111100", "- "
)

_Fact = Annotated[str, Meta(max_length=200)]


class Device(msgspec.Struct, frozen=True):
    """The PC that an agent runs on, as it calls itself."""

    name: _Fact
    os: _Fact
    version: _Fact


class PairRequest(msgspec.Struct, frozen=True):
    """What an agent sends to be paired."""

    code: str
    device: Device


class Invitation(msgspec.Struct, frozen=True):
    """A code to type on the shop's PC, and until when (ms)."""

    code: str
    expires_at: int


class Paired(msgspec.Struct, frozen=True):
    """A new agent and its first token."""

    agent_id: str
    tenant_id: str
    issued: IssuedToken


class Declined(msgspec.Struct, frozen=True):
    """Why a code was not taken: HTTP status 404, 410 or 429, and a sentence with the remedy."""

    status: int
    detail: str
    retry_after_s: float | None = None


NEW_CODE: Final = "Ask for a new one with 'sak-hub agent invite'."
UNKNOWN: Final = Declined(404, f"There is no such pairing code. Check each character. {NEW_CODE}")
USED: Final = Declined(410, f"This pairing code has already been used. {NEW_CODE}")
EXPIRED: Final = Declined(410, f"This pairing code has expired. {NEW_CODE}")


def new_code() -> str:
    """A code as people read it: XXXX-XXXX."""
    characters = "".join(secrets.choice(ALPHABET) for _ in range(8))
    return f"{characters[:4]}-{characters[4:]}"


def normalise(code: str) -> str | None:
    """The eight characters that a person meant, or None when the text cannot be a code."""
    characters = code.translate(_READ_AS)
    return characters if _CODE.fullmatch(characters) else None


def offer_in(tx: Tx, tenant_id: str, code: str, now_ms: int, ttl_s: float) -> Invitation:
    """Make `code` good for one pairing with a tenant, and forget codes of more than a day ago."""
    expires_at = now_ms + round(ttl_s * 1000)
    tx.run("pairing.forget", before_ms=now_ms - REMEMBERED_MS)
    tx.run(
        "pairing.insert",
        code_hash=tokens.hash_secret(code.replace("-", "")),
        tenant_id=tenant_id,
        created_at=now_ms,
        expires_at=expires_at,
    )
    return Invitation(code, expires_at)


def pair_in(
    tx: Tx, code: str, device: Device, agent_id: str, issued: IssuedToken, now_ms: int
) -> Paired | Declined:
    """Spend a code (as typed) for a new agent with its first token; one transaction."""
    normal = normalise(code)
    if normal is None:
        return UNKNOWN
    code_hash = tokens.hash_secret(normal)
    row = tx.one("pairing.by_hash", code_hash=code_hash)
    if row is None or _ended_at(row["used_at"], row["expires_at"]) <= now_ms - REMEMBERED_MS:
        return UNKNOWN
    if not tx.run("pairing.use", code_hash=code_hash, agent_id=agent_id, now_ms=now_ms):
        return EXPIRED if row["used_at"] is None else USED
    tenant_id: str = row["tenant_id"]
    _insert_agent(tx, tenant_id, agent_id, device, now_ms)
    tokens.record_in(tx, tenant_id, agent_id, issued, now_ms)
    return Paired(agent_id, tenant_id, issued)


def _ended_at(used_at: int | None, expires_at: int) -> int:
    return expires_at if used_at is None else used_at


def _insert_agent(tx: Tx, tenant_id: str, agent_id: str, device: Device, now_ms: int) -> None:
    tx.run(
        "agents.insert",
        agent_id=agent_id,
        tenant_id=tenant_id,
        name=device.name,
        os=device.os,
        version=device.version,
        created_at=now_ms,
    )
    tx.run("agents.insert_status", agent_id=agent_id, tenant_id=tenant_id, since=now_ms)


class PairingDesk:
    """Takes codes from addresses, one at a time, so that no burst slips under the limit."""

    def __init__(
        self, store: Store, clock: Clock, tries_per_min: float, token_ttl_s: float | None
    ) -> None:
        self._store = store
        self._clock = clock
        self._token_ttl_s = token_ttl_s
        self._wrong = RateLimit(tries_per_min)
        self._turn = asyncio.Lock()

    def wait(self, address: str) -> Declined | None:
        """The refusal of every try of an address that guessed wrong too often; None: go on."""
        wait_s = self._wrong.wait_s(address, self._clock.monotonic())
        if wait_s == 0.0:
            return None
        return Declined(429, "Too many wrong pairing codes. Wait, then check the code.", wait_s)

    async def pair(self, address: str, request: PairRequest) -> Paired | Declined:
        """Judge one try and count it if it was wrong."""
        async with self._turn:
            if held := self.wait(address):
                return held
            outcome = await self._try(request)
            if isinstance(outcome, Declined):
                self._wrong.mark(address, self._clock.monotonic())
            return outcome

    async def _try(self, request: PairRequest) -> Paired | Declined:
        now_ms = self._clock.now_ms()
        agent_id = "agt_" + secrets.token_hex(8)
        issued = IssuedToken(tokens.new_token(), tokens.expiry(now_ms, self._token_ttl_s))
        return await self._store.write(
            lambda tx: pair_in(tx, request.code, request.device, agent_id, issued, now_ms)
        )
