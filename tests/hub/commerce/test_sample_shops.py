"""The invented shops that come with the project: sound, and priced as the rules' tables say."""

import sqlite3
from collections.abc import Callable
from decimal import Decimal

import pytest

from hub.commerce import catalog, price_settings, sample_shops, shop_profile, shop_settings
from hub.commerce.catalog_fields import Money
from hub.commerce.pricing import Line, Quote, Terms, quote
from hub.commerce.products import Product, units
from hub.commerce.shipping import ByZone, PerUnit
from hub.store.schema import migrations
from hub.store.tx import Row, Tx, load_queries

CURRENCIES = {"fasteners": "INR", "sundar": "INR", "noor": "AED"}


class Opened:
    """A sample shop in a database of its own."""

    def __init__(self, name: str) -> None:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.row_factory = sqlite3.Row
        for script in migrations():
            connection.executescript(script)
        self.tx = Tx(connection, load_queries())
        tenant = sample_shops.read(name).tenant
        row = {
            "tenant_id": "ten_s",
            "name": tenant.name,
            "mode": "auto",
            "contact_policy": "everyone",
            "currency": tenant.currency,
            "exponent": 2,
            "locale": tenant.locale,
            "timezone": tenant.timezone,
        }
        products = sample_shops.read_products(name, Money(tenant.currency, 2))
        self.result = sample_shops.open_in(self.tx, name, row, products, 1)
        self.products = {p.sku: p for p in catalog.products(self.tx, "ten_s")}
        self.policy = catalog.price_policy(self.tx, "ten_s")

    @property
    def row(self) -> Row:
        row = self.tx.one("tenants.by_id", tenant_id="ten_s")
        assert row is not None
        return row

    def order(self, destination: str | None, *lines: tuple[str, str]) -> Quote:
        """What so many units of these products cost, brought there."""
        wanted = [Line(self.products[sku], Decimal(count)) for sku, count in lines]
        return quote(wanted, self.policy, Terms(destination=destination))


@pytest.fixture
def opened() -> Callable[[str], Opened]:
    return Opened


@pytest.mark.parametrize("name", sample_shops.NAMES)
def test_every_sample_is_sound(opened: Callable[[str], Opened], name: str) -> None:
    """Each setting and product is taken as it is typed, and every product is offered."""
    shop = opened(name)
    sample = sample_shops.read(name)
    assert shop.result.added == len(shop.products)
    assert all(product.offered for product in shop.products.values())
    assert sample.tenant.currency == CURRENCIES[name]
    assert sample.settings.keys() <= set(shop_settings.KEYS)
    profile = shop_profile.load(shop.row["settings"])
    assert all((profile.city, profile.hours, profile.payment))
    assert (shop.row["name"], shop.row["mode"]) == (sample.tenant.name, "auto")


def test_the_fasteners_shop_has_policy_a(opened: Callable[[str], Opened]) -> None:
    """DOMAIN's policy A: lines and total up, shipping by quantity, 18 % on goods and shipping."""
    shop = opened("fasteners")
    policy = shop.policy
    assert (policy.line_rounding, policy.total_rounding) == ("whole_up", "whole_up")
    assert policy.shipping == PerUnit(rate_below=2000, rate_from=1500, threshold=Decimal(15))
    tax = policy.tax
    assert (tax.basis, tax.order_pct, tax.on_shipping, tax.parts) == (
        "order",
        Decimal(18),
        True,
        2,
    )
    assert tax.state == "27"
    assert len(shop.products) >= 60
    assert {product.tax_pct for product in shop.products.values()} == {Decimal(18)}


@pytest.mark.parametrize(
    ("size", "pieces"),
    [
        ("6X40", 3000),
        ("6X60", 2000),
        ("8X60", 1500),
        ("8X80", 1500),
        ("8X100", 1200),
        ("8X120", 1100),
        ("10X80", 1000),
        ("10X100", 700),
        ("10X120", 700),
        ("10X140", 600),
        ("10X160", 500),
    ],
)
def test_a_carton_of_each_size(opened: Callable[[str], Opened], size: str, pieces: int) -> None:
    """What a carton holds; 7318, and names in both scripts."""
    product = opened("fasteners").products[f"FF-{size}"]
    assert (product.unit, product.pieces_per_unit, product.hsn) == ("carton", pieces, "7318")
    assert any(not name.isascii() for name in product.aliases)


@pytest.mark.parametrize(
    ("size", "pieces", "cartons", "goods"),
    [
        ("6X40", 100_000, 34, 8_160_000),
        ("8X80", 100_000, 67, 16_823_700),
        ("10X140", 1_000, 2, 514_900),
        ("10X100", 10_000, 15, 3_613_100),
    ],
)
def test_pieces_of_the_fasteners_shop(
    opened: Callable[[str], Opened], size: str, pieces: int, cartons: int, goods: int
) -> None:
    """The table's orders by the piece, from the sample's own catalog."""
    shop = opened("fasteners")
    product: Product = shop.products[f"FF-{size}"]
    assert units(product, Decimal(pieces), "piece") == cartons
    assert shop.order(None, (product.sku, str(cartons))).goods == goods


@pytest.mark.parametrize(
    ("name", "destination", "lines", "total"),
    [
        ("sundar", "411004", [("RICE-BAS-5", "4")], 264_806),
        ("sundar", "411001", [("TEA-ASM-500", "2")], 56_400),
        ("sundar", "411001", [("OIL-SUN-1L", "12"), ("SUG-1K", "10")], 239_018),
        ("sundar", "411001", [("LED-9W", "48")], 504_662),
        ("sundar", None, [("ROPE-NYL", "2.5")], 4_277),
        ("noor", "Dubai", [("OUD-12", "1")], 16_000),
        ("noor", "دبي", [("DATE-1K", "5")], 29_450),
        ("noor", "الشارقة", [("OUD-12", "1")], 17_000),
    ],
)
def test_totals_of_the_other_two(
    opened: Callable[[str], Opened],
    name: str,
    destination: str | None,
    lines: list[tuple[str, str]],
    total: int,
) -> None:
    """Orders of the evaluation's shops, from the samples' own catalogs and settings."""
    shop = opened(name)
    assert isinstance(shop.policy.shipping, ByZone)
    assert shop.order(destination, *lines).total == total


def test_no_key_belongs_to_two_parts() -> None:
    """What a person types names one setting."""
    assert len(set(shop_settings.KEYS)) == len(shop_settings.KEYS)
    assert set(price_settings.KEYS) < set(shop_settings.KEYS)
