"""Every setting of the agent: one struct whose annotations are also its documentation.

A setting comes from the environment (`SAK_AGENT_…`), else from `agent.toml` in the data directory,
else from its default. Nothing is guessed: a name that does not exist and a value outside its bounds
are errors. `docs/settings.md` shows `settings_table()`; a test compares them.
"""

import difflib
import tomllib
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints
from urllib.parse import SplitResult, urlsplit

import msgspec
import platformdirs
from msgspec import Meta

PREFIX: Final = "SAK_AGENT_"
FILE_NAME: Final = "agent.toml"
BROWSER_PROFILE: Final = "whatsapp-profile"  # the linked session, beside the journal
DAY_S: Final = 86_400
_LOOPBACK: Final = {"localhost", "127.0.0.1", "::1"}
_PathText = Annotated[str, Meta(pattern=r"^[^\x00]+\Z")]
_PROXY_SCHEMES: Final = {"http", "https", "socks4", "socks4a", "socks5", "socks5h"}
SECRET: Final = frozenset({"proxy"})  # may hold a password: never shown
_PLACES: Final = ("data_dir", "profile")  # say where the file is, so the file cannot


class SettingsError(Exception):
    """A setting is wrong; the message is one sentence for the user, with the remedy."""


def _about(text: str, low: float | None = None, high: float | None = None) -> Meta:
    return Meta(description=text, ge=low, le=high)


