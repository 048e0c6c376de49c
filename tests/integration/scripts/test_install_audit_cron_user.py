"""The user-level schedule, with the real crontab program on a spool of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.checkout import ROOT

SCRIPT = ROOT / "files/quantum_trader/scripts/install_audit_cron_user.sh"
SPOOL = "/var/spool/cron/crontabs"
OTHERS = "# mine\nMAILTO=me@example.com\n\n5 4 * * *\tbackup --name=\\%Y\t\n@reboot  /opt/x 'a b'  \n"


class Account:
    """An installation, and a crontab in a mount namespace that no other process sees."""

    def __init__(self, home: Path, spool: Path) -> None:
        self.home = home
        self.spool = spool
        for part in ("scripts", "tools"):
            (home / part).mkdir(parents=True)
        self.script = home / "scripts" / SCRIPT.name
        shutil.copy(SCRIPT, self.script)
        (home / "tools" / "audit_logger.py").write_text("")

    def run(
        self, *command: str | Path, text: str | None = None, path: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program that finds the spool of this account at the usual place."""
        inside = f'mount --bind "$SPOOL_OF_TEST" {SPOOL} && exec "$@"'
        # Without root, a user namespace lends the right to mount.
        namespace = ["--mount"] if os.geteuid() == 0 else ["--mount", "--map-root-user"]
        arguments = [str(word) for word in command]
        return subprocess.run(
            ["unshare", *namespace, "--propagation", "private", "sh", "-c", inside, "sh", *arguments],
            env={**os.environ, "SPOOL_OF_TEST": str(self.spool), **({"PATH": path} if path else {})},
            input=text,
            text=True,
            capture_output=True,
            check=False,
        )

    def install(self, *options: str) -> str:
        done = self.run(self.script, *options)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout

    @property
    def crontab(self) -> str:
        listed = self.run("crontab", "-l")
        return listed.stdout if listed.returncode == 0 else ""

    @crontab.setter
    def crontab(self, text: str) -> None:
        assert self.run("crontab", "-", text=text).returncode == 0


def account_at(root: Path, name: str = "quantum_trader") -> Account:
    spool = root / "spool"
    spool.mkdir()
    return Account(root / name, spool)


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return account_at(tmp_path)


def jobs(text: str) -> list[str]:
    return [line for line in text.splitlines() if "audit_logger.py" in line and not line.startswith("#")]


def test_it_schedules_every_summary_and_the_archive_where_there_was_no_crontab(account: Account) -> None:
    account.install()
    tool = f"/usr/bin/python3 {account.home}/tools/audit_logger.py"
    log = f">> {account.home}/status/audit_summary.log 2>&1"
    assert jobs(account.crontab) == [
        f"0,15,30,45 * * * * {tool} daily_summary --due {log}",
        f"5,20,35,50 * * * * {tool} weekly_summary --due {log}",
        f"10,25,40,55 * * * * {tool} monthly_summary --due {log}",
        f"* * * * * {tool} deliver {log}",
        f"25 3 * * * {tool} archive --quiet {log}",
    ]
    assert (account.home / "status").is_dir()


def test_twice_leaves_one_schedule_and_the_rest_as_it_was(account: Account) -> None:
    account.crontab = OTHERS
    account.install()
    once = account.crontab
    assert once.startswith(OTHERS)
    assert "Nothing to do" in account.install()
    assert account.crontab == once
    assert len(jobs(once)) == 5


def test_removal_leaves_the_crontab_as_it_was_before(account: Account) -> None:
    account.crontab = OTHERS
    account.install()
    assert "Removed" in account.install("--remove")
    assert account.crontab == OTHERS
    assert "Nothing to do" in account.install("--remove")


def test_removal_where_nothing_else_was_leaves_no_crontab(account: Account) -> None:
    account.install()
    account.install("--remove")
    assert list(account.spool.iterdir()) == []


def test_an_edited_schedule_is_put_right_in_its_place(account: Account) -> None:
    account.install()
    block = account.crontab
    account.crontab = (
        "first\n".replace("first", "1 1 * * * a") + block.replace("0,15", "7,15") + "2 2 * * * b\n"
    )
    account.install()
    assert account.crontab == "1 1 * * * a\n" + block + "2 2 * * * b\n"


def test_the_first_versions_line_which_ran_at_the_wrong_time_goes(account: Account) -> None:
    first = (
        f"0 0 * * * /usr/bin/python3 {account.home}/tools/audit_logger.py daily_summary"
        f" >> {account.home}/status/audit_summary.log 2>&1\n"
    )
    account.crontab = OTHERS + first + "1 1 * * * a\n"
    account.install()
    text = account.crontab
    assert first not in text
    assert text.startswith(OTHERS)
    assert text.endswith("1 1 * * * a\n")
    assert len(jobs(text)) == 5


@pytest.mark.parametrize(
    "line",
    [
        "0 0 * * * /usr/bin/python3 /srv/other/tools/audit_logger.py daily_summary >> /tmp/log 2>&1",
        "# 0 0 * * * audit_logger.py daily_summary",
        "0 7 * * * /usr/bin/python3 /srv/other/tools/audit_logger.py stats",
    ],
)
def test_other_lines_that_name_an_audit_logger_stay(account: Account, line: str) -> None:
    account.crontab = line + "\n"
    account.install()
    assert account.crontab.startswith(line + "\n")


