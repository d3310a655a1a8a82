"""Everything that may be set about a hub: the one place that reads the environment and the file.

`SAK_HUB_PORT=8080` in the environment or `port = 8080` in a TOML file, which `SAK_HUB_CONFIG` (or
an argument) names; the environment wins. `docs/settings.md` shows `settings_table()`. The key to a
language model is `OPENAI_API_KEY` in the environment and nowhere else.
"""

import ipaddress
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, inspect
from platformdirs import user_data_path

PREFIX: Final = "SAK_HUB_"
CONFIG: Final = f"{PREFIX}CONFIG"
MODEL_KEY: Final = "OPENAI_API_KEY"

Text = Annotated[str, Meta(min_length=1)]
Port = Annotated[int, Meta(ge=0, le=65_535)]
Positive = Annotated[float, Meta(gt=0, le=1e9)]  # a bound, so that infinity is none
NotNegative = Annotated[float, Meta(ge=0, le=1e9)]
Percent = Annotated[float, Meta(gt=0, le=100)]
Tokens = Annotated[int, Meta(ge=1, le=1_000_000_000)]


class SettingsError(Exception):
    """A setting is wrong: one sentence that names it and the remedy, never its value."""

    code = "settings"


class Secret:
    """A text that no log line and no traceback shows."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "Secret()"

    def reveal(self) -> str:
        """The text itself."""
        return self._text


def _default_database() -> str:
    return f"sqlite:///{user_data_path('sak-hybrid', appauthor=False) / 'hub.db'}"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one hub, checked. The unit closes the name."""

    host: Text = "127.0.0.1"
    port: Port = 8080
    public_url: Text | None = None
    database_url: Text = msgspec.field(default_factory=_default_database)
    behind_proxy: bool = False
    trusted_proxies: Text = "127.0.0.1,::1"
    tls_cert: Text | None = None
    tls_key: Text | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    heartbeat_interval_s: Positive = 20.0
    heartbeat_timeout_s: Positive = 45.0
    hello_timeout_s: Positive = 10.0
    ack_timeout_s: Positive = 30.0
    startup_grace_s: NotNegative = 90.0
    offline_after_s: NotNegative = 300.0
    pairing_ttl_s: Positive = 900.0
    pairing_tries_per_min: Positive = 5.0
    token_ttl_s: Positive | None = None
    drain_deadline_s: NotNegative = 20.0
    drain_reconnect_max_s: Positive = 30.0
    duplicate_window_s: Positive = 600.0
    connects_per_min: Positive = 30.0
    refusals_per_min: Positive = 60.0
    connections_max: Positive = 10_000.0
    media_max_bytes: Positive = 16_777_216.0
    retention_s: Positive = 604_800.0
    debounce_s: NotNegative = 3.0
    disk_full_pct: Percent = 90.0
    inbox_max: Positive = 10_000.0
    model_mode: Literal["embedded", "hybrid", "model"] = "hybrid"
    model_name: Text | None = None
    model_url: Text = "https://api.openai.com/v1"
    model_turn_timeout_s: Positive = 25.0
    model_price_input: NotNegative = 0.0
    model_price_cached: NotNegative = 0.0
    model_price_cache_write: NotNegative = 0.0
    model_price_output: NotNegative = 0.0
    model_tenant_day_tokens: Tokens | None = None
    model_tenant_month_tokens: Tokens | None = None
    model_tenant_day_cost: Positive | None = None
    model_tenant_month_cost: Positive | None = None
    model_customer_day_tokens: Tokens | None = None
    openai_api_key: Secret | None = None  # not in MEANINGS: neither file nor prefix sets it

    @classmethod
    def load(cls, environ: Mapping[str, str], toml_path: Path | None = None) -> Self:
        """Read what is set and check it.

        Raises:
            SettingsError: a name that is none, a value out of its bounds, or two that exclude each
                other.
        """
        if toml_path is None and environ.get(CONFIG):
            toml_path = Path(environ[CONFIG])
        values = {} if toml_path is None else _from_file(toml_path)
        key = environ.get(MODEL_KEY, "").strip()
        values |= _from_environment(environ)
        settings = cls(**values, openai_api_key=Secret(key) if key else None)
        _check_together(settings)
        return settings

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches the hub's port."""
        return _is_loopback(self.host)

    @property
    def has_model_prices(self) -> bool:
        """Whether what the model uses costs anything here, so that a limit of cost can be met."""
        return self.model_price_input > 0 or self.model_price_output > 0


