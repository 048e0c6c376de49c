"""A refusal by sudo is distinguished from a failure of the program that it ran."""

from __future__ import annotations

import pytest

from qt_repair.finding import RepairError
from qt_repair.host.process import SUDO, NotFoundError
from qt_repair.host.rights import is_sudo_refusal, refusal_text, sudo_refused

ARGV = [*SUDO, "/usr/bin/docker", "restart", "grafana"]


@pytest.mark.parametrize(
    ("output", "no"),
    [
        ("sudo: a password is required", True),
        ("docker\nsudo: /usr/bin/docker: command not found\n", True),
        ("Sorry, user qt is not allowed to execute '/usr/bin/docker ps' as root on vps.", True),
        ("sudo: unable to resolve host vps: Name or service not known", False),
        ("sudo: unable to resolve host vps: Name or service not known\nsudo: a password is required", True),
        ("Error: No such container: sudo: x", False),
        ("", False),
    ],
)
def test_sudos_no_is_told_from_its_warnings(output: str, no: bool) -> None:
    assert is_sudo_refusal(output) == no
    assert sudo_refused(ARGV, RepairError("ended with 1", 1, output)) == no


def test_a_missing_sudo_is_a_refusal_and_a_program_run_without_it_is_never_refused() -> None:
    assert sudo_refused(ARGV, NotFoundError("sudo is not installed"))
    assert not sudo_refused(ARGV[len(SUDO) :], RepairError("ended with 1", 1, "sudo: a password is required"))


def test_the_explanation_names_the_command_and_the_file_to_change() -> None:
    assert refusal_text(ARGV).startswith(
        "sudo does not let this account run `/usr/bin/docker restart grafana`"
    )
    assert "/etc/sudoers.d/quantum-trader" in refusal_text(ARGV)
