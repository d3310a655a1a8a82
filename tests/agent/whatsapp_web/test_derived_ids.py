"""What has no id of its own gets one that a second telling finds again (SPEC 9.3)."""

from pathlib import Path
from typing import Any

from tests.agent.practice.stage import practice_phone
from tests.agent.whatsapp_web.shop import Shop, open_shop, web_settings

_TELL = """async ([chat, event, more]) => {
    const found = await WPP.chat.find(chat);
    const [message] = await WPP.chat.getMessages(found.id, { count: 1 });
    const { id } = message;
    const from = id.remote;
    WPP.emit(event, { msgId: id, refId: id, msg: message, chat, from, sender: from, ...more });
}"""


async def tell(shop: Shop, chat: str, event: str, **more: Any) -> None:
    """Let wa-js report something about the newest message of a chat."""
    calls = shop.driver._calls
    assert calls is not None
    await calls._page.evaluate(_TELL, [chat, event, more])


_EVENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "reaction": ("chat.new_reaction", {"reactionText": "+1", "timestamp": 1_767_261_600}),
    "edit": ("chat.msg_edited", {}),
    "revoke": ("chat.msg_revoke", {}),
}


async def test_what_has_no_id_is_named_by_target_kind_and_time(tmp_path: Path) -> None:
    """`<target>/<kind>/<sent_at in ms>`, with the target in `reply_to`."""
    async with (
        practice_phone("--state", str(tmp_path / "phone.jsonl")) as phone,
        open_shop(web_settings(tmp_path, phone.process.web_url)) as shop,
    ):
        await shop.until("ready")
        customer = await phone.new_person()
        target = await customer.write("a price, please")
        await shop.sink.message(target)
        for number, (kind, (event, more)) in enumerate(_EVENTS.items(), start=2):
            await tell(shop, customer.chat, event, **more)
            await shop.sink.until(lambda number=number: len(shop.sink.messages) == number)  # type: ignore[misc] # bound at once
            told = shop.sink.messages[-1]
            assert (told.chat, told.kind, told.reply_to) == (customer.chat, kind, target)
            assert told.wa_id == f"{target}/{kind}/{told.sent_at.ms}"
