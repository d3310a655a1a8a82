"""The practice network's model, and the file through which it outlives a kill."""

from pathlib import Path

import msgspec
import pytest

from agent.practice.kinds import Card, ChangeKind, Place
from agent.practice.ledger import Ledger, LedgerDamagedError, restore
from agent.practice.network import (
    OWNER,
    AnyFact,
    Changed,
    Customer,
    CustomerRead,
    Grouped,
    Joined,
    Linked,
    Network,
    Reached,
    Sent,
    ShopRead,
    Stored,
    Totals,
    Unlinked,
    Wrote,
)

CHAT = "300000000000011@lid"
FOUNDED: list[AnyFact] = [
    Linked("browser"),
    Joined(Customer("c11", "Customer 1", CHAT, "+919800000011")),
]


def network_of(*facts: AnyFact) -> Network:
    network = Network()
    for fact in (*FOUNDED, *facts):
        network.apply(fact)
    return network


def states(network: Network) -> dict[str, str]:
    return {message.key: message.state for message in network.chats[CHAT].messages.values()}


def test_a_message_waits_until_the_page_has_stored_it() -> None:
    """A stanza comes again after each reconnect until the page says that it is safe."""
    network = network_of(Wrote(CHAT, "A", "c11", "hi", 1), Wrote(CHAT, "B", "c11", "you there?", 2))
    assert [stanza.n for stanza in network.queue] == [1, 2]
    network.apply(Stored(1))
    assert [stanza.n for stanza in network.queue] == [2]
    assert states(network) == {"A": "delivered", "B": "sent"}


def changed(kind: ChangeKind, text: str = "") -> Changed:
    """Something that the customer did to their message A."""
    return Changed(CHAT, "X", "A", "c11", kind, text, 5)


def test_a_change_reaches_the_page_as_a_stanza_and_later_pages_in_the_message() -> None:
    """A page that is linked afterwards gets the words as they read now."""
    wrote = Wrote(CHAT, "A", "c11", "10 boxes", 1)
    edited = network_of(wrote, changed("edit", "100 boxes"))
    assert [(s.op, s.change and s.change.kind) for s in edited.queue] == [
        ("message", None),
        ("change", "edit"),
    ]
    edited.apply(Stored(2))
    (message,) = edited.history()
    assert (message.text, message.edit_key, message.changed_ms) == ("100 boxes", "X", 5)
    assert network_of(wrote, changed("reaction", "👍")).chats[CHAT].messages["A"].edit_key is None


def test_what_was_revoked_has_no_content_any_more() -> None:
    """Nor does a page that comes later see it."""
    place = Wrote(CHAT, "A", "c11", "1.0,2.0", 1, place=Place(1.0, 2.0), cards=(Card("M", "1"),))
    message = network_of(place, changed("revoke")).chats[CHAT].messages["A"]
    assert (message.text, message.place, message.cards, message.revoked) == ("", None, (), True)


def test_a_repeated_key_is_counted_and_not_shown() -> None:
    """The customer's phone drops what it has; both arrivals are counted, the first text stays."""
    network = network_of(Sent(CHAT, "K", "first", 1), Sent(CHAT, "K", "second", 2))
    assert [m.text for m in network.chats[CHAT].messages.values()] == ["first"]
    assert network.totals() == Totals(arrivals=2, shown=1, repeated=1)


def test_ticks_rise_and_each_rise_is_told_once() -> None:
    """Delivered, then read; a late *delivered* changes nothing and tells nothing."""
    network = network_of(Sent(CHAT, "K", "x", 1), Reached(CHAT, "K"), CustomerRead(CHAT))
    network.apply(Reached(CHAT, "K"))
    assert states(network) == {"K": "read"}
    assert [(s.op, s.keys, s.ack) for s in network.queue] == [
        ("receipt", ("K",), 2),
        ("receipt", ("K",), 3),
    ]


def test_the_shop_reads_only_what_others_wrote() -> None:
    """The shop's mark concerns the customer's messages, the customer's mark the shop's."""
    network = network_of(Wrote(CHAT, "A", "c11", "hi", 1), Wrote(CHAT, "O", OWNER, "yes?", 2))
    network.apply(ShopRead(CHAT))
    assert states(network) == {"A": "read", "O": "sent"}
    network.apply(CustomerRead(CHAT))
    assert states(network) == {"A": "read", "O": "read"}


def test_a_browser_linked_anew_gets_the_past_as_history() -> None:
    """Without a link nothing queues; what was said meanwhile is history, each message once."""
    network = network_of(Unlinked(), Wrote(CHAT, "B", "c11", "late", 2))
    assert network.queue == []
    network.apply(Linked("another"))
    network.apply(Wrote(CHAT, "A", "c11", "early", 1))
    assert [m.key for m in network.history()] == ["B"]
    assert [s.message.key for s in network.queue if s.message] == ["A"]


def test_a_group_has_no_single_customer() -> None:
    """A one-to-one chat belongs to its customer, a group to nobody."""
    network = network_of(Grouped("1@g.us", "Group", ("c11",)))
    assert network.chats["1@g.us"].is_group
    assert not network.chats[CHAT].is_group


def test_the_file_brings_everything_back(tmp_path: Path) -> None:
    """After a kill the same customers, messages, ticks, queue and numbers are there."""
    path = tmp_path / "state.jsonl"
    facts = [*FOUNDED, Wrote(CHAT, "A", "c11", "سلام", 1, 0.5), Sent(CHAT, "K", "x", 2, "A")]
    facts += [Stored(1), Reached(CHAT, "K")]
    with Ledger(path) as ledger:
        for fact in facts:
            ledger.append(fact)
    before, after = network_of(*facts[len(FOUNDED) :]), restore(path)
    assert after.chats[CHAT].messages == before.chats[CHAT].messages
    assert after.customers == before.customers
    assert after.queue == before.queue
    after.apply(CustomerRead(CHAT))
    assert after.queue[-1].n == 3


def test_a_line_that_a_kill_cut_off_is_removed(tmp_path: Path) -> None:
    """Half a fact never happened, and the next one starts on a line of its own."""
    path = tmp_path / "state.jsonl"
    whole = b"\n".join(msgspec.json.encode(fact) for fact in FOUNDED) + b"\n"
    path.write_bytes(whole + b'{"fact":"wro')
    assert restore(path).device == "browser"
    with Ledger(path) as ledger:
        ledger.append(Unlinked())
    assert restore(path).device is None


@pytest.mark.parametrize("line", [b"nonsense\n", b'{"fact":"reached","chat":"x","key":"y"}\n'])
def test_a_foreign_file_is_refused_with_the_remedy(tmp_path: Path, line: bytes) -> None:
    """A line that is no fact, or speaks of nobody: the sentence names line and file."""
    path = tmp_path / "state.jsonl"
    path.write_bytes(line)
    with pytest.raises(LedgerDamagedError, match=r"Line 1 of .*delete the file"):
        restore(path)


def test_without_a_file_nothing_is_kept(tmp_path: Path) -> None:
    """A trial without a state file leaves no trace."""
    with Ledger(None) as ledger:
        ledger.append(Unlinked())
    assert restore(None).customers == {}
    assert restore(tmp_path / "missing").customers == {}
