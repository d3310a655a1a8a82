"""Agents' bearer tokens: issue, recognise, rotate.

A token is 256 random bits behind `sak_a_`; the database holds only its SHA-256. A token is looked
up by that hash, so no comparison's time depends on the secret, and the row's hash is compared once
more in constant time. An agent has one active token and at most one candidate; the candidate's
first authenticated use retires all older ones in the same transaction.
"""

import hmac
import re
import secrets
from hashlib import sha256
from typing import Final

import msgspec

from hub.store.database import Store
from hub.store.tx import Row, Tx

TOKEN_PREFIX: Final = "sak_a_"  # noqa: S105 # public: it says what kind of secret follows
_TOKEN: Final = re.compile(TOKEN_PREFIX + r"[A-Za-z0-9_-]{43}")  # base64url of 32 bytes
_BEARER: Final = re.compile(r"bearer +(\S+) *", re.IGNORECASE)


class AgentIdentity(msgspec.Struct, frozen=True):
    """Whom a token speaks for. `expires_at` is the token's end in ms, None when it has none."""

    agent_id: str
    tenant_id: str
    expires_at: int | None = None


class Refused(msgspec.Struct, frozen=True):
    """Why a caller is not let in: HTTP status 401 or 403, and a sentence with the remedy."""

    status: int
    detail: str


class IssuedToken(msgspec.Struct, frozen=True):
    """A new token in the clear, the only time that it stands so anywhere. `expires_at` in ms."""

    token: str
    expires_at: int | None = None


MISSING: Final = Refused(401, "Send the agent's token as 'Authorization: Bearer <token>'.")
UNKNOWN: Final = Refused(401, "This token is not valid. Pair the agent again to get a new one.")
EXPIRED: Final = Refused(401, "This token has expired. Pair the agent again to get a new one.")
REVOKED: Final = Refused(403, "This agent was revoked by the shop. Pair it again to come back.")


def new_token() -> str:
    """A token that nobody can guess."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """The form in which a token, a key or a pairing code is stored: SHA-256 in hex."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def bearer(authorization: str | None) -> str | None:
    """The credential in an `Authorization` header, None when it holds no bearer credential."""
    match = _BEARER.fullmatch(authorization or "")
    return match[1] if match else None


async def authenticate(
    store: Store, authorization: str | None, now_ms: int
) -> AgentIdentity | Refused:
    """Whom an `Authorization` header speaks for. Writes only upon a token's first use."""
    token_hash = _presented(authorization)
    if isinstance(token_hash, Refused):
        return token_hash
    row = await store.one("tokens.by_hash", token_hash=token_hash)
    verdict = _judge(row, token_hash, now_ms)
    if row is None or row["first_used_at"] is not None or isinstance(verdict, Refused):
        return verdict
    return await store.write(lambda tx: authenticate_in(tx, token_hash, now_ms))


def authenticate_in(tx: Tx, token_hash: str, now_ms: int) -> AgentIdentity | Refused:
    """Whom a token speaks for; its first use retires the agent's other tokens."""
    row = tx.one("tokens.by_hash", token_hash=token_hash)
    verdict = _judge(row, token_hash, now_ms)
    if isinstance(verdict, AgentIdentity) and tx.run(
        "tokens.use", token_hash=token_hash, now_ms=now_ms
    ):
        tx.run(
            "tokens.retire_others", agent_id=verdict.agent_id, token_hash=token_hash, now_ms=now_ms
        )
    return verdict


async def rotate(
    store: Store, authorization: str | None, now_ms: int, ttl_s: float | None
) -> IssuedToken | Refused:
    """A new candidate for the calling agent; the token it called with lives until that is used."""
    token_hash = _presented(authorization)
    if isinstance(token_hash, Refused):
        return token_hash
    issued = IssuedToken(new_token(), expiry(now_ms, ttl_s))
    refused = await store.write(lambda tx: rotate_in(tx, token_hash, issued, now_ms))
    return refused or issued


def rotate_in(tx: Tx, token_hash: str, issued: IssuedToken, now_ms: int) -> Refused | None:
    """Make `issued` the one candidate of the agent that owns `token_hash`."""
    identity = authenticate_in(tx, token_hash, now_ms)
    if isinstance(identity, Refused):
        return identity
    tx.run(
        "tokens.retire_candidates",
        agent_id=identity.agent_id,
        token_hash=token_hash,
        now_ms=now_ms,
    )
    record_in(tx, identity.tenant_id, identity.agent_id, issued, now_ms)
    return None


def record_in(tx: Tx, tenant_id: str, agent_id: str, issued: IssuedToken, now_ms: int) -> None:
    """Store a new token of an agent by its hash."""
    tx.run(
        "tokens.insert",
        token_hash=hash_secret(issued.token),
        tenant_id=tenant_id,
        agent_id=agent_id,
        created_at=now_ms,
        expires_at=issued.expires_at,
    )


def expiry(now_ms: int, ttl_s: float | None) -> int | None:
    """When a token issued now ends, in ms; None without a time to live."""
    return None if ttl_s is None else now_ms + round(ttl_s * 1000)


def _presented(authorization: str | None) -> str | Refused:
    token = bearer(authorization)
    if token is None:
        return MISSING
    return hash_secret(token) if _TOKEN.fullmatch(token) else UNKNOWN


def _judge(row: Row | None, token_hash: str, now_ms: int) -> AgentIdentity | Refused:
    if row is None or not hmac.compare_digest(row["token_hash"], token_hash):
        return UNKNOWN
    if row["revoked_at"] is not None:
        return REVOKED
    if row["retired_at"] is not None:
        return UNKNOWN
    if row["expires_at"] is not None and row["expires_at"] <= now_ms:
        return EXPIRED
    return AgentIdentity(row["agent_id"], row["tenant_id"], row["expires_at"])
