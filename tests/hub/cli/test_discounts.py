"""`sak-hub discount`: rules as an operator types them, and what an order then costs."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from hub.clock import SystemClock
from hub.commerce import discount_store
from hub.commerce.discounts import DiscountRule
from hub.store.database import Store
from hub.store.tx import Tx
from tests.fakes import FakeClock
from tests.hub.cli.conftest import Cli
from tests.hub.commerce.people import PHONE
from tests.hub.conversation.scene import open_scene

SHOP = "Shop A"


@pytest.fixture
def shop(cli: Cli) -> Cli:
    """A shop with two products and, in India, the time of India."""
    cli.run("tenant", "add", SHOP)
    file = cli.directory / "catalog.csv"
    file.write_text("sku,name,price,category\nA-1,Cup,24.50,Kitchen\nA-2,Lamp,90,Light\n")
    cli.run("catalog", "import", SHOP, str(file))
    return cli


def add(cli: Cli, *options: str, name: str = "Rule") -> dict[str, Any]:
    return cli.facts("discount", "add", SHOP, name, *options)


def stored(cli: Cli) -> tuple[DiscountRule, ...]:
    """The rules in use as pricing gets them."""

    async def read() -> tuple[DiscountRule, ...]:
        async with Store.open(f"sqlite:///{cli.path}", SystemClock()) as store:
            (row,) = await store.all("tenants.all")
            return await store.read(lambda tx: discount_store.rules(tx, row["tenant_id"]))

    return asyncio.run(read())


def test_every_condition_reaches_the_rule(shop: Cli) -> None:
    """Amounts in major units, times of the shop, names as the catalog has them."""
    add(
        shop,
        *("--percent", "7.5%", "--max-amount", "500", "--coupon", "diwali10", "--uses-max", "20"),
        *("--min-value", "1,000", "--min-qty", "2.5", "--max-qty", "90", "--tier", "gold"),
        *("--tier", "silver", "--sku", "a-1", "--sku", "A-2", "--category", "LIGHT"),
        *("--starts", "2026-03-10", "--ends", "2026-03-12T18:30", "--weekday", "sun"),
        *("--weekday", "mon", "--hours", "22-2", "--first-order", "--stackable"),
    )
    (rule,) = stored(shop)
    assert rule == DiscountRule(
        rule_id=rule.rule_id,
        name="Rule",
        pct=Decimal("7.5"),
        max_amount=50_000,
        coupon="DIWALI10",
        uses_max=20,
        min_value=100_000,
        min_qty=Decimal("2.5"),
        max_qty=Decimal(90),
        tiers=("gold", "silver"),
        skus=("A-1", "A-2"),
        categories=("Light",),
        starts_at=1_773_081_000_000,
        ends_at=1_773_320_400_000,
        weekdays=(0, 6),
        hours=(22, 2),
        first_order=True,
        stackable=True,
    )


def put_customer(tx: Tx) -> None:
    """A customer who is known by a phone number."""
    who = {"tenant_id": "ten_a", "customer_id": "cus_a"}
    tx.run("customers.insert", **who, created_at=1, updated_at=1)
    tx.run("customers.give_alias", **who, kind="phone", value=PHONE, now_ms=1)


def test_a_rule_for_certain_customers(cli: Cli) -> None:
    """They are named as in every command, and kept by their id; the tier is set by hand."""

    async def prepare() -> None:
        async with open_scene(cli.path, FakeClock()) as scene:
            await scene.store.write(put_customer)

    cli.path.parent.mkdir(parents=True)
    asyncio.run(prepare())
    facts = add(cli, "--amount", "5", "--customer", PHONE)
    assert facts["customers"] == ["cus_a"]
    failed = cli.failure(
        "discount", "add", SHOP, "Other", "--amount", "5", "--customer", "+919800000077"
    )
    assert failed[0] == "unknown_customer"
    assert cli.facts("customer", "tier", SHOP, PHONE, "gold")["tier"] == "gold"
    assert cli.facts("customer", "show", SHOP, PHONE)["tier"] == "gold"
    assert cli.facts("customer", "tier", SHOP, PHONE)["tier"] is None
    assert cli.lines("customer", "tier", SHOP, PHONE)[0].endswith("is in no tier now.")


def test_the_last_day_counts_whole(shop: Cli) -> None:
    """A rule of one day begins and ends at the shop's midnights."""
    facts = add(shop, "--percent", "5", "--starts", "2026-03-10", "--ends", "2026-03-10")
    assert (facts["starts_at"], facts["ends_at"]) == (
        "2026-03-09T18:30:00.000Z",
        "2026-03-10T18:30:00.000Z",
    )
    (_, row) = shop.lines("discount", "list", SHOP)
    assert "from 2026-03-10 00:00, until 2026-03-11 00:00" in row


