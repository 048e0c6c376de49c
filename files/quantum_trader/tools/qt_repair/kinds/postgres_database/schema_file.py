"""Read a schema file: plain SQL, without commands that only psql understands."""

from __future__ import annotations

import os
import re
import stat

from qt_repair.finding import RepairError

LARGEST = 16 << 20
"""Bytes of a schema file."""

# Parts that may hold any character: comments, escaped, quoted and dollar-quoted texts, quoted names. One that
# does not end extends to the end of the file, as in PostgreSQL: so each character is scanned once.
_QUOTED = re.compile(
    r"--[^\n]*|/\*.*?(?:\*/|\Z)|(?<!\w)E'(?:[^'\\]|\\(?:.|\Z)|'')*(?:'|\Z)|'[^']*(?:'|\Z)|\"[^\"]*(?:\"|\Z)"
    r"|(?<![\w$])(\$(?:[^\W\d]\w*)?\$).*?(?:\1|\Z)",
    re.DOTALL | re.IGNORECASE,
)


def first_psql_command(text: str) -> tuple[int, str] | None:
    """Line number and text of the first psql command (`\\connect`, a COPY's `\\.`); None if all is SQL."""
    rest = _QUOTED.sub(lambda match: "\n" * match[0].count("\n"), text)
    at = rest.find("\\")
    if at < 0:
        return None
    return rest.count("\n", 0, at) + 1, rest[at:].split("\n", 1)[0].strip()[:60]


def read_schema_file(path: str) -> str:
    """The file's SQL. Raises RepairError, which says what is wrong with the file and what to do."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise RepairError(f"schema_file {path} is not a regular file")
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise RepairError(f"schema_file {path} cannot be read: {error.strerror}") from None
    if len(data) > LARGEST:
        raise RepairError(
            f"schema_file {path} is larger than {LARGEST >> 20} MB: load it by a command repair"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RepairError(f"schema_file {path} is not UTF-8") from None
    if "\0" in text:
        raise RepairError(f"schema_file {path} is not a text")
    found = first_psql_command(text)
    if found is not None:
        number, command = found
        raise RepairError(
            f"schema_file {path}, line {number}: {command!r} is a command of psql, not SQL: take it out"
            " (and write rows as INSERT: pg_dump --inserts)"
        )
    return text
