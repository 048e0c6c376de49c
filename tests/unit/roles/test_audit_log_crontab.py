"""The block that the role keeps in an account's crontab."""

from __future__ import annotations

import pytest

from tests.support.plugins import load

crontab = load("plugins/modules/audit_log_crontab.py")

HOME = b"/home/qt/quantum_trader"
BEGIN, END = (
    b"# " + word + b" quantum-trader audit_logger.py: " + HOME + b"\n" for word in (b"BEGIN", b"END")
)
BLOCK = BEGIN + b"# one\n1 * * * * two\n" + END
FIRST_VERSION = b"0 0 * * * /usr/bin/python3 " + HOME + b"/tools/audit_logger.py daily_summary >> x 2>&1\n"


def kept(before: bytes, *lines: bytes) -> bytes:
    after: bytes = crontab.with_block(before, HOME, list(lines))
    return after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", BLOCK),
        (b"MAILTO=me\n0 1 * * * backup\n", b"MAILTO=me\n0 1 * * * backup\n" + BLOCK),
        (b"0 1 * * * backup", b"0 1 * * * backup\n" + BLOCK),
        (BLOCK, BLOCK),
        (b"a\n" + BEGIN + b"old\n" + END + b"b\n", b"a\n" + BLOCK + b"b\n"),
        (BLOCK + b"a\n" + BLOCK, BLOCK + b"a\n"),
        (b"\n\n\xff\x01 % \r\n", b"\n\n\xff\x01 % \r\n" + BLOCK),
        (b"a\n" + FIRST_VERSION + b"b\n", b"a\nb\n" + BLOCK),
        (b"0 0 * * * audit_logger.py daily_summary\n", b"0 0 * * * audit_logger.py daily_summary\n" + BLOCK),
    ],
)
def test_the_block_is_there_once_and_the_rest_is_as_it_was(before: bytes, after: bytes) -> None:
    assert kept(before, b"# one", b"1 * * * * two") == after
    assert kept(after, b"# one", b"1 * * * * two") == after


def test_without_lines_the_block_goes_and_the_rest_stays() -> None:
    assert kept(b"a\n" + BLOCK + b"b\n") == b"a\nb\n"
    assert kept(BLOCK) == b""


def test_a_block_without_its_end_is_refused() -> None:
    with pytest.raises(crontab.CrontabError, match="has no end"):
        kept(BEGIN + b"mine\n", b"x")


def test_blocks_of_other_names_are_left_alone() -> None:
    other = BLOCK.replace(b"audit_logger.py", b"repair_programs")
    both: bytes = crontab.with_block(BLOCK, HOME, [b"# one", b"1 * * * * two"], b"repair_programs")
    assert both == BLOCK + other
    assert kept(both) == other
