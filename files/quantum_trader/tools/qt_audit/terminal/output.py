"""Print results: escaped text, colour only on a terminal, JSON on request."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO

from qt_audit.record.entry import Entry, escaped

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "grey": "90", "bold": "1"}
OUTCOME_COLOURS = {"started": "blue", "succeeded": "green", "failed": "red"}


def explain(program: str, message: str) -> None:
    """Print one line to stderr. Never raises OSError: the exit status also says that something went wrong."""
    try:
        print(f"{program}: {escaped(message)}", file=sys.stderr, flush=True)
    except OSError:
        discard(sys.stderr)


def discard(stream: TextIO) -> None:
    """Discard what could not be written to a stream, and everything that is written to it later.

    Otherwise Python would write it again at exit, fail, and change the exit status.
    """
    null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    os.dup2(null, stream.fileno())
    os.close(null)


def coloured(text: str, colour: str | None) -> str:
    """The text in a colour if stdout is a terminal and NO_COLOR is not set, else the plain text."""
    if colour is None or "NO_COLOR" in os.environ or not sys.stdout.isatty():
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def print_entry(entry: Entry, as_json: bool) -> None:
    """Print an entry: its line in the log for people, or its JSON object."""
    if as_json:
        print_json_line(entry.as_dict())
    else:
        print(coloured(entry.log_line(), OUTCOME_COLOURS.get(entry.outcome)))


def print_json_line(value: Any) -> None:
    """Print one JSON value on one line, in ASCII, for programs that read a stream."""
    print(json.dumps(value, separators=(",", ":")))


def print_json(value: Any) -> None:
    """Print one JSON value, indented."""
    print(json_text(value))


def json_text(value: Any) -> str:
    """A JSON value as indented text, in ASCII, so that no control character reaches a terminal."""
    return json.dumps(value, indent=2)
