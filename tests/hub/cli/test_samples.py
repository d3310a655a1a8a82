"""`sak-hub tenant add-samples`."""

from hub.commerce.sample_shops import NAMES
from tests.hub.cli.conftest import Cli


def test_the_samples_are_added_once(cli: Cli) -> None:
    """All of them, in auto mode with products; doing it again changes nothing."""
    added = cli.facts("tenant", "add-samples")["tenants"]
    assert [shop["sample"] for shop in added] == list(NAMES)
    assert all(shop["added"] and shop["question"] for shop in added)
    tenants = cli.facts("tenant", "list")["tenants"]
    assert {tenant["mode"] for tenant in tenants} == {"auto"}
    assert all(tenant["products"] for tenant in tenants)
    again = cli.facts("tenant", "add-samples")["tenants"]
    assert [(shop["added"], shop["tenant_id"]) for shop in again] == [
        (False, shop["tenant_id"]) for shop in added
    ]
    assert cli.facts("tenant", "list")["tenants"] == tenants


def test_one_sample_is_added_by_name(cli: Cli) -> None:
    """Only what was asked for; its settings are those of its file."""
    (line,) = cli.lines("tenant", "add-samples", "noor")
    assert line.startswith("Added Noor Gifts as ten_")
    facts = cli.facts("tenant", "show", "Noor Gifts")
    assert (facts["currency"], facts["timezone"]) == ("AED", "Asia/Dubai")
    assert facts["shop"]["payment"] == ["cod", "card_link"]
    assert facts["pricing"]["tax_included"] == "yes"
    assert "is there already" in cli.lines("tenant", "add-samples", "noor")[0]
    assert cli.failure("tenant", "add-samples", "harbour")[0] == "usage"
    assert len(cli.facts("tenant", "list")["tenants"]) == 1
