"""The pages for a shop's operator say what the code does."""

import re
import shlex
from pathlib import Path

import click
import pytest

from hub.cli import main
from hub.cli.tenants import KEYS, PARTS
from hub.commerce.order_states import STATES, Actor, may_move
from hub.commerce.sample_shops import NAMES
from tests.hub.cli.conftest import Cli

DOCS = Path(__file__).parents[3] / "docs"
BY: dict[str, tuple[Actor, ...]] = {
    "you": ("operator",),
    "the customer or you": ("customer", "operator"),
}


def test_every_setting_of_a_shop_is_documented(cli: Cli) -> None:
    """docs/settings.md has each key with its usual value, in the order of `tenant show`."""
    cli.run("tenant", "add", "Shop A")
    facts = cli.facts("tenant", "show", "Shop A")
    parts = {key: value for part in PARTS for key, value in facts[part].items()}
    known = facts | parts | {"name": None}
    section = (DOCS / "settings.md").read_text("utf-8").partition("<!-- shop -->")[2]
    section = section.partition("## Hub")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (?:.+?) \| (?:.+?) \|$", section, re.MULTILINE)
    assert rows == [(key, usual(known[key])) for key in KEYS]


def usual(value: object) -> str:
    if isinstance(value, bool):
        return ("`no`", "`yes`")[value]
    text = ", ".join(value) if isinstance(value, list) else f"{value}"
    return "–" if value in (None, "", []) else f"`{text}`"


def test_the_examples_of_shipping_are_sound(cli: Cli) -> None:
    """Each rule on the page can be set."""
    cli.run("tenant", "add", "Shop A")
    page = (DOCS / "settings.md").read_text("utf-8")
    zones = re.findall(r"^    (local .+)$", page, re.MULTILINE)
    each = re.findall(r"`(20 each[^`]+)`", page)
    assert len([*zones, *each]) == 2
    for rule in (*zones, *each):
        assert cli.run("tenant", "set", "Shop A", "shipping", rule).exit_code == 0


def test_the_documented_moves_are_the_legal_ones() -> None:
    """docs/orders.md has every move with who may make it, and no other."""
    page = (DOCS / "orders.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| ([a-z ]+) \|$", page, re.MULTILINE)
    documented = {(old, new, actor) for old, new, by in rows for actor in BY[by]}
    actors: tuple[Actor, ...] = ("customer", "operator", "gateway")
    assert documented == {
        (old, new, actor)
        for old in STATES
        for new in STATES
        for actor in actors
        if may_move(actor, old, new)
    }


@pytest.mark.parametrize("page", ["orders.md", "catalog.md", "rules.md", "settings.md"])
def test_the_commands_of_a_page_exist(page: str) -> None:
    """Each of its commands, and each option with which it is shown."""
    text = (DOCS / page).read_text("utf-8")
    shown = re.findall(r"^    sak-hub (.+)$", text, re.MULTILINE)
    for line in shown:
        name, *rest = shlex.split(line)
        command = main.commands[name]
        if isinstance(command, click.Group):
            command = command.commands[rest[0]]
        options = {opt for param in command.params for opt in param.opts}
        assert {word for word in rest if word.startswith("--")} <= options


def test_every_option_of_a_discount_is_named() -> None:
    """docs/orders.md names all that a rule may ask for."""
    page = (DOCS / "orders.md").read_text("utf-8")
    group = main.commands["discount"]
    assert isinstance(group, click.Group)
    options = {opt for param in group.commands["add"].params for opt in param.opts if "--" in opt}
    assert {option for option in options if f"`{option}`" not in page} == set()


def test_the_samples_are_described() -> None:
    """docs/orders.md has one row for each."""
    page = (DOCS / "orders.md").read_text("utf-8")
    assert tuple(re.findall(r"^\| `(\w+)` \| (?:up|to) ", page, re.MULTILINE)) == NAMES
