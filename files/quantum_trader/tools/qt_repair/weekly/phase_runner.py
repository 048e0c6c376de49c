"""Run one phase in a process of its own; whatever it does, there is a result."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from qt_audit.record.entry import now
from qt_audit.settings import loading as audit_settings
from qt_repair.host.isolated_call import IsolatedCallError, ReportedError, call_isolated
from qt_repair.weekly.observation import Observation, PhaseError, limited_list
from qt_repair.weekly.phases import PASSED_WORDS, PHASES, phase

TITLE = "Weekly self-heal"
PASSED, FAILED, COMPLETED, SKIPPED = "PASSED", "FAILED", "COMPLETED", "SKIPPED"
_LONGEST = 300
_IN_SENTENCE = 160


@dataclass(frozen=True)
class PhaseResult:
    """The result of a phase. Its texts hold no secrets and are bounded in length."""

    name: str
    verdict: str
    """PASSED, COMPLETED, FAILED or SKIPPED."""
    summary: str
    """One line: what was checked, or why nothing was."""
    began: str
    duration_s: float = 0.0
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    repairs: tuple[Mapping[str, Any], ...] = ()
    """The repairs that were called because it failed, before it was checked once more."""

    @property
    def title(self) -> str:
        return PHASES[self.name]

    @property
    def failed(self) -> bool:
        return self.verdict == FAILED

    @property
    def skipped(self) -> bool:
        return self.verdict == SKIPPED

    @property
    def sentence(self) -> str:
        """Its sentence in the record, such as `Weekly self-heal: Smoke tests - PASSED`."""
        text = f"{TITLE}: {self.title} - {self.verdict}"
        if self.failed:
            first = self.problems[0]
            first = first if len(first) <= _IN_SENTENCE else f"{first[:_IN_SENTENCE]}…"
            more = len(self.problems) - 1
            return f"{text}: {first}" + (f" (and {more} more)" if more else "")
        return f"{text}: {self.summary}" if self.skipped else text

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "phase": self.name,
            "title": self.title,
            "verdict": self.verdict,
            "summary": self.summary,
            "began": self.began,
            "duration_s": self.duration_s,
            "problems": list(self.problems),
            "notes": list(self.notes),
            "repairs": [dict(repair) for repair in self.repairs],
            "details": dict(self.details),
        }

    def entry_details(self) -> dict[str, Any]:
        """The details of its entry, shortened to what an entry has room for."""
        plain = self.as_dict()
        for key in ("title", "began"):
            del plain[key]
        plain["problems"], plain["notes"] = limited_list(self.problems, 10), limited_list(self.notes, 5)
        return plain

    def with_repairs(self, repairs: tuple[Mapping[str, Any], ...]) -> PhaseResult:
        """The result after these repairs were called."""
        return replace(self, repairs=repairs)


def run_phase(name: str, settings: Mapping[str, Any], home: str) -> PhaseResult:
    """Check a phase. One that crashes, hangs or cannot be checked has failed, and says why. Never raises."""
    began, start = now(), time.monotonic()
    if not settings["enabled"]:
        return PhaseResult(name, SKIPPED, f"switched off (phases.{name}.enabled)", began)
    try:
        module = phase(name)
        if not module.plan(settings):
            return PhaseResult(name, SKIPPED, f"nothing to check; {module.MISSING}", began)
        observation = call_isolated(lambda: module.check(settings, home), settings["timeout"], (PhaseError,))
    except (IsolatedCallError, ReportedError) as error:
        observation = Observation("no answer", (str(error),))
    except Exception as error:  # a bug in one phase must not stop the others
        observation = Observation("no answer", (f"the check itself failed ({type(error).__name__})",))
    return _result(name, observation, began, time.monotonic() - start)


def _result(name: str, observation: Observation, began: str, duration: float) -> PhaseResult:
    redact = audit_settings.current().redactor
    verdict = FAILED if observation.problems else PASSED_WORDS.get(name, PASSED)
    return PhaseResult(
        name,
        verdict,
        _one_line(redact.text(observation.summary)),
        began,
        round(duration, 3),
        tuple(_one_line(redact.text(line)) for line in observation.problems),
        tuple(_one_line(redact.text(line)) for line in observation.notes),
        redact.details(observation.details),
    )


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
