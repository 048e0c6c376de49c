"""The kind `command` with real programs: what their exit statuses mean, and that no process is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from qt_repair import kinds
from qt_repair.finding import Finding, Probe, ProbeError, Repair, RepairError
from tests.support.kind_settings import settings

SENTENCE = "Auto-repair: Rebuilt the order book"


def made(home: Path, probe: list[str], repair: list[str]) -> tuple[Probe, Repair]:
    value = settings("command", probe=probe, repair=repair, sentence=SENTENCE)
    asking = kinds.probe_of(value, str(home))
    return asking, kinds.repair_of(value, str(home), asking)


def test_a_probe_is_healthy_after_its_repair(tmp_path: Path) -> None:
    probe, repair = made(tmp_path, ["test", "-e", "book"], ["touch", "book"])
    found = probe.check(10)
    assert (found.healthy, found.summary) == (False, "test ended with 1")
    assert repair.run(found, 10).sentence == SENTENCE
    assert probe.check(10).healthy


def test_a_program_of_the_home_is_found_by_its_relative_path(tmp_path: Path) -> None:
    check = tmp_path / "check.sh"
    check.write_text("#!/bin/sh\necho first\necho the book is stale\nexit 3\n")
    check.chmod(0o755)
    found = made(tmp_path, ["./check.sh"], ["true"])[0].check(10)
    assert found.summary == "check.sh ended with 3: the book is stale"
    assert found.details == {"exit_code": 3, "output": "first\nthe book is stale"}


def test_no_shell_reads_the_arguments(tmp_path: Path) -> None:
    probe, _ = made(tmp_path, ["test", "$(true); true", "=", "$(true); true"], ["true"])
    assert probe.check(10).healthy


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["no-such-program"], "no-such-program is not installed"),
        (["./not-executable"], "not-executable cannot be run"),
        (["sh", "-c", "exit 127"], r"sh cannot be run \(exit code 127\)"),
        (["sh", "-c", "no-such-program"], r"sh cannot be run \(exit code 127\)"),
        (["sh", "-c", "./not-executable"], r"sh cannot be run \(exit code 126\)"),
        (["sleep", "60"], "did not end within 0.5 s"),
    ],
)
def test_nothing_is_repaired_if_the_probe_cannot_tell(tmp_path: Path, argv: list[str], says: str) -> None:
    (tmp_path / "not-executable").write_text("text")
    with pytest.raises(ProbeError, match=says):
        made(tmp_path, argv, ["true"])[0].check(0.5)


def test_a_repair_that_fails_says_how(tmp_path: Path) -> None:
    _, repair = made(tmp_path, ["false"], ["sh", "-c", "echo no disk; exit 9"])
    with pytest.raises(RepairError, match="sh ended with 9: no disk") as failed:
        repair.run(Finding(False, ""), 10)
    assert (failed.value.exit_code, failed.value.output) == (9, "no disk")


def test_a_repair_that_does_not_end_is_ended(tmp_path: Path) -> None:
    _, repair = made(tmp_path, ["false"], ["sh", "-c", "sleep 60; touch late"])
    with pytest.raises(RepairError, match=r"did not end within 0\.5 s"):
        repair.run(Finding(False, ""), 0.5)


def test_secrets_in_the_output_are_not_shown(tmp_path: Path) -> None:
    argv = ["sh", "-c", "echo connecting with password=hunter2; exit 1"]
    probe, repair = made(tmp_path, argv, argv)
    found = probe.check(10)
    assert "hunter2" not in f"{found}"
    with pytest.raises(RepairError) as failed:
        repair.run(found, 10)
    assert "hunter2" not in f"{failed.value} {failed.value.output}"
