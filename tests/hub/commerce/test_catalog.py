"""Importing into a real database: all or nothing, by SKU, searchable at once."""

import asyncio
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from hub.commerce.catalog import (
    ImportResult,
    candidates,
    import_file,
    policy_of,
    price_policy,
    product_of,
)
from hub.commerce.errors import CatalogError
from hub.commerce.pricing import Policy, Tax
from hub.commerce.products import Product, Slab
from hub.store.database import Store

HEAD = "sku,name,price"


async def load(store: Store, path: Path, text: str, tenant: str = "ten_a") -> ImportResult:
    await asyncio.to_thread(path.write_text, text, "utf-8")
    return await import_file(store, tenant, path, 7)


async def stock_of(store: Store, tenant: str = "ten_a") -> dict[str, Product]:
    rows = await store.all("catalog.all", tenant_id=tenant)
    return {row["sku"]: product_of(row) for row in rows}


async def found(store: Store, word: str, tenant: str = "ten_a") -> list[str]:
    products = await store.read(lambda tx: candidates(tx, tenant, f'"{word}"', 10))
    return [product.sku for product in products]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.csv"


async def test_added_changed_unchanged(store: Store, path: Path) -> None:
    """The second import changes only what the file changes; other products stay."""
    first = await load(store, path, f"{HEAD}\nA-1,Tea,1\nA-2,Rice,2\nA-3,Salt,3\n")
    assert first == ImportResult(added=3, changed=0, unchanged=0)
    second = await load(store, path, f"{HEAD}\na-1,Tea,1.50\nA-2,Rice,2\nA-4,Oil,4\n")
    assert second == ImportResult(added=1, changed=1, unchanged=1)
    known = await stock_of(store)
    assert {sku: product.price for sku, product in known.items()} == {
        "a-1": 150,  # known again in any letter case, written as the file writes it
        "A-2": 200,
        "A-3": 300,
        "A-4": 400,
    }


async def test_columns_that_are_missing_leave_the_field(store: Store, path: Path) -> None:
    """A price list without slabs keeps them; an empty cell takes them away."""
    await load(store, path, f"{HEAD},slabs,unit,tax_pct\nA-1,Tea,10,10:5%,pack,5\n")
    await load(store, path, f"{HEAD}\nA-1,Tea,11\n")
    tea = (await stock_of(store))["A-1"]
    assert (tea.slabs, tea.unit, tea.tax_pct) == ((Slab(10, pct=Decimal(5)),), "pack", Decimal(5))
    await load(store, path, f"{HEAD},slabs,unit\nA-1,Tea,11,,\n")
    tea = (await stock_of(store))["A-1"]
    assert (tea.slabs, tea.unit) == ((), "piece")


async def test_one_fault_stops_everything(store: Store, path: Path) -> None:
    """Nothing of a file with a fault is in the catalog or in the search."""
    with pytest.raises(CatalogError):
        await load(store, path, f"{HEAD}\nA-1,Tea,1\nA-2,Rice,x\n")
    assert await stock_of(store) == {}
    assert await found(store, "tea") == []


async def test_a_slab_above_the_price_is_refused(store: Store, path: Path) -> None:
    """Checked on the product as it would be: the price here, the slab from an earlier file."""
    await load(store, path, f"{HEAD},slabs\nA-1,Tea,10,10:=9.00\n")
    with pytest.raises(CatalogError) as caught:
        await load(store, path, f"{HEAD}\nA-1,Tea,8\n")
    assert [(fault.row, fault.column) for fault in caught.value.rows] == [(2, "slabs")]
    assert (await stock_of(store))["A-1"].price == 1000


async def test_the_search_follows(store: Store, path: Path) -> None:
    """New names are found and old ones are not; what is not offered is not found."""
    await load(store, path, f"{HEAD},active\nA-1,Tea,1,\nA-2,Rice,0,\nA-3,Salt,1,no\n")
    assert [await found(store, word) for word in ("tea", "rice", "salt")] == [["A-1"], [], []]
    await load(store, path, f"{HEAD},aliases\nA-1,Coffee,1,kaapi|कॉफ़ी\n")
    assert await found(store, "tea") == []
    assert await found(store, "kaapi") == ["A-1"]


async def test_shops_are_apart(store: Store, path: Path) -> None:
    """The same SKU in two shops is two products, and neither shop finds the other's."""
    await load(store, path, f"{HEAD}\nA-1,Tea,1\n")
    await load(store, path, f"{HEAD}\nA-1,Lamp,2\n", "ten_b")
    assert (await found(store, "tea"), await found(store, "tea", "ten_b")) == (["A-1"], [])
    assert (await stock_of(store))["A-1"].name == "Tea"


async def test_an_unknown_shop(store: Store, path: Path) -> None:
    """An import needs a shop."""
    with pytest.raises(CatalogError, match="no such shop"):
        await load(store, path, f"{HEAD}\nA-1,Tea,1\n", "ten_x")


async def test_the_same_file_twice_changes_nothing(store: Store, path: Path) -> None:
    """Every field survives the way into the database and back."""
    columns = "aliases,tax_pct,hsn,stock,packs,pieces_per_unit,slabs,min_qty,step,active,category"
    cells = "a|b,12.50,7318,0,box=12,3,10:2.5%; 20:=0.75,5,5,yes,Hot"
    text = f"{HEAD},{columns}\nA-1,Tea,1,{cells}\n"
    await load(store, path, text)
    assert await load(store, path, text) == ImportResult(added=0, changed=0, unchanged=1)


@pytest.mark.parametrize(("name", "least"), [("fasteners.csv", 60), ("corner_shop.json", 20)])
async def test_the_sample_shops(store: Store, name: str, least: int) -> None:
    """The samples that come with the project are sound."""
    sample = files("hub.samples").joinpath(name)
    assert isinstance(sample, Path)
    assert (await import_file(store, "ten_a", sample, 7)).added >= least


async def test_the_price_policy(store: Store) -> None:
    """GST in two halves for rupees, a plain tax else, and the shop's own where it set one."""
    assert await store.read(lambda tx: price_policy(tx, "ten_a")) == Policy(
        tax=Tax(name="GST", parts=2)
    )
    assert policy_of("{}", "KWD", 3) == Policy(exponent=3)
    own = Policy(line_rounding="whole_up", tax=Tax(name="VAT", included=True))
    settings = msgspec.json.encode({"pricing": own, "debounce_s": 3}).decode()
    assert policy_of(settings, "AED", 2) == own
    with pytest.raises(LookupError):
        await store.read(lambda tx: price_policy(tx, "ten_x"))
