"""What becomes of a self-test: what is news, and what is only a page that is as it was."""

from msgspec.structs import replace

from agent.drivers.whatsapp_web.drift import Record, judge, known_missing
from agent.drivers.whatsapp_web.selftest import Tested

LIVE = "https://whatsapp.example/"
HERE = "http://127.0.0.1:3002/web"
SETTLED = Tested(modules=("a", "b"), is_settled=True)


def judged(before: Record | None, tested: Tested, wa_js: str = "4.6.0", page: str = LIVE) -> Record:
    return judge(before, tested, wa_js, page, 7)


def test_the_first_settled_start_is_what_later_ones_are_compared_with() -> None:
    """On WhatsApp's own page nobody knows beforehand what is missing; afterwards more is news."""
    early = judged(None, Tested(modules=("a",)))
    assert (early.known, early.news, early.modules) == (None, (), 1)
    first = judged(early, SETTLED)
    assert (first.known, first.news) == (("a", "b"), ())
    later = judged(first, replace(SETTLED, modules=("b", "c", "d")))
    assert (later.known, later.news, later.modules) == (("a", "b"), ("c", "d"), 3)
    assert judged(later, SETTLED).news == ()


def test_a_start_that_has_just_begun_keeps_the_news_of_the_last() -> None:
    """The doctor's warning does not come and go with each reload."""
    first = judged(None, SETTLED)
    later = judged(first, replace(SETTLED, modules=("c",)))
    assert judged(later, Tested(modules=())).news == ("c",)


def test_a_failed_test_learns_nothing() -> None:
    """What is missing on a page that does not work is not what is usual."""
    failed = judged(None, Tested(missing=("chat.find",), silent=("chat.list",), modules=("x",)))
    assert (failed.lacks, failed.known) == (("chat.find", "chat.list"), None)


def test_another_wa_js_or_page_begins_anew() -> None:
    """A new version looks for other modules; the practice page is not WhatsApp's."""
    first = judged(None, SETTLED)
    more = replace(SETTLED, modules=("z",))
    assert judged(first, more, wa_js="4.7.0").news == ()
    assert judged(first, more, page="https://other.example/").news == ()


def test_the_practice_page_is_held_to_the_committed_list() -> None:
    """There the list is known beforehand, so that a test can hold it to wa-js."""
    some = sorted(known_missing())[:3]
    found = judged(None, replace(SETTLED, modules=("new", *some)), page=HERE)
    assert found.news == ("new",)
