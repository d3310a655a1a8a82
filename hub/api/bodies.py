"""Requests' bodies, read within limits and parsed at the edge into frozen structs."""

from collections.abc import AsyncIterator
from typing import Final, TypeVar

import msgspec
from starlette.requests import Request

BODY_MAX_BYTES: Final = 65_536  # far above any sound JSON request of this API

T = TypeVar("T")


class BodyTooLargeError(Exception):
    """The body is over its limit; what was left of it has not been read."""


class BodyUnsoundError(Exception):
    """The body is not the JSON that the call takes; the message says where."""


async def read_json(request: Request, kind: type[T]) -> T:
    """The body as a `kind`; BodyTooLargeError, BodyUnsoundError."""
    body = b"".join([chunk async for chunk in chunks(request, BODY_MAX_BYTES)])
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BodyUnsoundError(str(error)) from error


async def chunks(request: Request, bytes_max: int) -> AsyncIterator[bytes]:
    """The body piece by piece, never more than `bytes_max` in all; BodyTooLargeError."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > bytes_max:
        raise BodyTooLargeError
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > bytes_max:
            raise BodyTooLargeError
        yield chunk
