"""What the hub's logs say, and what never passes into them."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from hub import logs
from tests.fakes import FakeClock

TOKENS = st.sampled_from(["sak_a_", "sak_k_"]).flatmap(
    lambda prefix: st.from_regex(r"[A-Za-z0-9_-]{43}", fullmatch=True).map(prefix.__add__)
)
PHONES = st.integers(10**11, 10**14).map(lambda number: f"+{number}")
IDS = PHONES.map(lambda phone: f"{phone[1:]}@c.us")
PLACES = ("field", "list", "dict", "error", "note", "cause", "group", "library", "library error")


class Written(io.StringIO):
    """A stream that reads back as the events that were logged."""

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    handlers, level = logging.root.handlers, logging.root.level
    yield
    logging.root.handlers, logging.root.level = handlers, level
    structlog.reset_defaults()


def configured(level: str = "info") -> Written:
    written = Written()
    logs.configure(level, FakeClock(1_800_000_000_123), written)
    return written


def log_it(secret: str, place: str) -> None:
    """Bring `secret` into a log line in one of the ways in which it happens."""
    log = structlog.get_logger()
    error: Exception = ValueError(f"bad {secret}")
    if place == "field":
        log.info("stored", note=f"of {secret}, today")
    elif place == "list":
        log.info("stored", notes=[(secret, 1)])
    elif place == "dict":
        log.info("stored", notes={"inner": {"deep": secret}})
    elif place == "library":
        logging.getLogger("uvicorn.error").warning("refused %s", secret)
    elif place == "library error":
        logging.getLogger("asyncio").error("task failed", exc_info=error)
    else:
        log.error("failed", exc_info=raised(error, place))


def raised(error: Exception, place: str) -> Exception:
    if place == "note":
        noted = KeyError("x")
        noted.add_note(str(error))
        return noted
    if place == "cause":
        outer = RuntimeError("outer")
        outer.__cause__ = error
        return outer
    return ExceptionGroup("several", [error]) if place == "group" else error


def test_a_line_is_one_json_object() -> None:
    """Event name, level, time to the millisecond, then the fields and what was bound."""
    written = configured()
    with structlog.contextvars.bound_contextvars(agent_id="a1"):
        structlog.get_logger(room="gateway").info("agent.online", generation=3)
    assert written.events() == [
        {
            "event": "agent.online",
            "level": "info",
            "at": "2027-01-15T08:00:00.123Z",
            "room": "gateway",
            "agent_id": "a1",
            "generation": 3,
        }
    ]


def test_less_important_lines_are_left_out() -> None:
    """The level rules for our own lines; libraries are heard from warnings on."""
    written = configured("warning")
    structlog.get_logger().info("unheard")
    structlog.get_logger().warning("heard")
    configured("debug")
    logging.getLogger("websockets.server").debug("> TEXT '...'")
    logging.getLogger("databases").info("Connected")
    assert [event["event"] for event in written.events()] == ["heard"]


def test_an_exception_is_shown_by_type_and_place() -> None:
    """Enough to find the line of code, nothing of the values."""
    written = configured()
    try:
        int("customer's words")
    except ValueError:
        structlog.get_logger().exception("turn.failed")
    (event,) = written.events()
    (trace,) = event["exception"]
    assert trace["exc_type"] == "ValueError"
    assert trace["exc_value"] == "invalid literal for int() with base 10: '...'"
    assert trace["frames"][-1]["filename"].endswith("test_logs.py")
    assert "words" not in written.getvalue()


@given(st.one_of(TOKENS, IDS, PHONES), st.sampled_from(PLACES))
def test_no_number_and_no_secret_passes(secret: str, place: str) -> None:
    """Tokens, phone numbers and WhatsApp ids are masked, in whatever way they get into a line."""
    written = configured()
    log_it(secret, place)
    assert written.events()
    assert secret.strip("+") not in written.getvalue()


@given(st.text(max_size=30), st.sampled_from(PLACES[3:]))
def test_no_quoted_text_passes(text: str, place: str) -> None:
    """What an exception or a library quotes of a message is left out, quotes inside it included."""
    written = configured()
    log_it(repr(f"{text}zq9{text}"), place)
    assert written.events()
    assert "zq9" not in written.getvalue()


def test_fields_of_text_and_unforeseen_values() -> None:
    """Message text goes by its field's name; whatever a value is, the line can be written."""
    written = configured()
    structlog.get_logger().info("odd", text="hello there", raw=b"\xff", odd={1, 2}, half="\ud800")
    (event,) = written.events()
    assert (event["text"], event["odd"]) == ("[text, 11]", [1, 2])
    assert "hello" not in written.getvalue()
