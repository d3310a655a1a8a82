"""Plans of services, from plain to as odd as paths can be."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from hypothesis import strategies as st

from agent.service.plan import Plan

# What a file system takes and a service's file can hold: all but control characters.
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1, max_size=30)
ODD = st.sampled_from(
    ["it's", 'say "hi"', "a & b", "<x>", "100%", "%h", "$HOME", "${HOME}", "back\\slash", "; rm",
     "दुकान", "متجر", "--", "=", "tab", " lead", "trail ", "#", "'", "\\", '\\"', "😀"]
)  # fmt: skip
WORD = st.one_of(TEXT, ODD, st.tuples(ODD, TEXT).map("".join))
PLAIN = "/opt/shop/.venv/bin/python"


def plan(
    *words: str,
    program: str = PLAIN,
    folder: str = "/home/a/.local/share/sak-agent",
    environment: Mapping[str, str] | None = None,
    has_window: bool = False,
) -> Plan:
    """A plan with these arguments."""
    return Plan(
        name="sak-agent",
        command=(program, *words),
        data_dir=PurePosixPath(folder),
        user="asha",
        environment=environment or {},
        has_window=has_window,
    )
