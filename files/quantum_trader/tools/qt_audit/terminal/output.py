"""What every command prints with: escaped text, colour on a terminal only, JSON on request."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO

from qt_audit.record.entry import Entry, escaped

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "grey": "90", "bold": "1"}
OUTCOME_COLOURS = {"started": "blue", "succeeded": "green", "failed": "red"}


def explain(program: str, message: str) -> None:
    """One line on stderr; where it cannot be written, nothing: the exit status tells."""
    try:
        print(f"{program}: {escaped(message)}", file=sys.stderr, flush=True)
    except OSError:
        discard(sys.stderr)


def discard(stream: TextIO) -> None:
    """Drop what could not be written to a stream, and all that follows.

    Python would try again when it exits, and change the exit status.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def coloured(text: str, colour: str | None) -> str:
    """The text in a colour where stdout is a terminal that wants it (NO_COLOR is honoured)."""
    if colour is None or "NO_COLOR" in os.environ or not sys.stdout.isatty():
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def print_entry(entry: Entry, as_json: bool) -> None:
    """An entry as people read it, or as the record's JSON object."""
    if as_json:
        print_json_line(entry.as_dict())
    else:
        print(coloured(entry.log_line(), OUTCOME_COLOURS.get(entry.outcome)))


def print_json_line(value: Any) -> None:
    """One JSON object on one line, ASCII, for programs that read a stream."""
    print(json.dumps(value, separators=(",", ":")))


def print_json(value: Any) -> None:
    """One JSON answer."""
    print(json_text(value))


def json_text(value: Any) -> str:
    """One JSON answer; indented, ASCII (so that no control character reaches a terminal)."""
    return json.dumps(value, indent=2)
