"""`deliver` and `notify_test` as a person and cron run them, with real receivers."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.delivering import Vps
from tests.support.receivers import TOKEN, Receiver, Reply, hang, raw
from tests.support.recording import check, cli, fill, small_disk, succeeded

PATH = f"/hooks/{TOKEN}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(lambda _: Reply(200), PATH) as running:
        yield running


class Home:
    """An installation with channels, worked on from the command line."""

    def __init__(self, path: Path, *urls: str) -> None:
        self.path = path
        self.env = {"QT_ALERT_WEBHOOK": " ".join(f"json+{url}" for url in urls), "QT_DELIVERY_TIMEOUT": "2"}
        self.vps = Vps(path)
        self.vps.write("System check", "info")

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        done = cli(self.path, *arguments, prefix=(), stdin=None, **{**self.env, **env})
        assert "Traceback" not in done.stderr
        assert TOKEN not in done.stdout + done.stderr
        return done

    def fail(self, name: str = "Backup") -> None:
        succeeded(self.run("log", f"{name} - FAILED: x", "--outcome", "failed"))

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json").stdout)

    @property
    def name(self) -> str:
        return str(self.json("deliver", "--status")["channels"][0]["name"])


def titles(receiver: Receiver) -> list[str]:
    return [arrival.json["title"].partition(": ")[2] for arrival in receiver.taken]


@pytest.fixture
def home(tmp_path: Path, receiver: Receiver) -> Home:
    made = Home(tmp_path / "qt", receiver.url)
    assert made.run("deliver").returncode == 0
    return made


def test_a_failure_reaches_its_receiver_and_then_there_is_nothing_to_say(
    home: Home, receiver: Receiver
) -> None:
    home.fail()
    done = home.run("deliver")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"✅ {home.name}: 1 sent\n"
    assert titles(receiver) == ["Backup - FAILED: x"]
    again = home.run("deliver")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert "1 sent, the last at" in home.run("deliver", "--status").stdout


def test_a_disk_that_is_full_to_the_last_byte_is_told(tmp_path: Path, receiver: Receiver) -> None:
    with small_disk(tmp_path / "disk", 32 * 1024) as disk:
        home = Home(disk / "qt", receiver.url)
        succeeded(home.run("deliver"))
        home.fail()
        assert (disk / "qt/status/.reserve").exists()
        fill(disk / "waste")
        succeeded(home.run("deliver"))
        assert titles(receiver) == ["Backup - FAILED: x"]


def test_without_a_channel_there_is_nothing_to_do_and_nothing_is_kept(tmp_path: Path) -> None:
    home = Home(tmp_path / "qt")
    for arguments in (("deliver",), ("deliver", "--list")):
        done = home.run(*arguments)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "no channel is set" in home.run("deliver", "--status").stdout
    assert not home.vps.outbox_path.exists()


def test_what_happened_while_no_channel_was_set_is_no_news_later(home: Home, receiver: Receiver) -> None:
    home.run("deliver", QT_ALERT_WEBHOOK="")
    home.run("log", "Old - FAILED: x", "--outcome", "failed", QT_ALERT_WEBHOOK="")
    assert home.run("deliver", QT_ALERT_WEBHOOK="").returncode == 0
    assert home.run("deliver").returncode == 0
    home.fail("New")
    home.run("deliver")
    assert titles(receiver) == ["New - FAILED: x"]


def test_what_cannot_be_sent_now_waits_and_the_exit_status_says_so(home: Home, receiver: Receiver) -> None:
    receiver.script = [Reply(503)]
    home.fail()
    done = home.run("deliver")
    assert done.returncode == 1
    assert done.stdout.startswith(
        f"❌ {home.name}: answered 503: the receiver has trouble; 1 wait, next try at "
    )
    status = home.json("deliver", "--status")
    assert (status["well"], status["channels"][0]["waiting"]) == (False, 1)
    (listed,) = home.json("deliver", "--list")
    assert (listed["state"], listed["kind"], listed["title"].partition(": ")[2]) == (
        "waiting",
        "alert",
        "Backup - FAILED: x",
    )
    assert "waiting " in home.run("deliver", "--list").stdout
    assert home.run("deliver").returncode == 1  # not its time yet
    assert len(receiver.arrivals) == 1
    assert home.run("deliver", "--retry").returncode == 0
    assert titles(receiver) == ["Backup - FAILED: x"]


def test_a_channel_that_is_gone_is_disabled_until_notify_test_gets_through(
    home: Home, receiver: Receiver
) -> None:
    receiver.script = [Reply(404), Reply(404)]
    home.fail()
    done = home.run("deliver")
    assert done.returncode == 1
    assert f"not used again until `audit_logger.py notify_test {home.name}` gets through" in done.stdout
    entries = [entry["action"] for entry in check(home.path)]
    assert entries[-1].startswith(f"Notification: Channel {home.name} disabled: answered 404")
    refused = home.run("notify_test")
    assert refused.returncode == 1
    assert refused.stdout.startswith(f"❌ {home.name}: answered 404: the receiver does not know this address")
    home.fail("Other")
    assert home.run("deliver").returncode == 1
    assert receiver.taken == []
    assert "disabled: answered 404" in home.run("deliver", "--status").stdout
    assert home.run("notify_test", home.name).stdout == f"✅ {home.name}: taken with 200\n"
    assert home.json("deliver", "--status")["channels"][0]["disabled"] == ""
    assert home.run("deliver").returncode == 1  # one is still given up
    assert home.run("deliver", "--retry").returncode == 0
    assert titles(receiver)[1:] == ["Other - FAILED: x", "Backup - FAILED: x"]


def test_the_other_channels_are_told_of_a_channel_that_is_gone(tmp_path: Path, receiver: Receiver) -> None:
    with Receiver(lambda _: Reply(410), PATH) as gone:
        home = Home(tmp_path / "qt", gone.url, receiver.url)
        home.run("deliver")
        home.fail()
        assert home.run("deliver").returncode == 1
    assert sorted(title.split()[0] for title in titles(receiver)) == ["Backup", "channel"]
    assert "notify_test" in next(a.json["text"] for a in receiver.taken if "channel" in a.json["title"])


def test_a_receiver_that_hangs_delays_no_other_for_long(tmp_path: Path, receiver: Receiver) -> None:
    with raw(hang) as (port, _):
        home = Home(tmp_path / "qt", f"http://127.0.0.1:{port}{PATH}", receiver.url)
        home.run("deliver")
        home.fail()
        done = home.run("deliver")
    assert done.returncode == 1
    assert titles(receiver) == ["Backup - FAILED: x"]
    assert "1 wait" in done.stdout


def test_two_wake_ups_at_the_same_instant_send_each_message_once(home: Home, receiver: Receiver) -> None:
    for number in range(20):
        home.fail(f"Backup {number}")
    answers: list[subprocess.CompletedProcess[str]] = []
    threads = [threading.Thread(target=lambda: answers.append(home.run("deliver"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [done.returncode for done in answers] == [0] * 4
    assert "".join(done.stderr for done in answers) == ""
    assert titles(receiver) == [f"Backup {number} - FAILED: x" for number in range(20)]


def test_while_another_delivery_is_at_work_the_state_can_be_looked_at(home: Home) -> None:
    home.fail()
    with home.vps.outbox():
        (home.vps.outbox_path / "wake").unlink()
        quiet = home.run("deliver")
        assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
        assert home.run("deliver", "--status").returncode == 0
        assert home.json("deliver", "--list") == []
    assert home.run("deliver").stdout != ""


def test_who_was_woken_waits_for_the_other_to_see_it(home: Home, receiver: Receiver) -> None:
    with home.vps.outbox():
        home.fail()
        woken = threading.Thread(target=home.run, args=("deliver",))
        woken.start()
        time.sleep(0.5)
        assert woken.is_alive()
    woken.join(60)
    assert titles(receiver) == ["Backup - FAILED: x"]


def test_a_breach_is_told_once_it_is_clear_that_its_repair_does_not_end_it(
    home: Home, receiver: Receiver
) -> None:
    breach = ("log", "Auto-heal: Triggered by realtime monitor threshold breach", "--run", "b1")
    succeeded(home.run(*breach, "--outcome", "started", "--detail", "threshold=Grafana"))
    began = threading.Thread(target=home.run, args=("deliver",))
    began.start()
    time.sleep(1)
    assert receiver.taken == []
    failed = ("log", "Auto-repair: Restarted Grafana - FAILED: x", "--outcome", "failed")
    succeeded(home.run(*failed, "--detail", "repair=grafana", "--detail", "trigger=b1"))
    began.join(60)
    assert titles(receiver) == ["Auto-repair: Restarted Grafana - FAILED: x"]


def test_an_outbox_that_cannot_be_used_is_one_clear_line(home: Home) -> None:
    box = home.vps.outbox_path
    for path in box.iterdir():
        path.unlink()
    box.rmdir()
    box.touch()
    for arguments in (("deliver",), ("deliver", "--retry")):
        done = home.run(*arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"audit_logger.py: {box}: Not a directory\n"


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"QT_ALERT_WEBHOOK": "nonsense"}, "QT_ALERT_WEBHOOK address 1 must begin with https://"),
        ({"QT_NOTIFY_RULES": "soon"}, "QT_NOTIFY_RULES rule 1 must begin with later, now or critical"),
        ({"QT_QUIET_HOURS": "22-7"}, "QT_QUIET_HOURS must be like 22:00-07:00 Europe/Berlin"),
        ({"QT_DELIVERY_TIMEOUT": "soon"}, "QT_DELIVERY_TIMEOUT must be a number"),
    ],
)
def test_a_setting_that_is_wrong_is_one_clear_line_and_what_is_right_is_used(
    home: Home, receiver: Receiver, setting: dict[str, str], says: str
) -> None:
    if "QT_ALERT_WEBHOOK" in setting:
        setting = {"QT_ALERT_WEBHOOK": f"{setting['QT_ALERT_WEBHOOK']} {home.env['QT_ALERT_WEBHOOK']}"}
    home.fail()
    done = home.run("deliver", **setting)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert titles(receiver) == ["Backup - FAILED: x"]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("QT_NOTIFY_RULES", "now outcome=broken", "rule 1: outcome must be one of"),
        ("QT_QUIET_HOURS", "22:00-07:00 Europe/Nowhere", "must name a time zone"),
    ],
)
def test_check_config_names_the_line_of_what_is_wrong(
    tmp_path: Path, name: str, value: str, says: str
) -> None:
    path = tmp_path / "audit.env"
    path.write_text(f"# settings\n{name}='{value}'\n")
    done = cli(tmp_path / "qt", "check_config", "audit", str(path))
    assert done.returncode == 2
    assert f"{path}, line 2: {name} {says}" in done.stderr


def test_notify_test_names_what_there_is_where_the_name_is_wrong(home: Home) -> None:
    done = home.run("notify_test", "pigeon")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"audit_logger.py: no channel is called 'pigeon'; there are {home.name}\n"


def test_notify_test_without_a_channel_says_what_to_set(tmp_path: Path) -> None:
    done = Home(tmp_path / "qt").run("notify_test")
    assert done.returncode == 2
    assert "no channel is set: QT_ALERT_WEBHOOK" in done.stderr


def test_notify_test_answers_in_json(home: Home) -> None:
    answer = home.json("notify_test")[home.name]
    assert (answer["state"], answer["status"], answer["says"]) == ("sent", 200, "taken with 200")


def test_doctor_tells_of_what_waits_and_of_what_was_given_up(home: Home, receiver: Receiver) -> None:
    def delivery() -> dict[str, str]:
        checks = home.json("doctor")["checks"]
        found: dict[str, str] = next(item for item in checks if item["name"] == "delivery")
        return found

    assert delivery()["text"] == "1 channel, nothing waits for long"
    receiver.script = [Reply(404)]
    home.fail()
    home.run("deliver")
    assert delivery()["state"] == "wrong"
    assert "is disabled: answered 404" in delivery()["text"]
    assert "1 for" in delivery()["text"]


@pytest.mark.parametrize("setting", [{}, {"QT_NOTIFY_RULES": "x"}])
def test_doctor_says_where_nobody_is_told_or_a_setting_is_wrong(
    tmp_path: Path, setting: dict[str, str]
) -> None:
    checks = json.loads(Home(tmp_path / "qt").run("doctor", "--json", **setting).stdout)["checks"]
    (found,) = [item for item in checks if item["name"] == "delivery"]
    assert found["state"] == ("wrong" if setting else "ok")


def heartbeat(home: Home, receiver: Receiver, *, date: str) -> subprocess.CompletedProcess[str]:
    return cli(
        home.path,
        "daily_summary",
        "--due",
        prefix=("faketime", "-f", f"@{date}"),
        QT_HEARTBEAT_URL=receiver.url,
    )


def test_the_heartbeat_tells_that_a_summary_was_made_and_stays_silent_otherwise(
    tmp_path: Path, receiver: Receiver
) -> None:
    home = Home(tmp_path / "qt")  # its entry is of 2026-11-22
    for _ in range(2):
        succeeded(heartbeat(home, receiver, date="2026-11-22 23:00:00"))
    assert receiver.taken == []
    for _ in range(2):
        succeeded(heartbeat(home, receiver, date="2026-11-23 00:05:00"))
    assert [arrival.path for arrival in receiver.taken] == [f"{PATH}/start", PATH]
    assert "Daily Audit Summary (2026-11-22)" in receiver.taken[1].body.decode()


def test_the_heartbeat_tells_that_a_summary_could_not_be_made(tmp_path: Path, receiver: Receiver) -> None:
    home = Home(tmp_path / "qt")
    succeeded(heartbeat(home, receiver, date="2026-11-22 23:00:00"))
    (segment,) = Path(home.vps.place.record_path).glob("*.jsonl")
    segment.rename(f"{segment}.aside")
    segment.mkdir()
    assert heartbeat(home, receiver, date="2026-11-23 00:05:00").returncode == 1
    assert [arrival.path for arrival in receiver.taken] == [f"{PATH}/start", f"{PATH}/fail"]
    assert receiver.taken[1].body != b""


def test_a_heartbeat_that_nobody_takes_stops_no_summary(tmp_path: Path, receiver: Receiver) -> None:
    home = Home(tmp_path / "qt")
    receiver.script = [Reply(500), Reply(500)]
    done = heartbeat(home, receiver, date="2026-11-23 00:05:00")
    assert done.returncode == 0
    assert "📊 Generated summary" in done.stdout
    assert "QT_HEARTBEAT_URL: answered 500" in done.stderr
    assert TOKEN not in done.stderr
