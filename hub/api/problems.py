"""Errors over HTTP as problem+json (RFC 9457): one sentence with the remedy, and a stable type."""

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from hub.store.errors import StoreError
from protocol.messages import SUBPROTOCOL

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:sak:problem:"
STORE_RETRY_S: Final = 10.0

_REMEDIES: Final[Mapping[int, str]] = {
    404: "There is nothing at this address. Check the path.",
    405: "This address does not take that method. See the Allow header.",
    426: f"Open a websocket here, with the subprotocol {SUBPROTOCOL}.",
}


def problem(
    status: int,
    detail: str,
    *,
    code: str | None = None,
    retry_after_s: float | None = None,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Response:
    """An error response. `code` names the kind of problem, by default the status' phrase.

    `retry_after_s` becomes a member and, in whole seconds rounded up, the `Retry-After` header;
    a 401 gets its `WWW-Authenticate`. `members` are added to the body as they are.
    """
    phrase = HTTPStatus(status).phrase
    body: dict[str, Any] = {
        "type": TYPE_PREFIX + (code or phrase.lower().replace(" ", "-")),
        "title": phrase,
        "status": status,
        "detail": detail,
    }
    sent = dict(headers or {})
    if retry_after_s is not None:
        body["retry_after_s"] = round(retry_after_s, 3)
        sent["Retry-After"] = str(max(1, math.ceil(retry_after_s)))
    if status == HTTPStatus.UNAUTHORIZED:
        sent["WWW-Authenticate"] = "Bearer"
    content = msgspec.json.encode(body | members)
    return Response(content, status, headers=sent, media_type=MEDIA_TYPE)


async def on_http_exception(_: Request, error: Exception) -> Response:
    """Starlette's own refusals (unknown path, wrong method) in the same form."""
    if not isinstance(error, HTTPException):
        raise error
    detail = _REMEDIES.get(error.status_code, error.detail)
    return problem(error.status_code, detail, headers=error.headers)


async def on_defect(_: Request, __: Exception) -> Response:
    """A fault of the hub's: the caller learns that it was not theirs, and nothing else."""
    return problem(500, "The hub made a mistake; its log has the details. Try again.")


async def on_store_error(_: Request, error: Exception) -> Response:
    """The database takes nothing at the moment: the caller keeps what it has and comes back."""
    return problem(503, str(error), code="store", retry_after_s=STORE_RETRY_S)


async def on_departure(_: Request, __: Exception) -> Response:
    """The caller hung up in the middle of its body: no fault, and nobody is left to be told."""
    return Response(status_code=HTTPStatus.BAD_REQUEST)


HANDLERS: Final = {
    ClientDisconnect: on_departure,
    HTTPException: on_http_exception,
    StoreError: on_store_error,
    Exception: on_defect,
}
"""For `Starlette(exception_handlers=…)`."""