def test_two_installations_of_one_user_have_a_schedule_each(account: Account, tmp_path: Path) -> None:
    second = Account(tmp_path / "staging", account.spool)
    account.install()
    second.install()
    assert len(jobs(account.crontab)) == 10
    account.install("--remove")
    assert len(jobs(account.crontab)) == 5
    assert str(second.home) in account.crontab


@pytest.mark.parametrize("name", ["a b", "100%", "it's", 'quo"te', "$HOME;touch x", "ü"])
def test_a_path_is_quoted_for_cron_and_for_the_shell(tmp_path: Path, name: str) -> None:
    account = account_at(tmp_path, name)
    (account.home / "tools" / "audit_logger.py").write_text("import sys; print(*sys.argv[1:])")
    account.install()
    account.install()
    lines = jobs(account.crontab)
    assert len(lines) == 5
    # What cron does with a line before the shell sees it: an escaped % loses its backslash.
    command = lines[0].split(" ", 5)[5]
    assert "%" not in command.replace("\\%", "")
    subprocess.run(["/bin/sh", "-c", command.replace("\\%", "%")], check=True)
    assert (account.home / "status" / "audit_summary.log").read_text() == "daily_summary --due\n"


def test_the_installation_is_the_one_that_was_named_links_not_resolved(account: Account) -> None:
    release = account.home / "releases" / "1" / "scripts"
    release.mkdir(parents=True)
    account.script.rename(release / account.script.name)
    (account.home / "current").symlink_to("releases/1")
    account.script.symlink_to(f"../current/scripts/{account.script.name}")
    account.install()
    assert f"{account.home}/tools/audit_logger.py" in account.crontab
    assert "releases" not in account.crontab


@pytest.mark.parametrize("inside", ["current", "releases/1"])
def test_from_inside_a_release_it_is_refused(account: Account, inside: str) -> None:
    release = account.home / "releases" / "1"
    shutil.copytree(account.home / "scripts", release / "scripts")
    (account.home / "current").symlink_to("releases/1")
    done = account.run(account.home / inside / "scripts" / SCRIPT.name)
    assert done.returncode == 1
    assert "not from inside a release" in done.stderr
    assert account.crontab == ""


def test_printing_changes_nothing(account: Account) -> None:
    assert len(jobs(account.install("--print"))) == 5
    assert account.crontab == ""
    assert not (account.home / "status").exists()


def test_help_says_what_it_does(account: Account) -> None:
    assert account.install("--help").startswith("Usage: install_audit_cron_user.sh")


@pytest.mark.parametrize(
    ("options", "says"),
    [(["--frobnicate"], "--frobnicate is not an option"), (["--print", "--remove"], "one option at most")],
)
def test_wrong_use_is_refused(account: Account, options: list[str], says: str) -> None:
    done = account.run(account.script, *options)
    assert done.returncode == 2
    assert says in done.stderr
    assert account.crontab == ""


def test_a_script_that_lies_elsewhere_is_refused(account: Account, tmp_path: Path) -> None:
    (account.home / "tools" / "audit_logger.py").unlink()
    done = account.run(account.script)
    assert done.returncode == 1
    assert "tools/audit_logger.py is missing" in done.stderr


def bare_path(root: Path, *programs: str) -> str:
    """A PATH with the programs that the script and this test use, and no more."""
    directory = root / "bin"
    directory.mkdir()
    for name in (
        "bash",
        "sh",
        "mount",
        "head",
        "grep",
        "awk",
        "mktemp",
        "rm",
        "mkdir",
        "cmp",
        "cat",
        *programs,
    ):
        found = shutil.which(name)
        assert found is not None, name
        (directory / name).symlink_to(found)
    return str(directory)


def test_a_missing_crontab_program_is_named_with_its_package(account: Account, tmp_path: Path) -> None:
    path = bare_path(tmp_path)
    unshare = shutil.which("unshare")
    assert unshare is not None
    (tmp_path / "bin" / "unshare").symlink_to(unshare)
    done = account.run(account.script, path=path)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("crontab is missing: install it (Debian, Ubuntu: apt install cron)")


def test_a_crontab_that_refuses_leaves_everything_as_it_was(account: Account, tmp_path: Path) -> None:
    path = bare_path(tmp_path, "unshare")
    refusing = tmp_path / "bin" / "crontab"
    refusing.write_text("#!/bin/sh\necho 'You are not allowed to use this program' >&2\nexit 1\n")
    refusing.chmod(0o755)
    done = account.run(account.script, path=path)
    assert done.returncode == 1
    assert "your crontab cannot be read: You are not allowed" in done.stderr


def test_a_block_without_its_end_is_not_guessed_at(account: Account) -> None:
    account.install()
    broken = "".join(line for line in account.crontab.splitlines(True) if not line.startswith("# END"))
    account.crontab = broken + "1 1 * * * a\n"
    done = account.run(account.script)
    assert done.returncode == 1
    assert "without its end" in done.stderr
    assert account.crontab.endswith("1 1 * * * a\n")
