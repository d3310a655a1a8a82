"""What a draft does and why a message was not sent, in the words of the operator's desk."""

from typing import Final

from hub.commerce.effects import (
    AskCancel,
    CancelOrder,
    Effect,
    EndDraft,
    KeepOrder,
    PlaceOrder,
    Remember,
    SetCart,
    ShowDraft,
)

REFUSALS: Final = {
    "changed": "the customer wrote again, or somebody dealt with it: look at the chat once more",
    "overtaken": "a price, the stock or the cart changed meanwhile: another draft is being made",
    "superseded": "the order moved on before it was sent",
    "too_old": "a day went by before it could be sent",
    "no_chat": "the chat is not there any more",
    "no_agent": "no PC of the shop is paired for this WhatsApp number",
    "failed": "by a defect of the hub; its log has it",
    "switched_off": "the shop sends no news of orders, or is off in this chat",
    "barred": "the shop must not write to this person",
    "opted_out": "the customer does not want to hear from the shop",
}


def refusal(outcome: str) -> str:
    """Why something was not sent."""
    return REFUSALS.get(outcome, outcome)


def doing(effect: Effect) -> str:
    """What a draft does when it is sent as it stands."""
    match effect:
        case SetCart():
            count = len(effect.after.lines)
            return f"leaves {count} product{'' if count == 1 else 's'} in the cart"
        case ShowDraft():
            return "shows the order and asks for a yes"
        case EndDraft():
            return "calls off the order that was shown"
        case PlaceOrder():
            return f"places the order{f' {effect.order_no}' if effect.order_no else ''}"
        case AskCancel():
            return f"asks whether to cancel {effect.order_no}"
        case CancelOrder():
            return f"cancels {effect.order_no}"
        case KeepOrder():
            return "leaves the order as it is"
        case Remember():
            return f"remembers of the customer: {', '.join(effect.fields()) or 'nothing'}"
