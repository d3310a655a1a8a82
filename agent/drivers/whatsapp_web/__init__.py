"""A shop's own WhatsApp Web in an installed Chromium, through wa-js.

Automating WhatsApp Web is against WhatsApp's terms and can cost the number. What the tests show,
they show against `agent.practice`, a stand-in: it proves this driver against wa-js, never wa-js
against WhatsApp.
"""

from agent.drivers.whatsapp_web.browser import install_browser
from agent.drivers.whatsapp_web.driver import WhatsAppWebDriver
from agent.drivers.whatsapp_web.errors import (
    BrowserMissingError,
    BundleMissingError,
    PageUnavailableError,
    ProfileInUseError,
    WhatsAppWebError,
)
from agent.drivers.whatsapp_web.settings import WHATSAPP_URL, WebSettings

__all__ = [
    "WHATSAPP_URL",
    "BrowserMissingError",
    "BundleMissingError",
    "PageUnavailableError",
    "ProfileInUseError",
    "WebSettings",
    "WhatsAppWebDriver",
    "WhatsAppWebError",
    "install_browser",
]
