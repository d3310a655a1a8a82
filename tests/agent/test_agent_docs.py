"""The agent's pages name only commands, options and settings that there are."""

import re
from pathlib import Path

import click
import pytest

from agent.cli import main
from agent.settings import PREFIX, Settings

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.glob("agent*.md"))
_CALL = re.compile(
    r"sak-agent((?: --(?:profile|set) \S+)*) ([a-z]+(?:-[a-z]+)*)((?: -{1,2}[a-z-]+)*)"
)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_each_command_of_a_page_is_one(page: Path) -> None:
    """A reader who types what stands there is understood."""
    calls = _CALL.findall(page.read_text("utf-8"))
    assert calls
    for _, name, words in calls:
        command = main.commands[name]
        known = {it for param in command.params for it in (*param.opts, *param.secondary_opts)}
        assert isinstance(command, click.Command)
        assert set(words.split()) <= known, f"sak-agent {name}{words}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_each_setting_of_a_page_is_one(page: Path) -> None:
    """In the environment, in the file and on the command line."""
    text = page.read_text("utf-8")
    named = {it.lower() for it in re.findall(rf"{PREFIX}([A-Z_]+)", text)}
    named |= set(re.findall(r"--set (\w+)=", text)) | set(re.findall(r"[`'\n]([a-z_]+) = ", text))
    assert named <= set(Settings.__struct_fields__)


def test_the_pages_lead_to_each_other() -> None:
    """No link between them is broken."""
    for page in PAGES:
        for target in re.findall(r"\]\(([\w./-]+\.md)", page.read_text("utf-8")):
            assert (DOCS / target).exists(), f"{page.name} -> {target}"
