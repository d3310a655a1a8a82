"""Which wa-js is used: the agent's own, or a newer one that was fetched and is whole."""

import sys
from pathlib import Path

import pytest

from agent.drivers.whatsapp_web.bundle import Bundles, Fetched, rank, version_of
from agent.drivers.whatsapp_web.errors import BundleBusyError, BundleMissingError
from tests.agent.npm_registry import write_shipped


@pytest.fixture
def bundles(tmp_path: Path) -> Bundles:
    return Bundles(tmp_path / "bundles", write_shipped(tmp_path))


def keep(bundles: Bundles, version: str) -> Fetched:
    with bundles.held():
        fetched = bundles.add(version, "sha512-x", f"/*! wa-js v{version} */".encode())
        bundles.use(fetched)
    return fetched


def used(bundles: Bundles) -> str:
    return bundles.choose().version


def test_versions_sort_as_npm_sorts_them() -> None:
    """By number, a trial version before its release, and what is none before all."""
    versions = ["10.0.0", "4.6.0", "1.2", "4.10.0", "4.6.0-alpha.1", "3.9.9"]
    assert sorted(versions, key=rank) == [
        "1.2", "3.9.9", "4.6.0-alpha.1", "4.6.0", "4.10.0", "10.0.0",
    ]  # fmt: skip
    assert rank("../../etc") == rank("4.6.0\n") == rank("")
    assert version_of(b"/*! wppconnect-team/wa-js v4.7.1-b.2 */") == "4.7.1-b.2"
    assert version_of(b"x" * 500 + b"wa-js v4.7.1") is None


def test_without_anything_fetched_the_agents_own_is_used(bundles: Bundles) -> None:
    """Looking creates nothing."""
    found = bundles.choose()
    assert (found.version, found.is_shipped, bundles.stamp()) == ("4.6.0", True, 0)
    assert not bundles.path("4.6.0").parent.parent.exists()


def test_a_newer_one_is_used_and_the_one_before_is_kept(bundles: Bundles) -> None:
    """Two versions stay on the disk, older ones go; each switch is seen by its stamp."""
    keep(bundles, "4.6.1")
    stamp = bundles.stamp()
    keep(bundles, "4.6.2")
    assert bundles.stamp() != stamp
    keep(bundles, "4.7.0")
    found = bundles.choose()
    assert (found.version, found.is_shipped, found.is_proven) == ("4.7.0", False, False)
    assert [bundles.path(it).exists() for it in ("4.6.1", "4.6.2", "4.7.0")] == [False, True, True]


def test_an_agent_that_brings_a_newer_one_uses_its_own(bundles: Bundles, tmp_path: Path) -> None:
    """After an upgrade what was fetched before is ignored, also an equal one."""
    keep(bundles, "4.6.1")
    for version in ("4.6.1", "5.0.0"):
        upgraded = Bundles(tmp_path / "bundles", write_shipped(tmp_path, version)).choose()
        assert (upgraded.version, upgraded.is_shipped) == (version, True)


def test_bytes_that_changed_on_the_disk_are_not_run(bundles: Bundles) -> None:
    """A fetched file is known by its hash; a damaged, missing or unreadable one is not used."""
    keep(bundles, "4.6.1")
    path = bundles.path("4.6.1")
    path.write_bytes(path.read_bytes() + b"alert(1)")
    assert used(bundles) == "4.6.0"
    path.unlink()
    assert used(bundles) == "4.6.0"
    (path.parent.parent / "chosen.json").write_bytes(b"{half")
    assert used(bundles) == "4.6.0"


def test_a_record_that_names_a_path_is_no_record(bundles: Bundles, tmp_path: Path) -> None:
    """The version becomes a folder's name: nothing but a version is followed."""
    keep(bundles, "4.6.1")
    record = tmp_path / "bundles" / "chosen.json"
    record.write_text(record.read_text("utf-8").replace("4.6.1", "../4.6.1"), "utf-8")
    assert used(bundles) == "4.6.0"


def test_an_unproven_one_that_fails_is_left_for_the_one_before(bundles: Bundles) -> None:
    """4.6.2 worked, 4.7.0 does not: back, and remembered; one asked for again may try again."""
    keep(bundles, "4.6.2")
    bundles.prove(bundles.choose())
    keep(bundles, "4.7.0")
    bundles.go_back(bundles.choose())
    assert (used(bundles), bundles.choose().is_proven) == ("4.6.2", True)
    assert bundles.refused() == ("4.7.0",)
    keep(bundles, "4.7.0")
    assert (used(bundles), bundles.refused()) == ("4.7.0", ())
    bundles.go_back(bundles.choose())
    bundles.go_back(bundles.choose())
    assert (used(bundles), bundles.choose().is_shipped) == ("4.6.0", True)


def test_what_is_said_of_another_bundle_changes_nothing(bundles: Bundles) -> None:
    """An agent that still runs the old one cannot judge the new one."""
    keep(bundles, "4.6.1")
    old = bundles.choose()
    keep(bundles, "4.6.2")
    bundles.go_back(old)
    bundles.prove(old)
    assert (used(bundles), bundles.choose().is_proven) == ("4.6.2", False)


def test_two_updates_at_once_are_one(bundles: Bundles, tmp_path: Path) -> None:
    """The second is told so; a judgement that comes meanwhile waits for the next self-test."""
    keep(bundles, "4.6.1")
    other = Bundles(tmp_path / "bundles", tmp_path / "shipped.js")
    with bundles.held():
        with pytest.raises(BundleBusyError, match="wait until it has ended"), other.held():
            raise AssertionError
        other.prove(other.choose())
    assert not bundles.choose().is_proven


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps a person's own by itself")
def test_only_the_owner_can_change_what_is_run(bundles: Bundles) -> None:
    """Who writes there runs as the shop's WhatsApp."""
    keep(bundles, "4.6.1")
    path = bundles.path("4.6.1")
    assert [it.stat().st_mode & 0o077 for it in (path, path.parent, path.parent.parent)] == [0] * 3


def test_without_its_own_the_agent_says_so(tmp_path: Path) -> None:
    """An installation that lost wa-js is named with the remedy."""
    with pytest.raises(BundleMissingError, match="install the agent again"):
        Bundles(tmp_path, tmp_path / "gone.js").choose()
