"""What can go wrong with the browser.

WhatsAppWebError
├── BrowserMissingError     ends the driver: nothing to heal, a person has to install one
├── BundleMissingError      ends the driver: the installation is incomplete
├── BundleRefusedError      a fetched wa-js is not what it should be: it is not kept
├── BundleBusyError         another update of wa-js is under way
├── ProfileInUseError       ends the driver: another agent holds this WhatsApp
├── ProfileUnusableError    ends the driver: its directory is not one that can be used
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


class BundleRefusedError(WhatsAppWebError):
    """What was fetched is not the wa-js that was asked for."""


class BundleBusyError(WhatsAppWebError):
    """Somebody else changes the fetched bundles now."""


class ProfileInUseError(WhatsAppWebError):
    """Another process holds the browser profile."""


class ProfileUnusableError(WhatsAppWebError):
    """The browser profile cannot be written, or is no directory."""


class BrowserGoneError(WhatsAppWebError):
    """The browser, its page or the way to it is lost."""


class BrowserFailedError(BrowserGoneError):
    """The browser did not come up."""


class PageUnavailableError(WhatsAppWebError):
    """The page did not answer a call: it may or may not have acted on it."""


class PageSilentError(PageUnavailableError):
    """The page took longer than the call's time."""