def _data_dir(profile: str = "") -> Path:
    """Where an agent's files are unless it is said: profiles lie side by side."""
    return platformdirs.user_data_path(f"sak-agent-{profile}" if profile else "sak-agent", False)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How this agent is to work. `_s` are seconds and take fractions."""

    data_dir: Annotated[
        Path,
        _about("where the journal, the browser's profile and `agent.toml` are; environment only"),
    ] = msgspec.field(default_factory=_data_dir)
    profile: Annotated[
        str,
        Meta(
            description="name that keeps several agents on one computer apart; environment only",
            pattern=r"^([a-z0-9][a-z0-9-]{0,31})?\Z",
        ),
    ] = ""
    driver: Annotated[
        Literal["whatsapp_web", "memory"], _about("a real WhatsApp Web, or files for trials")
    ] = "whatsapp_web"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], _about("how much is logged")
    ] = "info"

    # The way to the hub.
    proxy: Annotated[
        str | None,
        _about("proxy to the hub (`http://…`, `socks5://…`); `none` for none; else the system's"),
    ] = None
    plain_hub: Annotated[
        bool, _about("allow a hub without TLS that is not on this machine (tokens can be read!)")
    ] = False
    open_timeout_s: Annotated[float, _about("until a connection stands", 0.05, 300)] = 20.0
    welcome_timeout_s: Annotated[float, _about("until the hub's welcome", 0.05, 300)] = 45.0
    send_timeout_s: Annotated[float, _about("until the network takes a frame", 0.05, 300)] = 20.0
    ack_timeout_s: Annotated[float, _about("until the hub has to acknowledge", 0.05, 3600)] = 30.0
    backoff_max_s: Annotated[float, _about("longest wait between tries", 0.01, 3600)] = 60.0
    backoff_reset_s: Annotated[
        float, _about("a connection that lived so long starts the waits anew", 0, 3600)
    ] = 60.0
    replaced_wait_s: Annotated[
        float, _about("wait after another connection took over (4009)", 0, DAY_S)
    ] = 60.0
    stopped_retry_s: Annotated[
        float, _about("wait after the hub refused this agent (4500–4999, 400, 401, 403)", 0, DAY_S)
    ] = 900.0
    window: Annotated[int, _about("orders that may be on their way to us", 1, 1024)] = 32
    inbox_max: Annotated[
        int, _about("orders not yet done from which the hub is asked to pause", 1, 1_000_000)
    ] = 10_000

    # WhatsApp.
    whatsapp_url: Annotated[str, _about("the page that is opened")] = "https://web.whatsapp.com/"
    browser: Annotated[
        Path | None, _about("the browser's program; else an installed one is found")
    ] = None
    npm_registry: Annotated[
        str | None,
        _about("where `update-bundle` fetches wa-js; else npm's own registry, through npm"),
    ] = None
    headless: Annotated[bool, _about("hide the browser's window")] = False
    ping_interval_s: Annotated[
        float, _about("how often WhatsApp Web is asked how it is", 1, 600)
    ] = 15.0
    memory_max_mib: Annotated[
        int, _about("of the browser; a larger one is started anew in a quiet moment", 200, 65_536)
    ] = 1200
    link_attempts_max: Annotated[
        int, _about("how often a code to link the phone with is renewed before that ends", 0, 20)
    ] = 5
    conflict: Annotated[
        Literal["ask", "take_over"],
        _about(
            "when another window uses WhatsApp: leave it there, or use it here (thrice an hour)"
        ),
    ] = "ask"
    typing_chars_per_s: Annotated[
        float, _about("pace of *typing…* before a reply; 0: no pause", 0, 1000)
    ] = 12.0
    typing_max_s: Annotated[
        float, _about("longest *typing…* before a reply; 0: no pause", 0, 120)
    ] = 6.0
    send_gap_s: Annotated[
        float, _about("shortest pause between two messages, whatever their chats", 0, 3600)
    ] = 1.0
    started_per_day: Annotated[
        int, _about("chats a day in which the shop may write before the customer did", 0, 1000)
    ] = 20
    sweep_every_s: Annotated[
        float,
        _about(
            "how often all chats are searched for missed messages; 0: only after it was away",
            0,
            DAY_S,
        ),
    ] = 900.0
    sweep_overlap_s: Annotated[
        float, _about("how far before the last search's newest message one begins", 0, 30 * DAY_S)
    ] = float(DAY_S)
    media_wait_s: Annotated[
        float,
        _about(
            "how long a customer's message waits for its file; 0: files are not fetched", 0, 3600
        ),
    ] = 45.0

    # The person at this PC.
    panel_port: Annotated[int, _about("of the panel's page on this PC; 0: no panel", 0, 65_535)] = (
        3001
    )
    notifications: Annotated[
        bool, _about("tell on the desktop what needs a person, where there is a desktop")
    ] = True

    # Trials.
    practice_port: Annotated[int, _about("of the practice phone's page", 0, 65_535)] = 3002
    memory_in: Annotated[
        Path | None, _about("driver `memory`: messages that arrive, JSON lines")
    ] = None
    memory_out: Annotated[
        Path | None, _about("driver `memory`: messages that went out, JSON lines")
    ] = None
    memory_send_s: Annotated[
        float, _about("driver `memory`: how long a message takes to go out", 0, 3600)
    ] = 0.0

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the settings from an environment and the file in its data directory.

        Raises:
            SettingsError: something is wrong with one of them.
        """
        values = {
            name: _converted(name, raw, f"{PREFIX}{name.upper()}")
            for name, raw in _from_environment(environ).items()
        }
        data_dir = values.setdefault("data_dir", _data_dir(values.get("profile", "")))
        for name, raw in _from_file(data_dir / FILE_NAME).items():
            values.setdefault(name, _converted(name, raw, f"{name} in {data_dir / FILE_NAME}"))
        settings = cls(**values)
        _check_together(settings)
        return settings


def is_loopback(host: str | None) -> bool:
    """Whether a host name means this machine."""
    return host in _LOOPBACK


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    given = {
        key.removeprefix(PREFIX).lower(): value
        for key, value in environ.items()
        if key.startswith(PREFIX)
    }
    for name in given:
        _known(name, f"{PREFIX}{name.upper()}", PREFIX, str.upper)
    return given


def _from_file(path: Path) -> dict[str, Any]:
    try:
        given = tomllib.loads(path.read_text("utf-8-sig"))  # Windows' editors write the mark
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:  # not readable, not UTF-8, not TOML
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(f"{path} cannot be read ({reason}): mend it or remove it.") from error
    for name in given:
        _known(name, f"{name} in {path}", "", str)
    for name in _PLACES:
        if name in given:
            raise SettingsError(
                f"{name} in {path} would move the file itself: set it as {PREFIX}{name.upper()}."
            )
    return given


