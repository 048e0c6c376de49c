"""The phases of the weekly validation, a module for each. Only `weekly` imports this.

A phase module has
- `plan(settings)`: what it would check, a line each; if nothing is configured, MISSING says what to set
- `check(settings, home)`: the Observation; it changes nothing of what it checks
- REMEDY: what to do when it fails
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Protocol, cast

from qt_repair.weekly.observation import Observation

PHASES: Mapping[str, str] = {
    "ai_agent": "AI Agent validation",
    "module_integrity": "Module integrity check",
    "docker_health": "Docker health check",
    "smoke_tests": "Smoke tests",
    "audit_trail": "Audit trail check",
}
"""Names and titles of the phases, in their order."""

PASSED_WORDS: Mapping[str, str] = {"docker_health": "COMPLETED"}
"""The verdict of a phase without problems, if it is another word than PASSED."""


class Phase(Protocol):
    """What a phase module offers."""

    MISSING: str
    REMEDY: str

    def plan(self, settings: Mapping[str, Any]) -> list[str]: ...

    def check(self, settings: Mapping[str, Any], home: str) -> Observation: ...


def phase(name: str) -> Phase:
    """The module of a phase, imported on first use."""
    return cast(Phase, importlib.import_module(f"qt_repair.weekly.phases.{name}"))
