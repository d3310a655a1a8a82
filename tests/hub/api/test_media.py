"""PUT and GET /agent/media/{sha256}."""

from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import httpx2
import pytest

from hub.store.media import MediaFiles
from tests.hub.api.conftest import MEDIA_MAX, Hub
from tests.hub.shops import add_agent, add_shop

CONTENT = b"\x00invented picture\xff"
DIGEST = sha256(CONTENT).hexdigest()


class Uploader:
    """An agent's calls; counts the pieces that the hub took of a body."""

    def __init__(self, hub: Hub, token: str) -> None:
        self.hub = hub
        self.headers = {"Authorization": f"Bearer {token}"}
        self.taken = 0

    async def put(self, content: bytes, digest: str | None = None) -> httpx2.Response:
        url = f"/agent/media/{digest or sha256(content).hexdigest()}"
        return await self.hub.client.put(url, content=content, headers=self.headers)

    async def put_pieces(self, piece: bytes, count: int) -> httpx2.Response:
        async def body() -> AsyncIterator[bytes]:
            for _ in range(count):
                self.taken += 1
                yield piece

        url = f"/agent/media/{'0' * 64}"
        return await self.hub.client.put(url, content=body(), headers=self.headers)

    async def get(self, digest: str = DIGEST) -> httpx2.Response:
        return await self.hub.client.get(f"/agent/media/{digest}", headers=self.headers)


@pytest.fixture
async def agent(hub: Hub) -> Uploader:
    return Uploader(hub, await add_agent(hub.store, hub.clock))


def files_of(hub: Hub) -> list[str]:
    """Every file below the media directory, relative to it."""
    return sorted(
        str(path.relative_to(hub.media_root))
        for path in hub.media_root.rglob("*")
        if path.is_file()
    )


async def test_a_file_goes_in_once_and_comes_back(hub: Hub, agent: Uploader) -> None:
    """201 for a new one, 200 for the same again, and its bytes as they were."""
    assert [(await agent.put(CONTENT)).status_code for _ in range(2)] == [201, 200]
    answer = await agent.get()
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == "attachment"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert files_of(hub) == [f"ten_a/{DIGEST}"]


async def test_another_content_than_the_hash_says_is_refused(hub: Hub, agent: Uploader) -> None:
    """422, also for a hash that is held already, and nothing is left behind."""
    assert (await agent.put(b"other", DIGEST)).status_code == 422
    assert files_of(hub) == []
    await agent.put(CONTENT)
    assert (await agent.put(b"other", DIGEST)).status_code == 422
    assert (await agent.get()).content == CONTENT


async def test_the_limit_itself_is_allowed(agent: Uploader) -> None:
    """Exactly as many bytes as the limit go in; an empty file does, too."""
    assert (await agent.put(b"x" * MEDIA_MAX)).status_code == 201
    assert (await agent.put(b"")).status_code == 201


async def test_a_declared_length_over_the_limit_is_refused_unread(
    hub: Hub, agent: Uploader
) -> None:
    """413 from the header alone, and the connection is given up."""
    answer = await agent.put(b"x" * (MEDIA_MAX + 1))
    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"
    assert answer.json()["bytes_max"] == MEDIA_MAX
    assert files_of(hub) == []


async def test_a_body_over_the_limit_is_not_read_on(hub: Hub, agent: Uploader) -> None:
    """Without a declared length reading stops right where the limit is passed."""
    answer = await agent.put_pieces(b"x" * (MEDIA_MAX // 2), count=100)
    assert answer.status_code == 413
    assert agent.taken == 3
    assert files_of(hub) == []


async def test_no_shop_reaches_anothers_files(hub: Hub, agent: Uploader) -> None:
    """A foreign hash is as unknown as one that nobody holds."""
    await agent.put(CONTENT)
    await add_shop(hub.store, hub.clock, "ten_b", "Shop B")
    other = Uploader(hub, await add_agent(hub.store, hub.clock, "agt_b", "ten_b"))
    assert (await other.get()).status_code == 404
    assert (await agent.get("0" * 64)).status_code == 404
    assert (await other.put(CONTENT)).status_code == 201


@pytest.mark.parametrize(
    "digest", ["..", "%2e%2e", "..%2f..%2fhub.db", "0" * 63, "0" * 65, "A" * 64, f"{'0' * 64}.part"]
)
async def test_only_a_hash_is_an_address(hub: Hub, agent: Uploader, digest: str) -> None:
    """Whatever else stands there leads to no file, in or out."""
    put = await agent.put(CONTENT, digest)
    got = await agent.get(digest)
    assert put.status_code in {404, 405, 422}
    assert got.status_code in {404, 405}
    assert files_of(hub) == []


async def test_strangers_are_refused(hub: Hub) -> None:
    """401 before a byte is read or written."""
    stranger = Uploader(hub, "sak_a_" + "A" * 43)
    assert (await stranger.put_pieces(b"x", count=10)).status_code == 401
    assert (await stranger.get()).status_code == 401
    assert stranger.taken == 0
    assert files_of(hub) == []


async def test_a_disk_that_takes_no_more_is_told(hub: Hub, agent: Uploader) -> None:
    """An error of the file system is 503 with Retry-After: the agent keeps the file."""
    hub.media_root.write_text("a file where the directory should be")
    answer = await agent.put(CONTENT)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")


async def test_what_a_crash_left_is_removed_at_the_start(hub: Hub, agent: Uploader) -> None:
    """Unfinished files go, whole ones stay."""
    await agent.put(CONTENT)
    left = hub.media_root / "ten_a" / f"{DIGEST}.0011.part"
    left.write_bytes(b"half")
    assert MediaFiles(hub.media_root).remove_unfinished() == 1
    assert files_of(hub) == [f"ten_a/{DIGEST}"]


def test_no_tenant_id_leaves_the_directory(tmp_path: Path) -> None:
    """An id that is no plain word has no files."""
    files = MediaFiles(tmp_path / "media")
    assert files.find("..", DIGEST) is None
    assert files.receive("../x", DIGEST) is None
