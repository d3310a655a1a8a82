"""CORE: where the sending of a durable log goes on after a connect, or that it must start anew.

A log belongs to one side, its *owner*, who numbers its events from 1 within an *epoch*. The other
side holds a *position* in it. When the two no longer agree - one was wiped, or restored from an
older backup - the owner starts a new epoch, and identities of events make the repetition harmless.
"""

from uuid import UUID

import msgspec

from protocol.messages import HeldPosition, Position


class OwnLog(msgspec.Struct, frozen=True):
    """What an owner knows of its log.

    `head` is the newest seq given in this epoch, `acked` the highest one the peer ever took, 0 for
    none. `oldest_kept` is the lowest seq whose row still stands; `head + 1` when no row does.
    """

    epoch: str
    head: int
    acked: int
    oldest_kept: int


def resume(own: OwnLog, held: HeldPosition | Position, id_at_held: UUID | None) -> int | None:
    """The seq after which sending goes on, or None when the log needs a new epoch.

    `id_at_held` is the id of the owner's row at `held.seq`, None if it has none (SPEC §5).
    """
    if held.epoch is None:  # a peer that holds nothing
        return 0 if own.acked == 0 and _all_kept(own) else None
    if held.epoch != own.epoch or held.seq > own.head:
        return None
    if held.seq == 0:
        return 0 if _all_kept(own) else None
    if held.seq < own.oldest_kept or id_at_held is None or id_at_held != held.last_id:
        return None
    return held.seq


def _all_kept(own: OwnLog) -> bool:
    return own.oldest_kept <= 1
