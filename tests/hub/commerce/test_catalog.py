"""Importing into a real database: all or nothing, by SKU, searchable at once."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from hub.commerce.catalog import (
    ImportResult,
    candidates,
    import_file,
    make_ready,
    preview_file,
    price_policy,
    product_of,
    read_file,
    take,
)
from hub.commerce.catalog_fields import Money
from hub.commerce.errors import CatalogError
from hub.commerce.pricing import Policy
from hub.commerce.products import Product, Slab
from hub.commerce.tax import Tax
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
    assert (tea.slabs, tea.unit, tea.tax_pct) == (
        (Slab(Decimal(10), pct=Decimal(5)),),
        "pack",
        Decimal(5),
    )
    await load(store, path, f"{HEAD},slabs,unit\nA-1,Tea,11,,\n")
    tea = (await stock_of(store))["A-1"]
    assert (tea.slabs, tea.unit) == ((), "piece")


async def test_a_preview_says_what_would_change_and_changes_nothing(
    store: Store, path: Path
) -> None:
    """Every new product, and each changed cell as it is and as it would be."""
    await load(store, path, f"{HEAD},slabs,stock\nA-1,Tea,1,10:5%,5\nA-2,Rice,2,,\n")
    before = await stock_of(store)
    text = f"{HEAD},slabs,stock\nA-1,Tea,1.50,,5\nA-2,Rice,2,,\nA-3,Oil,4,,0.5\n"
    await asyncio.to_thread(path.write_text, text, "utf-8")
    preview = await preview_file(store, "ten_a", path)
    assert preview.result == ImportResult(added=1, changed=1, unchanged=1)
    assert preview.added == ("A-3",)
    assert [(change.sku, change.cells) for change in preview.changed] == [
        ("A-1", {"price": ("1.00", "1.50"), "slabs": ("10:5%", "")})
    ]
    assert await stock_of(store) == before
    assert await import_file(store, "ten_a", path, 8) == preview.result
    with pytest.raises(CatalogError, match="no such shop"):
        await preview_file(store, "ten_x", path)


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
    cells = "a|b,12.50,7318,0.5,box=12,3,2.5:2.5%; 20:=0.75,1.5,0.25,yes,Hot"
    columns, cells = f"{columns},image_url", f"{cells},https://shop.example/a.jpg"
    text = f"{HEAD},{columns}\nA-1,Tea,1,{cells}\n"
    await load(store, path, text)
    assert await load(store, path, text) == ImportResult(added=0, changed=0, unchanged=1)
    tea = (await stock_of(store))["A-1"]
    assert (tea.stock, tea.min_qty, tea.step) == tuple(map(Decimal, ("0.5", "1.5", "0.25")))
    assert (tea.slabs[0].min_qty, tea.image_url) == (Decimal("2.5"), "https://shop.example/a.jpg")


async def test_what_changed_while_a_file_was_read_is_not_lost(store: Store, path: Path) -> None:
    """An order that takes stock and another import come between reading and writing."""
    await load(store, path, f"{HEAD},stock\nA-1,Tea,1,5\n")
    row = f"{HEAD}\nA-1,Green tea,2\nA-2,Rice,3\n"
    await asyncio.to_thread(path.write_text, row, "utf-8")
    file = await asyncio.to_thread(read_file, path, Money("INR", 2))
    ready = await store.read(lambda tx: make_ready(tx, "ten_a", file))
    (tea,) = await store.all("catalog.all", tenant_id="ten_a")
    taken = {"tenant_id": "ten_a", "product_id": tea["product_id"], "quantity_milli": 2_000}
    await store.write(lambda tx: tx.run("orders.take_stock", **taken))
    await load(store, path, f"{HEAD}\nA-2,Old rice,1\n")
    late = await store.write(lambda tx: take(tx, "ten_a", file, 9, ready))
    assert late == ImportResult(added=0, changed=2, unchanged=0)
    known = await stock_of(store)
    assert (known["A-1"].stock, known["A-1"].price) == (Decimal(3), 200)
    assert known["A-2"].name == "Rice"
    assert await found(store, "green") == ["A-1"]


async def test_a_new_price_leaves_the_search_as_it_is(store: Store, path: Path) -> None:
    """Only what a product is found by is indexed anew; a price of 0 takes it out."""
    await load(store, path, f"{HEAD}\nA-1,Tea,1\nA-2,Rice,2\n")
    await load(store, path, f"{HEAD}\nA-1,Tea,3\nA-2,Rice,0\n")
    assert (await found(store, "tea"), await found(store, "rice")) == (["A-1"], [])
    await load(store, path, f"{HEAD}\nA-2,Rice,4\n")
    assert await found(store, "rice") == ["A-2"]


async def test_fifty_thousand_rows(store: Store, path: Path) -> None:
    """They are taken at once; one fault in the last row stops them all and is named."""
    rows = [f"S-{n},Frame Fixing {n % 50}x{n},{n + 1}.50" for n in range(50_000)]
    with pytest.raises(CatalogError) as caught:
        await load(store, path, "\n".join([HEAD, *rows[:-1], "S-x,Bolt,1.005"]))
    assert [(fault.row, fault.column) for fault in caught.value.rows] == [(50_001, "price")]
    assert await stock_of(store) == {}
    done = await load(store, path, "\n".join([HEAD, *rows]))
    assert done == ImportResult(added=50_000, changed=0, unchanged=0)
    assert await found(store, "49x49999") == ["S-49999"]


async def test_the_price_policy(store: Store) -> None:
    """A shop that set nothing is taxed as usual; there is none for a shop that is not there."""
    assert await store.read(lambda tx: price_policy(tx, "ten_a")) == Policy(
        tax=Tax(name="GST", parts=2)
    )
    with pytest.raises(LookupError):
        await store.read(lambda tx: price_policy(tx, "ten_x"))


async def test_what_is_cut_may_be_had_from_one_step_on(store: Store, path: Path) -> None:
    """Half a metre of rope is an order, unless the shop says that it wants more."""
    await load(store, path, "sku,name,price,step,min_qty\nR1,Rope,14.50,0.5,\nR2,Wire,9,0.5,2\n")
    await load(store, path, "sku,name,price,step\nR1,Rope,15,0.5\nR2,Wire,9,0.5\n")
    stock = await stock_of(store)
    assert {sku: stock[sku].min_qty for sku in ("R1", "R2")} == {"R1": Decimal("0.5"), "R2": 2}
