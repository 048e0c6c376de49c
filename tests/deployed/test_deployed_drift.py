"""What a deploy puts right, what it leaves alone, and how a release follows another."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.deployed.deployment import HOME, SOURCE, Deployment, Host, Said, changed

OWN = [f"{HOME}/{name}" for name in ("tools/mine.py", "tools/link", "scripts/mine.sh", "docs/mine.md")]
OWN_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@example.com"
OWN_JOB = "1 1 * * * mine"


@pytest.fixture(scope="module")
def deployment(own_deployment: Deployment) -> Deployment:
    """A copy: all of it drifts here."""
    return own_deployment


@pytest.fixture(scope="module")
def release(host: Host) -> str:
    return str(host.check_output(f"readlink -f {HOME}/current"))


@pytest.fixture(scope="module")
def mending(deployment: Deployment, host: Host, release: str) -> Said:
    """A deploy after everything drifted, on an account that has files, a key and a job of its own."""
    package = f"{release}/tools/qt_audit"
    host.check_output(
        f"echo '# edited' >> {package}/settings/loading.py && rm {package}/record/entry.py"
        f" && chmod 0666 {package}/record/head.py"
        f" && chown root:root {package}/record/place.py"
        f" && rm -r {package}/commands && echo x > {package}/added.py"
        f" && mkdir {HOME}/releases/.123456.partial && touch {HOME}/releases/.123456.partial/x"
        f" && chmod 0777 {HOME}/config && rm {HOME}/tools/audit_logger.py && chown root {release}"
        f" && echo 'QT_SMTP_PORT=1' >> {HOME}/config/audit.env && chmod 0644 {HOME}/config/audit.env"
        f" && rm /etc/cron.d/quantum-trader"
    )
    host.check_output(f"runuser -u qt -- touch {' '.join(OWN)}")
    host.check_output(f"runuser -u qt -- ln -sf /etc/hostname {HOME}/tools/link")
    host.check_output(f"echo '{OWN_KEY}' >> /home/qt/.ssh/authorized_keys")
    host.check_output(f"echo '{OWN_JOB}' | crontab -u qt -")
    return deployment.again("--diff")


@pytest.mark.parametrize(
    "line",
    [
        "tools/qt_audit/settings/loading.py: was edited",
        "tools/qt_audit/record/entry.py: missing",
        "tools/qt_audit/record/head.py: has another mode",
        "tools/qt_audit/record/place.py: has another owner",
        "tools/qt_audit/commands: missing",
        "tools/qt_audit/added.py: does not belong here",
        "releases/.123456.partial: was left half unpacked",
        "config: has another mode",
        "tools/audit_logger.py: missing",
    ],
)
def test_what_drifted_is_named(mending: Said, line: str) -> None:
    assert mending.returncode == 0, mending.stdout
    assert any(said.endswith(line) for said in mending.stdout.splitlines()), mending.stdout


@pytest.mark.usefixtures("mending")
def test_the_release_is_whole_again(host: Host, release: str) -> None:
    assert host.run(f"cd {release} && sha256sum --check --quiet MANIFEST.sha256").rc == 0
    kinds = host.check_output(f"find {release} -printf '%y %m %u %g\\n' | sort -u").splitlines()
    assert kinds == ["d 750 qt qt", "f 640 qt qt", "f 750 qt qt"]
    assert host.run(f"find {release} -name added.py | grep .").rc == 1
    assert host.check_output(f"ls -A {HOME}/releases") == Path(release).name


@pytest.mark.usefixtures("mending")
def test_settings_schedule_and_note_are_back(host: Host) -> None:
    assert host.check_output(f"stat -c '%a %U' {HOME}/config/audit.env") == "600 qt"
    assert host.run(f"grep -q QT_SMTP_PORT=1 {HOME}/config/audit.env").rc == 1
    assert host.run("test -e /etc/cron.d/quantum-trader").rc == 0
    assert "audit_logger" in host.check_output("crontab -u qt -l")


@pytest.mark.usefixtures("mending")
def test_the_accounts_own_files_key_and_job_stay(host: Host) -> None:
    assert host.check_output(f"ls {' '.join(OWN)}").splitlines() == sorted(OWN)
    assert OWN_KEY in host.check_output("cat /home/qt/.ssh/authorized_keys")
    assert host.check_output("crontab -u qt -l").splitlines()[0] == OWN_JOB


@pytest.mark.usefixtures("mending")
def test_then_nothing_is_left_to_change_and_a_run_as_root_leaves_nothing_of_roots(
    deployment: Deployment, host: Host, release: str
) -> None:
    host.check_output(f"/usr/bin/python3 {HOME}/tools/audit_logger.py --help")
    assert host.run(f"find {release} -user root | grep .").rc == 1
    said = deployment.again("--diff")
    assert changed(said) == 0, said.stdout


def test_another_release_is_switched_to_and_back(
    deployment: Deployment, host: Host, release: str, tmp_path: Path
) -> None:
    """The next release lacks an entry and has a new one; meanwhile the keys are taken off the list."""
    tree = tmp_path / "quantum_trader"
    shutil.copytree(deployment.tree, tree)
    (tree / "scripts" / "install_audit_cron_user.sh").unlink()
    (tree / "tools" / "new_face.py").write_text("print('new')\n")
    keys = host.check_output("sort /home/qt/.ssh/authorized_keys")

    said = deployment.again("--diff", audit_base_authorized_keys=[], **{SOURCE: str(tree)})
    assert said.returncode == 0, said.stdout
    new = host.check_output(f"readlink -f {HOME}/current")
    assert f"current: {Path(release).name} -> {Path(new).name}" in said.stdout
    assert host.check_output(f"runuser -u qt -- python3 {HOME}/tools/new_face.py") == "new"
    assert host.run(f"test -L {HOME}/scripts/install_audit_cron_user.sh").rc == 1
    assert host.run(f"test -d {release}").rc == 0
    assert "quantum-trader" not in host.check_output("cat /home/qt/.ssh/authorized_keys")

    back = deployment.again("--diff")
    # The release, the keys, the unit that names the release, the restart that this asks for, and the entry.
    assert changed(back) == 5, back.stdout
    assert host.check_output(f"readlink -f {HOME}/current") == release
    assert host.run(f"test -L {HOME}/tools/new_face.py").rc == 1
    assert host.run(f"test -x {HOME}/scripts/install_audit_cron_user.sh").rc == 0
    assert host.check_output("sort /home/qt/.ssh/authorized_keys") == keys
    host.check_output(f"rm -r {new}")


def test_a_file_of_the_operators_at_our_place_stops_the_deploy_before_any_change(
    deployment: Deployment, host: Host
) -> None:
    path = f"{HOME}/tools/audit_logger.py"
    host.check_output(f"mv {path} {path}.kept && echo precious > {path} && chmod 0777 {HOME}/docs")
    try:
        said = deployment.again()
        assert said.returncode == 2
        assert f"not put there by this role: {path}" in " ".join(said.stdout.split())
        assert host.check_output("cat %s", path) == "precious"
        assert host.check_output(f"stat -c %a {HOME}/docs") == "777"
    finally:
        host.check_output(f"mv {path}.kept {path} && chmod 0750 {HOME}/docs")


@pytest.mark.parametrize(
    ("planted", "target", "says"),
    [
        (f"{HOME}/config", "/etc", f"{HOME}/config is not a directory: move it away"),
        ("/home/qt/.ssh", "/root/.ssh", "authorized_keys of qt"),
    ],
)
def test_a_link_that_the_account_plants_leads_a_deploy_nowhere(
    deployment: Deployment, host: Host, planted: str, target: str, says: str
) -> None:
    host.check_output(f"mkdir -p -m 0700 /root/.ssh && mv {planted} {planted}.aside")
    host.check_output(f"runuser -u qt -- ln -s {target} {planted}")
    looking = f"stat -c '%a %U:%G' {target}; ls {target} | grep -Fx -e audit.env -e authorized_keys || true"
    try:
        before = host.check_output(looking)
        said = deployment.again()
        assert said.returncode == 2
        assert says in said.stdout.replace("\n", " ")
        assert host.check_output(looking) == before
    finally:
        host.check_output(f"rm {planted} && mv {planted}.aside {planted}")
