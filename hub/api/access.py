"""Who may read over HTTP: an operator with a key, or an agent of the same tenant."""

import hmac
import re
from typing import Final

import msgspec

from hub.gateway import tokens
from hub.gateway.tokens import Refused
from hub.store.database import Store

KEY_PREFIX: Final = "sak_k_"
_KEY: Final = re.compile(KEY_PREFIX + r"[A-Za-z0-9_-]{43}")

MISSING: Final = Refused(
    401, "Send an operator's key or an agent's token as 'Authorization: Bearer <key>'."
)
UNKNOWN: Final = Refused(401, "This key is not valid. Make one with 'sak-hub key add NAME'.")


class Reader(msgspec.Struct, frozen=True):
    """What a caller may see: one tenant, or all of them when `tenant_id` is None."""

    tenant_id: str | None

    def sees(self, tenant_id: str) -> bool:
        """Whether that tenant is within the caller's reach."""
        return self.tenant_id is None or self.tenant_id == tenant_id


async def reader(store: Store, authorization: str | None, now_ms: int) -> Reader | Refused:
    """What the sender of an `Authorization` header may see."""
    secret = tokens.bearer(authorization)
    if secret is None:
        return MISSING
    if secret.startswith(KEY_PREFIX):
        return await _operator(store, secret)
    identity = await tokens.authenticate(store, authorization, now_ms)
    return identity if isinstance(identity, Refused) else Reader(identity.tenant_id)


async def _operator(store: Store, key: str) -> Reader | Refused:
    if not _KEY.fullmatch(key):
        return UNKNOWN
    key_hash = tokens.hash_secret(key)
    row = await store.one("keys.by_hash", key_hash=key_hash)
    if row is None or not hmac.compare_digest(row["key_hash"], key_hash):
        return UNKNOWN
    return Reader(row["tenant_id"])
