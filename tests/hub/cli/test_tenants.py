"""`sak-hub tenant`."""

from typing import Any

import pytest

from hub.cli.tenants import KEYS, PARTS
from tests.hub.cli.conftest import Cli


def all_of(facts: dict[str, Any]) -> dict[str, Any]:
    """A shop's columns and rules, whatever part they stand in."""
    return facts | {key: value for part in PARTS for key, value in facts[part].items()}


def test_a_tenant_is_added_with_careful_defaults(cli: Cli) -> None:
    """The first command makes the database; a new shop suggests, and only to chosen contacts."""
    facts = cli.facts("tenant", "add", "Shop A")
    assert facts.pop("tenant_id").startswith("ten_")
    assert facts == {
        "name": "Shop A",
        "mode": "suggest",
        "contact_policy": "chosen",
        "currency": "INR",
        "exponent": 2,
        "locale": "en_IN",
        "timezone": "Asia/Kolkata",
    }


def test_auto_answers_everyone(cli: Cli) -> None:
    """--mode auto also sets whom the bot answers, so that one command makes a working shop."""
    facts = cli.facts("tenant", "add", "Shop A", "--mode", "auto")
    assert (facts["mode"], facts["contact_policy"]) == ("auto", "everyone")


@pytest.mark.parametrize(("currency", "exponent"), [("INR", 2), ("jpy", 0), ("KWD", 3)])
def test_the_currency_brings_its_decimals(cli: Cli, currency: str, exponent: int) -> None:
    """The exponent of ISO 4217 follows from the currency."""
    facts = cli.facts("tenant", "add", "Shop A", "--currency", currency)
    assert (facts["currency"], facts["exponent"]) == (currency.upper(), exponent)


def test_tenants_are_listed_with_their_rules(cli: Cli) -> None:
    """The list shows what is set, defaults included, for people and for programs."""
    assert cli.lines("tenant", "list") == ["No tenants yet."]
    tenant_id = cli.facts("tenant", "add", "Shop A")["tenant_id"]
    (tenant,) = cli.facts("tenant", "list")["tenants"]
    assert (tenant["tenant_id"], tenant["products"]) == (tenant_id, 0)
    assert tenant["settings"]["debounce_s"] == 3.0
    assert tenant["created_at"].endswith("Z")
    head, row = cli.lines("tenant", "list")
    assert head.split()[:2] == ["tenant_id", "name"]
    assert row.startswith(tenant_id)


@pytest.mark.parametrize(
    ("key", "value", "stored"),
    [
        ("mode", "off", "off"),
        ("contact_policy", "unknown", "unknown"),
        ("name", "  Shop B ", "Shop B"),
        ("currency", "usd", "USD"),
        ("exponent", "3", 3),
        ("locale", "ar-KW", "ar_KW"),
        ("timezone", "Asia/Kuwait", "Asia/Kuwait"),
        ("debounce_s", "0.5", 0.5),
        ("greeting", "-- welcome --", "-- welcome --"),
        ("disclosure", "", ""),
        ("never", "+91 98000-00001, +919800000001", ["+919800000001"]),
        ("chosen", "", []),
        ("address", " 1 Mill  Road ", "1 Mill Road"),
        ("city", "Pune", "Pune"),
        ("state", "maharashtra", "27"),
        ("tax_number", "27zzzcz9999z1zj", "27ZZZCZ9999Z1ZJ"),
        ("hours", "9-17", "9-17"),
        ("phone", "+91 98000 00001", "+919800000001"),
        ("upi_vpa", "shop@examplebank", "shop@examplebank"),
        ("payment", "UPI, cod", ["upi", "cod"]),
        ("languages", "hi,en", ["hi", "en"]),
        ("order_prefix", "sh", "SH"),
        ("bank_text", "Example Bank 1", "Example Bank 1"),
        ("line_rounding", "whole up", "whole_up"),
        ("total_rounding", "whole_up", "whole_up"),
        ("rounding", "half-even", "half_even"),
        ("tax_name", "VAT", "VAT"),
        ("tax_included", "yes", "yes"),
        ("tax_basis", "order", "order"),
        ("tax_rate", "18%", "18"),
        ("tax_on_shipping", "yes", "yes"),
        ("tax_parts", "1", "1"),
        ("shipping", "20 each; 15 each from 15", "20.00 each; 15.00 each from 15"),
        ("model_mode", "Model", "model"),
        ("model_day_tokens", "2,00,000", 200_000),
        ("model_month_tokens", "1000000000", 1_000_000_000),
        ("model_customer_day_tokens", "none", None),
        ("model_day_cost", "2.50", "2.5"),
        ("model_month_cost", "0.000001", "0.000001"),
    ],
)
def test_every_rule_can_be_set(cli: Cli, key: str, value: str, stored: object) -> None:
    """A rule is set by the shop's name and stands in list and show afterwards."""
    cli.run("tenant", "add", "Shop A")
    assert cli.run("tenant", "set", "Shop A", key, value).exit_code == 0
    (tenant,) = cli.facts("tenant", "list")["tenants"]
    for facts in (tenant, cli.facts("tenant", "show", tenant["tenant_id"])):
        assert all_of(facts)[key] == stored


