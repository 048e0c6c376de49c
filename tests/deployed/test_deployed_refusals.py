"""Hosts that will not do: one clear line, another status, nothing half-done."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.target import Target
from tests.deployed.deployment import Deployment


@pytest.fixture(scope="module")
def bare(fresh_vps: Callable[..., Target]) -> Target:
    return fresh_vps("bare-host")


def nothing_was_done(vps: Target) -> bool:
    return vps.machine.run("id qt || ls /etc/cron.d/quantum-trader", check=False).returncode != 0


def test_a_login_that_needs_a_password_for_sudo(bare: Target) -> None:
    bare.machine.run(
        "sudo useradd --create-home limited && sudo cp -r ~/.ssh ~limited/ && sudo chown -R limited: ~limited"
        " && sudo usermod -aG sudo limited"
    )
    said = bare.playbook("deploy", variables={"ansible_user": "limited"})
    assert said.returncode == 2
    assert "bare-host: cannot become root: let the login user run sudo without a password" in said.stdout
    assert "--ask-become-pass" in said.stdout
    assert nothing_was_done(bare)


def test_a_login_that_may_not_use_sudo_at_all(bare: Target) -> None:
    bare.machine.run(
        "sudo useradd --create-home nobody2 && sudo cp -r ~/.ssh ~nobody2/ && sudo chown -R nobody2: ~nobody2"
        " && echo 'nobody2 ALL=(ALL) NOPASSWD: /bin/true' | sudo tee /etc/sudoers.d/nobody2"
    )
    said = bare.playbook("deploy", variables={"ansible_user": "nobody2"})
    assert said.returncode == 2
    assert "bare-host: cannot become root" in said.stdout
    assert nothing_was_done(bare)


def test_verify_yml_says_that_a_host_is_not_deployed(bare: Target) -> None:
    said = bare.playbook("verify")
    assert said.returncode == 2
    assert "bare-host is not well" in said.stdout
    assert "the audit tool cannot be run as qt: deploy first" in said.stdout


@pytest.fixture
def another_distribution(bare: Target) -> Iterator[Callable[[str], None]]:
    """Makes the VPS say that it is another distribution, until the test is over."""
    bare.machine.run(
        "sudo cp -a /etc/os-release /etc/os-release.kept; sudo cp -a /etc/debian_version /etc/dv.kept"
    )

    def be(os_release: str) -> None:
        bare.machine.run("sudo rm /etc/os-release /etc/debian_version")
        bare.machine.run(["sudo", "tee", "/etc/os-release"], stdin=os_release)

    yield be
    bare.machine.run("sudo mv /etc/os-release.kept /etc/os-release; sudo mv /etc/dv.kept /etc/debian_version")


def test_a_distribution_that_is_not_supported(
    bare: Target, another_distribution: Callable[[str], None]
) -> None:
    another_distribution('NAME="AlmaLinux"\nID="almalinux"\nID_LIKE="rhel"\nVERSION_ID="9.4"\n')
    bare.machine.run(["sudo", "tee", "/etc/redhat-release"], stdin="AlmaLinux release 9.4 (Seafoam Ocelot)\n")
    said = bare.playbook("deploy")
    bare.machine.run("sudo rm /etc/redhat-release")
    assert said.returncode == 2
    assert "bare-host: AlmaLinux 9.4 with Python 3.11 is not supported" in said.stdout
    assert "use Debian or Ubuntu with Python 3.10 or later" in said.stdout
    assert nothing_was_done(bare)


def test_a_distribution_of_the_family_is_allowed_with_a_note(
    bare: Target, another_distribution: Callable[[str], None]
) -> None:
    another_distribution(
        'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\nVERSION="24.04 LTS"\n'
    )
    said = bare.playbook("deploy", "--check")
    assert said.returncode == 0, said.stdout
    assert "is untested; Debian 12 and Debian 13 are tested" in said.stdout


def test_a_python_that_is_too_old(bare: Target) -> None:
    """More is asked for than the VPS has, as Debian 11 has less than is asked for."""
    said = bare.playbook("deploy", variables={"__audit_base_python": "3.99"})
    assert said.returncode == 2
    assert "with Python 3.11 is not supported; use Debian or Ubuntu with Python 3.99 or later" in said.stdout


def test_too_little_disk_space(bare: Target) -> None:
    bare.machine.run("sudo mkdir /srv/small && sudo mount -t tmpfs -o size=64m tmpfs /srv/small")
    variables = {"audit_base_home": "/srv/small/a/quantum_trader"}
    said = bare.playbook("deploy", variables=variables)
    assert said.returncode == 2
    assert "bare-host: only 64 MB are free on /srv/small" in said.stdout
    assert "and 200 MB are needed" in said.stdout
    assert "set audit_base_home or audit_base_min_free_mb" in said.stdout
    assert nothing_was_done(bare)


@pytest.mark.parametrize(("offset", "said_of_it"), [("+1d", "ahead of"), ("-1d", "behind")])
def test_a_clock_that_is_a_day_off(
    bare: Target, offset: str, said_of_it: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every program that starts there sees that day: a library that lies of the time is loaded in all.

    Sometimes sshd drops a connection for it: then Ansible tries again.
    """
    monkeypatch.setenv("ANSIBLE_SSH_RETRIES", "5")
    bare.machine.run(
        "sudo apt-get install -qq -y --no-install-recommends faketime;"
        f" echo {offset} | sudo tee /etc/faketimerc;"
        " ls /usr/lib/*/faketime/libfaketime.so.1 | sudo tee /etc/ld.so.preload"
    )
    try:
        said = bare.playbook("deploy")
    finally:
        bare.machine.nsenter(["rm", "/etc/ld.so.preload", "/etc/faketimerc"])
    assert said.returncode == 2
    assert re.search(rf"bare-host: its clock is 86[34]\d\d seconds {said_of_it} the one here", said.stdout)
    assert "timedatectl set-ntp true" in said.stdout
    assert "audit_base_max_clock_skew_s (300)" in said.stdout
    assert nothing_was_done(bare)


