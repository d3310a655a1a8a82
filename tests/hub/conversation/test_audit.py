"""What a phone shows against what the hub stored: the comparison, and what is read for it."""

from collections import Counter
from datetime import datetime
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.conversation import audit_reading
from hub.conversation.audit import Calendar, Day, Fate, Key, Stored, begins_ms, compare
from hub.conversation.audit_reading import Account
from protocol.audit import AuditData, Shown, plain
from protocol.messages import Instant
from tests.fakes import FakeClock
from tests.hub.conversation.scene import ACCOUNT, CHAT, Scene

KOLKATA: Final = ZoneInfo("Asia/Kolkata")
HOUR_MS: Final = 3_600_000


def ms(text: str) -> int:
    return Instant.parse(text).ms


WEEK = Calendar(KOLKATA, ms("2026-03-03T18:30:00Z"), ms("2026-03-10T12:00:00Z"))


def shown(wa_id: str, at: str, **more: Any) -> Shown:
    return Shown(chat=CHAT, wa_id=wa_id, sent_at=Instant(ms(at)), **more)


def of(days: tuple[Day, ...], day: str) -> Day:
    (found,) = (one for one in days if one.day == day)
    return found


@pytest.mark.core
def test_a_message_at_midnight_is_on_the_day_that_begins() -> None:
    """In the shop's time zone, to the millisecond; the whole period is listed, empty days too."""
    before, at = shown("A", "2026-03-09T18:29:59.999Z"), shown("B", "2026-03-09T18:30:00Z")
    days = compare((before, at), {}, (), WEEK).days
    assert [day.day for day in days] == [f"2026-03-{n:02}" for n in range(4, 11)]
    assert (of(days, "2026-03-09").missing, of(days, "2026-03-10").missing) == (1, 1)


@pytest.mark.core
@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Europe/Berlin", "America/New_York", "UTC"])
def test_a_period_begins_at_a_midnight(zone: str) -> None:
    """Also when the clocks were changed within it."""
    now_ms = ms("2026-03-31T12:00:00Z")
    since_ms = begins_ms(ZoneInfo(zone), now_ms, 7)
    local = datetime.fromtimestamp(since_ms / 1000, ZoneInfo(zone))
    assert (local.date().isoformat(), local.time().isoformat()) == ("2026-03-25", "00:00:00")
    calendar = Calendar(ZoneInfo(zone), since_ms, now_ms)
    assert len(calendar.days()) == 7
    assert calendar.days()[-1] == "2026-03-31"


@pytest.mark.core
def test_a_moment_outside_the_period_counts_at_its_edge() -> None:
    """A phone whose clock is years ahead, or the end of time, breaks nothing."""
    ahead = Shown(chat=CHAT, wa_id="A", sent_at=Instant(253_402_300_799_000))
    before = {(CHAT, "B"): Stored(0, "left")}
    days = compare((ahead,), before, (), WEEK).days
    assert (days[-1].missing, days[0].extra) == (1, 1)


@pytest.mark.core
def test_what_differs_is_named() -> None:
    """Missing ones in the order of time; own ones, erased and arriving ones are told apart."""
    on_phone = (
        shown("LATE", "2026-03-09T09:00:00Z"),
        shown("HERE", "2026-03-09T09:00:00Z"),
        shown("EARLY", "2026-03-09T08:00:00Z"),
        shown("FILE", "2026-03-09T09:00:00Z", arriving=True),
        shown("ERASED", "2026-03-09T09:00:00Z"),
        shown("OWN", "2026-03-09T10:00:00Z", from_me=True),
        shown("OURS", "2026-03-09T10:00:00Z", from_me=True),
        shown("HERE", "2026-03-09T09:00:00Z"),
    )
    stored = {
        (CHAT, "HERE"): Stored(ms("2026-03-09T09:00:00Z"), "waiting"),
        (CHAT, "GONE"): Stored(ms("2026-03-08T09:00:00Z"), "answered"),
        (CHAT, "OURS"): Stored(ms("2026-03-09T10:00:00Z"), None),
        (CHAT, "UNSEEN"): Stored(ms("2026-03-09T10:00:00Z"), None),
    }
    found = compare(on_phone, stored, [(CHAT, "ERASED")], WEEK)
    assert [one.wa_id for one in found.missing] == ["EARLY", "LATE", "OWN"]
    assert found.extra == ((CHAT, "GONE"),)
    assert of(found.days, "2026-03-09") == Day(
        day="2026-03-09", seen=5, stored=1, waiting=1, missing=2, extra=0, arriving=1, erased=1,
        own_seen=2, own_missing=1,
    )  # fmt: skip
    assert of(found.days, "2026-03-08").extra == 1


