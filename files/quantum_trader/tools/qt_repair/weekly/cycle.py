"""A validation cycle: run the phases one after the other, record each, then write the report.

The entries of a cycle share one `run`. A phase that passed is recorded as `info`, one that failed as
`failed`; the last entry ends the run. So a summary counts the cycle once, by how it ended.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from qt_audit.reading.history import History
from qt_audit.reading.window import END
from qt_audit.record.entry import now
from qt_audit.record.place import Place
from qt_audit.record.state_directory import StateDirectory
from qt_audit.recorder import log_action
from qt_repair.config.loading import Config
from qt_repair.weekly.cycle_lock import COMPLETED, INTERRUPTED
from qt_repair.weekly.module_tree.manifest import SOURCE
from qt_repair.weekly.outcome import Cycle, CycleOutcome, CycleRequest
from qt_repair.weekly.phase_runner import TITLE, PhaseResult, run_phase
from qt_repair.weekly.repair_call import call_repair
from qt_repair.weekly.report import as_json, as_markdown

_REPORTS_TIMEOUT = 60.0

OnPhase = Callable[[PhaseResult], None]


def run_cycle(config: Config, request: CycleRequest, on_phase: OnPhase) -> CycleOutcome:
    """Run a cycle to its end; `on_phase` gets each result as soon as it is there.

    Raises AuditError, and checks nothing, if the start cannot be recorded. An exception from outside
    (a signal) is recorded and raised again.
    """
    began = now()
    _record(
        request, f"{TITLE}: Started validation cycle", "started", _request_details(request), required=True
    )
    try:
        results = tuple(_run_phase(config, request, name, on_phase) for name in request.phases)
        outcome = _write_report(_cycle(config.home, request, began, results))
    except BaseException as error:  # a signal, or a bug of ours: the run must not stay open
        why = str(error) or (
            "stopped by Ctrl-C" if isinstance(error, KeyboardInterrupt) else type(error).__name__
        )
        _record(request, f"{INTERRUPTED} - {why}", "failed", {"error": type(error).__name__})
        raise
    verdict = outcome.cycle.verdict
    if outcome.report is None and not outcome.cycle.failed:
        verdict = "❌ The report cannot be written"
    details = {"checked": outcome.cycle.checked, "failed": outcome.cycle.failed, "report": outcome.report}
    _record(request, f"{COMPLETED} - {verdict}", "succeeded" if outcome.well else "failed", details)
    return outcome


def _request_details(request: CycleRequest) -> dict[str, Any]:
    details = {
        "phases": list(request.phases),
        "by": "schedule" if request.by_schedule else "hand",
        "slot": request.slot,
        "repair": request.repair,
    }
    return {**details, **({"instead_of": request.instead_of} if request.instead_of else {})}


def _run_phase(config: Config, request: CycleRequest, name: str, on_phase: OnPhase) -> PhaseResult:
    """Run a phase. If it failed and repairs are requested, call them and run it once more."""
    settings = config.value["phases"][name]
    result = run_phase(name, settings, config.home)
    _record_phase(request, result)
    if result.failed and request.repair and settings["repairs"]:
        on_phase(result)
        repairs = tuple(call_repair(one, request.run, config.home) for one in settings["repairs"])
        result = run_phase(name, settings, config.home).with_repairs(repairs)
        _record_phase(request, result)
    on_phase(result)
    return result


def _record_phase(request: CycleRequest, result: PhaseResult) -> None:
    _record(request, result.sentence, "failed" if result.failed else "info", result.entry_details())


def _record(
    request: CycleRequest, sentence: str, outcome: str, details: dict[str, Any], required: bool = False
) -> None:
    log_action(sentence, source=SOURCE, outcome=outcome, details=details, run=request.run, required=required)


def _cycle(home: str, request: CycleRequest, began: str, results: Sequence[PhaseResult]) -> Cycle:
    return Cycle(
        request, began, now(), os.uname().nodename, home, _release(home), tuple(results), _head(home)
    )


def _release(home: str) -> str | None:
    """The installed release; None if there is none, as in a tree that was copied by hand."""
    path = os.path.realpath(f"{home}/current")
    return os.path.basename(path) if os.path.isdir(path) else None


def _head(home: str) -> tuple[int, str] | None:
    try:
        last = History(Place(home, home=True)).before(END)
    except OSError:  # the audit trail check reports it
        return None
    return (last.entry.seq, last.hash) if last is not None else None


def _write_report(cycle: Cycle) -> CycleOutcome:
    """Write the report as Markdown and JSON, and record its path. The JSON is written last: if it is there,
    both are."""
    name = cycle.request.name
    try:
        with StateDirectory(Place(cycle.home, home=True), _REPORTS_TIMEOUT) as reports:
            reports.write(f"{name}.md", as_markdown(cycle).encode("utf-8"))
            reports.write(f"{name}.json", as_json(cycle).encode("ascii"))
            path = f"{reports.path}/{name}.md"
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        problem = f"{where}{error.strerror or error}"
        _record(cycle.request, f"{TITLE}: Report generated - FAILED: {problem}", "failed", {"report": None})
        return CycleOutcome(cycle, None, problem)
    details = {"report": path, "json": f"{path[: -len('.md')]}.json"}
    _record(cycle.request, f"{TITLE}: Report generated", "info", details)
    return CycleOutcome(cycle, path)
