"""Edits and revokes that a search finds: each told once, and only where it is news."""

from msgspec.structs import replace

from agent.journal import Journal
from protocol.codec import decode_data
from protocol.messages import Instant, MessageReceived
from tests.agent.stage import NOW_MS, received

HOUR_MS = 3_600_000


def found(wa_id: str, kind: str, at_ms: int, **more: object) -> MessageReceived:
    """As a search tells it."""
    return replace(received(wa_id, at_ms, live=False, kind=kind), **more)


def revoked(wa_id: str, at_ms: int = NOW_MS, **more: object) -> MessageReceived:
    """A message whose words are gone, under its own key."""
    return found(wa_id, "revoke", at_ms, text=None, reply_to=wa_id, **more)


def edited(key: str, target: str, text: str, at_ms: int = NOW_MS) -> MessageReceived:
    return found(key, "edit", at_ms, text=text, reply_to=target)


async def told(journal: Journal) -> list[tuple[str, str, str | None]]:
    """Key, kind and text of all that the hub is told."""
    own = await journal.own_log()
    rows = await journal._do(lambda tx: tx.all("outbox_after", seq=0, limit=own.head or 1))
    events = [decode_data(row["type"], row["data"]) for row in rows]
    return [(e.wa_id, e.kind, e.text) for e in events if isinstance(e, MessageReceived)]


async def test_an_edit_of_a_known_message_is_told_once(journal: Journal) -> None:
    """However often the searches meet it; a second edit has a key of its own."""
    await journal.record_inbound(received("A1", NOW_MS - 5, text="10 boxes"))
    for _ in range(2):
        await journal.record_inbound(edited("E1", "A1", "100 boxes"))
        await journal.record_inbound(found("A1", "text", NOW_MS - 5, text="100 boxes"))
    await journal.record_inbound(edited("E2", "A1", "1 box"))
    assert (await told(journal))[1:] == [("E1", "edit", "100 boxes"), ("E2", "edit", "1 box")]


async def test_a_message_that_was_never_told_is_told_with_its_present_words(
    journal: Journal,
) -> None:
    """Its earlier words are nobody's business; not even the next search tells of the edit."""
    for _ in range(2):
        await journal.record_inbound(edited("E1", "A1", "100 boxes"))
        await journal.record_inbound(found("A1", "text", NOW_MS - 5, text="100 boxes"))
    assert await told(journal) == [("A1", "text", "100 boxes")]


async def test_a_revoke_of_a_known_message_is_told_once(journal: Journal) -> None:
    """Under a key of its own that names its target, as one that was heard."""
    await journal.record_inbound(received("A1", NOW_MS - 5, text="10 boxes"))
    for _ in range(2):
        await journal.record_inbound(revoked("A1"))
    assert (await told(journal))[1:] == [(f"A1/revoke/{NOW_MS}", "revoke", None)]


async def test_a_revoke_that_was_heard_is_not_found_again(journal: Journal) -> None:
    """The page does not say at the same second when it was; a message is revoked once."""
    await journal.record_inbound(received("A1", NOW_MS - 5))
    heard = f"A1/revoke/{NOW_MS - 2}"
    await journal.record_inbound(
        received(heard, NOW_MS - 2, kind="revoke", text=None, reply_to="A1")
    )
    await journal.record_inbound(revoked("A1"))
    assert [key for key, _, _ in await told(journal)] == ["A1", heard]


async def test_what_was_revoked_before_it_was_told_stands_for_itself(journal: Journal) -> None:
    """Told once under its own key, so that a badge on it counts as known."""
    await journal.record_inbound(received("A10", NOW_MS - 5))
    for _ in range(3):
        await journal.record_inbound(revoked("A1"))
    assert (await told(journal))[1:] == [("A1", "revoke", None)]


async def test_what_the_shop_itself_took_back_is_no_customers_change(journal: Journal) -> None:
    """The owner's revoke is not told as if somebody had written."""
    await journal.record_inbound(received("W1", NOW_MS - 5, from_me=True))
    assert not await journal.record_inbound(revoked("W1", from_me=True))


async def test_a_change_from_a_clock_ahead_does_not_lift_the_watermark(journal: Journal) -> None:
    """A time in the future counts as now."""
    await journal.record_inbound(edited("E1", "A1", "?", NOW_MS + HOUR_MS))
    await journal.note_searched()
    assert await journal.watermark_ms() == NOW_MS
    assert Instant(NOW_MS) == edited("E2", "A1", "?").sent_at
