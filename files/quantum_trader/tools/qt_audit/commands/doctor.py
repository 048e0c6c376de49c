"""Check the installation. Each check prints one line: what it found and, if needed, what to do.

It checks directories, owners, modes, settings, clock, packages, cron, logrotate, disk, head, log,
summaries and delivery. It changes nothing. Exit status 1: a check failed (❌). Warnings (⚠️) give 0.

examples:
  audit_logger.py doctor
  audit_logger.py doctor --json | jq '.checks[] | select(.state != "ok")'
"""

from __future__ import annotations

import argparse

from qt_audit.doctor.check import OK, WARN, WRONG
from qt_audit.doctor.host import HostPaths
from qt_audit.doctor.run import run_checks
from qt_audit.record.entry import escaped
from qt_audit.settings.loading import Settings
from qt_audit.terminal.arguments import add_json
from qt_audit.terminal.output import coloured, print_json

GROUP = "prove"
HELP = "check the installation, and say what to do about each problem"
TOLERATES_WRONG_SETTINGS = True

_SIGNS = {OK: ("✅", "green"), WARN: ("⚠️ ", "yellow"), WRONG: ("❌", "red")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json(parser)


def run(options: argparse.Namespace, settings: Settings) -> int:
    checks = run_checks(settings, HostPaths())
    wrong = sum(check.state == WRONG for check in checks)
    if options.json:
        print_json(
            {"well": not wrong, "home": settings.home, "checks": [check.as_dict() for check in checks]}
        )
        return 1 if wrong else 0
    width = max(len(check.name) for check in checks)
    for check in checks:
        sign, colour = _SIGNS[check.state]
        print(coloured(f"{sign} {check.name:<{width}}  {escaped(check.text)}", colour))
    return 1 if wrong else 0
