"""What the role repair_programs puts on a VPS: configuration, rights, service, schedule; what it refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.deployed.deployment import HOME, changed
from tests.deployed.managed import left_as_it_was
from tests.deployed.repairing import MONITOR, SECRET, Repairing

PROGRAMS = ("auto_repair_system", "realtime_monitor", "weekly_self_heal")
DROP_INS = [f"{HOME}/config/{program}.d/50-ansible.yml" for program in PROGRAMS]
EVENTS = ["die", "stop", "kill", "oom", "pause", "unpause", "start", "destroy", "rename", "health_status"]
ALLOWED = {
    "/usr/bin/systemctl reset-failed postgresql@15-main.service",
    "/usr/bin/systemctl restart postgresql@15-main.service",
    "/usr/bin/systemctl reset-failed trading-agent.service",
    "/usr/bin/systemctl restart trading-agent.service",
    "/usr/bin/docker inspect --type container --format {{.Name}} {{json .State}} grafana",
    "/usr/bin/docker restart --time 1 grafana",
    "/usr/bin/docker system df --verbose --format {{json .}}",
    "/usr/bin/docker image prune --force --filter until=1s",
    "/usr/bin/docker builder prune --force --filter until=1s",
    "/usr/bin/docker events --filter type=container "
    + " ".join(f"--filter event={event}" for event in EVENTS)
    + " --format {{json .}}",
}


@pytest.fixture(scope="module", autouse=True)
def as_it_was(repairing: Repairing) -> Iterator[None]:
    """Each of these tests puts back what it changed."""
    with left_as_it_was(repairing.vps, "each test of this file puts back what it changed"):
        yield


def lists(said: str) -> set[str]:
    """The commands of `sudo -l`, without what it escapes."""
    words = " ".join(said.split("may run the following commands")[1].split(":\n", 1)[1].split())
    found = re.split(r"\(root\) (?:TIMEOUT=\d+ )?NOPASSWD: ", words)
    return {re.sub(r"\\(.)", r"\1", command).strip() for command in found if command.strip()}


def test_a_dry_run_on_the_bare_vps_passed_and_told_what_would_change(repairing: Repairing) -> None:
    assert repairing.dry.returncode == 0, repairing.dry.stdout[-5000:]
    assert "config/realtime_monitor.d/50-ansible.yml: would be written" in repairing.dry.stdout
    assert "+User=qt" in repairing.dry.stdout


def test_the_second_deploy_changed_nothing(repairing: Repairing) -> None:
    assert repairing.second.returncode == 0
    assert changed(repairing.second) == 0, repairing.second.stdout[-5000:]


@pytest.mark.parametrize("run", ["dry", "first", "second"])
def test_no_output_of_a_deploy_shows_a_secret_of_a_repair(repairing: Repairing, run: str) -> None:
    assert SECRET not in getattr(repairing, run).stdout


def test_a_dry_run_and_the_roles_tag_alone_change_nothing(repairing: Repairing) -> None:
    for options in (["--check", "--diff"], ["--tags", "repair_programs"]):
        said = repairing.again(*options)
        assert said.returncode == 0, said.stdout
        assert changed(said) == 0, said.stdout


def test_verify_yml_says_that_the_host_repairs_itself(repairing: Repairing) -> None:
    said = repairing.vps.playbook("verify")
    assert said.returncode == 0, said.stdout
    assert "vps is well" in said.stdout
    row = next(line for line in said.stdout.splitlines() if line.startswith("vps ") and "ok=" not in line)
    assert row.split()[1:3] == ["✅", "well"]
    assert changed(said) == 0


@pytest.mark.parametrize(
    ("path", "what"),
    [
        *((f"{HOME}/config/{program}.yml", "-rw-r----- qt qt") for program in PROGRAMS),
        *((f"{HOME}/config/{program}.d", "drwxr-x--- qt qt") for program in PROGRAMS),
        *((path, "-rw-r----- qt qt") for path in DROP_INS),
        ("/etc/sudoers.d/quantum-trader", "-r--r----- root root"),
        ("/etc/cron.d/quantum-trader-repair", "-rw-r--r-- root root"),
        (f"/etc/systemd/system/{MONITOR}", "-rw-r--r-- root root"),
    ],
)
def test_owner_and_mode(repairing: Repairing, path: str, what: str) -> None:
    assert repairing.root(f"stat -c '%A %U %G' {path}").stdout.strip() == what


def test_the_secret_stands_in_the_drop_in_alone(repairing: Repairing) -> None:
    found = repairing.vps.machine.run(
        "sudo grep -rlaF --devices=skip -f - /home /root /etc /var/log /tmp /run /srv 2>/dev/null",
        stdin=SECRET,
        check=False,
    )
    assert found.stdout.split() == [DROP_INS[0]]


def test_what_a_deploy_laid_down_is_the_operators_to_edit(repairing: Repairing) -> None:
    file = f"{HOME}/config/auto_repair_system.yml"
    repairing.qt(f"cp -p {file} /tmp/before && echo '# mine' >> {file}")
    try:
        assert changed(repairing.again("--tags", "repair_programs")) == 0
        assert repairing.qt(f"tail -n 1 {file}").stdout == "# mine\n"
    finally:
        repairing.qt(f"cat /tmp/before > {file}")


def test_the_account_is_in_no_group_of_dockers_and_cannot_reach_its_socket(repairing: Repairing) -> None:
    assert repairing.qt("id -Gn").stdout.split() == ["qt"]
    assert repairing.qt("docker ps", check=False).returncode != 0


def test_sudo_allows_exactly_what_the_enabled_repairs_need(repairing: Repairing) -> None:
    assert lists(repairing.qt("sudo -n -l").stdout) == ALLOWED
    assert repairing.root("visudo -c").returncode == 0


@pytest.mark.parametrize(
    "command",
    [
        "true",
        "docker ps",
        "docker restart grafana",
        "docker restart --time 1 grafana other",
        "docker restart --time 1 other",
        "docker image prune --force --all",
        "docker image prune --force --filter until=1s --all",
        "docker system df",
        "docker run --privileged grafana-stand-in:1",
        "systemctl restart ssh.service",
        "systemctl restart postgresql@15-main.service ssh.service",
        "systemctl stop trading-agent.service",
        "systemctl edit trading-agent.service",
        "-u postgres psql",
    ],
)
def test_sudo_allows_nothing_else(repairing: Repairing, command: str) -> None:
    done = repairing.qt(f"sudo -n {command}", check=False)
    assert done.returncode == 1
    assert "sudo: " in done.stderr


def test_a_command_that_takes_too_long_is_ended_by_sudo(repairing: Repairing) -> None:
    sudoers = repairing.root("cat /etc/sudoers.d/quantum-trader").stdout.splitlines()
    rules = [line for line in sudoers if line.startswith("qt ALL=(root)")]
    assert len(rules) == len(ALLOWED)
    unlimited = [rule for rule in rules if "TIMEOUT=125 " not in rule]
    assert len(unlimited) == 1
    assert "docker events" in unlimited[0]


def test_the_postgresql_role_may_make_databases_and_nothing_more(repairing: Repairing) -> None:
    attributes = "rolcanlogin, rolcreatedb, rolsuper, rolcreaterole, rolreplication, rolbypassrls, rolinherit"
    assert repairing.psql(f"SELECT {attributes} FROM pg_roles WHERE rolname = 'qt'") == "t|t|f|f|f|f|f"
    members = "SELECT roleid::regrole, admin_option FROM pg_auth_members WHERE member = 'qt'::regrole"
    assert repairing.psql(members) == "quantum|f"


def test_the_monitor_runs_as_the_account_with_all_that_sudo_allows_taken_away(repairing: Repairing) -> None:
    shown = repairing.root(f"systemctl show {MONITOR} -p User -p Type -p MainPID -p ActiveState").stdout
    unit = dict(line.split("=", 1) for line in shown.splitlines())
    assert (unit["User"], unit["Type"], unit["ActiveState"]) == ("qt", "notify", "active")
    status = repairing.root(f"cat /proc/{unit['MainPID']}/status").stdout
    uid = repairing.qt("id -u").stdout.strip()
    assert re.search(rf"^Uid:\s+{uid}\s+{uid}\s+{uid}\s+{uid}$", status, re.MULTILINE)
    assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)
    assert re.search(r"^Seccomp:\s+2$", status, re.MULTILINE)


def test_the_monitors_exposure_is_low(repairing: Repairing) -> None:
    said = repairing.root(f"systemd-analyze security --no-pager {MONITOR}").stdout
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert exposure is not None
    assert float(exposure[1]) <= 5.0, said


def test_the_monitors_memory_and_processes_are_bounded(repairing: Repairing) -> None:
    shown = repairing.root(f"systemctl show {MONITOR} -p MemoryMax -p TasksMax").stdout
    unit = dict(line.split("=", 1) for line in shown.splitlines())
    assert int(unit["MemoryMax"]) > 0
    assert unit["TasksMax"] == "512"


def test_a_wrong_patch_is_refused_before_the_host_is_touched(repairing: Repairing) -> None:
    before = repairing.root(f"sha256sum {' '.join(DROP_INS)}").stdout
    patch = {"repairs": {"grafana": {"kind": "container", "container": "grafana", "cooldwon": 5}}}
    said = repairing.again("--tags", "repair_programs", repair_programs_auto_repair_system=patch)
    assert said.returncode == 2
    assert "At 'repairs.grafana.cooldwon'" in said.stdout
    assert "did you mean cooldown?" in said.stdout
    assert repairing.root(f"sha256sum {' '.join(DROP_INS)}").stdout == before


def test_a_patch_that_the_hosts_own_files_make_wrong_changes_nothing(repairing: Repairing) -> None:
    """The operator's drop-in names a repair that the new patch no longer has: two programs, one answer."""
    before = repairing.root(f"sha256sum {' '.join(DROP_INS)}").stdout
    mine = {"thresholds": {"load": [{"trigger": 50, "clear": 40, "repairs": ["grafana"]}]}}
    with repairing.drop_in("realtime_monitor", mine):
        said = repairing.again(
            "--tags",
            "repair_programs",
            repair_programs_auto_repair_system={},
            repair_programs_realtime_monitor={},
            repair_programs_weekly_self_heal={},
        )
    assert said.returncode == 2
    assert "nothing was changed" in said.stdout
    assert "90-test.yml" in said.stdout
    assert repairing.root(f"sha256sum {' '.join(DROP_INS)}").stdout == before
    assert repairing.root(f"systemctl is-active {MONITOR}").stdout.strip() == "active"


