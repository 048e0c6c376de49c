#!/usr/bin/env python3
"""The realtime monitor's face: watches this host, and has what breaks repaired and recorded.

python3 realtime_monitor.py --help
"""

from __future__ import annotations

import os.path
import sys

# The packages of the release that this very file belongs to, whatever link it was named by.
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))


def main() -> int:
    """Run the command line; the exit status is the answer."""
    from qt_audit.settings.loading import set_default_home
    from qt_repair.monitor import command_line

    set_default_home(__file__)
    return command_line.main(sys.argv[1:], os.path.abspath(__file__))


if __name__ == "__main__":
    sys.exit(main())
