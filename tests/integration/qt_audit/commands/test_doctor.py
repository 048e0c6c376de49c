"""`doctor` as a program, straight from a checkout: sensible answers, nothing changed, nothing created."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.checkout import FACE


def tool(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", str(FACE), *arguments],
        env={**os.environ, "QT_HOME": str(home), "XDG_STATE_HOME": str(home.parent / "elsewhere")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def listing(home: Path) -> list[tuple[str, int, int]]:
    return sorted((str(path), path.lstat().st_mode, path.lstat().st_mtime_ns) for path in home.rglob("*"))


def test_a_checkout_is_told_what_is_missing_and_nothing_is_changed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert tool(home, "test").returncode == 0
    before = listing(home)
    done = tool(home, "doctor")
    assert listing(home) == before
    assert done.returncode == 1
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert any(line.startswith("✅ head") for line in lines)
    assert any(line.startswith("❌ schedule") and "install_audit_cron_user.sh" in line for line in lines)
    assert all(line.startswith(("✅", "⚠️", "❌")) for line in lines)


def test_the_answer_in_json(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert tool(home, "test").returncode == 0
    done = tool(home, "doctor", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 1
    assert answer["well"] is False
    assert {"name", "state", "text"} == set(answer["checks"][0])


def test_no_installation_is_one_clear_line(tmp_path: Path) -> None:
    done = tool(tmp_path / "nowhere", "doctor")
    assert done.returncode == 1
    assert done.stdout == f"❌ home  {tmp_path}/nowhere does not exist: set QT_HOME to the installation\n"
    assert not (tmp_path / "nowhere").exists()


def test_settings_that_cannot_be_used_are_named_without_their_value(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert tool(home, "test").returncode == 0
    (home / "config").mkdir(mode=0o750)
    env = home / "config/audit.env"
    env.write_text("QT_ALERT_WEBHOOK=https://chat.example.com/hooks/S3CRET\nQT_SMTP_PORT=S3CRET\n")
    env.chmod(0o600)
    done = tool(home, "doctor")
    assert "❌ settings" in done.stdout
    assert "S3CRET" not in done.stdout + done.stderr


@pytest.fixture
def everybodys() -> Iterator[Path]:
    """A directory that every user can reach, with a copy of the tools."""
    base = Path(tempfile.mkdtemp(prefix="qt-doctor-", dir="/tmp"))
    base.chmod(0o755)
    shutil.copytree(FACE.parent, base / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (base / "tools").rglob("*"):
        path.chmod(0o755)
    yield base
    shutil.rmtree(base)


@pytest.mark.usefixtures("as_root")
def test_another_user_is_told_whom_to_ask(everybodys: Path) -> None:
    home = everybodys / "home"
    assert tool(home, "test").returncode == 0
    done = subprocess.run(
        ["/usr/bin/python3", "-B", str(everybodys / "tools/audit_logger.py"), "doctor"],
        env={"QT_HOME": str(home), "HOME": "/nonexistent", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        user=65534,
        group=65534,
        extra_groups=[],
    )
    assert done.returncode == 1
    assert done.stderr == ""
    assert "run this as the owner or as root" in done.stdout
