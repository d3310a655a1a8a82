"""A journal that the disk has damaged: the agent ends with the way out, and nothing is lost."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.journal import FILE_NAME
from tests.e2e.small_house import SHOP, HouseError, SmallHouse, until
from tests.e2e.test_kills import now


def damage(journal: Path) -> None:
    """Put noise into the middle of the file; what a write-ahead log holds would mend it."""
    for suffix in ("-wal", "-shm"):
        journal.with_name(journal.name + suffix).unlink(missing_ok=True)
    with journal.open("r+b") as file:
        file.seek(4096)
        file.write(bytes(range(256)) * 64)


def stored(house: SmallHouse) -> list[str]:
    """The customers' messages that the hub has, in order."""
    with closing(sqlite3.connect(house.folder / "hub.db")) as connection:
        sql = "SELECT wa_id FROM messages WHERE direction = 'in' ORDER BY id"
        return [row[0] for row in connection.execute(sql)]


async def test_a_damaged_journal_is_kept_aside_and_the_shop_goes_on(tmp_path: Path) -> None:
    """One sentence with the command; after it and a new pairing every customer has one answer."""
    house = SmallHouse(tmp_path)
    journal = tmp_path / "agent" / FILE_NAME
    async with house.running():
        house.write(0, now())
        await house.all_answered(1)
        await house.agent.stop()
        damage(journal)
        await house.agent.start()

        async def ended() -> bool:
            return house.agent.has_died

        await until(ended, "the agent goes on with a damaged journal")
        with pytest.raises(HouseError, match="doctor --move-journal-aside"):
            house.agent.check()
        assert len((tmp_path / "agent.log").read_text().splitlines()) < 30
        house.write(1, now())
        await house.command("agent", "doctor", "--move-journal-aside")
        assert list(journal.parent.glob(f"{FILE_NAME}.aside-*"))
        code = (await house.sak_hub("agent", "invite", SHOP))["code"]
        await house.command("agent", "pair", house.url, code)
        await house.agent.start()
        house.write(2, now())
        await house.all_answered(3)
        assert set(house.answers().values()) == {1}
        assert stored(house) == ["IN0000", "IN0001", "IN0002"]
