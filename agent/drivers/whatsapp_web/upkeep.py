"""CORE: when a browser that works is started anew, because it has grown or is old.

WhatsApp Web grows over weeks. Nobody shall notice the cure: it waits for a quiet moment, best at
night, and never comes into a sending.
"""

from typing import Final, Literal

import msgspec

_DAY_S: Final = 86_400.0
_NIGHT: Final = range(2, 5)  # hours of the shop's clock
_FAR_OVER: Final = 1.5  # times the ceiling: the computer suffers, no quiet moment is waited for
_HOUR_S: Final = 3600.0

Reason = Literal["memory", "age"]


class Rules(msgspec.Struct, frozen=True):
    """The figures; `_s` are seconds."""

    memory_max_mib: int = 1200
    grown_age_s: float = 6 * _HOUR_S  # a younger browser would only grow to the same size again
    far_grown_age_s: float = _HOUR_S
    age_max_s: float = 7 * _DAY_S
    late_s: float = _DAY_S  # so long after its age a browser waits for a night
    quiet_s: float = 300.0  # since a message came or went
    quiet_by_day_s: float = 1800.0  # the same, for an old one that found no night
    send_grace_s: float = 60.0  # since the last sending began


class Moment(msgspec.Struct, frozen=True):
    """A browser and what goes on in it. Ages are seconds; None: there was none."""

    memory_mib: int
    age_s: float
    quiet_s: float | None  # since the last message came or went
    send_s: float | None  # since the last sending began
    hour: int  # of the shop's clock


def restart_due(moment: Moment, rules: Rules) -> Reason | None:
    """Why the browser is to be started anew now, if it is."""
    if moment.send_s is not None and moment.send_s < rules.send_grace_s:
        return None
    grown = moment.memory_mib - rules.memory_max_mib
    if grown > rules.memory_max_mib * (_FAR_OVER - 1) and moment.age_s >= rules.far_grown_age_s:
        return "memory"
    quiet_s = moment.age_s if moment.quiet_s is None else moment.quiet_s
    if quiet_s < rules.quiet_s:
        return None
    if grown > 0 and moment.age_s >= rules.grown_age_s:
        return "memory"
    if moment.age_s < rules.age_max_s:
        return None
    is_late = moment.age_s >= rules.age_max_s + rules.late_s and quiet_s >= rules.quiet_by_day_s
    return "age" if moment.hour in _NIGHT or is_late else None
