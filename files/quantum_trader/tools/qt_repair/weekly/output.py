"""What the weekly validation prints: each phase's result, the verdict, the plan, what was accepted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qt_audit.record.entry import escaped
from qt_audit.settings import loading as audit_settings
from qt_audit.terminal.output import coloured, json_text
from qt_audit.terminal.streams import print_now
from qt_repair.config.loading import Config
from qt_repair.weekly.ledger import Ledger, next_slot
from qt_repair.weekly.module_tree.manifest import Manifest
from qt_repair.weekly.observation import count_text, limited_list
from qt_repair.weekly.outcome import CycleOutcome
from qt_repair.weekly.phase_runner import FAILED, SKIPPED, PhaseResult
from qt_repair.weekly.phases import PHASES, phase

_SIGNS = {FAILED: ("❌", "red"), SKIPPED: ("➖", "grey")}


def print_phase(result: PhaseResult) -> None:
    """Print the result of a phase."""
    print_now(*_lines(result))


def print_conclusion(outcome: CycleOutcome, as_json: bool) -> None:
    """Print the verdict and the report's path, or all of it as JSON."""
    if as_json:
        print_now(json_text(outcome.as_dict()))
        return
    lines = [coloured(outcome.cycle.verdict, "green" if outcome.well else "red")]
    if outcome.report is not None:
        lines.append(f"Report: {escaped(outcome.report)}")
    print_now(*lines)


def _lines(result: PhaseResult) -> list[str]:
    sign, colour = _SIGNS.get(result.verdict, ("✅", "green"))
    took = "" if result.skipped else f" ({result.duration_s:.1f} s)"
    line = f"{sign} {result.title} - {result.verdict}{took}: {result.summary}"
    repairs = [f"   🔧 {repair['repair']}: {repair['text']}" for repair in result.repairs]
    problems = [f"   {problem}" for problem in limited_list(result.problems)]
    return [coloured(escaped(line), colour), *map(escaped, repairs), *map(escaped, problems)]


def plan(config: Config, names: Sequence[str], slot: str, ledger: Ledger | None) -> dict[str, Any]:
    """What these phases would check, and when the next scheduled run is."""
    due = ledger is not None and ledger.due(slot)
    rows = [
        {"phase": name, "title": PHASES[name], **_phase_plan(name, config.value["phases"][name])}
        for name in names
    ]
    return {"phases": rows, "due": due, "next": "now" if due else next_slot(slot)}


def _phase_plan(name: str, settings: Any) -> dict[str, Any]:
    if not settings["enabled"]:
        return {"skipped": "switched off", "checks": []}
    module, redact = phase(name), audit_settings.current().redactor
    checks = [redact.text(line) for line in module.plan(settings)]
    return {"skipped": None if checks else f"nothing to check; {module.MISSING}", "checks": checks}


def print_plan(planned: dict[str, Any]) -> None:
    """Print such a plan for people."""
    for row in planned["phases"]:
        skipped = f" - {SKIPPED}: {row['skipped']}" if row["skipped"] else ""
        print(coloured(f"{row['title']}{skipped}", "grey" if skipped else "bold"))
        for line in row["checks"]:
            print(f"   {escaped(line)}")
    when = planned["next"]
    print(f"Next by schedule: {when if when == 'now' else f'{when[:10]} {when[11:16]} UTC'}")


def print_accepted(manifest: Manifest, changes: Sequence[str]) -> None:
    """Print what was accepted, and how it differs from what was accepted before."""
    for line in limited_list(changes):
        print(f"   {escaped(line)}")
    files = count_text(sum(map(len, manifest.trees.values())), "file")
    print(coloured(f"✅ Accepted {files} in {count_text(len(manifest.trees), 'tree')}", "green"))
