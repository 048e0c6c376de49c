"""The programs of this checkout on an installation of a test: its configuration, and real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.checkout import DELIVERED
from tests.support.recording import BOUND, environment

SCRIPT = DELIVERED / "scripts/auto_repair_system.py"
DROP_IN = "50-ansible.yml"


def configure(home: Path, value: Mapping[str, Any], program: str = "auto_repair_system") -> Path:
    """Write the shipped configuration of all programs and a drop-in for one of them; the drop-in's path."""
    config = home / "config"
    config.mkdir(parents=True, exist_ok=True)
    (home / "status").mkdir(exist_ok=True)
    for shipped in DELIVERED.joinpath("config").glob("*.yml"):
        (config / shipped.name).write_bytes(shipped.read_bytes())
    drop_in = config / f"{program}.d" / DROP_IN
    drop_in.parent.mkdir(exist_ok=True)
    drop_in.write_text(json.dumps(value))  # JSON is YAML
    return drop_in


def command(probe: str, repair: str, **more: Any) -> dict[str, Any]:
    """The settings of a repair of the kind `command` from two lines of shell, without waiting times."""
    return {
        "kind": "command",
        "probe": ["/bin/sh", "-c", probe],
        "repair": ["/bin/sh", "-c", repair],
        "sentence": "Auto-repair: Repaired it",
        "intent": "Auto-repair: Repairing it",
        "cooldown": 0,
        "patience": 0,
        **more,
    }


def begin(home: Path, *arguments: str, script: Path = SCRIPT, **env: str) -> subprocess.Popen[str]:
    """Start a program. The caller ends it."""
    return subprocess.Popen(
        [sys.executable, str(script), *arguments],
        env=environment(home, **env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(home: Path, *arguments: str, script: Path = SCRIPT, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    process = begin(home, *arguments, script=script, **env)
    try:
        out, err = process.communicate(timeout=BOUND)
    finally:
        process.kill()
    assert "Traceback" not in err, err
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
