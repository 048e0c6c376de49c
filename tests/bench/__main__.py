"""`make bench`: measure, print one table, judge nothing.

usage: make bench [ARGS="[--quick] [SECTION …]"]
sections: startup, append, redaction, verify, summaries, delivery, reports, monitor, deploy

Every ratio is taken in one run, the two sides in turn, so that a machine's drift hits both.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [
    str(Path(__file__).resolve().parents[2]),
    str(Path(__file__).resolve().parents[2] / "files" / "quantum_trader" / "tools"),
]

from tests.bench import append, delivery, deploy, monitor, reading, redaction, reports  # noqa: E402 - after the path to it
from tests.bench.table import print_table  # noqa: E402

SECTIONS = {
    "startup": reading.startup,
    "append": append.measure,
    "redaction": redaction.measure,
    "verify": reading.verify,
    "summaries": reading.summaries,
    "delivery": delivery.measure,
    "reports": reports.measure,
    "monitor": monitor.measure,
    "deploy": deploy.measure,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__, add_help=True)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller records")
    parser.add_argument("--dir", default="/var/tmp", help="where to write; a real disk (default: /var/tmp)")
    options = parser.parse_args()
    unknown = set(options.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    rows = []
    with tempfile.TemporaryDirectory(dir=options.dir, prefix="quantum-trader-bench-") as name:
        for section in options.sections or SECTIONS:
            directory = Path(name) / section
            directory.mkdir()
            rows += SECTIONS[section](directory, options.quick)
    print_table(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
