"""What SQLite says of a disk that takes no more, and how the store tells it."""

import subprocess
import sys
from pathlib import Path

from tests.hub.process import ROOT

QUOTA = """
import asyncio, resource, sys
from hub.clock import SystemClock
from hub.store.database import Store
from hub.store.errors import StoreFull

async def main(url):
    add = lambda tx: tx.run("doctor.touch", by=1)
    async with Store.open(url, SystemClock()) as store:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        await store.write(lambda tx: tx.run("tenants.insert", **SHOP))
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        for _ in range(2):
            try:
                await store.write(add)
            except StoreFull as error:
                print(error.__cause__.sqlite_errorname)
            print((await store.one("tenants.by_id", tenant_id="ten_a"))["created_at"])
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        await store.write(add)
        print((await store.one("tenants.by_id", tenant_id="ten_a"))["created_at"])

SHOP = dict(tenant_id="ten_a", name="A", mode="auto", contact_policy="everyone", currency="INR",
            exponent=2, locale="en_IN", timezone="Asia/Kolkata", created_at=1)
asyncio.run(main(sys.argv[1]))
"""


def test_a_limit_on_files_is_a_full_disk(tmp_path: Path) -> None:
    """Nothing is written, all can be read, and with room again writing goes on as it was."""
    command = [sys.executable, "-c", QUOTA, f"sqlite:///{tmp_path}/hub.db"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.split() == ["SQLITE_IOERR_WRITE", "1", "SQLITE_IOERR_WRITE", "1", "2"]
