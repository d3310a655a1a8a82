"""Errors as problem+json."""

import json

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from hub.api.problems import HANDLERS, problem
from hub.store.errors import StoreFull


def test_a_problem_has_the_members_of_the_standard() -> None:
    """RFC 9457: type, title, status and detail, and the members that a call adds."""
    answer = problem(400, "Use another.", code="unsupported", supported=["sak.agent.v1"])
    assert answer.media_type == "application/problem+json"
    assert json.loads(bytes(answer.body)) == {
        "type": "urn:sak:problem:unsupported",
        "title": "Bad Request",
        "status": 400,
        "detail": "Use another.",
        "supported": ["sak.agent.v1"],
    }


@pytest.mark.parametrize(("retry_after_s", "header"), [(0.2, "1"), (59.01, "60"), (60.0, "60")])
def test_a_wait_is_told_in_whole_seconds_too(retry_after_s: float, header: str) -> None:
    """The header is rounded up: whoever follows it does not come too early."""
    answer = problem(429, "Wait.", retry_after_s=retry_after_s)
    assert answer.headers["retry-after"] == header
    assert json.loads(bytes(answer.body))["retry_after_s"] == retry_after_s


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [(StoreFull("The disk is full. Free some space."), 503, "10"), (KeyError("secret"), 500, None)],
)
async def test_faults_of_the_hub_are_problems_without_its_secrets(
    error: Exception, status: int, retry_after: str | None
) -> None:
    """A database without room asks to come back; a defect says nothing of itself."""

    async def fail(_: Request) -> Response:
        raise error

    app = Starlette(routes=[Route("/", fail)], exception_handlers=dict(HANDLERS))
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://hub.test") as client:
        answer = await client.get("/")
    assert answer.status_code == answer.json()["status"] == status
    assert answer.headers.get("retry-after") == retry_after
    assert "secret" not in answer.text


async def test_a_caller_that_hangs_up_is_no_fault_of_the_hubs() -> None:
    """Nothing is raised into the server, which would write a page about it into the log."""

    async def read(_: Request) -> Response:
        raise ClientDisconnect

    app = Starlette(routes=[Route("/", read)], exception_handlers=dict(HANDLERS))
    transport = httpx2.ASGITransport(app, raise_app_exceptions=True)
    async with httpx2.AsyncClient(transport=transport, base_url="http://hub.test") as client:
        assert (await client.get("/")).status_code == 400
