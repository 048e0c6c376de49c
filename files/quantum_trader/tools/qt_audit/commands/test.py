"""Write one test entry, as the very first thing to try after an installation."""

from __future__ import annotations

import argparse

from qt_audit.commands.log import acknowledge, add_json
from qt_audit.settings.loading import Settings

MESSAGE = "Test audit entry - system check"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json(parser)


def run(options: argparse.Namespace, settings: Settings) -> int:
    return acknowledge(MESSAGE, "audit_logger", "info", {}, options.json)
