"""Mail by a real Postfix on the VPS, as a default deploy sends it; then no channel's token lies about."""

from __future__ import annotations

import json
import mailbox
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from sandbox.target import Target
from tests.deployed.deployment import HOME, connect

TOOL = f"python3 {HOME}/tools/audit_logger.py"
PATIENCE_S = 60
POSTFIX = """
export DEBIAN_FRONTEND=noninteractive
echo 'postfix postfix/main_mailer_type select Local only' | debconf-set-selections
echo 'postfix postfix/mailname string vps.example.com' | debconf-set-selections
apt-get update -qq
apt-get install -qq -y --no-install-recommends postfix faketime
"""
# Answers as the first word of the path says; `hang` keeps who asks waiting.
RECEIVER = """
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        word = self.path.split("/")[1]
        if word == "hang":
            time.sleep(45)
        self.send_response(int(word) if word.isdigit() else 204)
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", 8099), Handler).serve_forever()
"""
MAILED = {"audit_log_email": "qt@localhost nobody-here@localhost"}
# Nothing listens at 8098; port 22 speaks no TLS.
TELLING = {
    "audit_log_alert_webhook": " ".join(
        (
            "json+http://127.0.0.1:8099/500/tok-json-1",
            "slack+http://127.0.0.1:8099/410/tok-slack-2",
            "discord+http://127.0.0.1:8098/tok-refused-3",
            "json+https://127.0.0.1:22/tok-notls-4",
            "json+http://127.0.0.1:8099/hang/tok-hangs-5?key=tok-query-6",
        )
    ),
    "audit_log_email": "qt@localhost",
    "audit_log_smtp_user": "qt",
    "audit_log_smtp_password": "tok-smtp-7",
    "audit_log_smtp_security": "none",
    "audit_log_webhook_secret": "tok-signing-8-0123456789",
    "audit_log_notify_urls": "json://user:tok-apprise-9@127.0.0.1:8099/403",
    "audit_log_heartbeat_url": "http://127.0.0.1:8099/404/tok-heart-10",
    "audit_log_delivery_timeout": 10,
}
TOKENS = sorted(set(re.findall(r"tok-[a-z]+-[0-9]+", json.dumps(TELLING))))


