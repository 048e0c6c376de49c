"""Record a message; with `-` record each line of standard input as an entry.

An entry is durable before the command confirms it. For many messages use one `log -`: starting
Python takes a hundred times as long as writing an entry.

examples:
  audit_logger.py log "Restarted Grafana container" --outcome succeeded --detail container=grafana
  journalctl -u my-service -f -o cat | audit_logger.py log - --source my-service
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from qt_audit.record.entry import OUTCOMES, escaped
from qt_audit.record.warning import reason
from qt_audit.recorder import AuditError, record
from qt_audit.settings.loading import Settings, current
from qt_audit.settings.secret_patterns.key_lines import KeyLines
from qt_audit.terminal.arguments import add_details, add_json
from qt_audit.terminal.output import discard, explain, print_json_line

GROUP = "record"
HELP = "record a message, or each line of standard input"
TOLERATES_WRONG_SETTINGS = True

_PROGRAM = "audit_logger.py log"
_LONGEST_LINE = 16 * 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("message", metavar="MESSAGE", help="a sentence for people; - reads standard input")
    add_details(parser, "audit_logger")
    parser.add_argument(
        "--outcome",
        choices=OUTCOMES,
        default="info",
        metavar="O",
        help=f"one of {', '.join(OUTCOMES)} (default: info)",
    )
    parser.add_argument("--run", default=None, metavar="ID", help="id that all entries of one action share")
    add_json(parser)


def run(options: argparse.Namespace, settings: Settings) -> int:
    if not options.message.strip():
        explain(_PROGRAM, "the message is empty; say what was done")
        return 2
    if options.message != "-":
        return _log(options.message, options)
    if sys.stdin is None:
        explain(_PROGRAM, "standard input is closed; pipe the messages into it")
        return 2
    status, key_lines = 0, KeyLines()
    for line in iter(lambda: sys.stdin.buffer.readline(_LONGEST_LINE), b""):
        text = line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
        if text.strip():
            status |= _log_one_of_many(key_lines.redact(text), options)
    return status


def _log(message: str, options: argparse.Namespace) -> int:
    details = dict(options.detail)
    return record_and_confirm(message, options.source, options.outcome, details, options.json, options.run)


def _log_one_of_many(message: str, options: argparse.Namespace) -> int:
    """Record one line. If stdout cannot be written, the following lines are recorded all the same."""
    try:
        status = _log(message, options)
        sys.stdout.flush()
    except BrokenPipeError:  # nobody reads the confirmations
        discard(sys.stdout)
        return 0
    except OSError as error:
        discard(sys.stdout)
        explain(_PROGRAM, f"{reason(error)}; the entries are recorded all the same")
        return 1
    return status


def record_and_confirm(
    message: str, source: str, outcome: str, details: dict[str, Any], as_json: bool, run: str | None = None
) -> int:
    """Record a message, and print a confirmation once it is durable. Returns 1 if it cannot be recorded."""
    try:
        receipt = record(message, source=source, outcome=outcome, details=details, run=run, required=True)
    except AuditError as error:
        explain("audit_logger.py", str(error))
        return 1
    assert receipt is not None
    if as_json:
        fields = {"ts": receipt.ts, "seq": receipt.seq, "hash": receipt.hash, "place": receipt.place.path}
        print_json_line({**fields, "home": receipt.place.is_home})
    else:
        print(f"✅ Audit logged: {escaped(current().redactor.text(message))}")
    return 0
