"""Who it is that answers instead of the hub."""

import pytest

from agent.checks.hub import judge_answer

PAGE = b"  <!doctype html><title>Welcome to our WiFi"


@pytest.mark.parametrize(
    ("status", "kind", "body", "words"),
    [
        (200, "application/json", b"{}", None),
        (200, "text/html; charset=utf-8", PAGE, "log-in page"),
        (200, "", PAGE, "log-in page"),
        (302, "", b"", "log-in page"),
        (403, "text/html", PAGE, "log-in page"),
        (511, "text/html", PAGE, "log-in page"),
        (407, "text/html", PAGE, "proxy on the way wants a password"),
        (502, "text/html", PAGE, "answers 502"),
        (404, "application/problem+json", b"{}", "answers 404"),
    ],
)
def test_a_captive_portal_and_a_proxy_are_told_from_a_hub(
    status: int, kind: str, body: bytes, words: str | None
) -> None:
    """A web page is no hub, whatever its status; a broken hub behind a proxy is still one."""
    found = judge_answer("https://hub.example", status, kind, body)
    if words is None:
        assert found.verdict == "ok"
    else:
        assert (found.verdict, words in found.finding) == ("fail", True)
        assert found.remedy
