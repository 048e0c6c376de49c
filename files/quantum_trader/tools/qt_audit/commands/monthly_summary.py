from __future__ import annotations

import argparse

from qt_audit.commands import _summary
from qt_audit.commands._summary import add_arguments
from qt_audit.settings.loading import Settings

__all__ = ["add_arguments", "run"]
__doc__ = _summary.describe("monthly", "month", "a month")

GROUP = "summarise"
HELP = "summarise a month"


def run(options: argparse.Namespace, settings: Settings) -> int:
    return _summary.run("monthly", options, settings)
