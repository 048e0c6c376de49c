"""What lies on a deployed VPS: owners, modes, links, the release, and where secrets are."""

from __future__ import annotations

import hashlib

import pytest

from sandbox.target import Target
from tests.deployed.deployment import HOME, NEEDLES, SECRETS, Deployment, Host, changed
from tests.support.checkout import DELIVERED

ENTRIES = sorted(
    f"{part}/{path.name}"
    for part in ("tools", "scripts", "docs")
    for path in (DELIVERED / part).glob("[!._]*")
    if path.suffix != ".pyc"
)


@pytest.fixture(scope="module")
def listing(host: Host) -> dict[str, str]:
    """Everything below the account's home and what is ours in /etc: type and mode, owner, group, by path."""
    command = (
        "find /home/qt /etc/cron.d/quantum-trader /etc/logrotate.d/quantum-trader -printf '%M %u %g\\t%p\\n'"
    )
    rows = [line.split("\t") for line in host.check_output(command).splitlines()]
    return {path: what for what, path in rows}


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("/home/qt", "drwxr-x--- qt qt"),
        ("/home/qt/.ssh", "drwx------ qt qt"),
        ("/home/qt/.ssh/authorized_keys", "-rw------- qt qt"),
        (HOME, "drwxr-x--- qt qt"),
        *((f"{HOME}/{name}", "drwxr-x--- qt qt") for name in ("tools", "scripts", "docs", "releases")),
        (f"{HOME}/config", "drwxr-x--- qt qt"),
        (f"{HOME}/config/audit.env", "-rw------- qt qt"),
        (f"{HOME}/status", "drwxr-x--- qt qt"),
        (f"{HOME}/status/record", "drwxr-x--- qt qt"),
        (f"{HOME}/status/outbox", "drwx------ qt qt"),
        (f"{HOME}/status/reports", "drwxr-x--- qt qt"),
        (f"{HOME}/current", "lrwxrwxrwx qt qt"),
        ("/etc/cron.d/quantum-trader", "-rw-r--r-- root root"),
        ("/etc/logrotate.d/quantum-trader", "-rw-r--r-- root root"),
    ],
)
def test_owner_and_mode(listing: dict[str, str], path: str, what: str) -> None:
    assert listing.get(path) == what


def test_everything_in_the_home_belongs_to_the_account(listing: dict[str, str]) -> None:
    others = {path: what for path, what in listing.items() if path.startswith("/home/")}
    assert {path: what for path, what in others.items() if not what.endswith(" qt qt")} == {}


def test_nothing_of_the_installation_is_open_to_others(listing: dict[str, str]) -> None:
    """A link's own mode says nothing: what it leads to is in the list. Bytecode is Python's own affair."""
    ours = {
        path: what.split()[0]
        for path, what in listing.items()
        if path.startswith(HOME) and not what.startswith("l") and "__pycache__" not in path
    }
    assert {path: mode for path, mode in ours.items() if mode[7:] != "---"} == {}


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_is_a_relative_link_into_the_current_release(host: Host, entry: str) -> None:
    assert host.check_output("readlink %s", f"{HOME}/{entry}") == f"../current/{entry}"
    assert host.run("test -e %s", f"{HOME}/{entry}").rc == 0


def test_the_current_release_is_the_only_one_and_its_manifest_agrees(host: Host) -> None:
    name = host.check_output(f"readlink {HOME}/current")
    assert host.check_output(f"ls -A {HOME}/releases") == name.removeprefix("releases/")
    assert host.check_output(f"cd {HOME}/current && sha256sum --check --quiet MANIFEST.sha256") == ""


def test_the_release_holds_the_controllers_files_and_what_can_be_run_can_be_run(
    deployment: Deployment, host: Host
) -> None:
    wanted = {}
    for path in deployment.tree.rglob("*"):
        name = path.relative_to(deployment.tree).as_posix()
        if name.startswith("config"):
            continue  # what is shipped once and then the operator's is no part of a release
        if path.is_file() and "__pycache__" not in name and not path.name.startswith("."):
            mode = "750" if path.stat().st_mode & 0o100 else "640"
            wanted[name] = f"{hashlib.sha256(path.read_bytes()).hexdigest()} {mode}"
    rows = host.check_output(
        f"cd {HOME}/current && find tools scripts docs -name __pycache__ -prune -o -type f -print0"
        ' | xargs -0 sh -c \'for name; do echo "$name $(sha256sum <"$name") $(stat -c %a "$name")"; done\' sh'
    )
    held = {name: f"{digest} {mode}" for name, digest, _dash, mode in map(str.split, rows.splitlines())}
    assert held == wanted


