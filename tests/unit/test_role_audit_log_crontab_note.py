"""The one line that the role keeps in an account's crontab."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

MODULE = Path(__file__).resolve().parents[2] / "roles/audit_log/library/audit_log_crontab_note.py"
_spec = importlib.util.spec_from_file_location("audit_log_crontab_note", MODULE)
assert _spec is not None
assert _spec.loader is not None
crontab = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(crontab)

NOTE, PREFIX = b"audit_logger.py: the schedule is in /etc/x", b"audit_logger.py: the schedule is in "
LINE = b"# " + NOTE + b"\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", LINE),
        (b"MAILTO=me\n0 1 * * * backup\n", b"MAILTO=me\n0 1 * * * backup\n" + LINE),
        (b"0 1 * * * backup", b"0 1 * * * backup\n" + LINE),
        (LINE, LINE),
        (b"a\n# " + PREFIX + b"/etc/elsewhere\nb\n", b"a\n" + LINE + b"b\n"),
        (LINE + b"a\n" + LINE, LINE + b"a\n"),
        (b"\n\n\xff\x01 % \r\n", b"\n\n\xff\x01 % \r\n" + LINE),
    ],
)
def test_the_note_is_there_once_and_the_rest_is_as_it_was(before: bytes, after: bytes) -> None:
    assert crontab.with_note(before, NOTE, PREFIX) == after
    assert crontab.with_note(after, NOTE, PREFIX) == after
