"""Programs as repairs run them: by argument list, limited in time and output, and ended afterwards."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from qt_repair.finding import RepairError
from qt_repair.host.process import NotFoundError, TimedOutError, as_root, capture, run
from tests.support.monitoring import wait_for

SH = "/bin/sh"


def alive(pid: int) -> bool:
    """Whether it runs; one that has ended and is not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_exit_status_and_the_end_of_both_outputs_are_kept() -> None:
    done = run([SH, "-c", "echo out; echo err >&2; exit 3"], 20)
    assert (done.exit_code, sorted(done.output.split())) == (3, ["err", "out"])


def test_a_signal_is_reported_as_by_a_shell() -> None:
    assert run([SH, "-c", "kill -9 $$"], 20).exit_code == 137


def test_an_argument_is_never_read_by_a_shell(tmp_path: Path) -> None:
    hostile = f"$(touch {tmp_path}/ran); `touch {tmp_path}/ran`"
    assert run(["/bin/echo", hostile], 20).output == hostile
    assert list(tmp_path.iterdir()) == []


def test_the_end_of_long_output_is_kept() -> None:
    code = "import sys; sys.stdout.write('x' * 3_000_000 + 'the end')"
    done = run([sys.executable, "-c", code], 60)
    assert done.exit_code == 0
    assert done.output.endswith("xthe end")
    assert (len(done.output), len(done.shown_output)) == (1 << 16, 4000)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_secret_at_the_cut_is_not_shown(stream: str) -> None:
    said = "a" * 5000 + " password=" + "hunter2" * 100 + " " + "b" * 3500
    argv = [sys.executable, "-c", f"import sys; sys.{stream}.write({said!r}); sys.exit(1)"]
    shown = run(argv, 60).shown_output
    assert shown.endswith("password=[redacted] " + "b" * 3500)
    assert "hunter2" not in shown
    if stream == "stderr":
        with pytest.raises(RepairError) as failed:
            capture(argv, 60)
        assert "hunter2" not in f"{failed.value} {failed.value.output}"


def test_the_operators_own_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QT_HOME", str(tmp_path))
    monkeypatch.setenv("QT_REDACT", "acct-[0-9]+")
    assert run(["/bin/echo", "no money on acct-4711"], 20).shown_output == "no money on [redacted]"


def test_standard_input_is_empty() -> None:
    assert run(["/bin/cat"], 20).output == ""


def test_background_processes_are_not_waited_for(tmp_path: Path) -> None:
    done = run([SH, "-c", f"sleep 60 & echo $! > {tmp_path}/child; echo said"], 30)
    child = int((tmp_path / "child").read_text())
    assert alive(child)  # it was not ended either: it may be the service that was to be started
    os.kill(child, signal.SIGKILL)
    assert (done.exit_code, done.output) == (0, "said")


def test_a_program_that_times_out_is_ended_with_its_children(tmp_path: Path) -> None:
    script = f"sleep 600 & echo $! > {tmp_path}/child; echo $$ > {tmp_path}/self; wait"
    with pytest.raises(TimedOutError, match=r"^sh did not end within 0\.5 s$"):
        run([SH, "-c", script], 0.5)
    for name in ("self", "child"):
        assert not alive(int((tmp_path / name).read_text()))


def test_a_program_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    script = f"trap '' TERM; echo $$ > {tmp_path}/self; while :; do sleep 1; done"
    with pytest.raises(TimedOutError):
        run([SH, "-c", script], 0.5)
    assert not alive(int((tmp_path / "self").read_text()))


def test_a_child_that_ignores_sigterm_is_killed_even_if_its_parent_does_not(tmp_path: Path) -> None:
    child = f"trap '' TERM; echo $$ > {tmp_path}/child; while :; do sleep 1; done"
    with pytest.raises(TimedOutError):
        run([SH, "-c", f'{SH} -c "$1" & wait', SH, child], 1)
    pid = int((tmp_path / "child").read_text())
    wait_for(lambda: not alive(pid))


def test_a_missing_program_is_named() -> None:
    with pytest.raises(NotFoundError, match="/usr/bin/no-such-program is not installed"):
        run(["/usr/bin/no-such-program"], 20)


def test_a_file_that_is_no_program_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("no program")
    with pytest.raises(RepairError, match="plain cannot be run: Permission denied"):
        run([str(tmp_path / "plain")], 20)


def test_output_to_be_parsed_comes_without_the_errors() -> None:
    assert capture([SH, "-c", "echo out; echo err >&2"], 20) == b"out\n"


def test_a_failure_contains_the_last_line_of_the_output() -> None:
    with pytest.raises(RepairError, match=r"^sh ended with 2: no such thing$") as failed:
        capture([SH, "-c", "echo first >&2; echo no such thing >&2; exit 2"], 20)
    assert (failed.value.exit_code, failed.value.output) == (2, "first\nno such thing")


def test_root_needs_no_sudo_and_others_use_it_without_a_password() -> None:
    argv = as_root(["/usr/bin/docker", "restart", "grafana"])
    before = [] if os.geteuid() == 0 else ["/usr/bin/sudo", "-n", "--"]
    assert argv == [*before, "/usr/bin/docker", "restart", "grafana"]
