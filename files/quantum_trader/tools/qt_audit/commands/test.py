"""Record one test entry. Try this first after an installation.

examples:
  audit_logger.py test
  audit_logger.py test --json
"""

from __future__ import annotations

import argparse

from qt_audit.commands.log import record_and_confirm
from qt_audit.settings.loading import Settings
from qt_audit.terminal.arguments import add_json

GROUP = "record"
HELP = "record one test entry, to see that the installation works"

MESSAGE = "Test audit entry - system check"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json(parser)


def run(options: argparse.Namespace, settings: Settings) -> int:
    return record_and_confirm(MESSAGE, "audit_logger", "info", {}, options.json)
