"""Recording while settings are broken, and while they change under a long-lived process."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.recording import actions, check, cli, program, succeeded, temporary_user


def env_file(home: Path, content: bytes) -> Path:
    path = home / "config/audit.env"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [b"nonsense\n", b"QT_SMTP_PORT=x\n", b"\xff\n", b"QT_TYPO=1\n"],
    ids=["malformed", "number", "bytes", "name"],
)
def test_recording_goes_on_with_broken_settings_and_says_so_once(tmp_path: Path, content: bytes) -> None:
    path = env_file(tmp_path / "qt", content)
    done = program(tmp_path / "qt", 'print(log_action("one"), log_action("two"))')
    assert succeeded(done) == "True True\n"
    assert done.stderr.count(str(path)) == 1
    succeeded(cli(tmp_path / "qt", "log", "three"))
    assert cli(tmp_path / "qt", "run", "--", "true").returncode == 0
    refused = cli(tmp_path / "qt", "stats")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert str(path) in refused.stderr
    assert actions(check(tmp_path / "qt"))[:3] == ["one", "two", "three"]


def test_settings_that_may_not_be_read_do_not_stop_the_recording() -> None:
    with temporary_user() as user:
        path = env_file(user.home, b"QT_SMTP_PORT=2525\n")
        for made in (user.home, path.parent):
            os.chown(made, user.uid, user.uid)
        path.chmod(0o600)
        done = user.cli("log", "one")
        assert done.returncode == 0
        assert f"{path}: cannot be read (Permission denied)" in done.stderr
        assert user.cli("stats").returncode == 2
        assert actions(check(user.home)) == ["one"]


def test_a_changed_setting_is_seen_by_a_long_lived_process(tmp_path: Path) -> None:
    env_file(tmp_path / "qt", b"QT_REDACT=AAA\n")
    code = """
    path = os.environ["QT_HOME"] + "/config/audit.env"
    log_action("AAA BBB CCC")
    with open(path, "w") as file: file.write("QT_REDACT=BBB\\n")
    time.sleep(1.1)
    log_action("AAA BBB CCC")
    os.unlink(path)
    time.sleep(1.1)
    log_action("AAA BBB CCC")
    os.environ["QT_REDACT"] = "CCC"
    time.sleep(1.1)
    log_action("AAA BBB CCC")
    os.environ["QT_HOME"] += "2"
    log_action("at once")
    """
    succeeded(program(tmp_path / "qt", code))
    assert actions(check(tmp_path / "qt")) == [
        "[redacted] BBB CCC",
        "AAA [redacted] CCC",
        "AAA BBB CCC",
        "AAA BBB [redacted]",
    ]
    assert actions(check(tmp_path / "qt2")) == ["at once"]


def test_a_secret_setting_reaches_neither_record_nor_stderr_nor_process_list(tmp_path: Path) -> None:
    secret = "7f3a9c2e5bSECRET"
    env_file(
        tmp_path / "qt",
        f"QT_ALERT_WEBHOOK='https://chat.example.com/in/{secret}'\nQT_SMTP_PORT=bad\n".encode(),
    )
    done = program(
        tmp_path / "qt",
        f"""
        log_action("no answer from https://chat.example.com/in/{secret}", details={{"url": "/in/{secret}"}})
        try:
            with action("Alert"):
                raise RuntimeError("no route to https://chat.example.com/in/{secret}")
        except RuntimeError:
            pass
        os.chmod(os.environ["QT_HOME"] + "/status/record", 0o500)
        """,
    )
    succeeded(done)
    assert secret not in done.stderr
    found = subprocess.run(["grep", "-r", secret, tmp_path / "qt/status"], capture_output=True, check=False)
    assert found.returncode == 1
    (tmp_path / "qt/status/record").chmod(0o750)
    assert len(check(tmp_path / "qt")) == 3
