"""What is accepted as wa-js, and what is refused; hostile archives leave nothing on the disk."""

import gzip
import io
import tarfile

import pytest

from agent.drivers.whatsapp_web.archive import check_integrity, unpack
from agent.drivers.whatsapp_web.errors import BundleRefusedError
from tests.agent.npm_registry import BUNDLE, archive, bundle, integrity

GOOD = archive("4.7.0", bundle("4.7.0"))


def test_an_archive_gives_its_one_file() -> None:
    """The bundle comes out byte for byte; documents beside it are ignored."""
    packed = archive("4.7.0", bundle("4.7.0"), ("package/README.md", b"hello"))
    check_integrity(packed, integrity(packed))
    assert unpack(packed, "4.7.0") == bundle("4.7.0")


@pytest.mark.parametrize(
    "said",
    [
        "",
        "sha1-q83vEjRWeJA=",
        "sha512-",
        "sha512-AAAA",
        "sha512-!!!!",
        f"{integrity(GOOD)} sha512-AA",
    ],
)
def test_without_a_sha512_nothing_is_believed(said: str) -> None:
    """Weaker hashes, none, and one that is cut count as none."""
    with pytest.raises(BundleRefusedError, match="gives no SHA-512"):
        check_integrity(GOOD, said)


def test_changed_and_cut_archives_are_refused() -> None:
    """One byte is enough; a second hash that fits is accepted as npm does."""
    for wrong in (GOOD[:-1], GOOD[:500], b"", GOOD[:-9] + b"x" + GOOD[-8:]):
        with pytest.raises(BundleRefusedError, match="cut off or changed"):
            check_integrity(wrong, integrity(GOOD))
    check_integrity(GOOD, f"sha1-q83vEjRWeJA= {integrity(b'')} {integrity(GOOD)}?opt")


@pytest.mark.parametrize(
    "path", ["../evil", "package/../../evil", "/etc/evil", "package\\..\\evil", "C:/evil"]
)
def test_a_member_that_leads_out_is_refused(path: str) -> None:
    """Although nothing is unpacked by its name: whoever packed that is no friend."""
    with pytest.raises(BundleRefusedError, match="leads out of it"):
        unpack(archive("4.7.0", bundle("4.7.0"), (path, b"x")), "4.7.0")


def test_an_archive_that_grows_without_measure_is_refused() -> None:
    """A few kilobytes that become a hundred megabytes are not unpacked to their end."""
    bomb = gzip.compress(bytes(100 * 2**20), 9)
    assert len(bomb) < 2**20
    with pytest.raises(BundleRefusedError, match="grows without measure"):
        unpack(bomb, "4.7.0")


def test_another_package_or_version_is_refused() -> None:
    """A registry that mixes up names or versions gives nothing that is run."""
    for packed in (
        archive("4.7.1", bundle("4.7.0")),
        archive("4.7.0", bundle("4.7.1")),
        archive("4.7.0", bundle("4.7.0"), name="wa-js"),
        archive("4.7.0", b""),
    ):
        with pytest.raises(BundleRefusedError, match=r"does not hold wa-js 4\.7\.0"):
            unpack(packed, "4.7.0")


def test_a_link_in_place_of_the_bundle_is_not_followed() -> None:
    """Only a regular file is wa-js."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        link = tarfile.TarInfo(BUNDLE)
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
    with pytest.raises(BundleRefusedError, match="does not hold"):
        unpack(packed.getvalue(), "4.7.0")


@pytest.mark.parametrize(
    "junk",
    [b"", b"<html>log in</html>", gzip.compress(b"no tar" * 200)],
    ids=["nothing", "page", "packed"],  # what is packed holds the time
)
def test_what_is_no_archive_is_said(junk: bytes) -> None:
    """Also with a hash that fits it: a log-in page, a file, nothing."""
    with pytest.raises(BundleRefusedError, match=r"no sound archive|does not hold"):
        unpack(junk, "4.7.0")


def test_a_wa_js_without_an_event_that_we_hear_is_refused() -> None:
    """An event that has another name now would never be told, and nobody would notice."""
    deaf = bundle("4.7.0").replace(b"chat.new_message", b"chat.newer_message")
    with pytest.raises(BundleRefusedError, match=r"no event chat\.new_message"):
        unpack(archive("4.7.0", deaf), "4.7.0")
