"""The generator of asyncapi.yaml as `make spec` and `make check` call it."""

from pathlib import Path

import pytest

from protocol import asyncapi

pytestmark = pytest.mark.core


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of `python -m protocol.asyncapi`."""
    monkeypatch.setattr("sys.argv", ["asyncapi", *arguments])
    return asyncapi.main()


def test_what_was_written_fits_and_what_was_changed_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing or an altered file is told with the remedy; writing puts it right."""
    monkeypatch.setattr(asyncapi, "FILE", tmp_path / "asyncapi.yaml")
    assert call(monkeypatch, "--check") == 1
    assert call(monkeypatch, "--write") == 0
    assert call(monkeypatch, "--check") == 0
    with asyncapi.FILE.open("a", encoding="utf-8") as file:
        file.write("# by hand\n")
    assert call(monkeypatch, "--check") == 1
    assert "make spec" in capsys.readouterr().err


def test_a_type_without_schema_is_a_defect() -> None:
    """A new kind of field needs a decision, not a guess."""
    with pytest.raises(NotImplementedError, match="object"):
        asyncapi._schema_of(object)
