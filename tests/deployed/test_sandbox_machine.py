"""The sandbox itself: what it boots is a real system, and nothing of it stays behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox import Machine, SandboxError, Snapshot, cgroup, kernel, life, places
from sandbox.target import Target
from tests.support.checkout import ROOT


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def bare(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    try:
        with Target.boot(tmp_path_factory.mktemp("bare"), "bare", request.param) as target:
            # It answers before it is all up; what the tests ask of it is what comes last.
            target.machine.run("systemctl is-system-running --wait", check=False)
            yield target
    except SandboxError as error:
        pytest.fail(f"no sandbox for this test: {error}", pytrace=False)


def test_it_is_a_booted_debian_with_no_failed_unit(bare: Target) -> None:
    state = bare.machine.run(
        "systemctl is-system-running --wait; systemctl --failed --no-legend", check=False
    )
    assert state.stdout.split() == ["running"]
    assert bare.machine.run(["ps", "-p", "1", "-o", "comm="]).stdout.strip() == "systemd"
    assert bare.machine.run(["hostname"]).stdout.strip() == "bare"


@pytest.mark.parametrize("unit", ["ssh", "cron", "postgresql", "docker", "logrotate.timer"])
def test_a_service_of_a_rented_vps_is_active(bare: Target, unit: str) -> None:
    assert bare.machine.run(["systemctl", "is-active", unit], check=False).stdout.strip() == "active"


def test_it_leaves_room_for_more_machines(bare: Target) -> None:
    assert bare.machine.is_running()
    assert int(kernel.MAX_INOTIFY_INSTANCES.read_text()) >= kernel.INOTIFY_INSTANCES


def test_a_container_runs_in_it(bare: Target) -> None:
    bare.machine.run("mkdir -p image/bin && cp /bin/busybox image/bin/")
    bare.machine.run("tar -C image -c . | sudo docker import - busybox")
    said = bare.machine.run("sudo docker run --rm busybox /bin/busybox echo hello")
    assert said.stdout.strip() == "hello"


def test_postgresql_has_a_utf8_cluster(bare: Target) -> None:
    shown = bare.machine.run("sudo -u postgres psql -Atc 'SHOW server_encoding'", check=False)
    assert shown.stdout.strip() == "UTF8"


def test_the_provider_gave_an_admin_with_sudo_and_nothing_more(bare: Target) -> None:
    assert bare.machine.run("sudo -n id -u").stdout.strip() == "0"
    assert bare.machine.run(["id", "qt"], check=False).returncode != 0
    assert bare.machine.run(["true"], user="root", check=False).returncode == 255


def test_the_host_key_is_checked_from_the_first_login(bare: Target, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text("")
    done = subprocess.run(
        ["ssh", "-F", bare.machine.ssh_config, "-o", f"UserKnownHostsFile={known}", "bare", "true"],
        check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 255
    assert "verification failed" in done.stderr


def test_apt_works_inside(bare: Target) -> None:
    done = bare.machine.run("sudo apt-get update && sudo apt-get install -y python3-yaml", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_ansible_reaches_it_with_its_inventory_alone(bare: Target) -> None:
    done = bare.ansible("ansible.builtin.ping")
    assert done.returncode == 0, done.stdout
    assert "pong" in done.stdout


def test_a_reboot_keeps_its_disk_and_a_power_off_does_too(bare: Target) -> None:
    vm = bare.machine
    vm.run("echo kept > kept; sync")
    first = vm.run(["cat", "/proc/sys/kernel/random/boot_id", "/proc/1/stat"]).stdout
    vm.reboot()
    assert vm.run(["cat", "kept"]).stdout == "kept\n"
    assert vm.run(["cat", "/proc/sys/kernel/random/boot_id", "/proc/1/stat"]).stdout != first
    vm.poweroff()
    assert not vm.is_running()
    assert vm.up(owner=os.getpid(), progress=lambda _line: None)
    assert vm.run(["cat", "kept"]).stdout == "kept\n"
    # As the fixture gave it: the tests that follow, in any order, find a boot that is over.
    vm.run("systemctl is-system-running --wait", check=False)


def test_up_of_a_running_machine_changes_nothing(bare: Target) -> None:
    leader = bare.machine.leader()
    assert bare.machine.up() is False
    assert bare.machine.leader() == leader


def test_two_machines_run_side_by_side_and_see_different_networks(bare: Target, tmp_path: Path) -> None:
    with Machine.boot("bare", state_root=tmp_path) as other:
        assert other.address != bare.machine.address
        assert other.run(["hostname"]).stdout == bare.machine.run(["hostname"]).stdout


def test_copies_of_a_frozen_machine_are_that_host_again_and_go_their_own_ways(tmp_path: Path) -> None:
    held = tmp_path / "held"
    with places.locked(held):
        with Machine.boot("frozen", state_root=tmp_path / "original") as original:
            original.run("echo first > kept; mkdir image; cp /bin/busybox image/; sudo rm /etc/motd; sync")
            original.run("tar -C image -c . | sudo docker import - stored")
            identity = original.run("cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub").stdout
            snapshot = Snapshot.take(original, held)
            assert not original.is_running()
        one, other = tmp_path / "one", tmp_path / "other"
        with (
            Machine.boot("frozen", state_root=one, copy_of=snapshot) as copy,
            Machine.boot("frozen", state_root=other, copy_of=snapshot) as second,
        ):
            assert copy.address != second.address
            assert copy.run("cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub").stdout == identity
            assert copy.run("cat kept; ls /etc/motd", check=False).stdout == "first\n"
            copy.run("echo changed > kept; rm -rf image; sudo docker rmi stored")
            assert second.run("cat kept; ls image").stdout == "first\nbusybox\n"
            assert second.run("sudo docker images -q stored").stdout != ""
            deeper = Snapshot.take(copy, held)
        with Machine.boot("frozen", state_root=one, copy_of=deeper) as copy:
            assert copy.run("cat kept; ls image", check=False).stdout == "changed\n"
        deeper.remove()
        life.remove_abandoned()
        assert snapshot.directory.exists()
    # Nobody holds it any more: the next one who boots, or clears up, removes it.
    life.remove_abandoned()
    assert not snapshot.directory.exists()


def test_a_copy_keeps_the_name_and_a_snapshot_that_is_gone_is_named(tmp_path: Path) -> None:
    with places.locked(tmp_path / "held"):
        with Machine.boot("once", state_root=tmp_path) as vm:
            snapshot = Snapshot.take(vm, tmp_path / "held")
        with (
            pytest.raises(SandboxError, match="a copy of once"),
            Machine.boot("twice", state_root=tmp_path, copy_of=snapshot),
        ):
            pass
        snapshot.remove()
    with (
        pytest.raises(SandboxError, match="take it again"),
        Machine.boot("once", state_root=tmp_path, copy_of=snapshot),
    ):
        pass
    assert not (tmp_path / "twice").exists()


def test_down_leaves_nothing_behind(tmp_path: Path) -> None:
    with Machine.boot("gone", state_root=tmp_path) as vm:
        directory, link, leader = vm.directory, vm.link, vm.leader()
        assert directory is not None
        vm.run("sudo touch /var/lib/kept && sudo chattr +i /var/lib/kept")
    assert_gone(directory, link, leader)
    assert not vm.state.exists()
    assert vm.down() is False


def test_a_machine_goes_with_the_process_that_asked_for_it_even_if_that_is_killed(tmp_path: Path) -> None:
    asking = subprocess.Popen(
        [sys.executable, "-c", _BOOT_AND_WAIT, str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert asking.stdout is not None
        link = asking.stdout.readline().strip()
        vm = Machine("owned", tmp_path)
        directory, leader = vm.directory, vm.leader()
        assert directory is not None
    finally:
        asking.send_signal(signal.SIGKILL)
        asking.wait()
    eventually(lambda: not directory.exists())
    assert_gone(directory, link, leader)


def test_a_supervisor_that_was_killed_is_mended_by_the_next_up(tmp_path: Path) -> None:
    with Machine.boot("mend", state_root=tmp_path) as vm:
        assert vm.directory is not None
        running = json.loads((vm.directory / "running.json").read_text())
        vm.run("echo kept > kept; sync")
        os.kill(running["supervisor"], signal.SIGKILL)
        eventually(lambda: not vm.is_running())
        assert vm.up(owner=os.getpid(), progress=lambda _line: None)
        assert vm.run(["cat", "kept"]).stdout == "kept\n"


_BOOT_AND_WAIT = """
import sys, time
from pathlib import Path
import sandbox
with sandbox.Machine.boot("owned", state_root=Path(sys.argv[1])) as vm:
    print(vm.link, flush=True)
    time.sleep(600)
"""


def assert_gone(directory: Path, link: str, leader: int) -> None:
    """No disk, no process, no network link or rule, no control group, no mount."""
    assert not directory.exists()
    eventually(lambda: not Path(f"/proc/{leader}").exists())  # this machine's init buries it
    assert not Path("/sys/class/net", link).exists()
    assert not Path("/run/netns", link).exists()
    tables = subprocess.run(["nft", "list", "tables"], check=True, capture_output=True, text=True).stdout
    assert f"{link}\n" not in tables
    assert not any(group.exists() for group in cgroup.groups(directory))
    assert str(places.cache() / "machines" / directory.name) not in Path("/proc/mounts").read_text()


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within a minute"
        time.sleep(0.1)
