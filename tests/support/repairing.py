"""One probe and one repair, run as on a VPS: by Debian's Python with Debian's packages.

The development environment has neither psycopg2 nor XGBoost; the code under test runs in a process that has.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.checkout import TOOLS

PYTHON = "/usr/bin/python3"
BOUND = 120
"""Seconds after which a child counts as hung."""

_CHILD = """
import json, os, sys
sys.path.insert(0, os.environ["TEST_TOOLS"])
from qt_repair import kinds
from qt_repair.config import schema as config_schema
from qt_repair.finding import Finding, ProbeError, RepairError

job = json.load(sys.stdin)
settings = config_schema.with_defaults(job["settings"], config_schema.kind_schema(job["settings"]["kind"]))
probe = kinds.probe_of(settings, job["home"])
repair = kinds.repair_of(settings, job["home"], probe)
answer = {"problems": kinds.problems(settings), "privileges": kinds.privileges(settings)}
try:
    for step in job["steps"]:
        if step == "probe":
            found = probe.check(job["timeout"])
            answer.update(healthy=found.healthy, summary=found.summary, found=dict(found.details))
            answer.update(intent=repair.intent(found))
        else:
            result = repair.run(found, job["timeout"])
            answer.update(sentence=result.sentence, details=dict(result.details))
except ProbeError as error:
    answer["unknown"] = str(error)
except RepairError as error:
    answer.update(failed=str(error), output=error.output, exit_code=error.exit_code)
print(json.dumps(answer))
"""


def begin(
    settings: Mapping[str, Any],
    home: Path,
    *steps: str,
    timeout: float = 60,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[str]:
    """The child, begun: `probe` and `repair` in that order. The caller ends it."""
    child = subprocess.Popen(
        [PYTHON, "-c", _CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TEST_TOOLS": str(TOOLS), "PYTHONDONTWRITEBYTECODE": "1", **(env or {})},
    )
    assert child.stdin is not None
    child.stdin.write(
        json.dumps({"settings": dict(settings), "home": str(home), "steps": steps, "timeout": timeout})
    )
    child.stdin.close()
    child.stdin = None
    return child


def finish(child: subprocess.Popen[str]) -> dict[str, Any]:
    """Its answer. It must print no traceback, and nothing on standard error."""
    try:
        out, err = child.communicate(timeout=BOUND)
    finally:
        child.kill()
    assert child.returncode == 0, err
    assert err == ""
    answer: dict[str, Any] = json.loads(out)
    return answer


def run_probe(settings: Mapping[str, Any], home: Path, timeout: float = 60, **env: str) -> dict[str, Any]:
    """Run the probe: healthy, summary, found, intent; or unknown."""
    return finish(begin(settings, home, "probe", timeout=timeout, env=env))


def run_repair(settings: Mapping[str, Any], home: Path, timeout: float = 60, **env: str) -> dict[str, Any]:
    """Run the probe, then the repair: sentence, details; or failed."""
    return finish(begin(settings, home, "probe", "repair", timeout=timeout, env=env))