def test_an_owner_that_does_not_exist_is_named(repairing: Repairing) -> None:
    wanted = {"kind": "postgres_database", "database": "books", "owner": "bookkeeper"}
    said = repairing.again(
        "--tags",
        "repair_programs",
        repair_programs_auto_repair_system={"repairs": {"books": wanted}},
        repair_programs_realtime_monitor={},
        repair_programs_weekly_self_heal={},
    )
    assert said.returncode == 2
    assert "vps: PostgreSQL has no role bookkeeper" in said.stdout


def test_cron_wakes_the_week_and_accepts_the_file(repairing: Repairing) -> None:
    lines = repairing.root("cat /etc/cron.d/quantum-trader-repair").stdout.splitlines()
    (job,) = [line for line in lines if re.match(r"\d", line)]
    assert job == (
        "7,22,37,52 * * * * qt /usr/bin/systemd-cat --identifier=weekly_self_heal"
        f" /usr/bin/python3 {HOME}/tools/weekly_self_heal.py --due"
    )
    repairing.qt(job.split(" qt ", 1)[1])


def test_a_changed_patch_reloads_the_monitor_and_does_not_restart_it(repairing: Repairing) -> None:
    pid = repairing.root(f"systemctl show -p MainPID {MONITOR}").stdout
    since = repairing.head()
    try:
        said = repairing.again(
            "--tags", "repair_programs", repair_programs_realtime_monitor={"round": 3, "thresholds": {}}
        )
        assert said.returncode == 0, said.stdout
        taken = "Realtime monitor: Took up a new configuration"
        repairing.wait(since, lambda entry: entry["action"] == taken, "the new configuration")
        assert repairing.root(f"systemctl show -p MainPID {MONITOR}").stdout == pid
    finally:
        back = repairing.again("--tags", "repair_programs")
    assert back.returncode == 0, back.stdout