MEANINGS: Final[Mapping[str, str]] = {
    "host": "address to listen on",
    "port": "port to listen on; 0 takes any free one",
    "public_url": "where agents reach this hub, as `https://hub.example.com`; else each request's",
    "database_url": "where everything is kept: `sqlite:////absolute/path`; the folder is created",
    "behind_proxy": "a proxy in front ends TLS and its `X-Forwarded-For` is believed",
    "trusted_proxies": "where that proxy is: addresses or networks, separated by commas",
    "tls_cert": "PEM file with the certificate chain, to serve TLS without a proxy",
    "tls_key": "PEM file with the private key of that certificate",
    "log_level": "the least important kind of log line that is written",
    "heartbeat_interval_s": "how often agents send a heartbeat",
    "heartbeat_timeout_s": "silence after which a connection counts as dead",
    "hello_timeout_s": "how long a new socket may take to say hello",
    "ack_timeout_s": "how long a sent event may stay unacknowledged",
    "startup_grace_s": "after a start, how long agents may take to come back before they are lost",
    "offline_after_s": "how long an agent is lost before it is offline",
    "pairing_ttl_s": "how long a pairing code can be used",
    "pairing_tries_per_min": "wrong pairing codes per address before it has to wait",
    "token_ttl_s": "how long an agent's token lives; without it, for ever",
    "drain_deadline_s": "how long a stopping hub waits for its agents to leave",
    "drain_reconnect_max_s": "agents of a stopping hub come back at random within this time",
    "duplicate_window_s": "how long two copies of one agent are counted, and then kept out",
    "connects_per_min": "accepted connections per agent",
    "refusals_per_min": "refused connections per address before it has to wait",
    "connections_max": "open connections in all",
    "media_max_bytes": "the largest file that an agent may hand in",
    "retention_s": "how long acknowledged orders are kept for an agent restored from a backup",
    "debounce_s": "quiet time in a chat before it is answered, where the tenant sets none",
    "disk_full_pct": "disk use at which agents are asked to wait",
    "inbox_max": "events not yet worked on at which agents are asked to wait",
    "model_mode": "where there is a key, the model answers never, what code cannot, or all it may",
    "model_name": "the model, as its provider names it; without it none is asked, key or not",
    "model_url": "where the model is: anything that speaks OpenAI's Chat Completions; "
    "http:// on this machine or a private network only",
    "model_turn_timeout_s": "how long the model may take before the hub gives its own answer",
    "model_price_input": "price of a million tokens read, in the currency of the provider's bill",
    "model_price_cached": "the same for those that the provider had in its cache",
    "model_price_cache_write": "the same for those that it writes to its cache",
    "model_price_output": "the same for those that it writes",
    "model_tenant_day_tokens": "tokens of one shop in a day of its own; without it, any number",
    "model_tenant_month_tokens": "the same in a month",
    "model_tenant_day_cost": "what one shop may cost in a day, in the currency of that bill",
    "model_tenant_month_cost": "the same in a month",
    "model_customer_day_tokens": "tokens of one customer of a shop in a day",
}


def settings_table() -> str:
    """Every setting as a Markdown table; `docs/settings.md` must hold exactly this."""
    lines = ["| setting | default | allowed | meaning |", "|---|---|---|---|"]
    for field in msgspec.structs.fields(Settings):
        if field.name not in MEANINGS:
            continue
        default = "`hub.db` in the platform's data directory"
        if field.default is not msgspec.NODEFAULT:
            default = _shown(field.default)
        row = (_variable(field.name), default, _allowed(field.type), MEANINGS[field.name])
        lines.append(f"| `{row[0]}` | {' | '.join(row[1:])} |")
    return "\n".join(lines) + "\n"


