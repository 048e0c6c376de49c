"""`check_config` names addresses that cannot be used. Recording an entry works in spite of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from qt_audit.delivery.channels import apprise
from tests.support import records as support
from tests.support.checkout import TOOLS
from tests.support.receivers import DISCORD_PATH, SLACK_PATH, TOKEN
from tests.support.recording import PYTHON, cli

SLACK = f"https://hooks.slack.com{SLACK_PATH}"


def env_file(home: Path, text: str) -> Path:
    path = home / "config/audit.env"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_good_file_with_every_channel_has_no_fault(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("hunter2\n")
    password.chmod(0o600)
    env_file(
        tmp_path,
        f"QT_ALERT_WEBHOOK='https://discord.com{DISCORD_PATH} {SLACK} json+https://example.com/{TOKEN}'\n"
        "QT_AUDIT_EMAIL=ops@example.com,dev@example.com\n"
        "QT_SMTP_SERVER=mail.example.com\nQT_SMTP_PORT=587\nQT_SMTP_SECURITY=starttls\n"
        f"QT_SMTP_USER=audit\nQT_SMTP_PASSWORD_FILE={password}\nQT_MAIL_FROM=audit@example.com\n"
        f"QT_WEBHOOK_SECRET={TOKEN}\nQT_NOTIFY_URLS=ntfys://ntfy.example.com/{TOKEN}\n"
        f"QT_HEARTBEAT_URL=https://example.com/{TOKEN}\nQT_DELIVERY_TIMEOUT=5\n",
    )
    done = support.cli(tmp_path, "check_config")  # by the Python that has Apprise
    assert (done.returncode, "no fault found" in done.stdout) == (0, True), done.stderr


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (f"QT_ALERT_WEBHOOK='{SLACK} http://example.com/{TOKEN}'",
         "QT_ALERT_WEBHOOK address 2 must begin with https://"),
        (f"QT_ALERT_WEBHOOK={TOKEN}", "QT_ALERT_WEBHOOK address 1 must begin with https://"),
        (f"QT_AUDIT_EMAIL='ops@example.com,{TOKEN}'",
         "QT_AUDIT_EMAIL address 2 must be a plain mail address such as ops@example.com"),
        (f"QT_SMTP_SECURITY={TOKEN}", "QT_SMTP_SECURITY must be none, starttls or tls"),
        ("QT_DELIVERY_TIMEOUT=0", "QT_DELIVERY_TIMEOUT must be a number of seconds from 1 to 300"),
        (f"QT_HEARTBEAT_URL=http://example.com/{TOKEN}", "QT_HEARTBEAT_URL must begin with https://"),
        ("QT_WEBHOOK_SECRET=tok3nS3cret", "QT_WEBHOOK_SECRET must have at least 16 characters"),
    ],
)  # fmt: skip
def test_a_bad_address_is_named_with_its_line_and_no_value(tmp_path: Path, line: str, says: str) -> None:
    path = env_file(tmp_path, f"# settings\n{line}\n")
    done = cli(tmp_path, "check_config")
    assert done.returncode == 2
    assert done.stderr == f"audit_logger.py check_config: {path}, line 2: {says}\n"
    assert TOKEN not in done.stdout + done.stderr
    (problem,) = json.loads(cli(tmp_path, "check_config", "--json").stdout)["problems"]
    assert problem == f"{path}, line 2: {says}"


def test_a_file_is_checked_before_it_lands(tmp_path: Path) -> None:
    new = tmp_path / "new.env"
    new.write_text(f"QT_ALERT_WEBHOOK=https://example.com/{TOKEN}\n")
    done = cli(tmp_path / "qt", "check_config", "audit", str(new))
    assert done.returncode == 2
    assert f"{new}, line 1: QT_ALERT_WEBHOOK address 1 has a host that does not tell its kind" in done.stderr


def test_a_bad_address_keeps_no_entry_from_being_recorded(tmp_path: Path) -> None:
    env_file(tmp_path, f"QT_ALERT_WEBHOOK=http://example.com/{TOKEN}\n")
    done = cli(tmp_path, "log", f"Restarted Grafana, told {TOKEN}")
    assert (done.returncode, done.stderr) == (0, "")
    assert TOKEN not in (tmp_path / "status/AUTO_REPAIR_AUDIT.log").read_text()


def test_recording_an_entry_loads_nothing_of_delivery(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from audit_logger import log_action\n"
        "log_action('System check: All services healthy')\n"
        "print([name for name in sys.modules if 'delivery' in name or name in ('smtplib', 'http.client')])"
    )
    done = subprocess.run(
        [PYTHON, "-c", code, str(TOOLS)],
        env={"QT_HOME": str(tmp_path), "QT_ALERT_WEBHOOK": SLACK, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_where_apprise_is_not_installed_the_child_says_so() -> None:
    told = {"url": f"ntfys://example.com/{TOKEN}", "title": "t", "body": "b", "type": "info"}
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(Path(apprise.__file__).parents[1] / "transport/apprise_child.py")],
        input=json.dumps(told),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "missing", "")
