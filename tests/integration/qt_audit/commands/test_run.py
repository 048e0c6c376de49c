"""`run -- COMMAND`: the command's own status, streams and signals, whatever happens to the audit."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.checkout import TOOLS
from tests.support.recording import (
    PYTHON,
    actions,
    check,
    cli,
    environment,
    fallback_record,
    read_record,
    record_of,
    succeeded,
    temporary_user,
)

RUN = (PYTHON, str(TOOLS / "audit_logger.py"), "run", "--")


@pytest.mark.parametrize(
    ("command", "status", "says"),
    [
        (["true"], 0, "Ran true"),
        (["sh", "-c", "exit 3"], 3, "Ran sh -c 'exit 3' - FAILED: exit code 3"),
        (["sh", "-c", "exit 255"], 255, "Ran sh -c 'exit 255' - FAILED: exit code 255"),
        (["sh", "-c", "kill -9 $$"], 137, "Ran sh -c 'kill -9 $$' - FAILED: ended by SIGKILL"),
        (["sh", "-c", "kill -40 $$"], 168, "Ran sh -c 'kill -40 $$' - FAILED: ended by signal 40"),
        (["/etc/passwd"], 126, "Ran /etc/passwd - FAILED: exit code 126"),
        (["/"], 126, "Ran / - FAILED: exit code 126"),
        (["/no/such/command"], 127, "Ran /no/such/command - FAILED: exit code 127"),
        (["no-such-command-anywhere"], 127, "Ran no-such-command-anywhere - FAILED: exit code 127"),
    ],
)
def test_it_ends_with_the_commands_status_and_records_it(
    tmp_path: Path, command: list[str], status: int, says: str
) -> None:
    done = cli(tmp_path / "qt", "run", "--", *command)
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    before, after = check(tmp_path / "qt")
    assert after["action"] == says
    assert (before["outcome"], after["outcome"]) == ("started", "failed" if status else "succeeded")
    assert before["run"] == after["run"]
    assert after["details"]["exit_code"] == status
    assert after["details"]["duration_s"] >= 0


def test_options_name_the_sentence_the_source_and_details(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    done = cli(
        home, "run", "--message", "Nightly backup", "--source", "backup", "--detail", "to=tape", "--", "true"
    )
    succeeded(done)
    before, after = check(home)
    assert (before["action"], after["action"]) == ("Nightly backup - started", "Nightly backup")
    assert after["source"] == "backup"
    assert after["details"]["to"] == "tape"
    assert after["details"]["command"] == "true"


def test_a_secret_among_the_arguments_is_not_recorded(tmp_path: Path) -> None:
    succeeded(cli(tmp_path / "qt", "run", "--", "echo", "--password", "hunter22", "token=hunter22"))
    assert "hunter22" not in str(check(tmp_path / "qt"))


def test_streams_and_further_descriptors_are_the_commands_own(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    (tmp_path / "three").write_text("by descriptor 3\n")
    done = subprocess.run(
        ["bash", "-c", 'exec 3<three; "$@"', "sh", *RUN,
         "sh", "-c", "cat; cat <&3; echo err >&2"],
        cwd=tmp_path, env=environment(home), input="in\n",
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == "in\nby descriptor 3\n"
    assert done.stderr == "err\n"


def test_the_terminal_stays_the_commands_terminal(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [*RUN, "sh", "-c", "test -t 0 && test -t 1 && test -t 2 && stty size"],
        env=environment(tmp_path / "qt"), stdin=follower, stdout=follower, stderr=follower,
        start_new_session=True,
    ) as process:  # fmt: skip
        assert process.wait(timeout=60) == 0
    os.close(follower)
    os.close(leader)


COUNTER = """
trap 'echo {name} >> "$0"' {name}
echo ready
n=0
while [ $n -lt 40 ] && [ ! -s "$0" ]; do sleep 0.05; n=$((n+1)); done
sleep 0.3
exit 7
"""


@pytest.mark.parametrize("name", ["TERM", "HUP", "INT", "USR1", "USR2", "QUIT"])
def test_signals_are_passed_on_and_its_end_is_recorded(tmp_path: Path, name: str) -> None:
    home, seen = tmp_path / "qt", tmp_path / "seen"
    with subprocess.Popen(
        [*RUN, "sh", "-c", COUNTER.format(name=name), str(seen)],
        env=environment(home), stdout=subprocess.PIPE, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(getattr(signal, f"SIG{name}"))
        assert process.wait(timeout=60) == 7
    assert seen.read_text() == f"{name}\n"
    assert read_record(record_of(home))[-1]["details"]["exit_code"] == 7


def test_a_key_at_the_terminal_reaches_the_command_once(tmp_path: Path) -> None:
    """The terminal sends it to both: passing it on would be a second one, which many take for `at once`."""
    home, seen = tmp_path / "qt", tmp_path / "seen"
    pid, terminal = pty.fork()
    if pid == 0:
        command = [
            PYTHON,
            str(TOOLS / "audit_logger.py"),
            "run",
            "--",
            "sh",
            "-c",
            COUNTER.format(name="INT"),
            str(seen),
        ]
        os.execve(PYTHON, command, environment(home))
    said = b""
    while b"ready" not in said:
        said += os.read(terminal, 1000)
    time.sleep(0.2)
    os.write(terminal, b"\x03")
    while True:
        try:
            if not os.read(terminal, 1000):
                break
        except OSError:  # the terminal's other end is closed
            break
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    os.close(terminal)
    assert seen.read_text() == "INT\n"


def test_a_signal_that_was_ignored_stays_ignored(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    script = "echo ready; sleep 0.5; exit 5"
    with subprocess.Popen(
        ["nohup", *RUN, "sh", "-c", script],
        env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGHUP)
        assert process.wait(timeout=60) == 5
    assert check(home)[-1]["details"]["exit_code"] == 5


def test_a_whole_group_that_is_told_to_end_still_records_the_end(tmp_path: Path) -> None:
    """As systemd and a closing terminal do: the command and its recorder get the signal at the same time."""
    home = tmp_path / "qt"
    with subprocess.Popen(
        [*RUN, "sh", "-c", "echo ready; exec sleep 60"],
        env=environment(home), stdout=subprocess.PIPE, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        for _ in range(3):
            os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(timeout=60) == 143
    assert check(home)[-1]["outcome"] == "failed"
    assert check(home)[-1]["details"]["signal"] == "SIGTERM"


def test_an_audit_that_fails_does_not_change_the_status() -> None:
    with temporary_user() as user:
        user.home.touch()
        user.home.parent.joinpath("qt-state").touch()
        user.var_tmp_fallback.touch()
        try:
            done = user.cli("run", "--", "sh", "-c", "echo ran; exit 4")
            assert (done.returncode, done.stdout) == (4, "ran\n")
            assert "NOT RECORDED" in done.stderr
            refused = user.cli("run", "--required", "--", "sh", "-c", "echo ran")
            assert (refused.returncode, refused.stdout) == (125, "")
            refused = user.cli("run", "--", "sh", "-c", "echo ran", QT_AUDIT_REQUIRED="1")
            assert (refused.returncode, refused.stdout) == (125, "")
        finally:
            user.var_tmp_fallback.unlink()


def test_an_audit_that_fails_at_the_end_does_not_change_the_status(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    done = cli(home, "run", "--required", "--", "sh", "-c", f"mv {home} {home}-aside; touch {home}; exit 6")
    assert done.returncode == 6
    assert actions(read_record(fallback_record(home)))[0].endswith("FAILED: exit code 6")
