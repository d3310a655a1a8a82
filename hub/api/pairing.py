"""POST /agent/pair and POST /agent/token: how an agent gets and renews its token (SPEC §2)."""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from hub.api.bodies import BodyTooLargeError, BodyUnsoundError, read_json
from hub.api.problems import problem
from hub.clock import Clock
from hub.gateway import tokens
from hub.gateway.pairing import Declined, Paired, PairingDesk, PairRequest
from hub.gateway.tokens import IssuedToken, Refused
from hub.store.database import Store
from protocol.messages import Instant

_BODY: Final = 'Send {"code": …, "device": {"name": …, "os": …, "version": …}}, each at most 200.'
_CODES: Final = {404: "unknown-code", 410: "spent-code", 429: "too-many-tries"}


class PairedBody(msgspec.Struct, frozen=True, omit_defaults=True):
    agent_id: str
    tenant_id: str
    token: str
    socket_url: str
    expires_at: str | None = None


class TokenBody(msgspec.Struct, frozen=True, omit_defaults=True):
    token: str
    expires_at: str | None = None


class PairingEndpoints:
    """`public_url` is where agents reach the hub; None: wherever the request came to."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        desk: PairingDesk,
        token_ttl_s: float | None,
        public_url: str | None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._desk = desk
        self._token_ttl_s = token_ttl_s
        self._public_url = public_url

    async def pair(self, request: Request) -> Response:
        """201 with the new agent and its token; 404, 410, 422, 429."""
        address = request.client.host if request.client else ""
        if held := self._desk.wait(address):
            return _declined(held)
        try:
            wanted = await read_json(request, PairRequest)
        except BodyTooLargeError:
            close = {"Connection": "close"}
            return problem(413, f"The body is too large. {_BODY}", code="too-large", headers=close)
        except BodyUnsoundError as error:
            return problem(422, f"{error}. {_BODY}", code="malformed-body")
        outcome = await self._desk.pair(address, wanted)
        if isinstance(outcome, Declined):
            return _declined(outcome)
        return _secret(self._paired(outcome, request))

    async def token(self, request: Request) -> Response:
        """201 with a new token; the one used for the call lives until the new one is used."""
        outcome = await tokens.rotate(
            self._store,
            request.headers.get("authorization"),
            self._clock.now_ms(),
            self._token_ttl_s,
        )
        if isinstance(outcome, Refused):
            return problem(outcome.status, outcome.detail)
        return _secret(TokenBody(outcome.token, _expiry(outcome)))

    def _paired(self, paired: Paired, request: Request) -> PairedBody:
        return PairedBody(
            agent_id=paired.agent_id,
            tenant_id=paired.tenant_id,
            token=paired.issued.token,
            socket_url=socket_url(self._public_url or str(request.base_url)),
            expires_at=_expiry(paired.issued),
        )


def socket_url(base: str) -> str:
    """Where the socket of a hub with this HTTP address is: ws for http, wss for https."""
    scheme, _, rest = base.partition("://")
    return f"{'wss' if scheme in ('https', 'wss') else 'ws'}://{rest.rstrip('/')}/agent"


def _expiry(issued: IssuedToken) -> str | None:
    return None if issued.expires_at is None else str(Instant(issued.expires_at))


def _declined(declined: Declined) -> Response:
    return problem(
        declined.status,
        declined.detail,
        code=_CODES[declined.status],
        retry_after_s=declined.retry_after_s,
    )


def _secret(body: PairedBody | TokenBody) -> Response:
    return Response(
        msgspec.json.encode(body),
        201,
        headers={"Cache-Control": "no-store"},
        media_type="application/json",
    )
