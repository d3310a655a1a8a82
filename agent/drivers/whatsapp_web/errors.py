"""What can go wrong with the browser.

WhatsAppWebError
├── BrowserMissingError     ends the driver: nothing to heal, a person has to install one
├── BundleMissingError      ends the driver: the installation is incomplete
├── ProfileInUseError       ends the driver: another agent holds this WhatsApp
├── BrowserGoneError        ends one life of the browser; the driver starts the next
│   └── BrowserFailedError  … before it began
└── PageUnavailableError    one call got no answer; the caller decides
    └── PageSilentError     … within its time: the page may hang
"""


class WhatsAppWebError(Exception):
    """Base of all; the text is one sentence with the remedy."""


class BrowserMissingError(WhatsAppWebError):
    """No usable browser on this computer."""


class BundleMissingError(WhatsAppWebError):
    """The wa-js bundle is not where it belongs."""


class ProfileInUseError(WhatsAppWebError):
    """Another process holds the browser profile."""


class BrowserGoneError(WhatsAppWebError):
    """The browser, its page or the way to it is lost."""


class BrowserFailedError(BrowserGoneError):
    """The browser did not come up."""


class PageUnavailableError(WhatsAppWebError):
    """The page did not answer a call: it may or may not have acted on it."""


class PageSilentError(PageUnavailableError):
    """The page took longer than the call's time."""
