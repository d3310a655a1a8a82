"""Whether the agent begins by itself at log-on, and which program that would be."""

from pathlib import Path

from agent.checks.check import Check
from agent.service.here import Found, find_service, program_here
from agent.settings import Settings

_AGAIN = "Run `sak-agent install-service` again."


def check_service(settings: Settings) -> Check:
    """The service of this agent, as this computer has it."""
    found = find_service(settings)
    is_there = found is not None and found.program is not None and Path(found.program).exists()
    return judge_service(found, program_here(), is_there=is_there)


def judge_service(found: Found | None, ours: str, *, is_there: bool) -> Check:
    """Whether what is installed would start this agent."""
    if found is None:
        remedy = "Run `sak-agent install-service`, or start it by hand each time."
        return Check("service", "warn", "none: the agent does not begin at log-on", remedy)
    if found.program is None:
        return Check("service", "fail", f"{found.path} cannot be read", _AGAIN)
    finding = f"{found.title} {found.path.name} runs {found.program}"
    if not is_there:
        return Check("service", "fail", f"{finding}, which is gone", _AGAIN)
    if found.program != ours:
        return Check("service", "warn", f"{finding}, and this is {ours}", _AGAIN)
    return Check("service", "ok", finding)
