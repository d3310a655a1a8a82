"""From the page's words to the protocol's."""

import pytest

from agent.drivers.whatsapp_web.mapping import (
    ADVICE,
    PageMedia,
    PageMessage,
    PageState,
    e164,
    file_name,
    kind_of,
    received,
    send_state,
    whatsapp_state,
)
from protocol.messages import WHATSAPP_STATES

ACCOUNT = "+919800000009"
MAIN = PageState(
    mode="MAIN", online=True, authenticated=True, full_ready=True, account="919800000009"
)


def page_message(**fields: object) -> PageMessage:
    values: dict[str, object] = {
        "chat": "300000000000011@lid",
        "id": "3A01",
        "from_me": False,
        "sender": "300000000000011@lid",
        "type": "chat",
        "t": 1_800_000_000,
    }
    return PageMessage(**(values | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wa_type", "kind"),
    [
        ("chat", "text"),
        ("image", "media"),
        ("ptt", "media"),
        ("document", "media"),
        ("sticker", "media"),
        ("location", "location"),
        ("vcard", "contact"),
        ("revoke", "revoke"),
        ("revoked", "revoke"),
        ("edit", "edit"),
        ("reaction", "reaction"),
        ("poll_creation", "other"),
        ("a type of next year", "other"),
    ],
)
def test_each_type_has_a_kind(wa_type: str, kind: str) -> None:
    """wa-js's many types become the protocol's few; a new one is `other`, not lost."""
    assert received(page_message(type=wa_type), ACCOUNT, live=True).kind == kind


def test_a_message_keeps_what_is_known() -> None:
    """Seconds become milliseconds; phone and LID are both told; the quoted message is named."""
    lid = "300000000000011@lid"
    told = page_message(text="hi", phone="919800000011", lid=lid, name="Mona", reply_to="3A00")
    event = received(told, ACCOUNT, live=False)
    assert (event.account, event.wa_id, event.text, event.live) == (ACCOUNT, "3A01", "hi", False)
    assert (event.sent_at.ms, event.reply_to) == (1_800_000_000_000, "3A00")
    assert (event.sender.phone, event.sender.lid) == ("+919800000011", lid)
    assert event.sender.name == "Mona"
    assert event.media is None


def test_nothing_is_guessed_about_a_sender() -> None:
    """Without a phone there is none, and a phone address is no LID."""
    sender = received(page_message(sender="919800000011@c.us"), ACCOUNT, live=True).sender
    assert (sender.phone, sender.lid, sender.name) == (None, None, None)


def test_a_file_is_told_without_its_bytes() -> None:
    """Kind of file, size, name and length are known; its bytes are another question."""
    file = PageMedia(mime="audio/ogg", size=2048, name="note.ogg", seconds=3.5)
    media = received(page_message(type="ptt", media=file), ACCOUNT, live=True).media
    assert media is not None
    assert (media.mime, media.size, media.name, media.seconds) == (
        "audio/ogg",
        2048,
        "note.ogg",
        3.5,
    )
    assert (media.sha256, media.unavailable) == (None, None)


@pytest.mark.parametrize(
    ("mime", "kind"),
    [
        ("image/jpeg", "image"),
        ("image/svg+xml", "document"),
        ("IMAGE/PNG; x=1", "image"),
        ("audio/ogg; codecs=opus", "audio"),
        ("video/mp4", "video"),
        ("text/html", "document"),
        ("", "document"),
    ],
)
def test_only_what_whatsapp_can_show_is_more_than_a_document(mime: str, kind: str) -> None:
    """HTML and SVG above all arrive as files to open, never as pictures."""
    assert kind_of(mime) == kind


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("INV-1001.pdf", "INV-1001.pdf"),
        ("बिल १.pdf", "बिल १.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\bills\\a.pdf", "a.pdf"),
        ("\u202efdp.exe\0", "fdp.exe"),
        (" .. ", "file.pdf"),
        (None, "file.pdf"),
        ("x" * 200 + ".pdf", "x" * 116 + ".pdf"),
    ],
)
def test_a_file_name_is_one_that_a_customer_can_trust(name: str | None, shown: str) -> None:
    """No folders, nothing that turns the text around, never empty, and its end is kept."""
    assert file_name(name, "application/pdf") == shown


@pytest.mark.parametrize(
    ("page", "state"),
    [
        (PageState(), "starting"),
        (PageState(mode="QR"), "qr"),
        (PageState(mode="SYNCING"), "syncing"),
        (MAIN, "ready"),
        (PageState(mode="MAIN", authenticated=True, account="919800000009"), "syncing"),
        (PageState(mode="MAIN", full_ready=True, account="919800000009"), "syncing"),
        (PageState(mode="MAIN", full_ready=True, authenticated=True), "syncing"),
        (PageState(mode="MAIN", online=False, full_ready=True, authenticated=True), "offline"),
        (PageState(mode="OFFLINE"), "offline"),
        (PageState(mode="CONFLICT"), "conflict"),
        (PageState(mode="TOS_BLOCK"), "restricted"),
        (PageState(mode="SMB_TOS_BLOCK"), "restricted"),
        (PageState(mode="PROXYBLOCK"), "restricted"),
        (PageState(mode="DEPRECATED_VERSION"), "page_changed"),
        (PageState(mode="A_MODE_OF_NEXT_YEAR"), "syncing"),
    ],
)
def test_each_mode_has_a_state(page: PageState, state: str) -> None:
    """`ready` needs the main mode, the full page, a login and a number; all else is not ready."""
    assert whatsapp_state(page, was_linked=False) == state


def test_a_code_after_a_link_means_logged_out() -> None:
    """The same page that asks a new shop to link tells a linked one that its link ended."""
    assert whatsapp_state(PageState(mode="QR"), was_linked=True) == "logged_out"


def test_every_state_has_its_advice() -> None:
    """Whatever the protocol can say, the owner gets a sentence; only `ready` needs none."""
    assert set(ADVICE) == set(WHATSAPP_STATES)
    assert [state for state, advice in ADVICE.items() if not advice] == ["ready"]


@pytest.mark.parametrize(
    ("ack", "state"),
    [(-1, "failed"), (0, None), (1, "sent"), (2, "delivered"), (3, "read"), (4, "read"), (9, None)],
)
def test_each_acknowledgement_has_a_state(ack: int, state: str | None) -> None:
    """The clock, and numbers that nobody knows, say nothing."""
    assert send_state(ack) == state


def test_a_number_gets_its_plus() -> None:
    """WhatsApp writes bare digits, the protocol E.164."""
    assert e164("919800000009") == ACCOUNT
    assert e164(None) is None
    assert e164("") is None
