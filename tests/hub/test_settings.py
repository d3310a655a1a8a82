"""Settings: where they come from, what is refused, and that their table is true."""

from pathlib import Path

import msgspec
import pytest

from hub.settings import MEANINGS, Secret, Settings, SettingsError, settings_table

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


def refusal(environ: dict[str, str], toml_path: Path | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        Settings.load(environ, toml_path)
    return str(caught.value)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "hub.toml"
    path.write_text(text, "utf-8")
    return path


def test_nothing_set_gives_the_defaults() -> None:
    """An empty environment gives a hub on this machine only, with its data in its usual folder."""
    settings = Settings.load({"PATH": "/bin", "SAK_AGENT_DRIVER": "memory"})
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.database_url.startswith("sqlite:////")
    assert settings.database_url.endswith("/hub.db")


def test_the_environment_beats_the_file(tmp_path: Path) -> None:
    """What both set, the environment decides; what only one sets, counts."""
    path = written(tmp_path, "port = 1000\ndebounce_s = 2\nbehind_proxy = true\n")
    settings = Settings.load({"SAK_HUB_PORT": "2000", "SAK_HUB_HOST": "0.0.0.0"}, path)  # noqa: S104
    assert (settings.port, settings.debounce_s, settings.behind_proxy) == (2000, 2.0, True)
    assert Settings.load({"SAK_HUB_CONFIG": str(path)}).port == 1000


@pytest.mark.parametrize(
    "name", [field.name for field in msgspec.structs.fields(Settings) if "_" in field.name]
)
def test_times_and_amounts_take_fractions(name: str) -> None:
    """Each number but the port can be a fraction, so that a test can make minutes of seconds."""
    field = next(f for f in msgspec.structs.fields(Settings) if f.name == name)
    if isinstance(field.default, float) or name == "token_ttl_s":
        environ = {"SAK_HUB_HEARTBEAT_INTERVAL_S": "0.1", f"SAK_HUB_{name.upper()}": "0.25"}
        assert getattr(Settings.load(environ), name) == 0.25


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORT", "70000", "must be a whole number from 0 to 65535"),
        ("PORT", "80.5", "must be a whole number from 0 to 65535"),
        ("HELLO_TIMEOUT_S", "0", "must be a number above 0"),
        ("HELLO_TIMEOUT_S", "nan", "must be a number above 0"),
        ("DEBOUNCE_S", "inf", "must be a number from 0"),
        ("DEBOUNCE_S", "-1", "must be a number from 0"),
        ("DEBOUNCE_S", "soon", "must be a number from 0"),
        ("BEHIND_PROXY", "perhaps", "must be true or false"),
        ("LOG_LEVEL", "loud", "must be one of debug, error, info, warning"),
        ("DISK_FULL_PCT", "101", "must be a number above 0, at most 100"),
        ("HOST", " ", "must be text, not empty"),
        ("PUBLIC_URL", "hub.example.com", "must be an address like"),
        ("PUBLIC_URL", "https://[", "must be an address like"),
        ("HEARTBEAT_TIMEOUT_S", "20", "must be above SAK_HUB_HEARTBEAT_INTERVAL_S"),
        ("TLS_CERT", "/nowhere/cert.pem", "Set both"),
        ("MODEL_URL", "models.example.com", "must be an address like"),
        ("MODEL_URL", "http://models.example.com/v1", "unencrypted"),
        ("MODEL_URL", "http://93.184.216.34/v1", "unencrypted"),
        ("MODEL_URL", "http://0.0.0.0/v1", "unencrypted"),
        ("MODEL_TENANT_DAY_TOKENS", "0.5", "must be a whole number from 1"),
    ],
)
def test_a_wrong_value_is_named_with_its_remedy(name: str, value: str, sentence: str) -> None:
    """One sentence tells the setting and what it takes; the value is not repeated."""
    told = refusal({f"SAK_HUB_{name}": value})
    assert f"SAK_HUB_{name}" in told
    assert sentence in told
    assert len(value) < 3 or f" {value}" not in told


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:11434/v1", "http://localhost:8080/v1", "http://[::1]:1/v1"),
        *("http://10.0.0.5/v1", "http://ollama:11434/v1", "http://host.docker.internal/v1"),
        "https://models.example.com/v1",
    ],
)
def test_a_model_nearby_may_be_asked_unencrypted(url: str) -> None:
    """What customers write does not leave the private network, or only encrypted."""
    assert Settings.load({"SAK_HUB_MODEL_URL": url}).model_url == url


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    """A misspelt name is not overlooked, in neither place, and the likely one is offered."""
    told = refusal({"SAK_HUB_DEBOUNSE_S": "3"})
    assert "SAK_HUB_DEBOUNSE_S is no setting" in told
    assert "Did you mean SAK_HUB_DEBOUNCE_S?" in told
    assert "docs/settings.md" in refusal({"SAK_HUB_ZZZZZZ": "3"})
    assert "debounse_s is no setting" in refusal({}, written(tmp_path, "debounse_s = 3"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("port = '8080'", "port must be a whole number"),
        ("port = {}", "port must be a whole number"),
        ("port == 1", "is no TOML (at line 1, column 7)"),
        ("[hub]\nport = 1", "hub is no setting"),
    ],
)
def test_a_wrong_file_is_named_with_its_place(tmp_path: Path, text: str, sentence: str) -> None:
    """A file that cannot be understood is refused as a whole."""
    path = written(tmp_path, text)
    told = refusal({}, path)
    assert sentence in told
    assert str(path) in told