class Mailing:
    """The VPS, and what lies in its mailbox."""

    def __init__(self, vps: Target, directory: Path) -> None:
        self.vps = vps
        self.host, self.qt = connect(vps), connect(vps, "qt")
        self._directory = directory

    def deploy(self, **variables: object) -> None:
        said = self.vps.playbook("deploy", "-vvv", "--diff", variables=variables)
        if said.returncode != 0:
            pytest.fail(f"the deploy failed:\n{said.stdout[-20000:]}", pytrace=False)

    def mails(self) -> list[Message]:
        """The mails in the account's mailbox, oldest first."""
        file = self._directory / "mbox"
        file.write_text(str(self.host.run("cat /var/mail/qt").stdout))
        return list(mailbox.mbox(file))

    def until(self, reached: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not reached():
            if time.monotonic() > deadline:
                pytest.fail(f"{what} did not come; {self.qt.run(f'{TOOL} deliver --status').stdout}")
            time.sleep(0.5)


def subject(mail: Message) -> str:
    return str(make_header(decode_header(mail["Subject"])))


def parts(mail: Message) -> dict[str, str]:
    """Its parts, by type."""
    found = {}
    for part in mail.walk():
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            found[part.get_content_type()] = payload.decode(part.get_content_charset() or "utf-8")
    return found


@pytest.fixture(scope="module")
def mailing(fresh_vps: Callable[..., Target], tmp_path_factory: pytest.TempPathFactory) -> Mailing:
    vps = fresh_vps("mailing")
    found = Mailing(vps, tmp_path_factory.mktemp("mailing"))
    found.host.check_output("touch /srv/marker")
    vps.machine.run(["sudo", "bash", "-e", "-s"], stdin=POSTFIX)
    found.deploy(**MAILED)
    return found


@dataclass(frozen=True)
class Mailed:
    """What came of a failure and of a day that is over, with mail as the only channel."""

    day: str
    mails: list[Message]
    channels: list[dict[str, Any]]
    told: str


@pytest.fixture(scope="module")
def mailed(mailing: Mailing) -> Mailed:
    mailing.qt.check_output(f"{TOOL} log 'It broke - FAILED: x' --outcome failed --source me")
    mailing.until(lambda: any("It broke" in subject(mail) for mail in mailing.mails()), "the mail")
    mailing.until(lambda: any("is disabled" in subject(mail) for mail in mailing.mails()), "the word of it")
    channels = json.loads(mailing.qt.run(f"{TOOL} deliver --status --json").stdout)["channels"]
    told = mailing.qt.check_output(f"{TOOL} query --grep Notification --outcome failed")
    # Today, which is over for the two commands that the schedule runs.
    today, tomorrow = mailing.host.check_output("date -u +%F; date -u -d tomorrow +%F").split()
    for command in ("daily_summary --due", "deliver"):
        mailing.qt.run(f"TZ=UTC faketime '{tomorrow} 00:20:00' {TOOL} {command}")
    mailing.until(lambda: any(today in subject(mail) for mail in mailing.mails()), "the summary")
    return Mailed(today, mailing.mails(), channels, told)


def test_a_failure_is_in_the_mailbox_within_the_minute(mailed: Mailed) -> None:
    assert any("It broke" in subject(mail) for mail in mailed.mails)


def test_a_mailbox_that_does_not_exist_is_disabled_and_the_other_goes_on(mailed: Mailed) -> None:
    disabled = [channel for channel in mailed.channels if channel["disabled"]]
    assert len(mailed.channels) == 2
    assert len(disabled) == 1
    assert disabled[0]["parked"] >= 1
    assert "disabled" in mailed.told
    assert any("is disabled" in subject(mail) for mail in mailed.mails)


def test_the_days_summary_is_a_mail_of_text_and_html(mailed: Mailed) -> None:
    (mail,) = [mail for mail in mailed.mails if mailed.day in subject(mail)]
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"]
    assert mail["Date"]
    assert mail["To"] == "qt@localhost"
    assert mail.get_content_type() == "multipart/alternative"
    found = parts(mail)
    assert f"Daily Audit Summary ({mailed.day})" in found["text/plain"]
    assert f"Daily Audit Summary ({mailed.day})" in found["text/html"]
    head = re.search(r"seq \d+, ([0-9a-f]{64})", found["text/plain"])
    assert head is not None
    assert head[1] in found["text/html"]


@pytest.fixture(scope="module")
def telling(mailing: Mailing, mailed: Mailed) -> Mailing:
    """All kinds of channels, each with a token, none of which gets through; they take the place of mail."""
    assert mailed.mails
    mailing.vps.machine.run(["sudo", "tee", "/srv/receiver.py"], stdin=RECEIVER)
    mailing.host.check_output("systemd-run --unit=receiver /usr/bin/python3 /srv/receiver.py")
    mailing.deploy(**TELLING)
    return mailing


@pytest.fixture(scope="module")
def seen(telling: Mailing) -> str:
    """Every command line and environment while a receiver hangs, at the first try: later ones wait longer."""
    telling.qt.check_output(f"{TOOL} log 'It broke again - FAILED: x' --outcome failed --source me")
    hangs = "ss -Htn state established dport = :8099 | grep ."
    telling.until(lambda: telling.host.run(hangs).rc == 0, "the hang")
    return str(telling.host.check_output("cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n'"))


def test_while_a_receiver_hangs_no_token_stands_in_a_process_list(seen: str) -> None:
    assert "audit_logger.py" in seen
    assert [token for token in TOKENS if token in seen] == []


@pytest.mark.usefixtures("seen")
def test_each_channel_says_why_in_plain_words(telling: Mailing) -> None:
    telling.qt.run(f"{TOOL} daily_summary --due")
    telling.qt.run(f"{TOOL} notify_test")
    channels = json.loads(telling.qt.run(f"{TOOL} deliver --status --json").stdout)["channels"]
    found = [channel for channel in channels if channel["configured"]]
    assert len(found) == 7
    assert all(channel["waiting"] or channel["disabled"] for channel in found), found


@pytest.mark.usefixtures("seen")
def test_the_tokens_are_in_the_settings_and_nowhere_else_on_the_vps(telling: Mailing) -> None:
    """Every file that was written since the VPS was bare, the journal, and what people read."""
    # Not in the search's own command line: sudo writes that to the journal.
    telling.vps.machine.run(["sudo", "tee", "/srv/tokens"], stdin="\n".join(TOKENS) + "\n")
    files = telling.host.check_output(
        "find / -xdev -type f -cnewer /srv/marker -exec grep -lF -f /srv/tokens -- {} + ; true"
    )
    assert sorted(files.splitlines()) == [f"{HOME}/config/audit.env", "/srv/tokens"]
    journal = telling.host.check_output("journalctl --no-pager -o export | grep -cF -f /srv/tokens; true")
    assert journal == "0"
    for command in (
        "query",
        "deliver --status",
        "deliver --list",
        "doctor",
        "check_config",
        "report --out -",
    ):
        said = telling.qt.run(f"{TOOL} {command}")
        assert [token for token in TOKENS if token in said.stdout + said.stderr] == [], command
    assert telling.host.check_output(f"grep -cF tok- {HOME}/config/audit.env") != "0"
