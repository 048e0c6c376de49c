"""The check that tests leave a VPS that they share as it was: it names whatever they changed."""

from __future__ import annotations

import pytest

from tests.deployed.deployment import HOME, Deployment, connect
from tests.deployed.managed import differences, left_as_it_was, survey

CHANGES = {
    "crontab -u qt -l | sed 1d | crontab -u qt -": "/var/spool/cron/crontabs/qt: was ",
    f"chmod 0644 {HOME}/config/audit.env": f"{HOME}/config/audit.env: was -rw-------",
    "echo '# x' >>/etc/cron.d/quantum-trader": "/etc/cron.d/quantum-trader: was ",
    f"touch {HOME}/tools/mine.py": f"{HOME}/tools/mine.py: was not there, is ",
    "systemctl stop quantum-trader-deliver.path": "units: quantum-trader-deliver.path active: was there",
    "mkdir /srv/x && mount -t tmpfs none /srv/x": "mounts: /srv/x: was not there, is there",
    "cd /; runuser -u postgres -- createdb x": "databases: x: was not there, is there",
}


def test_whatever_was_changed_is_named(own_deployment: Deployment) -> None:
    host = connect(own_deployment.vps)
    before = survey(own_deployment.vps)
    for change in CHANGES:
        host.check_output(change)
    found = differences(before, survey(own_deployment.vps))
    assert [wanted for wanted in CHANGES.values() if not any(line.startswith(wanted) for line in found)] == []


def test_a_vps_that_was_changed_fails_and_one_that_works_on_by_itself_does_not(
    own_deployment: Deployment,
) -> None:
    host = connect(own_deployment.vps)
    with left_as_it_was(own_deployment.vps, "put it back"):
        host.check_output(f"runuser -u qt -- python3 {HOME}/tools/audit_logger.py test")
        assert own_deployment.again("--check").returncode == 0
    with (
        pytest.raises(pytest.fail.Exception, match="put it back\n  /etc/mine: was not there"),
        left_as_it_was(own_deployment.vps, "put it back"),
    ):
        host.check_output("touch /etc/mine")


def test_the_tests_of_one_file_stay_in_one_worker(request: pytest.FixtureRequest) -> None:
    """Where there are several: xdist names the group at the end of a test's id."""
    alone = not hasattr(request.config, "workerinput") or not request.config.getoption("loadgroup")
    assert alone or request.node.nodeid.endswith("@test_shared_vps")
