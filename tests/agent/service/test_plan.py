"""What of this moment's settings a service takes over, and what it must not."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given

from agent.service import launchd, scheduler, systemd
from agent.service.plan import Plan, UnfitError, plan_service, service_name
from agent.service.steps import Homes, manager_for
from agent.settings import Settings
from tests.agent.service.plans import TEXT

HOMES = Homes(Path("/home/a/.config"), Path("/home/a"), 501)


def planned(environ: dict[str, str], *given_names: str) -> Plan:
    """The plan of these settings, all of them from the environment."""
    settings = Settings.load({k: v for k, v in environ.items() if k.startswith("SAK_")})
    return plan_service(settings, environ, given_names, "/opt/python", "asha")


def test_settings_of_the_moment_go_with_the_command() -> None:
    """The task scheduler has no environment to give, so it is the command everywhere."""
    environ = {
        "SAK_AGENT_DATA_DIR": "/data/shop one",
        "SAK_AGENT_PROFILE": "one",
        "SAK_AGENT_HEADLESS": "TRUE",
        "SAK_AGENT_BROWSER": "/opt/my browser",
        "PATH": "/bin",
    }
    plan = planned(environ, "data_dir", "profile", "headless", "browser")
    assert plan.command == (
        "/opt/python", "-P", "-m", "agent", "--profile", "one", "--set", "browser=/opt/my browser",
        "--set", "data_dir=/data/shop one", "--set", "headless=true", "run", "--quiet",
    )  # fmt: skip
    assert (plan.name, plan.has_window, plan.environment) == ("sak-agent-one", False, {})


def test_the_data_directory_is_always_said() -> None:
    """A service has another environment: what the platform's directory is could change."""
    plan = planned({})
    assert f"data_dir={Settings().data_dir}" in plan.command
    assert (plan.name, plan.has_window) == ("sak-agent", True)


def test_each_agent_has_a_name_of_its_own() -> None:
    """By profile or by directory, so that two services never share one."""
    loads = [{}, {"PROFILE": "a"}, {"PROFILE": "b"}, {"DATA_DIR": "/x"}, {"DATA_DIR": "/y"}]
    names = [
        service_name(Settings.load({f"SAK_AGENT_{k}": v for k, v in it.items()})) for it in loads
    ]
    assert len(set(names)) == len(loads)
    assert all(name.startswith("sak-agent") for name in names)


def test_the_way_out_is_carried_but_no_password() -> None:
    """Proxies and certificates of the terminal are needed; a service's file can be read."""
    plan = planned({"https_proxy": "http://p:1", "NO_PROXY": "x", "LANG": "C"})
    assert plan.environment == {"https_proxy": "http://p:1", "NO_PROXY": "x"}
    for environ, name in (
        ({"HTTPS_PROXY": "http://me:hunter2@p:1"}, "none"),
        ({"SAK_AGENT_PROXY": "http://me:hunter2@p:1"}, "proxy"),
    ):
        with pytest.raises(UnfitError, match=r"agent\.toml") as caught:
            planned(environ, name) if name == "proxy" else planned(environ)
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("char", ["\n", "\x00", "\x1b", "\x85", "\ud800", "\uffff"])
def test_characters_that_no_file_can_hold_are_refused(char: str) -> None:
    """A line's end would be another setting of the unit; others are in no XML."""
    settings = Settings(data_dir=Path(f"/data{char}x"))
    with pytest.raises(UnfitError, match="another name"):
        plan_service(settings, {}, (), "/opt/python", "asha")


@given(TEXT)
def test_whatever_is_accepted_can_be_rendered(name: str) -> None:
    """Everywhere, or it is refused with a sentence: never a file that says something else."""
    settings = Settings(data_dir=Path("/data") / name, headless=True)
    plan = plan_service(settings, {}, (), "/opt/python", "asha")
    for render in (systemd.render, launchd.render, scheduler.render):
        with suppress(UnfitError):
            assert render(plan)


def test_what_is_typed_on_each_system() -> None:
    """The platform's own tool, each step safe to repeat: what may be missing may fail."""
    data_dir = Path("/data")
    linux = manager_for("linux", "sak-agent-a", data_dir, HOMES)
    assert linux.path == Path("/home/a/.config/systemd/user/sak-agent-a.service")
    assert [" ".join(step.command) for step in linux.load] == [
        "systemctl --user daemon-reload",
        "systemctl --user reenable sak-agent-a.service",
        "systemctl --user restart sak-agent-a.service",
    ]
    mac = manager_for("darwin", "sak-agent-a", data_dir, HOMES)
    assert mac.path == Path("/home/a/Library/LaunchAgents/local.sak-agent-a.plist")
    assert [(" ".join(step.command), step.may_fail) for step in mac.load] == [
        ("launchctl bootout gui/501/local.sak-agent-a", True),
        ("launchctl enable gui/501/local.sak-agent-a", False),
        (f"launchctl bootstrap gui/501 {mac.path}", False),
    ]
    windows = manager_for("win32", "sak-agent-a", data_dir, HOMES)
    assert [(" ".join(step.command), step.may_fail) for step in windows.load] == [
        ("schtasks /End /TN sak-agent-a", True),
        (f"schtasks /Create /TN sak-agent-a /XML {data_dir / 'service.xml'} /F", False),
        ("schtasks /Run /TN sak-agent-a", False),
    ]
    for manager in (linux, mac, windows):
        assert all(step.may_fail for step in (*manager.unload, *manager.forget))
