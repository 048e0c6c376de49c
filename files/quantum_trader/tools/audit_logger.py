#!/usr/bin/env python3
"""The audit trail: log_action() and action() for programs, and a command line for people.

from audit_logger import log_action, action
python3 audit_logger.py --help
"""

from __future__ import annotations

import os.path
import sys

# Import the package beside the real file, not beside a link to it, so that two releases are never mixed.
_RELEASE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, _RELEASE)
try:
    from qt_audit.recorder import AuditError, action, log_action
    from qt_audit.settings import loading as _settings
finally:
    sys.path.remove(_RELEASE)

__all__ = ["AuditError", "action", "log_action", "main"]

_settings.set_default_home(__file__)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Returns the exit status."""
    from qt_audit.commands import run

    return run(sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
