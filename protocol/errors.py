"""The error tree and the close codes, each with its verdict.

    ProtocolError
    ├── LocalProtocolError      we were about to break the protocol: a defect of this program
    └── RemoteProtocolError     the peer broke it: the socket closes with `code`

A close code of 4000-4499, and every standard code, means *connect again*; 4500-4999 means *stop*,
with a try every 15 minutes. A code that is not listed follows its range (SPEC §7).
"""

from enum import IntEnum


class CloseCode(IntEnum):
    """Every close code of the protocol."""

    CLEAN_STOP = 1000
    TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    RESTART = 1012
    BUSY = 1013
    RECONNECTING = 4000
    TOKEN_EXPIRED = 4001
    HELLO_TIMEOUT = 4002
    PROTOCOL_VIOLATION = 4003
    SEQUENCE_GAP = 4004
    POSITION_MISMATCH = 4005
    WINDOW_EXCEEDED = 4006
    PEER_STALLED = 4007
    HEARTBEAT_TIMEOUT = 4008
    REPLACED = 4009
    REVOKED = 4500
    DUPLICATE_AGENT = 4501
    UNSUPPORTED = 4502


def may_reconnect(code: int) -> bool:
    """Whether a socket that closed with `code` is to be opened again with the usual backoff."""
    return not 4500 <= code <= 4999


class ProtocolError(Exception):
    """Base of every error that the protocol raises."""


class LocalProtocolError(ProtocolError):
    """This side tried something that the protocol forbids in the present state."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol; the socket is to be closed with `code` and `reason`."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        """`reason` is at most 123 bytes (RFC 6455 §5.5) and carries nothing that the peer sent."""
        super().__init__(f"{code.value} {reason}")
        self.code = code
        self.reason = reason
