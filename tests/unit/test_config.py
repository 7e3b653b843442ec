from __future__ import annotations

import re
from pathlib import Path

import pytest

from backend.config import PREFIX, ROOT, Settings, SettingsError, load_settings


def test_defaults_are_those_that_were_promised(monkeypatch):
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 5000)
    assert settings.allowed_origins == ("http://localhost:3000",)
    assert settings.page_port == 3000
    assert settings.upload_limit == 104_857_600
    assert (settings.retention, settings.instants) == (3600, 16)


def test_variables_are_read(monkeypatch):
    monkeypatch.setenv("DETECTOR_PORT", "8080")
    monkeypatch.setenv("DETECTOR_ALLOWED_ORIGINS", "http://a.example, https://b.example:8443")
    monkeypatch.setenv("DETECTOR_MODEL_PATH", "elsewhere/model.h5")
    settings = load_settings()
    assert settings.port == 8080
    assert settings.allowed_origins == ("http://a.example", "https://b.example:8443")
    assert settings.model_path == Path("elsewhere/model.h5")


@pytest.mark.parametrize(
    ("port", "origins", "allowed"),
    [
        ("3001", None, ("http://localhost:3001",)),
        ("0", None, ("http://localhost:3000",)),
        ("3001", "http://a.example", ("http://a.example",)),
    ],
)
def test_unless_others_are_named_the_pages_origin_is_allowed(monkeypatch, port, origins, allowed):
    monkeypatch.setenv("DETECTOR_PAGE_PORT", port)
    if origins:
        monkeypatch.setenv("DETECTOR_ALLOWED_ORIGINS", origins)
    assert load_settings().allowed_origins == allowed


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DETECTOR_PORT", "http"),
        ("DETECTOR_PORT", "0"),
        ("DETECTOR_PORT", "65536"),
        ("DETECTOR_UPLOAD_LIMIT", "-1"),
        ("DETECTOR_UPLOAD_LIMIT", "100 MB"),
        ("DETECTOR_RETENTION", "0"),
        ("DETECTOR_INSTANTS", "65"),
        ("DETECTOR_ALLOWED_ORIGINS", "*"),
        ("DETECTOR_ALLOWED_ORIGINS", "localhost:3000"),
        ("DETECTOR_ALLOWED_ORIGINS", "http://localhost:3000/"),
        ("DETECTOR_ALLOWED_ORIGINS", "http://LOCALHOST:3000"),
        ("DETECTOR_ALLOWED_HOSTS", ""),
        ("DETECTOR_ALLOWED_HOSTS", "*"),
        ("DETECTOR_ALLOWED_HOSTS", "localhost:5000"),
        ("DETECTOR_ALLOWED_HOSTS", ".example.org"),
        ("DETECTOR_ALLOWED_HOSTS", "::1"),
        ("DETECTOR_ALLOWED_HOSTS", "[::1]:5000"),
        ("DETECTOR_RATE_LIMIT", "often"),
        ("DETECTOR_UPLOAD_SECONDS", "0"),
        ("DETECTOR_LOG_LEVEL", "LOUD"),
        ("DETECTOR_PROT", "5001"),
    ],
)
def test_a_bad_variable_is_refused_by_name(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=variable):
        load_settings()


def test_the_readme_lists_every_setting_with_its_default_and_purpose():
    rows = re.findall(r"^\| `(DETECTOR_\w+)` \| (.*?) \| (.*?) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    documented = {variable: (default, purpose) for variable, default, purpose in rows}
    assert set(documented) == {PREFIX + name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        default, purpose = documented[PREFIX + name.upper()]
        assert purpose == field.description
        if field.default_factory is None:
            assert default == (f"`{shown(field.default)}`" if field.default not in ((), "") else "none")


def shown(default: object) -> str:
    if isinstance(default, Path):
        return default.relative_to(ROOT).as_posix()
    return ",".join(default) if isinstance(default, tuple) else str(default)