@pytest.fixture
def one_release(repairing: Repairing) -> Iterator[None]:
    """Takes away the release that the test brought, and the way back to it."""
    kept = repairing.root(f"readlink {HOME}/current").stdout.strip().removeprefix("releases/")
    yield
    assert repairing.root(f"readlink {HOME}/current").stdout.strip() == f"releases/{kept}"
    repairing.root(f"cd {HOME}/releases && ls -A | grep -vx {kept} | xargs -r rm -r; rm -f {HOME}/previous")


@pytest.mark.usefixtures("one_release")
def test_the_operators_own_scripts_take_the_place_of_ours_and_go_again(repairing: Repairing) -> None:
    mine = f"{HOME}/tools/realtime_monitor.py"
    existing = {
        "name": "realtime_monitor",
        "command": ["/usr/bin/python3", mine, "100%"],
        "schedule": "*/5 * * * *",
    }
    try:
        said = repairing.again(repair_programs_source="existing", repair_programs_existing=[existing])
        assert said.returncode == 0, said.stdout
        gone = f"/etc/systemd/system/{MONITOR} /etc/sudoers.d/quantum-trader {mine}"
        assert repairing.root(f"ls -d {gone}", check=False).stdout == ""
        assert repairing.qt("sudo -n -l", check=False).returncode == 1
        # One of theirs, at the very place of ours.
        repairing.vps.machine.run(
            f"cat > {mine}", user="qt", stdin="import sys\nprint('mine', sys.argv[1])\nsys.exit(3)\n"
        )
        again = repairing.again("--check", repair_programs_source="existing", repair_programs_existing=[])
        assert again.returncode == 0, again.stdout
        scheduled = repairing.root("cat /etc/cron.d/quantum-trader-repair").stdout.splitlines()
        (job,) = [line for line in scheduled if line.startswith("*/5")]
        since = repairing.head()
        done = repairing.qt(job.split(" qt ", 1)[1].replace("\\%", "%"), check=False)
        # Cron may run it meanwhile: one run is looked at.
        found = [entry for entry in repairing.entries(since) if entry["source"] == "realtime_monitor"]
        begun = {entry["run"] for entry in found if entry["outcome"] == "started"}
        ended = [entry for entry in found if entry["run"] in begun and entry["outcome"] == "failed"]
        assert ended
        assert (done.returncode, ended[0]["details"]["exit_code"]) == (3, 3)
    finally:
        repairing.qt(f"rm -f {mine}")
        back = repairing.again()
    assert back.returncode == 0, back.stdout
    assert repairing.root(f"systemctl is-active {MONITOR}").stdout.strip() == "active"
    assert lists(repairing.qt("sudo -n -l").stdout) == ALLOWED
