"""`sak-hub doctor`: is everything in order, and if not, what to do."""

from typing import Any

import click
import msgspec

from hub.cli.checks import Check, examine
from hub.cli.command import answer, json_option, printable

FAILED = 2


@click.command()
@json_option
def doctor(as_json: bool) -> int:
    """Check settings, database, disk, port, catalogs, agents and what of theirs was not understood.

    Fails if the hub cannot run.
    """
    checks = list(examine())
    failed = [check.name for check in checks if check.verdict == "fail"]
    facts: dict[str, Any] = {"ok": not failed, "checks": msgspec.to_builtins(checks)}
    if failed:
        message = f"Failed: {', '.join(failed)}. See the remedy of each."
        facts["error"] = {"code": "unhealthy", "message": message}
    answer(facts, [line for check in checks for line in _lines(check)], as_json=as_json)
    return FAILED if failed else 0


def _lines(check: Check) -> list[str]:
    lines = [f"{check.verdict:4}  {check.name}: {printable(check.finding)}"]
    lines += [f"      {printable(one)}" for one in check.quarantined]
    return [*lines, f"      {check.remedy}"] if check.remedy else lines
