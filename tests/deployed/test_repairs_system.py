"""Services, disks and commands on a real VPS: mended by an account with exactly the rights that they name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.target import Target
from tests.deployed.one_repair import Repairs

_UNITS = {
    "app": "[Service]\nExecStart=/bin/sleep 1000\n",
    # Ends at once while /run/broken is there; after five times in ten seconds systemd gives it up.
    "limited": "[Service]\nExecStart=/bin/sh -c 'test ! -e /run/broken && exec sleep 1000'\n"
    "Restart=always\nRestartSec=50ms\n",
    "circling": "[Unit]\nStartLimitIntervalSec=0\n"
    "[Service]\nExecStart=/bin/sh -c 'sleep 0.2; test ! -e /run/broken && exec sleep 1000'\n"
    "Restart=always\nRestartSec=50ms\n",
    "slow": "[Service]\nType=notify\nTimeoutStartSec=infinity\nExecStart=/bin/sleep 1000\n",
    "bad": "[Service]\nType=bogus\n",
}


@pytest.fixture(scope="module")
def vps(fresh_vps: Callable[..., Target]) -> Repairs:
    repairs = Repairs(fresh_vps("system").machine)
    for name, text in _UNITS.items():
        repairs.machine.run(f"sudo install -m 0644 /dev/stdin /etc/systemd/system/{name}.service", stdin=text)
    repairs.root("systemctl daemon-reload; systemctl start app")
    return repairs


def test_an_active_service_is_left_alone(vps: Repairs) -> None:
    assert vps.look("systemd_service", unit="app")["summary"] == "app.service is active"


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("systemctl stop app", "app.service is inactive"),
        (
            "systemctl kill -s KILL app; until systemctl is-failed app; do sleep 0.1; done",
            "app.service is failed (signal)",
        ),
    ],
)
def test_a_service_that_does_not_run_is_restarted(vps: Repairs, broken: str, says: str) -> None:
    vps.root(broken)
    mended = vps.mend("systemd_service", unit="app")
    assert mended["summary"] == says
    assert mended["sentence"] == "Auto-repair: Restarted service app"
    assert mended["details"]["state_after"]["active"] == "active"
    assert vps.look("systemd_service", unit="app")["healthy"]


def test_a_service_at_its_start_limit_is_restarted_once_its_cause_is_gone(vps: Repairs) -> None:
    vps.root("touch /run/broken; systemctl start limited")
    vps.eventually("systemctl is-failed limited")
    failed = vps.mend("systemd_service", unit="limited")
    assert failed["summary"] == "limited.service is failed (exit code 1)"
    assert failed["failed"] == "limited.service started and ended again at once"
    vps.root("rm /run/broken; sleep 2")
    assert "sentence" in vps.mend("systemd_service", unit="limited")
    assert vps.look("systemd_service", unit="limited")["healthy"]


def test_a_service_that_restarts_in_circles_is_seen(vps: Repairs) -> None:
    vps.root("touch /run/broken; systemctl start circling")
    vps.eventually("test $(systemctl show -P NRestarts circling) -ge 8")
    vps.root("rm /run/broken")
    mended = vps.mend("systemd_service", unit="circling")
    assert mended["summary"].startswith("circling.service restarts in circles: systemd restarted it")
    assert mended["details"]["state_after"]["restarts"] == 0
    assert vps.look("systemd_service", unit="circling")["healthy"]


@pytest.mark.parametrize(
    ("unit", "says"),
    [
        ("slow", "slow.service is starting"),
        ("nothing", "there is no unit named nothing.service"),
        ("bad", "bad.service cannot be loaded (bad-setting): systemctl status bad.service says why"),
    ],
)
def test_a_service_that_no_restart_helps_is_left_alone(vps: Repairs, unit: str, says: str) -> None:
    # A unit that has been starting for long is another matter: each time it begins anew.
    vps.root("systemctl kill -s KILL slow; systemctl reset-failed slow", check=False)
    vps.root("systemctl start --no-block slow")
    vps.eventually("systemctl is-active slow | grep -x activating")
    assert vps.mend("systemd_service", unit=unit) == {"unknown": says}


def test_without_the_right_it_says_which_one_is_missing(vps: Repairs) -> None:
    said = vps.do("systemd_service", "mend", allowed=False, unit="app")["failed"]
    assert "sudo does not let this account run `/usr/bin/systemctl restart app.service`" in said or (
        "run `/usr/bin/systemctl reset-failed app.service`" in said
    )


def test_a_disk_is_cleaned_by_apt_and_the_journal(vps: Repairs) -> None:
    vps.root(
        "head -c 30000000 /dev/urandom > /var/cache/apt/archives/big.deb;"
        "mkdir -p /var/log/journal && systemctl restart systemd-journald && journalctl --flush;"
        "for n in 1 2 3; do head -c 6000000 /dev/urandom | base64 | logger; journalctl --rotate; done"
    )
    cleanups = [{"apt_cache": True}, {"journal": "1M"}]
    failed = vps.mend("disk_space", mount="/", free_percent=99.9, cleanups=cleanups)
    assert not failed["healthy"]
    assert failed["failed"].startswith("freed ")
    apt, journal = failed["output"].splitlines()
    assert apt.startswith("apt_cache: freed ")
    assert journal.startswith("journal: freed ")
    assert "failed" not in failed["output"]
    assert vps.root("ls /var/cache/apt/archives/*.deb", check=False).endswith("No such file or directory\n")
    assert vps.root("ls /var/log/journal/*/system@*", check=False).endswith("No such file or directory\n")
    assert vps.look("disk_space", mount="/", free_mb=1, cleanups=cleanups)["healthy"]


def test_only_files_that_the_account_may_delete_go(vps: Repairs) -> None:
    vps.root(
        "mkdir -p /home/qt/logs /srv/app/logs; for d in /home/qt/logs /srv/app/logs; do"
        " echo x > $d/old.gz; touch -d '20 days ago' $d/old.gz; done; chown -R qt /home/qt/logs"
    )
    files = [
        {"files": {"below": below, "pattern": "*.gz", "older_than_days": 7}}
        for below in ("logs", "/srv/app/logs")
    ]
    output = vps.mend("disk_space", mount="/", free_percent=99.9, cleanups=files)["output"]
    assert [line.rpartition("; ")[2] for line in output.splitlines()] == ["deleted 1", "deleted 0"]
    assert vps.root("ls /home/qt/logs /srv/app/logs").split() == [
        *("/home/qt/logs:", "/srv/app/logs:", "old.gz")
    ]


def test_a_command_of_the_operator_runs_as_root_only_where_it_says_so(vps: Repairs) -> None:
    keys = {"probe": ["test", "-e", "/run/made"], "sentence": "Auto-repair: Made it"}
    plain = vps.mend("command", repair=["touch", "/run/made"], **keys)
    assert "Permission denied" in plain["failed"]
    as_root = vps.mend("command", repair=["sudo", "/usr/bin/touch", "/run/made"], **keys)
    assert as_root["sentence"] == "Auto-repair: Made it"
    assert vps.look("command", repair=["true"], **keys)["healthy"]
    refused = vps.do("command", "mend", allowed=False, repair=["sudo", "/usr/bin/touch", "/run/x"], **keys)
    assert "sudo does not let this account run `/usr/bin/touch /run/x`" in refused["failed"]
