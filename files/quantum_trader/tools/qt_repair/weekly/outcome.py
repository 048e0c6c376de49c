"""The request and the outcome of a validation cycle, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qt_repair.weekly.phase_runner import PhaseResult


@dataclass(frozen=True)
class CycleRequest:
    """What a cycle is to do."""

    run: str
    name: str
    """The file name of its report, without the suffix."""
    phases: tuple[str, ...]
    slot: str | None = None
    """The slot that it is for; None if it counts for none."""
    by_schedule: bool = False
    repair: bool = False
    instead_of: str | None = None
    """The run of the interrupted cycle that it replaces."""


@dataclass(frozen=True)
class Cycle:
    """A validation cycle whose phases have ended."""

    request: CycleRequest
    began: str
    ended: str
    host: str
    home: str
    release: str | None
    results: tuple[PhaseResult, ...]
    head: tuple[int, str] | None
    """Number and hash of the record's last entry after the phases."""

    @property
    def checked(self) -> int:
        """How many phases were not skipped."""
        return sum(not result.skipped for result in self.results)

    @property
    def failed(self) -> int:
        return sum(result.failed for result in self.results)

    @property
    def verdict(self) -> str:
        """`✅ All checks passed`, or `❌ 2 of 5 checks failed`."""
        if self.failed:
            return f"❌ {self.failed} of {self.checked} checks failed"
        return "✅ All checks passed" if self.checked else "⚠️ Nothing was checked: every phase is skipped"

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        seq, digest = self.head or (None, None)
        return {
            "name": self.request.name,
            "run": self.request.run,
            "slot": self.request.slot,
            "by_schedule": self.request.by_schedule,
            "instead_of": self.request.instead_of,
            "began": self.began,
            "ended": self.ended,
            "host": self.host,
            "home": self.home,
            "release": self.release,
            "well": not self.failed,
            "verdict": self.verdict,
            "checked": self.checked,
            "failed": self.failed,
            "phases": [result.as_dict() for result in self.results],
            "record": {"seq": seq, "hash": digest},
        }


@dataclass(frozen=True)
class CycleOutcome:
    """A cycle that has ended, and its report."""

    cycle: Cycle
    report: str | None
    """The path of the Markdown file; None if it could not be written."""
    problem: str = ""
    """Why it could not be written."""

    @property
    def well(self) -> bool:
        return not self.cycle.failed and self.report is not None

    def as_dict(self) -> dict[str, Any]:
        return {**self.cycle.as_dict(), "report": self.report, "report_problem": self.problem or None}
