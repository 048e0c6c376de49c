from __future__ import annotations

import argparse

from qt_audit.commands import _summary
from qt_audit.commands._summary import add_arguments
from qt_audit.settings.loading import Settings

__all__ = ["add_arguments", "run"]
__doc__ = _summary.describe("weekly", "week", "a week, Monday to Sunday")

GROUP = "summarise"
HELP = "summarise a week, Monday to Sunday"


def run(options: argparse.Namespace, settings: Settings) -> int:
    return _summary.run("weekly", options, settings)
