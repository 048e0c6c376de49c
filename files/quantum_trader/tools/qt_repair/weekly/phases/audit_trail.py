"""Audit trail check: the record is whole from its first entry to its head; the installation is in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qt_audit.doctor.check import WARN, WRONG
from qt_audit.doctor.host import HostPaths
from qt_audit.doctor.run import run_checks
from qt_audit.record.place import Place
from qt_audit.settings import loading as audit_settings
from qt_audit.verify.chain import verify
from qt_repair.weekly.observation import Observation, count_text

MISSING = ""
REMEDY = (
    "Where the record has a fault, edit and delete nothing: copy the status directory away first, it is the"
    " evidence. `audit_logger.py verify` and `audit_logger.py doctor` tell more."
)


def plan(settings: Mapping[str, Any]) -> list[str]:
    checks = ["record: whole from its first entry to its head"]
    return checks + (["installation: in order (doctor)"] if settings["doctor"] else [])


def check(settings: Mapping[str, Any], home: str) -> Observation:
    now = audit_settings.load(home)
    report = verify(Place(home, home=True), now.lock_timeout)
    problems = [str(fault) for fault in report.faults]
    if report.more_faults:
        problems.append(f"and {count_text(report.more_faults, 'more fault')}")
    notes = list(report.notes)
    if settings["doctor"]:
        checks = run_checks(now, HostPaths())
        problems += [f"{check.name}: {check.text}" for check in checks if check.state == WRONG]
        notes += [f"{check.name}: {check.text}" for check in checks if check.state == WARN]
    summary = f"{count_text(report.entries, 'entry', 'entries')}, head seq {report.seq}"
    details = {
        "entries": report.entries,
        "seq": report.seq,
        "hash": report.hash,
        "faults": len(report.faults),
    }
    return Observation(summary, tuple(problems), tuple(notes), details)
