"""The owner's phone takes what the page shows now, and nothing else."""

import httpx2
import pytest

from agent.practice.network import SHOP_PHONE, Network
from agent.practice.owner_phone import OwnerPhone, WrongCodeError
from tests.agent.practice.stage import practice_phone

OTHER = "+919800000008"


@pytest.fixture
def network() -> Network:
    return Network()


def test_only_the_present_qr_links(network: Network) -> None:
    """A phone that scans what was shown before says so; a used one is worth nothing."""
    phone = OwnerPhone(network, network.apply)
    for reference in ("2@a", "2@b"):
        phone.show_qr(reference)
    with pytest.raises(WrongCodeError):
        phone.scan("2@a,x,y,z")
    phone.scan("2@b,x,y,z", OTHER)
    assert network.device is not None
    assert network.phone == OTHER
    assert network.identity["phone"] == "919800000008@c.us"
    with pytest.raises(WrongCodeError):
        phone.scan("2@b,x,y,z")


def test_letters_count_for_one_number(network: Network) -> None:
    """Typed into another phone they are wrong; where WhatsApp gives none, there are none."""
    phone = OwnerPhone(network, network.apply)
    assert phone.show_code(SHOP_PHONE, "ABCD1234")
    for code, number in (("ABCD1235", SHOP_PHONE), ("ABCD1234", OTHER)):
        with pytest.raises(WrongCodeError):
            phone.type(code, number)
    phone.type("ABCD1234")
    assert network.phone == SHOP_PHONE
    phone.refuses_codes = True
    assert not phone.show_code(SHOP_PHONE, "ABCD1234")


async def test_wrong_calls_are_answered_with_a_reason() -> None:
    """Nothing to scan yet, no text, no JSON, and far too much of it."""
    async with practice_phone() as phone, httpx2.AsyncClient(base_url=phone.process.url) as client:
        assert (await client.post("/api/scan", json={"text": "2@a"})).status_code == 409
        for content in (b"{}", b"{", b"x" * 5000):
            assert (await client.post("/api/scan", content=content)).status_code == 422
        assert (await phone.state())["shop"]["linked"]
