"""Check the host: clock, packages, cron, logrotate, disk."""

from __future__ import annotations

import ctypes
import os
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from qt_audit.doctor.check import OK, WARN, WRONG, Check, run_each
from qt_audit.recorder import user_name

_PACKAGES = {
    "requests": "python3-requests",
    "jinja2": "python3-jinja2",
    "yaml": "python3-yaml",
    "jsonschema": "python3-jsonschema",
    "psutil": "python3-psutil",
}
_ACCOUNT_LOGROTATE = "config/logrotate.conf"
"""The configuration of logrotate in an installation without root, where the account's crontab runs it."""
_UNSYNCHRONISED = 5
"""What adjtimex(2) returns while the clock is not synchronised (TIME_ERROR)."""
_MB = 1024 * 1024
_WARN_BELOW, _WRONG_BELOW = 500 * _MB, 50 * _MB


@dataclass(frozen=True)
class HostPaths:
    """Where the files are on the host that the checks read."""

    cron_file: str = "/etc/cron.d/quantum-trader"
    logrotate_file: str = "/etc/logrotate.d/quantum-trader"
    proc: str = "/proc"
    cron_pid_file: str = "/run/crond.pid"


def host_checks(base: str, paths: HostPaths) -> list[Check]:
    """The checks of the host for the installation in `base`."""
    return run_each(
        {
            "time": _synchronised,
            "packages": _packages,
            "schedule": lambda: _schedule(base, paths),
            "cron": lambda: _cron_runs(paths),
            "logrotate": lambda: _logrotate(base, paths),
            "disk": lambda: _disk(base),
        }
    )


def _synchronised() -> Iterator[Check]:
    """Ask the kernel: it knows, whether chrony, timesyncd or the hypervisor sets the clock."""
    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))  # zeros: only asks
    if state < 0:
        yield Check("time", WARN, "cannot be told whether the clock is synchronised")
    elif state == _UNSYNCHRONISED:
        yield Check("time", WARN, "the clock is not synchronised: install systemd-timesyncd or chrony")
    else:
        yield Check("time", OK, "the clock is synchronised")


def _packages() -> Iterator[Check]:
    missing = [package for module, package in _PACKAGES.items() if find_spec(module) is None]
    if missing:
        yield Check("packages", WRONG, f"missing: apt install {' '.join(missing)}")
    else:
        yield Check("packages", OK, f"{len(_PACKAGES)} present")


# cron.


def _schedule(base: str, paths: HostPaths) -> Iterator[Check]:
    jobs = _system_jobs(base, paths)
    if jobs:
        yield _schedule_check(jobs, base, paths.cron_file, _faults_of_system_file(paths.cron_file))
        return
    jobs, may_read = _user_jobs(base)
    if jobs:
        yield _schedule_check(jobs, base, "the user's crontab", [])
    elif not may_read:
        owner = user_name(os.stat(base).st_uid)
        yield Check(
            "schedule", WARN, f"not in {paths.cron_file}; ask as {owner} or root whether it is in its crontab"
        )
    else:
        remedy = "deploy it with Ansible, or run scripts/install_audit_cron_user.sh"
        yield Check("schedule", WRONG, f"nothing is scheduled for {base}: {remedy}")


def _schedule_check(jobs: list[str], base: str, where: str, faults: list[str]) -> Check:
    if not any("daily_summary --due" in job for job in jobs):
        faults = [*faults, "no job runs `daily_summary --due`: put it there, every 20 minutes or so"]
    if faults:
        return Check("schedule", WRONG, f"{where}: {'; '.join(faults)}")
    return Check("schedule", OK, f"{len(jobs)} jobs in {where}")


