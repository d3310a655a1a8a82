"""How a chat reads once edits and revokes are applied."""

from hub.assistant.engine import Author, Line
from hub.conversation import transcript
from hub.conversation.transcript import Entry


def entry(
    wa_id: str,
    text: str | None = "hi",
    *,
    author: Author = "customer",
    kind: str = "text",
    reply_to: str | None = None,
    turn_id: str | None = None,
    state: str | None = None,
) -> Entry:
    return Entry(
        wa_id=wa_id,
        author=author,
        kind=kind,
        text=text,
        reply_to=reply_to,
        sent_at=1,
        turn_id=turn_id,
        state=state,
        phone=None,
    )


def read(*entries: Entry) -> list[tuple[str, str | None]]:
    return [(e.wa_id, e.text) for e in transcript.fold(entries)]


def test_the_latest_edit_counts() -> None:
    """Edits name the first version; the last one to arrive is what stands."""
    edits = (
        entry("e1", "5 cartons", kind="edit", reply_to="a"),
        entry("e2", "6 cartons", kind="edit", reply_to="a"),
    )
    assert read(entry("a", "4 cartons"), *edits) == [("a", "6 cartons")]


def test_an_edit_that_came_before_its_target_counts() -> None:
    """A sweep may report in any order."""
    assert read(entry("e", "new", kind="edit", reply_to="a"), entry("a")) == [("a", "new")]


def test_an_edit_without_words_changes_nothing() -> None:
    """What an agent could not read is no reason to forget what it read before."""
    assert read(entry("a"), entry("e", None, kind="edit", reply_to="a")) == [("a", "hi")]


def test_a_revoked_message_is_gone_but_only_for_its_own_side() -> None:
    """A customer cannot take back what the shop said."""
    revokes = (
        entry("r1", None, kind="revoke", reply_to="a"),
        entry("r2", None, kind="revoke", reply_to="b"),
    )
    assert read(entry("a"), entry("b", author="bot"), *revokes) == [("b", "hi")]


def test_the_owner_may_take_back_what_the_bot_said() -> None:
    """Both write from the same side."""
    revoke = entry("r", None, author="owner", kind="revoke", reply_to="b")
    assert read(entry("b", author="bot"), revoke) == []


def test_reactions_and_what_was_never_sent_are_not_part_of_it() -> None:
    """An engine reads what the customer has seen."""
    assert read(
        entry("a", kind="reaction"),
        entry("b", kind="other"),
        entry("c", author="bot", state="failed"),
        entry("d", author="bot", state="expired"),
        entry("e", author="bot", state="unknown"),
    ) == [("e", "hi")]


def test_a_turn_and_what_was_said_before_it() -> None:
    """The turn's own messages are not repeated in its context, which is bounded."""
    past = [entry(f"p{n}", turn_id="old") for n in range(20)]
    reply = entry("r", author="bot", turn_id="new")
    standing = transcript.fold([*past, entry("a", turn_id="new"), reply])
    covered = transcript.of_turn(standing, "new")
    assert [e.wa_id for e in covered] == ["a"]
    context = [e.wa_id for e in transcript.before(standing, covered)]
    assert context == [*(f"p{n}" for n in range(9, 20)), "r"]


def test_a_message_without_words_is_an_empty_line_of_its_kind() -> None:
    """An engine can tell a photo from silence."""
    assert transcript.lines([entry("a", None, kind="media")]) == (Line("customer", "", 1, "media"),)
