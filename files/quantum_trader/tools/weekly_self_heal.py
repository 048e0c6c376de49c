#!/usr/bin/env python3
"""The weekly validation's face: AI agent, modules, containers, smoke tests, the audit trail itself.

python3 weekly_self_heal.py --help
"""

from __future__ import annotations

import sys
from pathlib import Path

# The packages of the release that this very file belongs to, whatever link it was named by.
sys.path.insert(0, str(Path(__file__).resolve().parent))


def main() -> int:
    """Run the command line; the exit status is the answer."""
    from qt_audit.settings.loading import set_default_home
    from qt_repair.weekly import command_line

    set_default_home(__file__)
    return command_line.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