def _shown(default: Any) -> str:
    if default is None:
        return "–"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default:.15g}`" if isinstance(default, float) else f"`{default}`"


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _allowed(kind: Any) -> str:
    """What a setting of this type takes, in words."""
    return _in_words(inspect.type_info(kind))


def _in_words(kind: inspect.Type) -> str:
    match kind:
        case inspect.UnionType():
            return _in_words(kind.types[0])  # the other one is None: not set
        case inspect.BoolType():
            return "true or false"
        case inspect.LiteralType():
            return f"one of {', '.join(map(str, kind.values))}"
        case inspect.IntType():
            return f"a whole number from {kind.ge} to {kind.le}"
        case inspect.FloatType(gt=None):
            return f"a number from {kind.ge:g} to {kind.le:,.0f}"
        case inspect.FloatType():
            return f"a number above {kind.gt:g}, at most {kind.le:,.0f}"
        case _:
            return "text, not empty"


def _from_file(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text("utf-8-sig"))  # Windows' editors write the mark
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingsError(
            f"The settings file {path} cannot be read: {reason}. Correct {CONFIG}."
        ) from None
    except ValueError as error:  # TOML and UTF-8 alike; both tell the place, not the content
        where = re.search(r"at line \d+, column \d+", str(error))
        raise SettingsError(
            f"The settings file {path} is no TOML{f' ({where[0]})' if where else ''}. Correct it."
        ) from None
    fields = tuple(MEANINGS)
    for name in found:
        if name not in fields:
            raise _unknown(name, fields, f"in {path}")
    return {name: _convert(name, value, name, f"in {path}") for name, value in found.items()}


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    variables = {_variable(name): name for name in MEANINGS}
    found: dict[str, Any] = {}
    for variable, text in environ.items():
        if not variable.startswith(PREFIX) or variable == CONFIG:
            continue
        if variable not in variables:
            raise _unknown(variable, tuple(variables), "in the environment")
        name = variables[variable]
        found[name] = _convert(name, text.strip(), variable, "in the environment", strict=False)
    return found


def _convert(name: str, value: Any, shown: str, where: str, *, strict: bool = True) -> Any:
    kind = next(field.type for field in msgspec.structs.fields(Settings) if field.name == name)
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError:
        sentence = f"{shown} must be {_allowed(kind)}. Correct or remove it {where}."
        raise SettingsError(sentence) from None


def _unknown(name: str, known: tuple[str, ...], where: str) -> SettingsError:
    """The refusal, with the setting that was meant: `SAK_HUB_PROT` in a file is `port`."""
    bare = {setting.removeprefix(PREFIX).lower(): setting for setting in known}
    near = get_close_matches(name.removeprefix(PREFIX).lower(), bare, n=1, cutoff=0.7)
    meant = f"Did you mean {bare[near[0]]}?" if near else "See docs/settings.md."
    return SettingsError(f"{name} is no setting. Correct or remove it {where}. {meant}")


def _check_together(settings: Settings) -> None:
    """Refuse what each value alone does not show."""
    if settings.heartbeat_timeout_s <= settings.heartbeat_interval_s:
        raise SettingsError(
            "SAK_HUB_HEARTBEAT_TIMEOUT_S must be above SAK_HUB_HEARTBEAT_INTERVAL_S, or every "
            "connection would be cut between two beats."
        )
    if settings.public_url is not None and not _is_http(settings.public_url):
        raise SettingsError(
            "SAK_HUB_PUBLIC_URL must be an address like https://hub.example.com, without query."
        )
    _check_tls(settings)
    _check_model(settings)
    if not settings.is_local and not settings.behind_proxy and not settings.tls_cert:
        raise SettingsError(
            "SAK_HUB_HOST is reachable from other machines without encryption. Set "
            "SAK_HUB_TLS_CERT and SAK_HUB_TLS_KEY, or SAK_HUB_BEHIND_PROXY=true when a proxy in "
            "front ends TLS, or listen on 127.0.0.1."
        )


def _check_tls(settings: Settings) -> None:
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise SettingsError("Set both SAK_HUB_TLS_CERT and SAK_HUB_TLS_KEY, or none of them.")
    for name in ("tls_cert", "tls_key"):
        path = getattr(settings, name)
        if path is not None and not Path(path).is_file():
            raise SettingsError(f"{_variable(name)} names a file that is not there. Correct it.")


def _check_model(settings: Settings) -> None:
    if not _is_http(settings.model_url):
        raise SettingsError(
            "SAK_HUB_MODEL_URL must be an address like https://models.example.com/v1, without "
            "query."
        )
    if urlsplit(settings.model_url).scheme == "http" and not _is_near(settings.model_url):
        raise SettingsError(
            "SAK_HUB_MODEL_URL would send what customers write over the network unencrypted. Use "
            "https://, or a model on this machine or at a private address like http://10.0.0.5/v1."
        )
    costs = (settings.model_tenant_day_cost, settings.model_tenant_month_cost)
    if any(costs) and not settings.has_model_prices:
        raise SettingsError(
            "SAK_HUB_MODEL_TENANT_DAY_COST and SAK_HUB_MODEL_TENANT_MONTH_COST limit nothing "
            "without prices. Set SAK_HUB_MODEL_PRICE_INPUT and SAK_HUB_MODEL_PRICE_OUTPUT as well."
        )


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or parts.username)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and plain


def _is_near(url: str) -> bool:
    """Whether an address is this machine's or a private network's, by its number or its name.

    Nothing public has such names: RFC 6761 and 6762, ICANN's reservation of .internal.
    """
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost"))
    return address.is_loopback or (address.is_private and not address.is_unspecified)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
