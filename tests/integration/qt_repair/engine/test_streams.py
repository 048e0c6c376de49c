"""The repair programs with an output that is closed, full, not read or ASCII only: all is recorded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.checkout import DELIVERED
from tests.support.installation import SCRIPT, command, configure
from tests.support.recording import check, environment

MONITOR = DELIVERED / "tools/realtime_monitor.py"
WEEKLY = DELIVERED / "tools/weekly_self_heal.py"
ODD_OUTPUTS = [">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", "| head -c 0"]


def shell(home: Path, script: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A line of shell; the status is that of the program, not of what reads it."""
    return subprocess.run(
        ["/bin/bash", "-o", "pipefail", "-c", script],
        env=environment(home, PY=sys.executable, **env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two things are broken; the second must be mended though the first cannot be told."""
    home = tmp_path / "qt"
    repairs = {name: command(f"test -e {home}/{name}", f"touch {home}/{name}") for name in ("one", "two")}
    configure(home, {"repairs": repairs})
    return home


@pytest.mark.parametrize("output", ODD_OUTPUTS)
@pytest.mark.parametrize("options", ["", "--json"])
def test_everything_is_repaired_even_if_nobody_reads_the_output(
    home: Path, output: str, options: str
) -> None:
    done = shell(home, f"$PY {SCRIPT} {options} {output}")
    assert "Traceback" not in done.stderr
    assert [entry["outcome"] for entry in check(home)] == ["started", "succeeded"] * 2
    assert done.returncode == 0


@pytest.mark.parametrize("output", ODD_OUTPUTS)
@pytest.mark.parametrize("program", [f"{MONITOR} --once", f"{MONITOR} status", f"{SCRIPT} --list"])
def test_a_command_that_changes_nothing_ends_normally(home: Path, output: str, program: str) -> None:
    done = shell(home, f"$PY {program} {output}")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.returncode in (0, 1)


@pytest.mark.parametrize("program", [SCRIPT, f"{MONITOR} --once", f"{MONITOR} status", f"{WEEKLY} --dry-run"])
def test_a_terminal_that_knows_ascii_only_gets_an_answer(home: Path, program: Any) -> None:
    done = shell(home, f"$PY {program}", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert "Traceback" not in done.stderr
    assert done.stdout


@pytest.mark.parametrize("program", [SCRIPT, f"{MONITOR} --once", WEEKLY])
def test_a_missing_package_is_named_in_one_line(home: Path, tmp_path: Path, program: Any) -> None:
    """As where the distribution's package was removed: the import fails."""
    (tmp_path / "without").mkdir()
    (tmp_path / "without/yaml.py").write_text("raise ModuleNotFoundError('gone', name='yaml')\n")
    done = shell(home, f"$PY {program}", PYTHONPATH=str(tmp_path / "without"))
    assert done.stderr.endswith(".py: python3-yaml is not installed: apt install python3-yaml\n")
    assert "Traceback" not in done.stderr
    assert done.returncode != 0
