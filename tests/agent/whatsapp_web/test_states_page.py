"""`docs/whatsapp-states.md` says what the code does."""

import re
from pathlib import Path

from agent.drivers.whatsapp_web import WebSettings
from agent.drivers.whatsapp_web.evidence import BAN_HOLD_MS, Patience
from agent.drivers.whatsapp_web.ladder import HOUR_S, TAKEOVERS_PER_HOUR
from agent.drivers.whatsapp_web.upkeep import Rules
from agent.settings import Settings
from protocol.messages import WHATSAPP_STATES

PAGE = (Path(__file__).parents[3] / "docs" / "whatsapp-states.md").read_text("utf-8")


def test_every_state_has_its_row() -> None:
    """In the order of the protocol, none left out and none invented."""
    assert tuple(re.findall(r"^\| `([a-z_]+)` \|", PAGE, re.MULTILINE)) == WHATSAPP_STATES


def test_the_figures_of_the_page_are_those_of_the_code(tmp_path: Path) -> None:
    """What a reader waits for comes then, and every setting that is named is one."""
    web, rules = WebSettings(profile_dir=tmp_path), Rules()
    assert (web.ping_interval_s, web.ping_timeout_s, web.take_over_after_s) == (15, 10, 30)
    assert (web.ready_timeout_s, web.syncing_timeout_s, web.unheard_max_s) == (120, 900, 60)
    assert (web.starts_max, web.rest_s, web.steady_s, web.send_grace_s) == (10, HOUR_S, 60, 60)
    assert (web.relaunch_delays_s[0], web.relaunch_delays_s[-1]) == (0.5, 60)
    assert (BAN_HOLD_MS, TAKEOVERS_PER_HOUR) == (6 * 3_600_000, 3)
    assert Patience().reload_again_s == 900
    assert (rules.quiet_s, rules.quiet_by_day_s, rules.age_max_s) == (300, 1800, 7 * 86_400)
    settings = Settings()
    assert settings.ping_interval_s == web.ping_interval_s
    assert settings.memory_max_mib == web.memory_max_mib == rules.memory_max_mib
    named = {name.lower() for name in re.findall(r"SAK_AGENT_([A-Z_]+)", PAGE)}
    assert named <= set(Settings.__struct_fields__)