@pytest.mark.core
def test_without_the_phone_only_the_store_speaks() -> None:
    """What only the phone could tell is not counted as none."""
    stored = {(CHAT, "A"): Stored(ms("2026-03-09T09:00:00Z"), "open")}
    found = compare(None, stored, (), WEEK)
    assert of(found.days, "2026-03-09") == Day(day="2026-03-09", stored=1, open=1)
    assert (found.missing, found.extra) == ((), ())


KEYS = st.tuples(st.sampled_from(["A", "B"]), st.sampled_from([f"M{n}" for n in range(12)]))
MOMENTS = st.integers(WEEK.since_ms - HOUR_MS, WEEK.until_ms + HOUR_MS)
FATES = st.none() | st.sampled_from(get_args(Fate))
SHOWN = st.builds(
    lambda key, at, own, arriving: Shown(
        chat=key[0], wa_id=key[1], sent_at=Instant(at), from_me=own, arriving=arriving
    ),
    KEYS, MOMENTS, st.booleans(), st.booleans(),
)  # fmt: skip


@pytest.mark.core
@pytest.mark.hypothesis
@given(
    st.lists(SHOWN, unique_by=lambda one: (one.chat, one.wa_id)),
    st.dictionaries(KEYS, st.builds(Stored, MOMENTS, FATES)),
    st.sets(KEYS),
)
def test_the_figures_add_up(
    on_phone: list[Shown], stored: dict[Key, Stored], erased: set[Key]
) -> None:
    """Whatever is shown, stored and erased: each message counts once, on one day."""
    found = compare(on_phone, stored, erased, WEEK)
    total: Counter[str] = Counter()
    for day in found.days:
        parts = {name: getattr(day, name) or 0 for name in Day.__struct_fields__ if name != "day"}
        total += Counter(parts)
        here = parts["missing"] + parts["arriving"] + parts["erased"]
        assert parts["seen"] + parts["extra"] == parts["stored"] + here
        assert parts["stored"] == sum(parts[fate] for fate in get_args(Fate))
    theirs = {(one.chat, one.wa_id) for one in on_phone if not one.from_me}
    assert total["seen"] == len(theirs)
    assert total["own_seen"] == len(on_phone) - len(theirs)
    assert total["missing"] + total["own_missing"] == len(found.missing)
    assert total["extra"] == len(found.extra)
    assert not {(one.chat, one.wa_id) for one in found.missing} & (stored.keys() | erased)
    assert set(found.extra) <= stored.keys()


@pytest.mark.core
def test_a_result_of_another_shape_is_none() -> None:
    """An agent of another version told only counts; one that failed told nothing."""
    told = AuditData(account=ACCOUNT, since=Instant(0), found=0, messages=())
    assert audit_reading.read_data("done", plain(told)) == told
    assert audit_reading.read_data("done", {"seen": 2, "missed": 0}) is None
    assert audit_reading.read_data("failed", None) is None


async def look(scene: Scene, *on_phone: Shown, until_ms: int | None = None) -> dict[str, Any]:
    """Day and fates of the shop's messages, with what was shown beside them."""
    now_ms = scene.clock.now_ms()
    since_ms = begins_ms(ZoneInfo("UTC"), now_ms, 7)
    which = Account("ten_a", ACCOUNT, since_ms, until_ms or now_ms)
    rows = await scene.store.read(lambda tx: audit_reading.stored(tx, which, on_phone))
    return {wa_id: row.fate for (_, wa_id), row in rows.items()}


