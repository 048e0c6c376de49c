"""A host where the first, hand-made version lives: refused by name, replaced or kept, its log adopted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from sandbox.target import Target
from tests.deployed.deployment import HOME, Said, changed, connect

TOOL = f"python3 {HOME}/tools/audit_logger.py"
BACKUP = ".before-quantum-trader.bak"
OLD_JOB = f"0 0 * * * /usr/bin/python3 {HOME}/tools/audit_logger.py daily_summary >> {HOME}/status/x.log 2>&1"
OLD_LOG = """[2025-12-17T17:39:46.725707Z] Test audit entry - system check
[2025-12-17T17:40:37.981297Z] Auto-repair: Created PostgreSQL database quantum
[2025-12-17T17:40:38Z] Weekly self-heal: All checks passed
"""
PREPARE = f"""
useradd --create-home --shell /bin/bash qt
runuser -u qt -- mkdir -p {HOME}/tools {HOME}/scripts {HOME}/status {HOME}/docs
for name in tools/audit_logger.py tools/realtime_monitor.py scripts/auto_repair_system.py docs/MINE.md; do
    echo "print('hand-made')" | runuser -u qt -- tee {HOME}/$name >/dev/null
done
printf '%s' '{OLD_LOG}' | runuser -u qt -- tee {HOME}/status/AUTO_REPAIR_AUDIT.log >/dev/null
echo '# mine' >/etc/logrotate.d/quantum-trader
printf '%s\\n' '1 1 * * * mine' '{OLD_JOB}' | crontab -u qt -
"""
UNMANAGED = (
    f"{HOME}/tools/audit_logger.py",
    f"{HOME}/tools/realtime_monitor.py",
    f"{HOME}/scripts/auto_repair_system.py",
    "/etc/logrotate.d/quantum-trader",
)


class Brownfield:
    def __init__(self, vps: Target) -> None:
        self.vps = vps
        self.host, self.qt = connect(vps), connect(vps, "qt")

    def deploy(self, *options: str, **variables: object) -> Said:
        return self.vps.playbook("deploy", *options, variables=variables)

    def listing(self) -> str:
        """All that a deploy could change."""
        return str(
            self.host.check_output(
                f"find {HOME} /etc/cron.d /etc/logrotate.d /etc/sudoers.d /etc/systemd -newer /srv/then"
                f" | sort; crontab -u qt -l; dpkg -l | sha256sum"
            )
        )


@pytest.fixture(scope="module")
def field(fresh_vps: Callable[..., Target]) -> Brownfield:
    vps = fresh_vps("brownfield")
    vps.machine.run(["sudo", "bash", "-e", "-s"], stdin=PREPARE)
    vps.machine.run("sudo touch /srv/then")
    return Brownfield(vps)


KEEP = {
    "audit_base_unmanaged_files": "keep",
    "repair_programs_source": "existing",
    "repair_programs_existing": [],
}


@dataclass(frozen=True)
class Refused:
    """What deploys said that were refused, and what a deploy could change, before and after them."""

    said: dict[str, Said]
    before: str
    after: str


@pytest.fixture(scope="module")
def refused(field: Brownfield) -> Refused:
    """On the host as it was."""
    before = field.listing()
    said = {
        "dry run": field.deploy("--check", "--diff"),
        "deploy": field.deploy(),
        "keep all": field.deploy(audit_base_unmanaged_files="keep"),
    }
    return Refused(said, before, field.listing())


@dataclass(frozen=True)
class Kept:
    """What two deploys said that kept what was there, and what two files held then."""

    first: Said
    again: Said
    monitor: str
    logrotate: str


@pytest.fixture(scope="module")
def kept(field: Brownfield, refused: Refused) -> Kept:
    """What all stands on was moved away by hand; the rest was kept."""
    assert refused.said
    field.host.check_output(f"mv {HOME}/tools/audit_logger.py {HOME}/tools/audit_logger_old.py")
    first, again = field.deploy(**KEEP), field.deploy(**KEEP)
    monitor = field.host.check_output(f"cat {HOME}/tools/realtime_monitor.py")
    return Kept(first, again, monitor, field.host.check_output("cat /etc/logrotate.d/quantum-trader"))


@pytest.mark.parametrize("run", ["dry run", "deploy"])
def test_what_is_not_ours_stops_the_deploy_before_anything_changed(refused: Refused, run: str) -> None:
    said = refused.said[run]
    assert said.returncode == 2
    for path in UNMANAGED:
        assert path in said.stdout
    assert "docs/MINE.md" not in said.stdout
    assert "set audit_base_unmanaged_files to replace" in said.stdout
    assert refused.after == refused.before


def test_what_all_stands_on_cannot_be_kept(refused: Refused) -> None:
    said = refused.said["keep all"]
    assert said.returncode == 2
    assert f"{HOME}/tools/audit_logger.py cannot be kept" in said.stdout


def test_other_files_are_kept_and_ours_not_laid_there(kept: Kept) -> None:
    assert kept.first.returncode == 0, kept.first.stdout[-3000:]
    assert kept.monitor == "print('hand-made')"
    assert kept.logrotate == "# mine"
    assert changed(kept.again) == 0, kept.again.stdout[-3000:]


@pytest.mark.usefixtures("kept")
def test_its_log_became_the_first_entries_once(field: Brownfield) -> None:
    found = field.qt.check_output(f"{TOOL} query --json").splitlines()
    entries = [json.loads(line) for line in found]
    assert [(entry["seq"], entry["ts"], entry["source"]) for entry in entries[:3]] == [
        (1, "2025-12-17T17:39:46.725707Z", "imported"),
        (2, "2025-12-17T17:40:37.981297Z", "imported"),
        (3, "2025-12-17T17:40:38.000000Z", "imported"),
    ]
    assert sum(entry["source"] == "imported" for entry in entries) == 3
    assert (
        field.host.check_output(f"cat {HOME}/status/AUTO_REPAIR_AUDIT.log.before-adoption") == OLD_LOG.strip()
    )
    assert field.qt.run(f"{TOOL} verify").rc == 0


@pytest.mark.usefixtures("kept")
def test_the_old_line_left_the_crontab_and_the_rest_stayed(field: Brownfield) -> None:
    lines = field.host.check_output("crontab -u qt -l").splitlines()
    assert lines[0] == "1 1 * * * mine"
    assert OLD_JOB not in lines


@pytest.mark.usefixtures("kept")
def test_what_is_replaced_is_kept_beside_ours(field: Brownfield) -> None:
    said = field.deploy("--diff", audit_base_unmanaged_files="replace")
    assert said.returncode == 0, said.stdout[-3000:]
    for path in UNMANAGED[1:]:
        assert field.host.run(f"test -e {path}{BACKUP}").rc == 0, path
    assert field.host.check_output(f"readlink {HOME}/tools/realtime_monitor.py").startswith("../current/")
    assert field.host.check_output(f"cat {HOME}/docs/MINE.md") == "print('hand-made')"
    assert changed(field.deploy()) == 0
    doctor = field.qt.run(f"{TOOL} doctor")
    assert doctor.rc == 0, doctor.stdout
