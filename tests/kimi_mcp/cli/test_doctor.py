"""What the doctor finds, on this machine and on worse ones."""

from pathlib import Path

import pytest

from kimi_mcp.cli import doctor
from kimi_mcp.config import Settings
from tests.faults.test_commands import Broken
from tests.kimi_mcp.cli.test_commands import kimi_mcp


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("KIMI_MCP_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("KIMI_MCP_CONFIG", str(tmp_path / "config.toml"))
    return Settings()


def test_every_area_is_looked_at_and_each_weakness_comes_with_a_way_out(tmp_path: Path) -> None:
    done = kimi_mcp("doctor", cwd=tmp_path, MOONSHOT_API_KEY="canary-4711-value")
    for about in (
        "sandbox",
        "limits",
        "leave",
        "state",
        "python",
        "git",
        "rg",
        "languages",
        "key",
        "clients",
    ):
        assert f" {about}: " in done.stdout, done.stdout + done.stderr
    assert "canary" not in done.stdout + done.stderr
    assert done.returncode == ("BAD " in done.stdout)


def test_a_system_whose_apparmor_forbids_namespaces_is_told_the_profile(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = Broken("bubblewrap", "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1")
    fallback = Broken("landlock", "exit 0")
    fallback.gaps = ("no sockets at all",)
    monkeypatch.setattr(doctor, "candidates", lambda **_: [refused, fallback])
    first, second, *_ = doctor.sandbox(settings)
    assert (first.grade, first.about) == ("weak", "bubblewrap")
    assert "/etc/apparmor.d/bwrap" in first.advice
    assert second.grade == "weak" and "no sockets at all" in second.said


def test_a_system_without_any_sandbox_is_bad(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "candidates", lambda **_: [Broken("bubblewrap", "exit 1")])
    assert [finding.grade for finding in doctor.sandbox(settings)] == ["weak", "bad"]


def test_leave_that_was_given_beforehand_is_said(tmp_path: Path, settings: Settings) -> None:
    given = Settings({"allow": "secrets", "allow_network": "example.org", "no_sandbox": True})
    said = " ".join(finding.said for finding in doctor.permissions(given))
    assert "secrets, network to example.org" in said
    assert next(doctor.sandbox(given)).grade == "bad"


def test_limits_that_were_lifted_are_weak_and_told() -> None:
    (usual,) = doctor.limits(Settings())
    assert "4,096 processes" in usual.said
    (lifted,) = doctor.limits(Settings({"max_memory": "0"}))
    assert lifted.grade == "weak" and "any amount of memory" in lifted.said


def test_settings_that_others_can_write_are_bad(tmp_path: Path, settings: Settings) -> None:
    file = tmp_path / "config.toml"
    file.write_text("")
    file.chmod(0o666)
    assert ("bad", "settings") in [(finding.grade, finding.about) for finding in doctor.permissions(settings)]
