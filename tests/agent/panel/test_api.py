"""What the page is told, and what its buttons do."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from agent.attention import Attention
from agent.drivers.driver import DriverStatus, Evidence, LinkOffer, LinkWish
from agent.link import LinkStatus, Phase
from protocol.messages import (
    Instant,
    Position,
    QuarantinedEvent,
    ReceivedMedia,
    Sender,
    Sweep,
)
from tests.agent.panel.stage import READY, Shown, shown
from tests.agent.stage import ACCOUNT, CHAT, event, order, received, welcome

QR = "2@invented/payload,of,a,link"
LID = "98765432109876@lid"
OWNER = Sender(id="919800000042@c.us", phone="+919800000042")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Shown]:
    async with shown(tmp_path) as stage:
        yield stage


@pytest.fixture
async def guest(stage: Shown) -> AsyncIterator[httpx2.AsyncClient]:
    async with stage.guest() as guest:
        yield guest


async def state(guest: httpx2.AsyncClient) -> dict[str, Any]:
    answer = await guest.get("/api/state")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def test_a_ready_shop(stage: Shown, guest: httpx2.AsyncClient) -> None:
    """Green, with the end of the shop's number and the way to the hub."""
    view = await state(guest)
    assert view["whatsapp"]["said"]["tone"] == "good"
    assert view["whatsapp"]["number"] == "42"
    assert (view["hub"]["phase"], view["hub"]["said"]["tone"]) == ("online", "good")
    assert (view["shop"], view["paused"], view["needs"]) == ("t1", False, [])
    assert view["recent"] == []


async def test_the_drivers_own_advice_is_shown(stage: Shown, guest: httpx2.AsyncClient) -> None:
    """It knows more than the table: why the link ended, for one; numbers in it are masked."""
    stage.phone.now = DriverStatus("logged_out", advice="Linked to +919800000001 instead.")
    said = (await state(guest))["whatsapp"]["said"]
    assert (said["tone"], said["advice"]) == ("bad", "Linked to [..01] instead.")


async def test_customers_words_and_numbers_do_not_reach_the_page(
    stage: Shown, guest: httpx2.AsyncClient
) -> None:
    """Of a message its kind and length are shown, of its writer two digits."""
    journal, now_ms = stage.journal, stage.clock.now_ms()
    for message in (
        received("W1", now_ms, text="my secret wish", sender=Sender(id=CHAT, name="Anu")),
        received("W2", now_ms, chat=LID, sender=Sender(id=LID, phone="+919800000077")),
        received("W3", now_ms, from_me=True, text="I wrote myself", sender=OWNER),
        received("W4", now_ms, chat=LID, sender=Sender(id=LID), kind="location", text=None),
    ):
        await journal.record_inbound(message)
    await journal.reconcile(welcome(Position(epoch=(await journal.own_log()).epoch, seq=0)))
    await journal.accept(event(1, order("I told so"), ts_ms=now_ms))
    answer = await guest.get("/api/state")
    for word in ("secret", "wish", "Anu", "told so", "myself", "9800000", "9876543210"):
        assert word not in answer.text
    recent = answer.json()["recent"]
    assert sorted((one["way"], one["ending"], one["kind"], one["letters"]) for one in recent) == [
        ("in", "01", "text", 14),
        ("in", "76", "location", 0),
        ("in", "77", "text", 5),
        ("out", "01", "text", 9),
        ("owner", "01", "text", 14),
    ]


async def test_queues_and_todays_counts(stage: Shown, guest: httpx2.AsyncClient) -> None:
    """What waits and for how long; what the agent could not read; what happened today."""
    journal, now_ms = stage.journal, stage.clock.now_ms()
    await journal.record_inbound(received("W1", now_ms))
    photo = ReceivedMedia(mime="image/jpeg", size=10)
    await journal.record_inbound(received("W2", now_ms, media=photo, kind="media"))
    await journal.reconcile(welcome(Position(epoch=(await journal.own_log()).epoch, seq=0)))
    await journal.accept(event(1, order(), ts_ms=now_ms))
    await journal.accept(
        QuarantinedEvent("message.send", uuid4(), 2, Instant(now_ms), "invalid_data", "", "{}")
    )
    view = await state(guest)
    waiting = view["waiting"]
    assert (waiting["events"], waiting["files"], waiting["orders"]) == (1, 1, 1)
    assert waiting["quarantined"] == 1
    assert 0 <= view["now_ms"] - waiting["events_since_ms"] < 60_000
    assert 0 <= view["now_ms"] - waiting["orders_since_ms"] < 60_000
    assert view["today"]["seen"] == 2