def test_the_account_is_a_system_account_that_can_log_in(host: Host, qt: Host) -> None:
    account = host.user("qt")
    assert account.home == "/home/qt"
    assert account.shell == "/bin/bash"
    assert account.uid < 1000
    assert qt.check_output("id -un") == "qt"
    # It may not become root, and Docker, which is as good as root, is not open to it.
    assert host.user("qt").groups == ["qt"]


@pytest.mark.parametrize(
    "package", ["python3-requests", "python3-jinja2", "python3-yaml", "cron", "logrotate"]
)
def test_a_package_of_the_distribution_is_there(host: Host, package: str) -> None:
    assert host.package(package).is_installed


def test_the_env_file_gives_a_shell_and_systemd_the_very_values(host: Host, qt: Host) -> None:
    printing = 'printf %s "$QT_ALERT_WEBHOOK|$QT_AUDIT_EMAIL|$QT_REDACT"'
    wanted = "|".join(
        [str(SECRETS["audit_log_alert_webhook"]), str(SECRETS["audit_log_email"]), "redact-m3-[0-9]+"]
    )
    assert qt.check_output(f". {HOME}/config/audit.env; {printing}") == wanted
    unit = f"systemd-run --quiet --wait --pipe --property=EnvironmentFile={HOME}/config/audit.env"
    script = "import os; print(os.environ['QT_ALERT_WEBHOOK'], end='')"
    assert host.check_output(f'{unit} /usr/bin/python3 -c "{script}"') == (SECRETS["audit_log_alert_webhook"])


def test_the_env_file_is_what_the_tool_loads(qt: Host) -> None:
    assert qt.run(f"python3 {HOME}/tools/audit_logger.py check_config audit").rc == 0
    said = qt.check_output(f"python3 {HOME}/tools/audit_logger.py log 'the code is redact-m3-4711'")
    assert "4711" not in said
    assert "4711" not in qt.check_output(f"cat {HOME}/status/AUTO_REPAIR_AUDIT.log")


def test_a_secret_is_in_audit_env_and_nowhere_else(deployed_vps: Target) -> None:
    """The needles go in by standard input: sudo writes commands into the journal."""
    places = "/home /root /etc /var /tmp /run /opt /srv /usr/local /dev/shm"
    found = deployed_vps.machine.run(
        f"sudo grep -rlaF --devices=skip -f - {places} 2>/dev/null", stdin="\n".join(NEEDLES), check=False
    )
    assert found.stdout.split() == [f"{HOME}/config/audit.env"]
    journal = deployed_vps.machine.run("sudo journalctl --no-pager --output=cat").stdout
    processes = deployed_vps.machine.run(
        "sudo sh -c 'cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ'", check=False
    )
    assert [needle for needle in NEEDLES if needle in journal + processes.stdout] == []


@pytest.mark.parametrize("run", ["dry", "first", "second"])
@pytest.mark.parametrize("needle", NEEDLES)
def test_no_output_of_a_deploy_shows_a_secret(deployment: Deployment, run: str, needle: str) -> None:
    assert needle not in getattr(deployment, run).stdout


def test_a_dry_run_on_the_bare_vps_passed_and_told_what_would_change(deployment: Deployment) -> None:
    assert deployment.dry.returncode == 0, deployment.dry.stdout[-5000:]
    assert changed(deployment.dry) > 5
    assert "current: nothing -> " in deployment.dry.stdout
    assert "+    su qt qt" in deployment.dry.stdout


def test_the_second_deploy_changed_nothing(deployment: Deployment) -> None:
    assert deployment.second.returncode == 0
    assert changed(deployment.second) == 0, deployment.second.stdout[-5000:]


def test_a_dry_run_on_the_deployed_vps_changes_nothing(deployment: Deployment) -> None:
    said = deployment.again("--check", "--diff")
    assert said.returncode == 0
    assert changed(said) == 0, said.stdout


@pytest.mark.parametrize("tag", ["audit_base", "audit_log", "repair_programs"])
def test_a_tag_alone_is_safe(deployment: Deployment, tag: str) -> None:
    said = deployment.again("--tags", tag)
    assert said.returncode == 0, said.stdout
    assert changed(said) == 0, said.stdout