def _jobs_in(text: str, base: str) -> list[str]:
    """The lines of a crontab that run the tool of this installation."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if not line.startswith("#") and f"{base}/tools/audit_logger.py" in line]


def _system_jobs(base: str, paths: HostPaths) -> list[str]:
    try:
        with open(paths.cron_file, encoding="utf-8", errors="replace") as file:
            return _jobs_in(file.read(), base)
    except FileNotFoundError:
        return []


def _faults_of_system_file(path: str) -> list[str]:
    """Why cron would ignore the file, or its last line, without a message."""
    status, faults = os.stat(path, follow_symlinks=False), []
    if not stat.S_ISREG(status.st_mode):
        faults.append("must be a regular file")
    if status.st_uid != 0:
        faults.append("must belong to root: chown root")
    if status.st_mode & 0o022:
        faults.append("must not be writable by others: chmod 0644")
    if "." in os.path.basename(path):
        faults.append("its name must have no dot")
    with open(path, "rb") as file:
        if not file.read().endswith(b"\n"):
            faults.append("its last line needs a newline")
    return faults


def _user_jobs(base: str) -> tuple[list[str], bool]:
    """The lines of the owner's crontab for this installation, and whether we may read that crontab."""
    owner, our_uid = os.stat(base).st_uid, os.geteuid()
    if our_uid not in (0, owner):
        return [], False
    command = ["crontab", "-l"] if our_uid == owner else ["crontab", "-l", "-u", user_name(owner)]
    try:
        result = subprocess.run(
            command, capture_output=True, timeout=20, check=False, text=True, errors="replace"
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return [], True
    return _jobs_in(result.stdout, base), True


def _cron_runs(paths: HostPaths) -> Iterator[Check]:
    if _pid_file_process_runs(paths) or _is_running(("cron", "crond"), paths.proc):
        yield Check("cron", OK, "the daemon runs")
    else:
        yield Check("cron", WRONG, "the daemon does not run: systemctl enable --now cron (apt install cron)")


def _pid_file_process_runs(paths: HostPaths) -> bool:
    """Whether the process in cron's pid file runs; other users' processes may be hidden in /proc."""
    try:
        with open(paths.cron_pid_file, encoding="ascii") as file:
            os.kill(int(file.read().strip()), 0)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True


def _is_running(names: tuple[str, ...], proc: str) -> bool:
    """Whether a process of this name runs here, and not in a container of this host."""
    for entry in os.listdir(proc):
        if entry.isdigit():
            try:
                with open(f"{proc}/{entry}/status", encoding="utf-8", errors="replace") as file:
                    fields = dict(line.split(":", 1) for line in file if ":" in line)
            except OSError:
                continue  # it has ended meanwhile
            if fields.get("Name", "").strip() in names and len(fields.get("NSpid", "").split()) <= 1:
                return True
    return False


# logrotate.


def _logrotate(base: str, paths: HostPaths) -> Iterator[Check]:
    own = f"{base}/{_ACCOUNT_LOGROTATE}"
    by_root = not os.path.exists(own)
    path = paths.logrotate_file if by_root else own
    try:
        status = os.stat(path, follow_symlinks=False)
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except FileNotFoundError:
        yield Check(
            "logrotate", WRONG, f"{path} is missing, the log grows without end: deploy it with Ansible"
        )
        return
    faults = []
    if not stat.S_ISREG(status.st_mode):
        faults.append("must be a regular file")
    if by_root and status.st_uid != 0:
        faults.append("must belong to root: chown root")
    if status.st_mode & 0o022:
        faults.append("is ignored while others may write to it: chmod 0644")
    directives = {line.split()[0] for line in text.splitlines() if line.split()}
    if f"{base}/status/AUTO_REPAIR_AUDIT.log" not in text:
        faults.append(f"does not name {base}/status/AUTO_REPAIR_AUDIT.log")
    if "copytruncate" in directives:
        faults.append("copytruncate loses lines: remove it")
    if by_root and "su" not in directives and os.stat(f"{base}/status").st_mode & 0o022:
        faults.append("needs a `su` line while the status directory is writable by its group")
    state, text = (WRONG, "; ".join(faults)) if faults else (OK, "in place")
    yield Check("logrotate", state, f"{path}: {text}")


# Disk.


def _disk(base: str) -> Iterator[Check]:
    path = f"{base}/status" if os.path.isdir(f"{base}/status") else base
    file_system = os.statvfs(path)
    free = file_system.f_bavail * file_system.f_frsize
    inodes = 100 * file_system.f_favail // file_system.f_files if file_system.f_files else 100
    text = f"{free // _MB} MB and {inodes} % of the inodes are free for {path}"
    if free < _WRONG_BELOW or inodes < 1:
        yield Check("disk", WRONG, f"{text}: make room, or entries go to a fallback place")
    elif free < _WARN_BELOW or inodes < 5:
        yield Check("disk", WARN, f"{text}: make room soon")
    else:
        yield Check("disk", OK, text)