def test_setting_one_rule_leaves_the_others(cli: Cli) -> None:
    """Two rules set one after the other both hold; the answer shows all."""
    tenant_id = cli.facts("tenant", "add", "Shop A")["tenant_id"]
    cli.run("tenant", "set", tenant_id, "takeover_s", "60")
    facts = cli.facts("tenant", "set", tenant_id, "mode", "auto")
    assert (facts["mode"], facts["settings"]["takeover_s"]) == ("auto", 60.0)
    assert cli.lines("tenant", "set", tenant_id, "takeover_s", "90") == [
        "Shop A: takeover_s is now 90.0"
    ]
    chosen = ("chosen", "+919800000002, +919800000001")
    assert cli.lines("tenant", "set", tenant_id, *chosen) == [
        "Shop A: chosen is now +919800000001, +919800000002"
    ]


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("mode", "loud", "off, suggest, auto"),
        ("contact_policy", "all", "unknown, chosen, everyone"),
        ("name", "", "1 to 80"),
        ("name", "ten_a", "ids"),
        ("name", "a\nb", "printable"),
        ("currency", "XXL", "ISO 4217"),
        ("exponent", "5", "0 to 4"),
        ("locale", "xx_YY", "en_IN"),
        ("timezone", "Mars/Base", "Asia/Kolkata"),
        ("timezone", "../../etc/passwd", "Asia/Kolkata"),
        ("debounce_s", "soon", "number of seconds"),
        ("debounce_s", "nan", "between 0 and 60"),
        ("debounce_s", "20", "debounce_max_s"),
        ("greeting", "x" * 1001, "1000"),
        ("never", "98000", "country code"),
        ("state", "Bavaria", "write its name or GST number"),
        ("tax_number", "27ZZZCZ9999Z1ZK", "15 characters"),
        ("upi_vpa", "shop", "shop@bank"),
        ("payment", "barter", "cod, upi"),
        ("shipping", "cheap", "20 each"),
        ("shipping", "near 5.001 = 411001", "decimals"),
        ("tax_rate", "180", "percentage"),
        ("tax_included", "perhaps", "yes or no"),
        ("tax_parts", "3", "CGST and SGST"),
        ("line_rounding", "down", "whole_up"),
        ("model_mode", "auto", "embedded, hybrid, model"),
        ("model_day_tokens", "0", "whole number from 1"),
        ("model_day_tokens", "1.5", "whole number from 1"),
        ("model_month_tokens", "1000000001", "1,000,000,000"),
        ("model_customer_day_tokens", "many" * 50, "whole number"),
        ("model_day_cost", "0", "above 0"),
        ("model_day_cost", "-1", "above 0"),
        ("model_month_cost", "1000000000.01", "at most 1,000,000,000"),
        ("model_month_cost", "0.0000001", "at most 6"),
    ],
)
def test_a_value_that_does_not_fit_changes_nothing(
    cli: Cli, key: str, value: str, hint: str
) -> None:
    """One sentence says what would fit, and the rules stay as they were."""
    cli.run("tenant", "add", "Shop A")
    before = cli.facts("tenant", "list")
    code, message = cli.failure("tenant", "set", "Shop A", key, value)
    assert code == "bad_value"
    assert hint in message
    assert cli.facts("tenant", "list") == before


