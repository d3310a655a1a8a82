"""A customer with a row in every table that can hold one, beside somebody else."""

from uuid import UUID

import msgspec

from hub.commerce import customers
from hub.conversation.intake import take_message
from hub.store.outbound import enqueue_down
from hub.store.tx import Tx
from protocol.messages import MessageReceived, MessageSend, ReceivedMedia, SentMedia
from tests.hub.commerce.people import CHAT, GSTIN, LID, PHONE
from tests.hub.conversation.scene import ACCOUNT, AGENT, Scene, incoming

GROUP = "120363000000000000@g.us"
OTHER = "919800000002@c.us"
PHOTO, SHARED, INVOICE = ("a" * 64, "b" * 64, "c" * 64)
SECRETS = ("9800000001", "123456789012345", "Asha", "Mill Road", "560001", "secret", GSTIN)
"""What of the customer must be nowhere afterwards; nobody else's words hold any of it."""
BILL = '{"currency":"INR","lines":[],"total":5000}'
DELIVERY = '{"destination":"560001","zone":"South","address":"1 Mill Road","payment":"upi"}'


async def fill(scene: Scene) -> None:
    """Asha is `cus_a`: two chats, a group, files, an order. `cus_b` wrote and was sent a file."""
    await _talk(scene)
    await scene.store.write(lambda tx: _know(tx, scene.clock.now_ms()))
    await _trade(scene)
    await scene.change(
        """UPDATE turns SET trace = '{"said": "secret"}', reply = 'secret',"""
        """ answer = '{"effects": ["secret"]}' WHERE chat <> ?""",
        OTHER,
    )
    await _notes(scene)
    for frame in (f'{{"to":"{CHAT}","word":"secret"}}', '{"to":"919800000012@c.us"}'):
        await scene.change(
            "INSERT INTO quarantine (tenant_id, agent_id, event_id, type, code, reason, frame,"
            " received_at) VALUES ('ten_a', 'agt_a', 'e', 'x', 'unknown_type', 'r', ?, 1)",
            frame,
        )


async def _notes(scene: Scene) -> None:
    """Words of the owner's on their way to each, and what the operator was told of both chats."""
    for chat, text in ((CHAT, "secret of the operator"), (OTHER, "another's words")):
        await scene.change(
            "INSERT INTO outgoing (outgoing_id, tenant_id, account, chat, kind, text, due_at,"
            " created_at) VALUES (?, 'ten_a', ?, ?, 'operator', ?, 1, 1)",
            f"out {text}",
            ACCOUNT,
            chat,
            text,
        )
        await scene.change(
            "INSERT INTO operator_notices (tenant_id, kind, subject, at)"
            " VALUES ('ten_a', 'loop', ?, 1)",
            f"{chat} 2026-11-22T10:00:00.000Z",
        )


def told(scene: Scene) -> list[MessageReceived]:
    """What the agent reported of the customer, in order; also what a sweep would find again."""
    clock = scene.clock
    lid_of = msgspec.structs.replace(incoming(clock, "M1").sender, lid=LID)
    file = ReceivedMedia(sha256=PHOTO, mime="image/jpeg", size=1, name="secret.jpg")
    shared = ReceivedMedia(sha256=SHARED, mime="image/jpeg", size=1)
    photo = incoming(clock, "P1", None, kind="media")
    return [
        msgspec.structs.replace(incoming(clock, "M1", "secret one"), sender=lid_of),
        incoming(clock, "M2", "secret two", chat=LID, phone=PHONE),
        incoming(clock, "E1", "secret edit", kind="edit", reply_to="M1"),
        incoming(
            clock, "O1", "secret of the owner", from_me=True, phone=None, sender=f"{ACCOUNT}@c.us"
        ),
        incoming(clock, "G1", "secret to a group", chat=GROUP, sender=CHAT),
        msgspec.structs.replace(photo, media=file),
        msgspec.structs.replace(photo, wa_id="P2", media=shared),
    ]


async def take(scene: Scene, message: MessageReceived) -> bool:
    """An agent reports a message; whether it was news."""
    now = scene.clock.now_ms()
    return (await scene.store.write(lambda tx: take_message(tx, AGENT, message, now))).new


async def _talk(scene: Scene) -> None:
    for message in told(scene):
        assert await take(scene, message)
    for chat in (GROUP, OTHER):
        words = incoming(scene.clock, "X1", "another's words", chat=chat, sender=OTHER, phone=None)
        sender = msgspec.structs.replace(words.sender, name="Bo")
        await take(scene, msgspec.structs.replace(words, sender=sender))


def _know(tx: Tx, now: int) -> None:
    """Two customers, what is remembered of one, a reply on its way to each."""
    for new_id, name, aliases in (
        ("cus_a", "Asha", customers.aliases_of(CHAT, PHONE, LID)),
        ("cus_b", "Bo", customers.aliases_of(OTHER, None, None)),
    ):
        customers.ensure(tx, "ten_a", aliases, name, now, new_id)
    said = {"address": "1 Mill Road", "postcode": "560001", "tax_number": GSTIN}
    customers.remember(tx, "ten_a", "cus_a", now, **said)
    reply = MessageSend(account=ACCOUNT, chat=CHAT, text="secret reply")
    file = MessageSend(account=ACCOUNT, chat=OTHER, media=SentMedia(sha256=SHARED, mime="a/b"))
    for number, order in enumerate((reply, file), 1):
        enqueue_down(tx, "ten_a", "agt_a", UUID(int=number, version=5), order, now)


async def _trade(scene: Scene) -> None:
    """A cart, a draft, an order with a paper that was sent and one that was not."""
    await scene.change(
        "INSERT INTO products (product_id, tenant_id, sku, name, price, updated_at)"
        " VALUES (1, 'ten_a', 'P-1', 'Cup', 100, 0)"
    )
    await scene.change("INSERT INTO cart_lines VALUES ('ten_a', 'cus_a', 1, 2500, 1, 1)")
    await scene.change("INSERT INTO cart_coupons VALUES ('ten_a', 'cus_a', 'TEN')")
    await scene.change(
        "INSERT INTO drafts VALUES"
        " ('d1', 'ten_a', 'cus_a', 'ordered', 't1', ?, ?, 'h', 5000, 1, 2, 3)",
        BILL,
        DELIVERY,
    )
    await scene.change(
        "INSERT INTO orders (order_id, tenant_id, customer_id, draft_id, number, order_no, state,"
        " bill, delivery, total, created_at, updated_at)"
        " VALUES ('o1', 'ten_a', 'cus_a', 'd1', 1001, 'A-1001', 'confirmed', ?, ?, 5000, 1, 1)",
        BILL,
        DELIVERY,
    )
    for kind, done_at, sha256 in (("invoice", 5, INVOICE), ("payment_code", None, None)):
        await scene.change(
            "INSERT INTO order_papers (tenant_id, order_id, kind, account, chat, agent_id,"
            " created_at, done_at, sha256) VALUES ('ten_a', 'o1', ?, ?, ?, 'agt_a', 1, ?, ?)",
            kind,
            ACCOUNT,
            CHAT,
            done_at,
            sha256,
        )
