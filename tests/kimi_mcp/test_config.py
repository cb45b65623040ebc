"""Where settings stand."""

import sys

import platformdirs
import pytest

from kimi_mcp import config


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere platformdirs is asked")
@pytest.mark.parametrize("named", [None, "", "/somewhere/else", "relative/path"])
def test_the_settings_file_is_where_platformdirs_says(
    monkeypatch: pytest.MonkeyPatch, named: str | None
) -> None:
    monkeypatch.delenv("KIMI_MCP_CONFIG", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    if named is not None:
        monkeypatch.setenv("XDG_CONFIG_HOME", named)
    assert config.config_file() == platformdirs.user_config_path("kimi-mcp") / "config.toml"