def test_an_unknown_rule_names_all_that_there_are(cli: Cli) -> None:
    """A misspelt key is told apart from a wrong value."""
    cli.run("tenant", "add", "Shop A")
    code, message = cli.failure("tenant", "set", "Shop A", "colour", "blue")
    assert code == "unknown_key"
    assert "contact_policy" in message


def test_names_are_taken_once(cli: Cli) -> None:
    """Neither adding nor renaming makes two shops of one name; keeping a name is fine."""
    for name in ("Shop A", "Shop B"):
        cli.run("tenant", "add", name)
    assert cli.failure("tenant", "add", "Shop A")[0] == "name_taken"
    assert cli.failure("tenant", "set", "Shop B", "name", "Shop A")[0] == "name_taken"
    assert cli.run("tenant", "set", "Shop A", "name", "Shop A").exit_code == 0


def test_an_unknown_tenant_is_told_with_the_remedy(cli: Cli) -> None:
    """One sentence says where ids and names can be seen."""
    code, message = cli.failure("tenant", "set", "Nowhere", "mode", "off")
    assert code == "unknown_tenant"
    assert "sak-hub tenant list" in message


def test_prices_keep_their_decimals(cli: Cli) -> None:
    """With products in the catalog a new exponent would change every price, so it is refused."""
    cli.run("tenant", "add", "Shop A")
    file = cli.directory / "catalog.csv"
    file.write_text("sku,name,price\nA-1,Blue cup,24.50\n")
    assert cli.run("catalog", "import", "Shop A", str(file)).exit_code == 0
    assert cli.failure("tenant", "set", "Shop A", "currency", "JPY")[0] == "has_prices"
    assert cli.facts("tenant", "set", "Shop A", "currency", "USD")["exponent"] == 2


def test_an_empty_value_takes_a_rule_back(cli: Cli) -> None:
    """What was usual before holds again."""
    cli.run("tenant", "add", "Shop A")
    before = cli.facts("tenant", "show", "Shop A")
    for key, value in (("shipping", "20 each"), ("upi_vpa", "shop@examplebank")):
        cli.run("tenant", "set", "Shop A", key, value)
        assert cli.facts("tenant", "show", "Shop A") != before
        cli.run("tenant", "set", "Shop A", key, "")
        assert cli.facts("tenant", "show", "Shop A") == before


def test_a_person_reads_every_rule(cli: Cli) -> None:
    """One line for each key that can be set, and for what cannot."""
    cli.run("tenant", "add", "Shop A")
    shown = {line.split()[0] for line in cli.lines("tenant", "show", "Shop A")}
    assert shown == {*KEYS, "tenant_id", "created_at", "answers"}
    assert cli.failure("tenant", "show", "Nowhere")[0] == "unknown_tenant"


def test_fees_and_discounts_keep_their_decimals(cli: Cli) -> None:
    """As prices do: whatever is stored as an amount would become another one."""
    cli.run("tenant", "add", "Shop A")
    cli.run("tenant", "set", "Shop A", "shipping", "20 each")
    assert cli.failure("tenant", "set", "Shop A", "exponent", "3")[0] == "has_prices"
    cli.run("tenant", "set", "Shop A", "shipping", "")
    cli.run("discount", "add", "Shop A", "Five", "--amount", "5")
    code, message = cli.failure("tenant", "set", "Shop A", "currency", "KWD")
    assert (code, "discount rules" in message) == ("has_prices", True)
