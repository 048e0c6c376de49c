"""The phases of the weekly validation, one module each: what would be checked, and what was seen.

A phase module has `plan(settings) -> list[str]`, what it would check, one line each (none: nothing is
configured, and MISSING says what to set); `check(settings, home) -> Seen`, which changes nothing of what
it looks at; and REMEDY, what to do when it fails.
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
"""Their names and titles, in the order in which they take place."""

PASSED_WORDS: Mapping[str, str] = {"docker_health": "COMPLETED"}
"""What is said of a phase that found all well, where it is not PASSED."""


class Phase(Protocol):
    """What a phase module offers."""

    MISSING: str
    REMEDY: str

    def plan(self, settings: Mapping[str, Any]) -> list[str]: ...

    def check(self, settings: Mapping[str, Any], home: str) -> Observation: ...


def phase(name: str) -> Phase:
    """The module of a phase, imported when it is used."""
    return cast(Phase, importlib.import_module(f"qt_repair.weekly.phases.{name}"))
