"""The code to link with as it is, for `sak-agent link`, which draws it in a terminal.

GET /api/offer  Offered; as secret as the page itself, and behind the same guard
"""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.drivers.driver import Driver, LinkOffer

PATH = "/api/offer"


class Offered(msgspec.Struct, frozen=True):
    """How WhatsApp is, and what a phone can be linked with now."""

    whatsapp: str
    advice: str
    offer: LinkOffer | None


def offer_route(driver: Driver) -> Route:
    """The call of the module's table."""

    async def answer(_request: Request) -> Response:
        now = driver.status
        offered = Offered(now.whatsapp, now.advice, now.link)
        return Response(msgspec.json.encode(offered), media_type="application/json")

    return Route(PATH, answer)
