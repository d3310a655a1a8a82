"""The owner's phone, for who plays it: what can be done with the codes that the page shows.

POST /api/scan     {text, phone?}   hold the phone before the QR; 409 when it is not the present one
POST /api/type     {code, phone?}   type the letters; 409 when they are wrong
POST /api/renew    WhatsApp wants another code to be typed
POST /api/refuse   {refuse}         WhatsApp gives no codes to type
POST /api/link     be linked, as if it had scanned
POST /api/unlink   {reason?}        end the link; the word that WhatsApp gives the page for it
"""

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agent.practice.exchange import Exchange
from agent.practice.network import SHOP_PHONE
from agent.practice.owner_phone import REMOVED, WrongCodeError

_BODY_MAX_BYTES: Final = 4096


class _Scan(msgspec.Struct):
    text: str
    phone: str = SHOP_PHONE


class _Typed(msgspec.Struct):
    code: str
    phone: str = SHOP_PHONE


class _Refuse(msgspec.Struct):
    refuse: bool


class _Unlink(msgspec.Struct):
    reason: str | None = REMOVED


def owner_routes(exchange: Exchange) -> list[Route]:
    """Every call of the module's table."""
    phone = exchange.owner_phone

    def scan(body: Any) -> None:
        wish = msgspec.convert(body, _Scan)
        phone.scan(wish.text, wish.phone)

    def type_code(body: Any) -> None:
        wish = msgspec.convert(body, _Typed)
        phone.type(wish.code, wish.phone)

    def renew(_body: Any) -> None:
        phone.renewals += 1
        exchange.notify(set())

    def refuse(body: Any) -> None:
        phone.refuses_codes = msgspec.convert(body, _Refuse).refuse

    def link(_body: Any) -> None:
        exchange.link()

    def unlink(body: Any) -> None:
        exchange.unlink(msgspec.convert(body, _Unlink).reason)

    handlers = {
        "scan": scan,
        "type": type_code,
        "renew": renew,
        "refuse": refuse,
        "link": link,
        "unlink": unlink,
    }
    return [_route(name, handler) for name, handler in handlers.items()]


def _route(name: str, handler: Any) -> Route:
    async def answer(request: Request) -> Response:
        try:
            content = await request.body()
            if len(content) > _BODY_MAX_BYTES:
                raise msgspec.ValidationError("the body is too long")
            handler(msgspec.json.decode(content) if content else {})
        except msgspec.MsgspecError as error:
            return JSONResponse({"error": str(error)}, 422)
        except WrongCodeError as error:
            return JSONResponse({"error": str(error)}, 409)
        return JSONResponse({})

    return Route(f"/api/{name}", answer, methods=["POST"])
