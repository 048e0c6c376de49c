"""What the sandbox decides without booting anything: names, addresses, recipes, files for ssh."""

from __future__ import annotations

import fcntl
import ipaddress
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import SandboxError, base, cgroup, disk, network, places, ssh, supervisor
from sandbox.machine import Machine
from tests.support.checkout import ROOT


@pytest.mark.parametrize("name", ["", "Vps", "1st", "a/b", "..", "vps-", "a b", "x" * 31, "ümlaut"])
def test_a_name_that_cannot_be_a_host_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="is no machine name"):
        Machine(name, tmp_path)


@pytest.mark.parametrize("name", ["vps", "web-1", "a", "x" * 30])
def test_a_host_name_is_accepted(name: str, tmp_path: Path) -> None:
    assert Machine(name, tmp_path).state == tmp_path / name


def test_a_machine_that_was_never_booted_says_how_to_boot_it(tmp_path: Path) -> None:
    machine = Machine("web1", tmp_path)
    assert not machine.is_running()
    with pytest.raises(SandboxError, match="up web1"):
        machine.nsenter(["true"])


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"directory": 7}', '{"directory": "/nowhere"}'])
def test_a_damaged_state_file_counts_as_no_machine(text: str, tmp_path: Path) -> None:
    machine = Machine("web1", tmp_path)
    machine.state.mkdir()
    (machine.state / "machine.json").write_text(text)
    assert machine.directory is None
    assert not machine.is_running()


def test_slots_have_disjoint_private_subnets_and_link_names_the_kernel_takes() -> None:
    networks = [network.Network(slot) for slot in range(network.SLOTS)]
    assert len({net.subnet for net in networks}) == network.SLOTS
    for net in networks:
        assert net.subnet.is_private
        assert ipaddress.IPv4Address(net.address) in net.subnet
        assert ipaddress.IPv4Address(net.gateway) in net.subnet
        assert len(net.link) <= 15


def test_the_base_is_named_after_all_that_goes_into_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = base.key("bookworm")
    assert before == base.key("bookworm")
    assert before != base.key("trixie").replace("trixie", "bookworm")
    monkeypatch.setattr(base, "INSTALLED", [*base.INSTALLED, "postfix"])
    assert base.key("bookworm") != before


def test_an_unknown_suite_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SandboxError, match="bookworm, trixie"):
        base.ensure("woody", lambda _line: None)


def test_a_proxy_of_the_environment_reaches_apt() -> None:
    lines = base.apt_settings({"http_proxy": "http://192.0.2.9:3128"})
    assert any(line.startswith("Acquire::http::Proxy ") for line in lines)


def test_ssh_reads_the_config_as_meant_also_with_odd_paths(tmp_path: Path) -> None:
    state = tmp_path / "a clone, 100% mine"
    state.mkdir()
    config = state / "ssh_config"
    config.write_text(ssh.config("vps", "192.0.2.7", state))
    shown = subprocess.run(
        ["ssh", "-G", "-F", config, "vps"], check=True, capture_output=True, text=True
    ).stdout
    settings = dict(line.split(" ", 1) for line in shown.splitlines() if " " in line)
    assert settings["hostname"] == "192.0.2.7"
    assert settings["user"] == "admin"
    assert settings["stricthostkeychecking"] == "true"
    assert settings["controlmaster"] == "false"
    assert settings["identityfile"].replace("%%", "%") == str(state / "id_ed25519")


def test_a_command_list_reaches_the_remote_shell_word_by_word(tmp_path: Path) -> None:
    argv = ssh.command(tmp_path / "ssh_config", "vps", "qt", ["echo", "a b", "$HOME", "'"])
    printed = subprocess.run(["sh", "-c", argv[-1]], check=True, capture_output=True, text=True).stdout
    assert printed == "a b $HOME '\n"


def test_a_shell_line_reaches_the_remote_shell_as_it_is(tmp_path: Path) -> None:
    assert ssh.command(tmp_path / "ssh_config", "vps", "qt", "a | b")[-1] == "a | b"


def test_host_keys_are_made_in_pairs_and_known_by_name_and_address() -> None:
    keys = ssh.make_host_keys("vps")
    assert sorted(keys) == ["ssh_host_ed25519_key", "ssh_host_ed25519_key.pub"]
    line = ssh.known_hosts("vps", "192.0.2.7", keys["ssh_host_ed25519_key.pub"])
    assert line.startswith("vps,192.0.2.7 ssh-ed25519 AAAA")
    assert line.count("\n") == 1


def test_a_lock_is_seen_as_held_only_while_its_holder_lives(tmp_path: Path) -> None:
    lock = tmp_path / "alive"
    assert not places.is_held(lock)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert places.is_held(lock)
    assert not places.is_held(lock)


def test_the_cache_lies_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QT_SANDBOX_CACHE", str(tmp_path))
    assert places.cache() == tmp_path
    monkeypatch.delenv("QT_SANDBOX_CACHE")
    assert places.cache().is_absolute()
    assert not places.cache().is_relative_to(ROOT)


def test_a_torn_or_foreign_running_file_reads_as_not_running(tmp_path: Path) -> None:
    for text in ("", "{", '{"slot": 1}', "[]"):
        (tmp_path / "running.json").write_text(text)
        assert supervisor.read_running(tmp_path) is None


def test_each_machine_has_control_groups_of_its_own(tmp_path: Path) -> None:
    one, other = cgroup.groups(tmp_path / "one"), cgroup.groups(tmp_path / "other")
    assert one
    assert not set(one) & set(other)


def test_a_disk_appears_whole_with_a_root_that_guests_can_enter(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        disk.create(tmp_path / "machines" / "web1-00", tmp_path / "base", {"name": "web1"})
    finally:
        os.umask(old)
    machine = tmp_path / "machines" / "web1-00"
    assert (machine / "machine.json").is_file()
    assert (machine / "upper").stat().st_mode & 0o777 == 0o755
    assert machine.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("arguments", [["fly"], ["up", "--suite", "woody"], ["list", "--yaml"], []])
def test_wrong_use_exits_with_2_and_no_traceback(arguments: list[str]) -> None:
    done = _sandbox(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "usage: sandbox" in done.stderr


@pytest.mark.parametrize("arguments", [["up", "No!"], ["shell", "nowhere"], ["down", "vps", "--all"]])
def test_a_refusal_is_one_line(arguments: list[str]) -> None:
    done = _sandbox(*arguments)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("sandbox: ")


def test_help_teaches_how_to_log_in() -> None:
    assert "ssh -F .sandbox/vps/ssh_config vps" in _sandbox("--help").stdout


def _sandbox(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *arguments],
        cwd=ROOT, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
