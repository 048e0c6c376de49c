"""How a command is written in sudoers: this one, with these arguments, and no other."""

from __future__ import annotations

import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.plugins import load

sudoers = load("plugins/filter/repair_programs_sudoers.py")

ARGUMENT = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.just(" "), min_size=1)


def as_sudo_reads_it(text: str) -> str:
    """What sudo's grammar makes of the arguments: the pattern that it then holds the real ones against."""
    return re.sub(r"\\([\\:,= \t#])", r"\1", text)


def matches(pattern: str, arguments: str) -> bool:
    """fnmatch(3) of the joined arguments; Python's own has no backslash."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    translated = "".join(
        f"[{part[1]}]" if len(part) == 2 and part[1] in "*?[" else part[-1] for part in parts
    )
    return fnmatch.fnmatchcase(arguments, translated)


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["/usr/bin/docker", "restart", "grafana"], "/usr/bin/docker restart grafana"),
        (["/usr/bin/apt-get"], '/usr/bin/apt-get ""'),
        (["/usr/bin/journalctl", "--vacuum-size=200M"], r"/usr/bin/journalctl --vacuum-size\=200M"),
        (["/usr/bin/docker", "{{json .State}}"], r"/usr/bin/docker {{json\ .State}}"),
        (["/bin/x", "a,b:c#d"], r"/bin/x a\,b\:c\#d"),
        (["/bin/x", "*?[a]!^"], r"/bin/x \*\?\[a\]\!\^"),
        (["/bin/x", "a\\b"], r"/bin/x a\\\\b"),
    ],
)
def test_a_command_is_written_with_what_means_something_escaped(argv: list[str], text: str) -> None:
    assert sudoers.sudoers_command(argv) == text


@given(ARGUMENT)
def test_whatever_an_argument_holds_it_matches_itself(argument: str) -> None:
    written = sudoers.sudoers_command(["/bin/x", argument]).removeprefix("/bin/x ")
    assert matches(as_sudo_reads_it(written), argument)


@given(ARGUMENT, ARGUMENT)
def test_no_argument_matches_another(argument: str, other: str) -> None:
    written = sudoers.sudoers_command(["/bin/x", argument]).removeprefix("/bin/x ")
    assert matches(as_sudo_reads_it(written), other) == (argument == other)


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["docker", "ps"], "absolute path"),
        (["/usr/bin/../bin/sh"], "absolute path"),
        (["/usr/bin/sudo", "-i"], "absolute path"),
        (["/bin/*", "x"], "absolute path"),
        (["/bin/x", ""], "is empty or has a control character"),
        (["/bin/x", "a\nqt ALL=(ALL) ALL"], "is empty or has a control character"),
        (["/bin/x", "a\x00"], "is empty or has a control character"),
    ],
)
def test_what_cannot_be_allowed_exactly_is_refused(argv: list[str], says: str) -> None:
    with pytest.raises(sudoers.RightError, match=says):
        sudoers.sudoers_command(argv)