async def test_an_empty_agent_waits_for_nothing(guest: httpx2.AsyncClient) -> None:
    """Nothing that waits has no age."""
    waiting = (await state(guest))["waiting"]
    assert (waiting["events"], waiting["orders"]) == (0, 0)
    assert (waiting["events_since_ms"], waiting["orders_since_ms"]) == (None, None)


async def test_a_hub_that_is_away(stage: Shown, guest: httpx2.AsyncClient) -> None:
    """Since when, why, and when the next try is."""
    since_ms = stage.clock.now_ms() - 60_000
    stage.hub = LinkStatus(Phase.WAITING, since_ms, "The hub cannot be reached.", since_ms + 90_000)
    hub = (await state(guest))["hub"]
    assert (hub["since_ms"], hub["retry_ms"]) == (since_ms, since_ms + 90_000)
    assert hub["said"]["advice"].startswith("The hub cannot be reached. ")


async def test_the_code_to_scan_is_drawn_and_not_told(
    stage: Shown, guest: httpx2.AsyncClient
) -> None:
    """The page gets a picture; what the picture says is in no answer."""
    stage.phone.now = DriverStatus("qr", link=LinkOffer("qr", QR, 1000, 2, 5))
    answer = await guest.get("/api/state")
    code = answer.json()["whatsapp"]["code"]
    assert (code["attempt"], code["attempts_max"], code["expires_ms"]) == (2, 5, 1000)
    assert code["size"] > 25
    assert code["path"].startswith("M4 4h7")
    assert QR not in answer.text


async def test_the_code_to_type_is_shown(stage: Shown, guest: httpx2.AsyncClient) -> None:
    """Eight letters for the phone."""
    stage.phone.now = DriverStatus("qr", link=LinkOffer("code", "ABCD1234", 1000, 1, 5))
    code = (await state(guest))["whatsapp"]["code"]
    assert (code["letters"], code["size"]) == ("ABCD1234", 0)


async def test_linking_is_begun_by_a_button(stage: Shown, guest: httpx2.AsyncClient) -> None:
    """With a QR or with a number, where no phone is linked; a refusal is one sentence."""
    assert not (await state(guest))["whatsapp"]["can_link"]
    stage.phone.now = DriverStatus("logged_out")
    assert (await state(guest))["whatsapp"]["can_link"]
    assert (await guest.post("/api/link", json={})).status_code == 200
    wish = {"phone": "+919800000042", "window": True, "new_number": False}
    assert (await guest.post("/api/link", json=wish)).status_code == 200
    assert stage.phone.wishes == [LinkWish(), LinkWish("+919800000042", window=True)]
    stage.phone.refuses = True
    answer = await guest.post("/api/link", json={})
    assert (answer.status_code, answer.json()) == (409, {"error": "It is linked already."})


async def test_the_evidence_of_a_state_is_shown(stage: Shown, guest: httpx2.AsyncClient) -> None:
    """A technician sees by what the state was judged."""
    stage.phone.now = DriverStatus("ready", evidence=Evidence("MAIN", True, 12, None, 3, 2))
    assert (await state(guest))["whatsapp"]["evidence"]["unread_known"] == 2


async def test_needs_are_shown_until_a_person_has_looked(
    stage: Shown, guest: httpx2.AsyncClient
) -> None:
    """Those that a state shows already stand there only once."""
    stage.bell.ring(Attention("link", "Scan."))
    stage.bell.ring(Attention("unknown_send", "Look into the chat of 919800000001@c.us."))
    needs = (await state(guest))["needs"]
    assert needs == [{"kind": "unknown_send", "text": "Look into the chat of [..01]@c.us."}]
    assert (await guest.post("/api/calm", json={"kind": "unknown_send"})).status_code == 200
    assert (await state(guest))["needs"] == []


async def test_pause_and_resume(stage: Shown, guest: httpx2.AsyncClient) -> None:
    """The button does what `paused` of the journal does, and the page says so."""
    answer = await guest.post("/api/pause", json={"paused": True})
    assert answer.json() == {"paused": True}
    assert await stage.journal.paused()
    assert (await state(guest))["whatsapp"]["said"]["title"] == "Ready, but paused"
    await guest.post("/api/pause", json={"paused": False})
    assert not await stage.journal.paused()


@pytest.mark.parametrize("body", ["", "{", "[]", '{"paused": 1}', '{"paused": true}' + " " * 2000])
async def test_what_the_page_never_sends_changes_nothing(
    stage: Shown, guest: httpx2.AsyncClient, body: str
) -> None:
    """A body is what it has to be, or an error."""
    assert (await guest.post("/api/pause", content=body)).status_code == 400
    assert not await stage.journal.paused()