def test_a_percentage_is_told_in_plain_digits(shop: Cli) -> None:
    """No program or person has to read 1E+1."""
    assert add(shop, "--percent", "10.0")["pct"] == "10"


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ((), "--percent 10, or --amount 100"),
        (("--percent", "5", "--amount", "5"), "--percent or --amount"),
        (("--percent", "0"), "above 0"),
        (("--percent", "101"), "--percent: "),
        (("--percent", "-5"), "--percent: "),
        (("--percent", "some"), "--percent: "),
        (("--amount", "0"), "above 0"),
        (("--amount", "1.005"), "too many decimals"),
        (("--amount", "5", "--max-amount", "3"), "--max-amount"),
        (("--amount", "5", "--min-value", "x"), "--min-value: "),
        (("--amount", "5", "--min-qty", "0"), "--min-qty: "),
        (("--amount", "5", "--min-qty", "1.0005"), "--min-qty: "),
        (("--amount", "5", "--min-qty", "9", "--max-qty", "8"), "no order could have it"),
        (("--amount", "5", "--coupon", "two words"), "DIWALI10"),
        (("--amount", "5", "--coupon", "x" * 31), "DIWALI10"),
        (("--amount", "5", "--uses-max", "0"), "--uses-max: "),
        (("--amount", "5", "--uses-max", "many"), "--uses-max: "),
        (("--amount", "5", "--tier", " "), "--tier: "),
        (("--amount", "5", "--sku", "Z-9"), "no product 'Z-9'"),
        (("--amount", "5", "--category", "Toys"), "no category 'Toys'"),
        (("--amount", "5", "--starts", "tomorrow"), "2026-03-10"),
        (("--amount", "5", "--starts", "2026-03-10", "--ends", "2026-03-09"), "not after"),
        (("--amount", "5", "--hours", "9"), "9-17"),
        (("--amount", "5", "--hours", "9-25"), "9-17"),
        (("--amount", "5", "--hours", "9-9"), "9-17"),
    ],
)
def test_what_does_not_fit_is_told_with_its_option(
    shop: Cli, options: tuple[str, ...], hint: str
) -> None:
    """One sentence, and no rule is made."""
    code, message = shop.failure("discount", "add", SHOP, "Rule", *options)
    assert code == "bad_value"
    assert hint in message
    assert stored(shop) == ()


@pytest.mark.parametrize("option", [("--weekday", "someday"), ("--percnt", "5")])
def test_an_unknown_option_is_no_rule(shop: Cli, option: tuple[str, str]) -> None:
    """A typing error does not end as part of something else."""
    assert shop.failure("discount", "add", SHOP, "Rule", "--amount", "5", *option)[0] == "usage"


@pytest.mark.parametrize("name", ["", " ", "\u200d", "x" * 81, "two\nlines"])
def test_a_name_that_no_bill_could_show(shop: Cli, name: str) -> None:
    """Customers read it."""
    assert shop.failure("discount", "add", SHOP, name, "--amount", "5")[0] == "bad_value"


def test_a_name_may_have_the_joiners_of_its_script(shop: Cli) -> None:
    """Sinhala and Malayalam cannot be written without them."""
    name = "\u0dc1\u0dca\u200d\u0dbb\u0dd3 🎉"
    assert shop.facts("discount", "add", SHOP, name, "--amount", "5")["name"] == name


def test_names_and_coupons_are_taken_once(shop: Cli) -> None:
    """Also by a rule that is out of use, which can be put back instead."""
    add(shop, "--amount", "5", "--coupon", "TEN")
    again = shop.failure("discount", "add", SHOP, "Rule", "--amount", "6")
    assert again[0] == "name_taken"
    shop.run("discount", "remove", SHOP, "Rule")
    code, message = shop.failure(
        "discount", "add", SHOP, "Other", "--amount", "6", "--coupon", "ten"
    )
    assert (code, "discount restore" in message) == ("coupon_taken", True)


def test_a_rule_is_listed_put_out_of_use_and_back(shop: Cli) -> None:
    """A removed rule is no price's any more, and still stands in the list."""
    assert shop.lines("discount", "list", SHOP) == ["No discount rules yet."]
    add(shop, "--amount", "5", "--weekday", "mon", "--weekday", "tue", "--first-order")
    (_, row) = shop.lines("discount", "list", SHOP)
    assert all(part in row for part in ("Rule", "₹5.00", "mon or tue", "first order"))
    assert shop.lines("discount", "remove", SHOP, "Rule") == ["Rule is out of use."]
    assert stored(shop) == ()
    (fact,) = shop.facts("discount", "list", SHOP)["discounts"]
    assert (fact["active"], fact["weekdays"]) == (False, ["mon", "tue"])
    assert shop.facts("discount", "restore", SHOP, "Rule")["active"] is True
    assert len(stored(shop)) == 1
    assert shop.failure("discount", "remove", SHOP, "Nothing")[0] == "unknown_discount"
