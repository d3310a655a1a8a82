"""What is exported can be imported again and changes nothing."""

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from unicodedata import normalize

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.commerce.catalog_export import cells, write_csv, write_json
from hub.commerce.catalog_fields import COLUMNS, Money
from hub.commerce.catalog_file import read_catalog
from hub.commerce.products import Product, Slab

EMPTY = Product(sku="", name="", price=0)
WORDS = st.text(st.characters(codec="utf-8", categories=["L", "Nd"]), min_size=1, max_size=12)
TEXTS = st.lists(WORDS | st.sampled_from(['"', ",", "=1", "-"]), min_size=1, max_size=4).map(
    " ".join
)
QUANTITIES = st.integers(1, 10**9).map(lambda thousandths: Decimal(thousandths).scaleb(-3))
PERCENTS = st.decimals("0.01", "99.99", places=2)
SLABS = st.lists(
    st.builds(Slab, min_qty=QUANTITIES, pct=PERCENTS)
    | st.builds(Slab, min_qty=QUANTITIES, unit_price=st.integers(1, 10**6)),
    max_size=3,
    unique_by=lambda slab: slab.min_qty,
).map(lambda slabs: tuple(sorted(slabs, key=lambda slab: slab.min_qty)))
PRODUCTS = st.builds(
    Product,
    sku=WORDS,
    name=TEXTS,
    price=st.integers(0, 10**8),
    description=st.just("") | TEXTS,
    category=st.just("") | TEXTS,
    aliases=st.lists(TEXTS, max_size=3, unique=True).map(tuple),
    unit=WORDS,
    tax_pct=PERCENTS,
    hsn=st.none() | WORDS,
    stock=st.none() | QUANTITIES,
    min_qty=QUANTITIES,
    step=QUANTITIES,
    packs=st.dictionaries(st.sampled_from(["box", "carton"]), st.integers(1, 144)),
    pieces_per_unit=st.none() | st.integers(1, 3_000),
    slabs=SLABS,
    image_url=st.none() | st.just("https://shop.example/a.jpg"),
    active=st.booleans(),
)


def normal(product: Product) -> Product:
    """The product with its texts as every import leaves them."""

    def nfc(text: str) -> str:
        return " ".join(normalize("NFC", text).split())

    fields = {name: nfc(getattr(product, name)) for name in ("sku", "name", "unit")}
    fields |= {name: nfc(getattr(product, name)) for name in ("description", "category")}
    aliases = tuple(dict.fromkeys(map(nfc, product.aliases)))
    hsn = None if product.hsn is None else nfc(product.hsn)
    return msgspec.structs.replace(product, aliases=aliases, hsn=hsn, **fields)


@pytest.mark.parametrize("kind", ["csv", "json"])
@given(product=PRODUCTS.map(normal), exponent=st.sampled_from([0, 2, 3]))
def test_an_export_is_read_back(kind: str, product: Product, exponent: int) -> None:
    """Every field of every product survives both formats in every currency."""
    write = {"csv": write_csv, "json": write_json}[kind]
    with TemporaryDirectory() as folder:
        path = Path(folder, f"shop.{kind}")
        path.write_text(write([product], exponent), "utf-8")
        (row,) = read_catalog(path, Money("XXX", exponent))
    fields = {name: value for name, value in row.fields.items() if value is not None}
    assert msgspec.structs.replace(EMPTY, **fields) == product


def test_every_column_is_exported() -> None:
    """The export knows the columns that the import knows, in their order."""
    assert tuple(cells(EMPTY, 2)) == tuple(COLUMNS)