async def test_a_conflict_is_ended_by_a_button(stage: Shown, guest: httpx2.AsyncClient) -> None:
    """*Use here* is offered where it helps, and a page that does not do it is no error."""
    assert (await state(guest))["whatsapp"]["mend"] is None
    stage.phone.now = DriverStatus("conflict")
    assert (await state(guest))["whatsapp"]["mend"] == "take_over"
    answer = await guest.post("/api/mend", json={"what": "take_over"})
    assert answer.json() == {"mended": True}
    stage.phone.refuses = True
    answer = await guest.post("/api/mend", json={"what": "take_over"})
    assert answer.json() == {"mended": False}
    assert stage.phone.asked == ["take_over", "take_over"]


async def test_what_stopped_is_begun_anew_by_a_button(
    stage: Shown, guest: httpx2.AsyncClient
) -> None:
    """A driver that gave up starts again without the command line."""
    stage.phone.now = DriverStatus("stopped")
    assert (await state(guest))["whatsapp"]["mend"] == "begin_anew"
    assert (await guest.post("/api/mend", json={"what": "begin_anew"})).json() == {"mended": True}
    assert stage.phone.asked == ["begin_anew"]


async def test_the_self_check_is_the_doctors(stage: Shown, guest: httpx2.AsyncClient) -> None:
    """Verdicts with their remedies; two at once come one after the other."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(guest.post("/api/check", json={})) for _ in range(2)]
    for task in tasks:
        checks = {check["name"]: check for check in task.result().json()}
        assert checks["settings"]["verdict"] == "ok"
        assert checks["hub"]["verdict"] == "fail"
        assert checks["hub"]["remedy"]


async def test_the_audit_compares_whatsapp_with_the_journal(
    stage: Shown, guest: httpx2.AsyncClient
) -> None:
    """What was missed is recorded; without WhatsApp, or when it breaks, one sentence says so."""
    now_ms = stage.clock.now_ms()
    await stage.journal.record_inbound(received("W1", now_ms))
    stage.phone.now = DriverStatus("ready", ACCOUNT)
    stage.phone.held = [received("W1", now_ms), received("W2", now_ms)]
    told = (await guest.post("/api/audit", json={})).json()
    (day,) = told["days"]
    assert (told["missed"], day["seen"], day["arriving"], day["waiting"]) == (1, 2, 2, 2)
    stage.phone.breaks = True
    answer = await guest.post("/api/audit", json={})
    assert (answer.status_code, "try again" in answer.json()["error"]) == (409, True)
    stage.phone.now = DriverStatus("offline")
    answer = await guest.post("/api/audit", json={})
    assert (answer.status_code, "not ready" in answer.json()["error"]) == (409, True)


async def test_the_end_of_the_log(stage: Shown, guest: httpx2.AsyncClient, tmp_path: Path) -> None:
    """Whole lines from the end of a long file; a line that is no JSON is left out."""
    assert (await guest.get("/api/log")).json() == []
    entry = {"at": "t", "level": "info", "x": "y" * 900}
    lines = [json.dumps(entry | {"event": f"n{n}"}) for n in range(100)]
    (tmp_path / "agent.log").write_text("\n".join([*lines, "no json", ""]), "utf-8")
    found = (await guest.get("/api/log")).json()
    assert found[-1]["event"] == "n99"
    assert 50 < len(found) < 80
    assert all(line["details"].startswith("x=y") and len(line["details"]) == 400 for line in found)


async def test_the_last_search_is_told(stage: Shown, guest: httpx2.AsyncClient) -> None:
    """When all chats were searched for missed messages."""
    stage.swept = Sweep(at=Instant(5), chats=1, found=0)
    assert (await state(guest))["swept_ms"] == 5


async def test_a_journal_that_fails_is_one_sentence(
    stage: Shown, guest: httpx2.AsyncClient, tmp_path: Path
) -> None:
    """The page says what is wrong; the daemon acts on it."""
    database = stage.journal._database
    await database.run(lambda tx: tx._connection.execute("ALTER TABLE facts RENAME TO gone"))
    try:
        answer = await guest.get("/api/state")
        assert answer.status_code == 503
        assert "The journal" in answer.json()["error"]
    finally:
        await database.run(lambda tx: tx._connection.execute("ALTER TABLE gone RENAME TO facts"))
    stage.phone.now = READY
    assert (await state(guest))["whatsapp"]["state"] == "ready"
