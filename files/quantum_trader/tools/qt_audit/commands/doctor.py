"""Is everything in place? One line each: what was seen, and where it is not well, what to do.

Looks at directories, owners, modes, settings, clock, packages, cron, logrotate, disk, head, log,
summaries and delivery. Changes nothing. Exit status 1: something is wrong (❌); a warning (⚠️) is not.

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
HELP = "check that everything is in place, one line each"
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
