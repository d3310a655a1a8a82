"""What the browser lives in goes wrong: its profile is damaged, cannot be used, or has no room."""

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import psutil
import pytest

from agent.drivers.whatsapp_web import WhatsAppWebDriver
from agent.drivers.whatsapp_web.errors import ProfileUnusableError
from tests.agent.practice.stage import Phone, practice_phone
from tests.agent.whatsapp_web.shop import Recorder, Shop, open_shop, web_settings

DISK_MIB = 96
BLOCK = bytes(65_536)
SEED = 1


def damage(directory: Path) -> int:
    """Put noise into every file; how many there were."""
    noise = Random(SEED)  # noqa: S311 - no secret
    files = [path for path in directory.rglob("*") if path.is_file() and not path.is_symlink()]
    for path in files:
        path.write_bytes(noise.randbytes(max(64, path.stat().st_size)))
    return len(files)


async def test_a_damaged_profile_asks_for_a_new_link_and_loses_nothing(tmp_path: Path) -> None:
    """All of it is noise: `logged_out` with advice, and after the link the sweep finds all."""
    async with practice_phone("--unlinked") as phone:
        settings = web_settings(tmp_path, phone.process.web_url)
        async with open_shop(settings) as shop:
            await shop.until("qr")
            await phone.post("link")
            await shop.until("ready")
        assert damage(settings.profile_dir / "chromium") > 20
        customer = await phone.new_person()
        await customer.write("meanwhile")
        async with open_shop(settings) as shop:
            await shop.until("logged_out")
            assert "to begin again" in shop.driver.status.advice
            await phone.post("link")
            await shop.until("ready")
            assert [one.text async for one in shop.driver.sweep(0)] == ["meanwhile"]
            await shop.sink.message(await customer.write("now"))
            assert shop.sink.statuses.count("logged_out") == 1


@pytest.mark.parametrize("where", ["profile", "profile/chromium"])
async def test_a_profile_that_cannot_be_used_ends_the_driver_with_the_remedy(
    tmp_path: Path, where: str
) -> None:
    """A file stands where its directory belongs: one sentence, no browser, no tries for ever."""
    settings = web_settings(tmp_path, "http://127.0.0.1:9/")
    place = tmp_path / where
    place.parent.mkdir(exist_ok=True)
    place.write_text("this should be a directory")
    with pytest.raises(ProfileUnusableError, match="link WhatsApp again"):
        await WhatsAppWebDriver(settings).run(Recorder())


def may_mount() -> bool:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    return subprocess.run(["unshare", "--mount", "true"], check=False).returncode == 0


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of its own for root; for others the same directory, whose files may not grow."""
    place = folder / "disk"
    place.mkdir()
    if not may_mount():
        yield place
        return
    options = ["-t", "tmpfs", "-o", f"size={DISK_MIB}m", "none"]
    subprocess.run(["mount", *options, str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@contextmanager
def without_room(place: Path, shop: Shop) -> Iterator[None]:
    """Let not one more byte be written there while the block runs."""
    if not place.is_mount():
        main = shop.browser()
        for process in (main, *main.children(recursive=True)):
            with suppress(psutil.Error, ProcessLookupError):
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        yield
        return
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(BLOCK):
            pass
    yield
    filler.unlink()


async def test_a_disk_without_room_costs_the_browser_no_message(tmp_path: Path) -> None:
    """Customers are heard, a browser that dies comes back, and all is found afterwards."""
    with small_disk(tmp_path) as place:
        async with practice_phone() as phone:
            await hears_without_room(phone, place)


async def hears_without_room(phone: Phone, place: Path) -> None:
    async with open_shop(web_settings(place, phone.process.web_url)) as shop:
        await shop.until("ready")
        customer = await phone.new_person()
        with without_room(place, shop):
            await shop.sink.message(await customer.write("one"))
            seen = len(shop.sink.statuses)
            shop.browser().kill()
            await shop.until_again("ready", seen)
            await shop.sink.message(await customer.write("two"))
        await shop.sink.message(await customer.write("three"))
        found = [one.text async for one in shop.driver.sweep(0)]
        assert found == ["one", "two", "three"]
        assert len(shop.sink.statuses) < 12
