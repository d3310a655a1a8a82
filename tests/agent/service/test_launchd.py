"""The LaunchAgent: plistlib reads it, and each key is one of launchd.plist(5) with its type."""

import plistlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agent.service.launchd import label, program_in, render
from tests.agent.service.plans import PLAIN, TEXT, WORD, plan

# launchd.plist(5) of macOS 14: the keys that we use.
KEYS: dict[str, type] = {
    "Label": str,
    "ProgramArguments": list,
    "EnvironmentVariables": dict,
    "WorkingDirectory": str,
    "RunAtLoad": bool,
    "KeepAlive": dict,  # or a boolean
    "ThrottleInterval": int,
    "ExitTimeOut": int,
    "ProcessType": str,
    "LimitLoadToSessionType": str,
    "Umask": int,
    "StandardOutPath": str,
    "StandardErrorPath": str,
}


def read(*words: str, folder: str = "/data", **environment: str) -> dict[str, Any]:
    """What launchd reads of a plan."""
    content: dict[str, Any] = plistlib.loads(
        render(plan(*words, folder=folder, environment=environment))
    )
    return content


def test_each_key_is_documented_and_of_its_type() -> None:
    """A key that launchd does not know is silently ignored."""
    content = read("-m", "agent")
    assert {name: type(value) for name, value in content.items()} == KEYS
    assert content["Label"] == label("sak-agent") == "local.sak-agent"
    assert content["ProcessType"] in {"Background", "Standard", "Adaptive", "Interactive"}
    assert content["LimitLoadToSessionType"] == "Aqua"  # where windows and notifications are


def test_it_is_started_at_once_and_after_each_failure_with_a_pause() -> None:
    """An agent that was stopped on purpose stays so; files are for their owner alone."""
    content = read()
    assert content["RunAtLoad"] is True
    assert content["KeepAlive"] == {"SuccessfulExit": False}
    assert content["ThrottleInterval"] >= 10  # launchd's own shortest
    assert content["Umask"] == 0o077


@given(st.lists(WORD, max_size=4), WORD, TEXT)
def test_every_word_comes_back_as_it_went_in(words: list[str], folder: str, proxy: str) -> None:
    """Ampersands, angles and other scripts are text; nothing is expanded."""
    content = read(*words, folder=f"/data/{folder}", HTTPS_PROXY=proxy)
    assert content["ProgramArguments"] == [PLAIN, *words]
    assert content["EnvironmentVariables"] == {"HTTPS_PROXY": proxy}
    assert content["WorkingDirectory"] == str(plan(folder=f"/data/{folder}").data_dir)


def test_the_program_is_found_again_or_not_at_all() -> None:
    """For the doctor: a file of somebody else's has no program of ours."""
    assert program_in(render(plan("-m"))) == PLAIN
    for other in (b"", b"<plist>", plistlib.dumps({"Label": "x"}), plistlib.dumps(["x"])):
        assert program_in(other) is None