async def test_what_became_of_messages(scene: Scene) -> None:
    """By their turns and by whether the reply went out; changes and groups are left out."""
    at = "INSERT INTO messages (tenant_id, agent_id, account, chat, wa_id, direction, author, kind,"
    reply = f"{at} sent_at, received_at, turn_id, event_id, state) VALUES ('ten_a', 'agt_a', ?, ?,"
    for n, (state, reason, sent) in enumerate(
        [
            ("answered", None, "delivered"), ("answered", None, "queued"), ("answered", None, None),
            ("suggested", None, None), ("waiting", None, None), ("pending", None, None),
            ("dropped", "owner_replied", None), ("dropped", "off", None),
        ]
    ):  # fmt: skip
        chat = f"91980000010{n}@c.us"
        await scene.says(f"M{n}", chat=chat)
        which = (state, reason, f"M{n}")
        (turn,) = await scene.rows(f"SELECT turn_id FROM messages WHERE wa_id = 'M{n}'")  # noqa: S608
        await scene.change(
            "UPDATE turns SET state = ?, reason = ? WHERE turn_id = ?", *which[:2], turn["turn_id"]
        )
        if sent is not None:
            now_ms = scene.clock.now_ms()
            values = (ACCOUNT, chat, f"R{n}", now_ms, now_ms, turn["turn_id"], f"e{n}", sent)
            await scene.change(f"{reply} ?, 'out', 'bot', 'text', ?, ?, ?, ?, ?)", *values)
    await scene.says("LIKE", kind="reaction", reply_to="M0")
    await scene.says("GROUP", chat="120363000000000001@g.us", sender=CHAT)
    assert await look(scene) == {
        "M0": "answered", "R0": None, "M1": "open", "R1": None, "M2": "answered",
        "M3": "waiting", "M4": "waiting", "M5": "open", "M6": "answered", "M7": "left",
    }  # fmt: skip


async def test_what_came_since_counts_only_if_it_was_shown(scene: Scene, clock: FakeClock) -> None:
    """A message that comes while the phone is read is no extra one; a late one is found."""
    asked_ms = clock.now_ms()
    clock.advance(5)
    await scene.says("NEW")
    await scene.says("BACK", age_s=3600)
    back = Shown(chat=CHAT, wa_id="BACK", sent_at=Instant(asked_ms))
    gone = Shown(chat=CHAT, wa_id="NOWHERE", sent_at=Instant(asked_ms))
    assert await look(scene, back, gone, until_ms=asked_ms) == {"BACK": "open"}


async def test_our_reply_is_known_under_another_name_of_the_chat(scene: Scene) -> None:
    """WhatsApp may show a chat by its LID that was written to by its number."""
    await scene.says("M1")
    columns = "tenant_id, agent_id, account, chat, wa_id, direction, author, kind, sent_at"
    await scene.change(
        f"INSERT INTO messages ({columns}, received_at, event_id, state)"  # noqa: S608
        " VALUES ('ten_a', 'agt_a', ?, ?, 'OURS', 'out', 'bot', 'text', 0, 0, 'e1', 'sent')",
        ACCOUNT,
        CHAT,
    )
    now = Instant(scene.clock.now_ms())
    echo = Shown(chat="100000000000001@lid", wa_id="OURS", sent_at=now, from_me=True)
    assert (await look(scene, echo))["OURS"] is None


async def test_erased_messages_are_told_apart(scene: Scene) -> None:
    """By the id alone, as they are kept."""
    which = Account("ten_a", ACCOUNT, 0)
    messages = [shown("A", "2026-03-09T09:00:00Z"), shown("B", "2026-03-09T09:00:00Z")]
    none = await scene.store.read(lambda tx: audit_reading.erased(tx, which, messages))
    await scene.change("INSERT INTO erased_messages VALUES ('ten_a', ?, 'B')", ACCOUNT)
    some = await scene.store.read(lambda tx: audit_reading.erased(tx, which, messages))
    assert (none, some) == (set(), {(CHAT, "B")})


async def test_a_lost_message_that_is_told_again_opens_no_second_turn(scene: Scene) -> None:
    """Its turn has had its end: the customer gets no second answer, a person's work stays."""
    await scene.says("M1")
    await scene.change("UPDATE turns SET state = 'answered'")
    await scene.change("DELETE FROM messages")
    again = await scene.says("M1", age_s=60)
    assert (again.new, again.turn_id, again.due_at) == (True, None, None)
    assert await scene.states() == [("answered", None)]
    assert await look(scene) == {"M1": "answered"}