def _known(name: str, where: str, prefix: str, spelled: Any) -> None:
    if name in _HINTS:
        return
    near = difflib.get_close_matches(name, _HINTS, 1)
    remedy = f"did you mean {prefix}{spelled(near[0])}?" if near else "remove it."
    raise SettingsError(f"{where} is no setting: {remedy}")


def _converted(name: str, raw: Any, where: str) -> Any:
    hint = _HINTS[name]
    try:
        if Path in _plain(hint):
            return Path(msgspec.convert(raw, _PathText)).expanduser().absolute()
        return msgspec.convert(raw, hint, strict=False)
    except (msgspec.ValidationError, RuntimeError) as error:  # the latter: no such home
        shown = "not right" if name in SECRET else f"{raw!r}"
        expected = _values(name)
        raise SettingsError(f"{where} is {shown}: give {expected}, or remove it.") from error


def _split(address: str) -> SplitResult:
    """The parts of an address; none of them when it is not sound."""
    try:
        parts = urlsplit(address)
        _ = parts.port  # it is checked when it is read
    except ValueError:
        return urlsplit("")
    return parts


def _check_together(settings: Settings) -> None:
    page = _split(settings.whatsapp_url)
    if page.scheme != "https" and not (page.scheme == "http" and is_loopback(page.hostname)):
        raise SettingsError(
            f"{PREFIX}WHATSAPP_URL is {settings.whatsapp_url!r}: give an https:// address."
        )
    if settings.proxy not in (None, "none"):
        proxy = _split(settings.proxy)
        if proxy.scheme not in _PROXY_SCHEMES or not proxy.hostname:
            raise SettingsError(
                f"{PREFIX}PROXY is not right: give http://host:port, socks5://host:port or none."
            )
    registry = _split(settings.npm_registry or "https://npm")
    is_safe = registry.scheme == "https" or (
        registry.scheme == "http" and is_loopback(registry.hostname)
    )
    if not is_safe or not registry.hostname or registry.username is not None:
        raise SettingsError(
            f"{PREFIX}NPM_REGISTRY is not right: give an https:// address without a password."
        )
    if settings.driver == "memory" and (settings.memory_in is None or settings.memory_out is None):
        raise SettingsError(
            f"{PREFIX}DRIVER is 'memory': "
            f"give its files in {PREFIX}MEMORY_IN and {PREFIX}MEMORY_OUT."
        )


# --- what the documentation shows ------------------------------------------------------------

_HINTS: Final = get_type_hints(Settings, include_extras=True)


def _plain(hint: Any) -> tuple[Any, ...]:
    """The types that a hint allows, without None and annotations."""
    if get_origin(hint) is Annotated:
        return _plain(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        return tuple(part for part in get_args(hint) if part is not type(None))
    return (hint,)


def _meta(name: str) -> Meta:
    meta: Meta = get_args(_HINTS[name])[1]
    return meta


def _values(name: str) -> str:
    """What may be given, for a person."""
    (kind,), meta = _plain(_HINTS[name]), _meta(name)
    if meta.pattern is not None:
        return "small letters, digits and hyphens"
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    if kind in (int, float):
        number = "a whole number" if kind is int else "a number"
        return f"{number} from {meta.ge:,.9g} to {meta.le:,.9g}"
    return {bool: "true or false", Path: "a path"}.get(kind, "a text")


def _default(name: str) -> str:
    if name == "data_dir":
        return "the platform's data directory"
    value = getattr(Settings(), name)
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int | float):
        return f"`{value:.9g}`"
    return f"`{value}`" if value else "–"


def settings_table() -> str:
    """Every setting as a Markdown table; `docs/settings.md` must hold exactly this."""
    lines = ["| setting | default | allowed | meaning |", "|---|---|---|---|"]
    for name in Settings.__struct_fields__:
        variable, meaning = f"`{PREFIX}{name.upper()}`", _meta(name).description
        lines.append(f"| {variable} | {_default(name)} | {_values(name)} | {meaning} |")
    return "\n".join(lines) + "\n"