@pytest.mark.parametrize("name", ["prot", "SAK_HUB_PORT", "Port"])
def test_a_setting_that_was_meant_is_named(tmp_path: Path, name: str) -> None:
    """A slip, or the environment's name in the file."""
    assert "Did you mean port?" in refusal({}, written(tmp_path, f"{name} = 80\n"))


def test_a_file_from_a_windows_editor_is_read(tmp_path: Path) -> None:
    """The mark that Notepad writes before the text does not matter."""
    assert Settings.load({}, written(tmp_path, "\ufeffport = 1000\n")).port == 1000


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A missing file, a folder and a binary file each give one sentence."""
    told = refusal({"SAK_HUB_CONFIG": str(tmp_path / "none.toml")})
    assert "cannot be read" in told
    assert "SAK_HUB_CONFIG" in told
    assert "cannot be read" in refusal({}, tmp_path)
    (tmp_path / "bin.toml").write_bytes(b"\xff\xfe\x00")
    assert "is no TOML" in refusal({}, tmp_path / "bin.toml")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "hub.example.com"])  # noqa: S104
def test_a_public_address_needs_encryption(tmp_path: Path, host: str) -> None:
    """Tokens and messages never cross a network in the clear because somebody forgot something."""
    told = refusal({"SAK_HUB_HOST": host})
    assert "SAK_HUB_TLS_CERT" in told
    assert "SAK_HUB_BEHIND_PROXY" in told
    assert Settings.load({"SAK_HUB_HOST": host, "SAK_HUB_BEHIND_PROXY": "true"}).host == host
    pem = tmp_path / "some.pem"
    tls = {"SAK_HUB_TLS_CERT": str(pem), "SAK_HUB_TLS_KEY": str(pem)}
    assert "names a file that is not there" in refusal({"SAK_HUB_HOST": host} | tls)
    pem.touch()
    assert Settings.load({"SAK_HUB_HOST": host} | tls).tls_key == str(pem)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_needs_none(host: str) -> None:
    """On a loopback address plain HTTP is served as it is."""
    assert Settings.load({"SAK_HUB_HOST": host}).host == host


MODEL = {"OPENAI_API_KEY": " sk-invented ", "SAK_HUB_MODEL_NAME": "some-model"}


def test_the_models_key_is_the_environments_and_never_shown(tmp_path: Path) -> None:
    """Neither the file nor a variable of the hub's sets it; no table and no repr has it."""
    settings = Settings.load(MODEL)
    assert isinstance(settings.openai_api_key, Secret)
    assert settings.openai_api_key.reveal() == "sk-invented"
    assert "invented" not in f"{settings!r} {settings}" + settings_table()
    told = refusal({}, written(tmp_path, "openai_api_key = 'sk-invented'"))
    assert "openai_api_key is no setting" in told
    assert "is no setting" in refusal({"SAK_HUB_OPENAI_API_KEY": "sk-invented"})
    assert "invented" not in told
    assert Settings.load({"OPENAI_API_KEY": " "}).openai_api_key is None


def test_every_setting_is_explained() -> None:
    """The struct and the explanations name the same in the same order, but for the key."""
    assert (*MEANINGS, "openai_api_key") == Settings.__struct_fields__


def test_the_documented_table_is_the_code() -> None:
    """docs/settings.md holds `settings_table()` between its marks `hub` and `agent`."""
    section = DOCUMENT.read_text("utf-8").partition("<!-- hub -->\n")[2]
    assert section.partition("\n<!-- agent -->")[0] == settings_table()
