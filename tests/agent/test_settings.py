from pathlib import Path

import pytest

from agent.settings import Settings, SettingsError, settings_table

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


def load(tmp_path: Path, toml: str | None = None, **environ: str) -> Settings:
    """Read settings with a data directory of the test's own."""
    if toml is not None:
        (tmp_path / "agent.toml").write_text(toml, "utf-8")
    names = {f"SAK_AGENT_{name.upper()}": value for name, value in environ.items()}
    return Settings.load({"PATH": "/bin", "SAK_AGENT_DATA_DIR": str(tmp_path)} | names)


def refusal(tmp_path: Path, toml: str | None = None, **environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, toml, **environ)
    return str(caught.value)


def test_the_documents_table_is_the_codes_own() -> None:
    """docs/settings.md shows every setting of the agent as it is."""
    section = DOCUMENT.read_text("utf-8").partition("<!-- agent -->")[2]
    assert section.endswith("\n\n" + settings_table())


def test_defaults_stand_without_environment_and_file() -> None:
    """An agent runs without any setting; the figures are PROTOCOL's."""
    settings = Settings.load({})
    assert settings.driver == "whatsapp_web"
    assert (settings.backoff_max_s, settings.replaced_wait_s) == (60, 60)
    assert (settings.stopped_retry_s, settings.ack_timeout_s, settings.window) == (900, 30, 32)


def test_the_environment_beats_the_file(tmp_path: Path) -> None:
    """What both set, the environment decides; what only one sets, counts."""
    settings = load(
        tmp_path, "ack_timeout_s = 3\nheadless = true\nwindow = 7\n", ack_timeout_s="0.5"
    )
    assert (settings.ack_timeout_s, settings.headless, settings.window) == (0.5, True, 7)


def test_paths_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path means the same wherever the process goes."""
    monkeypatch.chdir(tmp_path)
    settings = load(tmp_path, driver="memory", memory_in="in.jsonl", memory_out="~/out.jsonl")
    assert settings.memory_in == tmp_path / "in.jsonl"
    assert settings.memory_out == Path.home() / "out.jsonl"


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"ack_timeout_s": "soon"}, "SAK_AGENT_ACK_TIMEOUT_S is 'soon': give a number from 0.05"),
        ({"ack_timeout_s": "0"}, "a number from 0.05 to 3,600"),
        ({"ack_timeout_s": "nan"}, "a number from 0.05 to 3,600"),
        ({"ack_timeout_s": "inf"}, "a number from 0.05 to 3,600"),
        ({"window": "1.5"}, "a whole number from 1 to 1,024"),
        ({"driver": "telegram"}, "one of whatsapp_web, memory"),
        ({"headless": "yes"}, "true or false"),
        ({"backof_max_s": "3"}, "did you mean SAK_AGENT_BACKOFF_MAX_S?"),
        ({"zzzz": "3"}, "SAK_AGENT_ZZZZ is no setting: remove it"),
        ({"driver": "memory"}, "SAK_AGENT_MEMORY_IN and SAK_AGENT_MEMORY_OUT"),
        ({"whatsapp_url": "http://web.example/"}, "give an https:// address"),
        ({"whatsapp_url": "ftp://web.example/"}, "give an https:// address"),
        ({"whatsapp_url": "https://[web"}, "give an https:// address"),
        ({"proxy": "proxy.example:80"}, "http://host:port"),
        ({"proxy": "http://proxy.example:99999"}, "http://host:port"),
        ({"data_dir": ""}, "SAK_AGENT_DATA_DIR is '': give a path"),
        ({"browser": "/opt/\0"}, "give a path"),
    ],
)
def test_a_wrong_variable_is_one_sentence(
    tmp_path: Path, environ: dict[str, str], sentence: str
) -> None:
    """It names the variable and what may be given."""
    assert sentence in refusal(tmp_path, None, **environ)


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        ("ack_timeout_s = -1", "give a number from 0.05"),
        ("ack_timeout = 1", "did you mean ack_timeout_s?"),
        ("driver = [1]", "one of whatsapp_web, memory"),
        ("memory_in = 5", "give a path"),
        ("this is no TOML", "cannot be read"),
        ("data_dir = '/tmp'", "SAK_AGENT_DATA_DIR"),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path: Path, toml: str, sentence: str) -> None:
    """It names the file, so that nobody searches the environment."""
    told = refusal(tmp_path, toml)
    assert sentence in told
    assert "agent.toml" in told


def test_a_file_from_a_windows_editor_is_read(tmp_path: Path) -> None:
    """The mark that Notepad writes before the text does not matter."""
    assert load(tmp_path, "\ufeffwindow = 7\n").window == 7


def test_a_proxys_password_is_never_shown(tmp_path: Path) -> None:
    """The sentence about a wrong proxy does not repeat it."""
    assert "hunter2" not in refusal(tmp_path, None, proxy="ftp://me:hunter2@proxy.example")
    assert "hunter2" not in refusal(tmp_path, "proxy = ['http://me:hunter2@proxy.example']")


@pytest.mark.parametrize("proxy", ["none", "http://proxy.example:3128", "socks5://127.0.0.1:1080"])
def test_proxies_are_taken(tmp_path: Path, proxy: str) -> None:
    """An address, or none at all."""
    assert load(tmp_path, None, proxy=proxy).proxy == proxy


def test_the_practice_page_needs_no_tls(tmp_path: Path) -> None:
    """The stand-in is served by this machine."""
    url = "http://127.0.0.1:3002/web"
    assert load(tmp_path, None, whatsapp_url=url).whatsapp_url == url
