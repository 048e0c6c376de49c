"""Call a repair for a phase that failed, by auto_repair_system.py, which probes, guards and records."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from qt_repair.config.loading import AUTO_REPAIR, AUTO_REPAIR_NAME, ConfigError, load
from qt_repair.finding import RepairError
from qt_repair.host import process

_SCRIPT = os.path.join(
    os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))),
    "scripts",
    f"{AUTO_REPAIR_NAME}.py",
)
"""The one of the same release as this file."""
_MARGIN_S = 60.0


def call_repair(name: str, run: str, home: str) -> dict[str, Any]:
    """Call a repair: its name, exit status, state and a line. `run` is that of the cycle. Never raises."""
    argv = [sys.executable, _SCRIPT, "--only", name, "--trigger", run, "--json"]
    try:
        ended = process.run(argv, _time_limit(name, home), env={**os.environ, "QT_HOME": home})
    except (RepairError, ConfigError) as error:
        return {"repair": name, "exit_code": None, "state": "failed", "text": str(error)}
    return {"repair": name, "exit_code": ended.exit_code, **_result_of(ended)}


def _time_limit(name: str, home: str) -> float:
    """The sum of the repair's own time limits, and a margin, in seconds. Raises ConfigError."""
    config = load(AUTO_REPAIR, home)
    settings: Mapping[str, Any] = config.repairs.get(name, {})
    limits = sum(float(settings.get(key, 0)) for key in ("timeout", "patience"))
    return (
        limits
        + 3 * float(settings.get("probe_timeout", 0))
        + float(config.value["guard"]["lock_wait"])
        + _MARGIN_S
    )


def _result_of(ended: process.Completed) -> dict[str, str]:
    """State and text from its JSON answer; without one, the last line that it printed."""
    try:
        result = json.loads(ended.output[ended.output.index("{") :])["results"][0]
        return {"state": str(result["state"]), "text": str(result["text"])[:300]}
    except (ValueError, KeyError, IndexError, TypeError):
        return {"state": "failed", "text": (ended.shown_output.splitlines() or ["said nothing"])[-1][:300]}