def test_a_home_on_a_read_only_mount(bare: Target) -> None:
    bare.machine.run("sudo mkdir /srv/fixed && sudo mount -t tmpfs -o ro,size=300m tmpfs /srv/fixed")
    said = bare.playbook("deploy", variables={"audit_base_home": "/srv/fixed/a/quantum_trader"})
    assert said.returncode == 2
    assert "lies on /srv/fixed, which is mounted read-only" in said.stdout
    assert "mount -o remount,rw /srv/fixed" in said.stdout
    assert nothing_was_done(bare)


def test_a_disk_that_fills_up_half_way_is_mended_by_the_next_run(
    fresh_vps: Callable[..., Target],
) -> None:
    vps = fresh_vps("small-disk")
    vps.machine.run("sudo mkdir /srv/tiny && sudo mount -t tmpfs -o size=100k tmpfs /srv/tiny")
    variables = {"audit_base_home": "/srv/tiny/quantum_trader", "audit_base_min_free_mb": 0}
    said = vps.playbook("deploy", variables=variables)
    assert said.returncode == 2
    assert "No space left on device" in said.stdout
    assert "Traceback" not in said.stdout
    assert vps.machine.run("sudo test -e /srv/tiny/quantum_trader/current", check=False).returncode == 1
    vps.machine.run("sudo mount -o remount,size=300m /srv/tiny")
    said = vps.playbook("deploy", variables=variables)
    assert said.returncode == 0, said.stdout
    left = vps.machine.run("sudo ls -A /srv/tiny/quantum_trader/releases").stdout.split()
    assert len(left) == 1
    doctor = vps.machine.run(
        "sudo -u qt python3 /srv/tiny/quantum_trader/tools/audit_logger.py doctor", check=False
    )
    assert doctor.returncode == 0, doctor.stdout


def test_an_account_that_lives_elsewhere_is_named_with_the_variable(bare: Target) -> None:
    bare.machine.run("sudo useradd --home-dir /opt/elsewhere trader")
    said = bare.playbook("deploy", variables={"audit_base_user": "trader"})
    assert said.returncode == 2
    assert "the account trader exists and its home is /opt/elsewhere" in said.stdout
    assert "set audit_base_user_home" in said.stdout


def test_a_host_that_is_down_does_not_stop_the_others(deployment: Deployment, tmp_path: Path) -> None:
    inventory = tmp_path / "inventory" / "sandbox"
    shutil.copytree(deployment.vps.inventory, inventory)
    (tmp_path / ".sandbox").symlink_to(deployment.vps.inventory / "../../.sandbox")
    down = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_ssh_common_args": "-o ConnectTimeout=3"}
    hosts = {"audited": None, "down": {**down, "audit_base_authorized_keys": []}}
    (inventory / "hosts.yml").write_text(json.dumps({"all": {"hosts": hosts}}))
    said = replace(deployment, vps=replace(deployment.vps, inventory=inventory)).again()
    assert said.returncode == 4
    assert "down                       : ok=" in said.stdout
    assert "unreachable=1" in said.stdout
    assert "audited                    : ok=" in said.stdout
    assert "failed=0" in said.stdout.split("audited                    :")[1].split("\n")[0]
